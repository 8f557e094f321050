"""index.csv, and index.parquet where pyarrow is installed: one line per case, whole at any time."""

from __future__ import annotations

import csv
import dataclasses
import importlib.util
import io
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ReVerteRLib.batch.case import CaseOutcome
from ReVerteRLib.files import write_text, written_aside

INDEX_FILE = "index.csv"
PARQUET_FILE = "index.parquet"
_SHARE = 0.05
"""Part of the time that may go into writing the index while cases are processed."""


class BatchIndex:
    """The outcomes of all cases, in their order, and their tables on disk.

    The tables are written aside and renamed, so that a reader or a crash never finds half of one. Writing takes longer
    the more cases there are; therefore it is done as often as it costs less than a twentieth of the time, and at
    `close`. The rest of the record is in case.json of each case, so that nothing is lost with a line.
    """

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.outcomes = [CaseOutcome(name, "waiting") for name in names]
        self.folder = folder
        self._lines = [_line(outcome) for outcome in self.outcomes]
        self._next = 0.0
        self.finished = 0
        """Number of cases that are done or have failed."""
        if importlib.util.find_spec("pyarrow") is None:
            (folder / PARQUET_FILE).unlink(missing_ok=True)  # it would contradict the CSV file from now on

    @property
    def path(self) -> Path:
        """index.csv."""
        return self.folder / INDEX_FILE

    def put(self, number: int, outcome: CaseOutcome) -> None:
        """Sets one line. Raises OutputError when the tables cannot be written."""
        self.finished += _is_finished(outcome) - _is_finished(self.outcomes[number])
        self.outcomes[number], self._lines[number] = outcome, _line(outcome)
        if time.monotonic() >= self._next:
            self.write()

    def write(self) -> None:
        """Writes the tables now. Raises OutputError."""
        started = time.monotonic()
        write_text(self.path, _line(None) + "".join(self._lines))
        if importlib.util.find_spec("pyarrow") is not None:
            write_parquet(self.outcomes, self.folder / PARQUET_FILE)
        ended = time.monotonic()
        self._next = ended + (ended - started) / _SHARE


def _is_finished(outcome: CaseOutcome) -> bool:
    return outcome.status in ("done", "failed")


def _line(outcome: CaseOutcome | None) -> str:
    """The CSV line of an outcome, of the column names for None; lists are separated by blanks."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    if outcome is None:
        writer.writerow([field.name for field in dataclasses.fields(CaseOutcome)])
    else:
        row = {**_row(outcome), "resumed": "yes" if outcome.resumed else "no", "notes": " | ".join(outcome.notes)}
        writer.writerow([" ".join(v) if isinstance(v, tuple) else v for v in row.values()])
    return stream.getvalue()


def _row(outcome: CaseOutcome) -> dict[str, Any]:
    """Values by column; the folder is relative to the index."""
    row = {field.name: getattr(outcome, field.name) for field in dataclasses.fields(CaseOutcome)}
    return {**row, "folder": Path(outcome.folder).name if outcome.folder else ""}


def write_parquet(outcomes: Sequence[CaseOutcome], path: Path) -> None:
    """The same columns as in CSV, with numbers, truth values and lists as such. Raises OutputError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = pa.list_(pa.string())
    kinds = {bool: pa.bool_(), float: pa.float64(), int: pa.int64(), tuple: texts, str: pa.string()}
    empty = _row(CaseOutcome("", ""))
    schema = pa.schema([(name, kinds[type(value)]) for name, value in empty.items()])
    table = pa.Table.from_pylist([_row(outcome) for outcome in outcomes], schema=schema)
    with written_aside(path) as aside:
        pq.write_table(table, aside)
