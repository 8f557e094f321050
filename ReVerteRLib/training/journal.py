"""The training's CSV: one row per step with every weighted loss term."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from ReVerteRLib.files import written_aside
from ReVerteRLib.training.losses import TERMS

COLUMNS = (
    "step", "epoch", "progress", "seconds", "lr", "total", *TERMS, "discriminator", "gradient_norm", "validation_dice",
)  # fmt: skip


class Journal:
    """Appends rows; on resume, rows after the checkpoint's step are dropped first.

    Terms of other losses than the integrated one get columns of their own before the last when they first come.
    """

    def __init__(self, path: Path, keep_until_step: int) -> None:
        self.path = Path(path)
        rows = [row for row in read_journal(path) if int(row["step"]) <= keep_until_step] if keep_until_step else []
        self._columns = _columns(rows)
        self._write(rows)

    def append(self, row: Mapping[str, object]) -> None:
        """One row; terms that were not evaluated stay empty."""
        if not set(row) <= set(self._columns):
            rows = read_journal(self.path)
            self._columns = _columns([*rows, row])
            self._write(rows)
        with self.path.open("a", newline="", encoding="utf-8") as stream:
            csv.DictWriter(stream, self._columns, restval="").writerow(
                {key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()}
            )

    def _write(self, rows: Sequence[Mapping[str, object]]) -> None:
        with written_aside(self.path) as aside, aside.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, self._columns, restval="")
            writer.writeheader()
            writer.writerows(rows)


def _columns(rows: Sequence[Mapping[str, object]]) -> tuple[str, ...]:
    """COLUMNS, and before the last of them what else the rows have."""
    extra = dict.fromkeys(key for row in rows for key in row if key not in COLUMNS)
    return *COLUMNS[:-1], *extra, COLUMNS[-1]


def read_journal(path: Path) -> list[dict[str, str]]:
    """All complete rows; none where there is no file yet."""
    if not Path(path).is_file():
        return []
    with Path(path).open(newline="", encoding="utf-8") as stream:
        return [row for row in csv.DictReader(stream) if row.get(COLUMNS[-1]) is not None]
