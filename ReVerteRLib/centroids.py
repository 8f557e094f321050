"""Labelled vertebral centroids and their Slicer Markups JSON files."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ReVerteRLib.anatomy import Level, level_from_name
from ReVerteRLib.errors import ArgumentError, CentroidError
from ReVerteRLib.files import write_json

_SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)


_RARE_BETWEEN = {"T13": {"T12", "L1"}, "L6": {"L5", "S1"}}


@dataclass(frozen=True)
class Centroid:
    """One vertebral body centre.

    position_lps_mm: LPS mm.
    confidence:      0..1; 1 for what a person placed.
    residual_mm:     how far the AP and the lateral ray miss each other, 0 when not triangulated.
    """

    level: Level
    position_lps_mm: tuple[float, float, float]
    confidence: float = 1.0
    residual_mm: float = 0.0


@dataclass(frozen=True)
class CentroidSet:
    """Centroids of one spine, ordered from the head, at most one per level (else CentroidError)."""

    items: tuple[Centroid, ...]
    source: str = ""

    def __post_init__(self) -> None:
        names = [c.level.name for c in self.items]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise CentroidError(
                f"{', '.join(twice)} occurs more than once", where=self.source, remedy="Rename or delete the duplicate"
            )
        for c in self.items:
            if not np.isfinite(c.position_lps_mm).all():
                raise CentroidError(f"the position of {c.level.name} is not a number", where=self.source)
        object.__setattr__(self, "items", tuple(sorted(self.items, key=lambda c: c.level.order)))

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Centroid]:
        return iter(self.items)

    def get(self, level: Level) -> Centroid | None:
        """The centroid of a level, None when it is not in the set."""
        return next((c for c in self.items if c.level == level), None)

    def selected(self, levels: list[Level]) -> CentroidSet:
        """Only these levels. Raises CentroidError for a level that has no centroid.

        T13 and L6 may be missing between chosen neighbours: ranges such as T12-L1 name them for the few who have them.
        """
        named = {level.name for level in levels}
        missing = [level.name for level in levels if self.get(level) is None]
        missing = [name for name in missing if name not in _RARE_BETWEEN or not _RARE_BETWEEN[name] <= named]
        if missing:
            have = ", ".join(c.level.name for c in self.items)
            raise CentroidError(
                f"no centroid for {', '.join(missing)}", where=self.source, remedy=f"Choose among {have}"
            )
        return CentroidSet(tuple(c for c in self.items if c.level in levels), self.source)


def read_centroids(path: Path) -> CentroidSet:
    """Reads fiducials labelled C1..L6 from a Slicer Markups JSON (.mrk.json); RAS files are turned to LPS.

    Raises CentroidError for files that are missing, broken, empty or hold labels that are no levels.
    """
    path = Path(path)
    if not path.is_file():
        raise CentroidError("no such file", where=path, remedy="Check the path")
    try:
        markup = json.loads(path.read_text(encoding="utf-8"))["markups"][0]
        sign = _sign_to_lps(str(markup.get("coordinateSystem", "LPS")), path)
        points = [p for p in markup["controlPoints"] if p.get("positionStatus", "defined") == "defined"]
        items = tuple(_centroid(p, sign, path) for p in points)
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, IndexError, TypeError, ValueError, AttributeError) as e:
        raise CentroidError(
            f"the file is no Slicer Markups JSON ({type(e).__name__}: {e})",
            where=path,
            remedy="Save a fiducial list from Slicer as .mrk.json",
        ) from e
    if not items:
        raise CentroidError("the file holds no placed control point", where=path, remedy="Place at least one centroid")
    return CentroidSet(items, str(path))


def read_locked_centroids(path: Path) -> CentroidSet:
    """The points of such a file that are locked in Slicer, or all of them when none is. Raises CentroidError."""
    known = read_centroids(path)
    points = json.loads(Path(path).read_text(encoding="utf-8"))["markups"][0]["controlPoints"]
    names = {str(p.get("label", "")).strip().upper() for p in points if p.get("locked") is True}
    return known.selected([c.level for c in known if c.level.name in names]) if names else known


def _sign_to_lps(system: str, path: Path) -> np.ndarray[Any, Any]:
    signs = {"LPS": [1.0, 1.0, 1.0], "0": [-1.0, -1.0, 1.0], "RAS": [-1.0, -1.0, 1.0], "1": [1.0, 1.0, 1.0]}
    if system not in signs:
        raise CentroidError(f"coordinate system '{system}' is unknown", where=path, remedy="Use LPS or RAS")
    return np.array(signs[system])


def _centroid(point: dict[str, Any], sign: np.ndarray[Any, Any], path: Path) -> Centroid:
    label = str(point.get("label", ""))
    try:
        level = level_from_name(label)
    except ArgumentError as error:
        raise CentroidError(error.what, where=path, remedy=error.remedy) from error
    x, y, z = (float(v) for v in sign * np.array(point["position"], dtype=np.float64))
    return Centroid(level, (x, y, z))


def write_centroids(
    centroids: CentroidSet,
    path: Path,
    *,
    remarks: Mapping[Level, str] | None = None,
    locked: Collection[Level] = (),
) -> None:
    """Writes a Slicer Markups JSON (LPS) in one step. Raises OutputError.

    remarks: follow confidence and residual in a point's description.
    locked:  levels whose points are locked, so that they cannot be dragged by mistake.
    """
    remarks = remarks or {}
    points = [
        {
            "id": str(number),
            "label": c.level.name,
            "description": f"confidence {c.confidence:.2f}, residual {c.residual_mm:.1f} mm"
            + (f"; {remarks[c.level]}" if remarks.get(c.level) else ""),
            "position": [round(v, 4) for v in c.position_lps_mm],
            "positionStatus": "defined",
            "selected": True,
            "locked": c.level in locked,
            "visibility": True,
        }
        for number, c in enumerate(centroids, start=1)
    ]
    markup = {
        "type": "Fiducial",
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": False,
        "fixedNumberOfControlPoints": False,
        "labelFormat": "%N-%d",
        "controlPoints": points,
    }
    write_json(path, {"@schema": _SCHEMA, "markups": [markup]})
