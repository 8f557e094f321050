"""Measured rows and the file that keeps them."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ReVerteRLib.errors import InputError
from ReVerteRLib.files import write_json

FILE_NAME = "bench.json"
_FORMAT = 1


@dataclass(frozen=True)
class Row:
    """One measurement.

    part, name, system: what was measured, and of whom; together they are unique.
    seconds:            median, None where nothing was measured.
    samples:            the single times, as measured.
    values:             further numbers by name (peak_mb, error, ratio, ...).
    note:               what the reader should know, or why there is no number.
    """

    part: str
    name: str
    system: str
    seconds: float | None = None
    samples: tuple[float, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """Identity: a new measurement with the same key replaces this one."""
        return self.part, self.name, self.system


def timed_row(key: tuple[str, str, str], samples: Sequence[float], note: str = "", **values: float) -> Row:
    """A row of some measured times."""
    median = statistics.median(samples) if samples else None
    return Row(*key, median, tuple(round(s, 7) for s in samples), values, note)


@dataclass(frozen=True)
class Record:
    """All rows so far, and on which machine each part was measured."""

    rows: tuple[Row, ...] = ()
    machines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def with_rows(self, rows: Iterable[Row], machine: Mapping[str, Any]) -> Record:
        """Adds rows; those measured again replace the old ones in their place."""
        merged = {row.key: row for row in self.rows}
        new = list(rows)
        merged.update({row.key: row for row in new})
        machines = {**self.machines, **{row.part: machine for row in new}}
        return Record(tuple(merged.values()), machines)

    def of(self, part: str) -> list[Row]:
        """Rows of one part in their order."""
        return [row for row in self.rows if row.part == part]

    def get(self, part: str, name: str, system: str) -> Row | None:
        """One row."""
        return next((row for row in self.rows if row.key == (part, name, system)), None)


def read_record(folder: Path) -> Record:
    """bench.json of a folder; empty where there is none. Raises InputError for other files of that name."""
    path = Path(folder) / FILE_NAME
    if not path.is_file():
        return Record()
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["format"] != _FORMAT:
            raise ValueError(stored["format"])
        rows = tuple(Row(**{**row, "samples": tuple(row["samples"])}) for row in stored["rows"])
        return Record(rows, stored["machines"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError("is not a file of 'reverter bench'", where=path, remedy="Choose another folder") from error


def write_record(record: Record, folder: Path) -> None:
    """Writes bench.json in one step. Raises OutputError."""
    rows = [dataclasses.asdict(row) for row in record.rows]
    write_json(Path(folder) / FILE_NAME, {"format": _FORMAT, "machines": record.machines, "rows": rows})
