"""Measurements as tables: rows for a console or a table node, CSV and JSON files."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ReVerteRLib.files import write_json, write_text
from ReVerteRLib.measure.definitions import VERTEBRA, Definition
from ReVerteRLib.measure.quality import SilhouetteQuality
from ReVerteRLib.measure.spine import SpineMeasurements

_DIGITS = {"°": 1, "mm": 1, "ml": 2, "": 3}
_DISTANCE = Definition(
    "silhouette_distance_mm",
    "Silhouette distance",
    "mm",
    "How far the body's outline lies from the edges in both radiographs; see measure.quality",
    "defined here",
)


@dataclass(frozen=True)
class Column:
    """One column: name with unit, unit alone, and what it means."""

    key: str
    head: str
    unit: str
    description: str


@dataclass(frozen=True)
class Table:
    """Columns and rows; cells are text, numbers, or None for what could not be measured."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str | float | None, ...], ...]


def vertebra_table(found: SpineMeasurements, quality: Sequence[SilhouetteQuality] = ()) -> Table:
    """One row per vertebra; with `quality` also the silhouette distance."""
    definitions = [*VERTEBRA, *([_DISTANCE] if quality else [])]
    columns = (Column("level", "Level", "", "Vertebral level"), *(_column(d) for d in definitions))
    distances = {q.level: q.distance_mm for q in quality}
    rows = []
    for vertebra in found.vertebrae:
        values = {**vertebra.values, _DISTANCE.key: distances.get(vertebra.level)}
        rows.append((vertebra.level.name, *(_rounded(values.get(d.key), d.unit) for d in definitions)))
    return Table(columns, tuple(rows))


def spine_table(found: SpineMeasurements) -> Table:
    """One row per number of the whole spine."""
    columns = (
        Column("measure", "Measure", "", "Name"),
        Column("value", "Value", "", "The number; empty when it could not be measured"),
        Column("unit", "Unit", "", "Unit of the number"),
        Column("levels", "Levels", "", "Levels from which it was taken"),
        Column("remark", "Remark", "", "Side of a curve, or why there is no number"),
        Column("definition", "Definition", "", "How it is measured"),
        Column("source", "Source", "", "Article that defines it"),
    )
    rows = tuple(
        (d.name, _rounded(v.value, d.unit), d.unit, v.levels, v.remark, d.definition, d.source)
        for v in found.spine
        for d in (v.definition,)
    )
    return Table(columns, rows)


def _column(definition: Definition) -> Column:
    text = f"{definition.definition} [{definition.source}]"
    return Column(definition.key, definition.label, definition.unit, text)


def _rounded(value: float | None, unit: str) -> float | None:
    return None if value is None else round(float(value), _DIGITS[unit])


def measurements_record(found: SpineMeasurements, quality: Sequence[SilhouetteQuality] = ()) -> dict[str, Any]:
    """JSON-ready: definitions, numbers of each vertebra (missing ones are null) and of the spine."""
    vertebrae = vertebra_table(found, quality)
    return {
        "use": "research use only",
        "frame": "LPS",
        "vertical": "z axis of patient space",
        "definitions": {
            d.key: {"name": d.name, "unit": d.unit, "definition": d.definition, "source": d.source}
            for d in (*VERTEBRA, *([_DISTANCE] if quality else []), *(v.definition for v in found.spine))
        },
        "vertebrae": [
            {
                **dict(zip((c.key for c in vertebrae.columns), row, strict=True)),
                "centre_lps_mm": [round(c, 2) for c in vertebra.centre_lps_mm],
            }
            for vertebra, row in zip(found.vertebrae, vertebrae.rows, strict=True)
        ],
        "spine": {
            v.definition.key: {
                "value": _rounded(v.value, v.definition.unit),
                "levels": v.levels,
                "remark": v.remark,
            }
            for v in found.spine
        },
        "silhouettes": [q.record() for q in quality],
    }


def csv_text(table: Table) -> str:
    """The table as CSV with the heads in the first line; missing numbers are empty."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([column.head for column in table.columns])
    writer.writerows([["" if cell is None else cell for cell in row] for row in table.rows])
    return stream.getvalue()


def write_measurements(
    found: SpineMeasurements, folder: Path, quality: Sequence[SilhouetteQuality] = ()
) -> dict[str, Path]:
    """vertebrae.csv, spine.csv and measurements.json in `folder`; returns the files by kind. Raises OutputError."""
    folder = Path(folder)
    files = {
        "vertebrae": folder / "vertebrae.csv",
        "spine": folder / "spine.csv",
        "measurements": folder / "measurements.json",
    }
    write_text(files["vertebrae"], csv_text(vertebra_table(found, quality)))
    write_text(files["spine"], csv_text(spine_table(found)))
    write_json(files["measurements"], measurements_record(found, quality))
    return files
