"""End-plate tilts, Cobb angles and vertebral heights from an annotation, as a table.

Signs as in ReVerteRLib.measure.vertebra: sagittal tilts are positive when the front lies lower than the back, coronal
ones when the left side lies higher than the right, both against the patient's horizontal plane. The corners are taken
at the depth of their vertebra, so heights are those at the bone whatever the magnification of the radiograph.
"""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ReVerteRLib.anatomy import Level, level_from_name
from ReVerteRLib.detection.corners import corners_lps_mm, edge_heights_mm
from ReVerteRLib.detection.types import AnnotatedVertebra, Annotation, Detection
from ReVerteRLib.errors import CentroidError
from ReVerteRLib.files import write_text
from ReVerteRLib.geometry import LEFT, POSTERIOR, Array, Projection, View
from ReVerteRLib.shapes.frame import local_frame

_ACROSS = {View.AP: LEFT, View.LATERAL: POSTERIOR}
END_PLATES, CURVE = "end-plates", "spine curve"


@dataclass(frozen=True)
class PostureRow:
    """One vertebra; numbers are None where a view does not show the landmarks.

    *_coronal_deg, *_sagittal_deg: tilts of the end-plates. height_right_mm, height_left_mm: of the body's sides (AP);
    height_anterior_mm, height_posterior_mm: of its front and back (lateral). coronal_from, sagittal_from: 'end-plates',
    or 'spine curve' where both tilts are those of the curve through the neighbouring centroids.
    """

    level: Level
    superior_coronal_deg: float | None = None
    inferior_coronal_deg: float | None = None
    superior_sagittal_deg: float | None = None
    inferior_sagittal_deg: float | None = None
    height_right_mm: float | None = None
    height_left_mm: float | None = None
    height_anterior_mm: float | None = None
    height_posterior_mm: float | None = None
    coronal_from: str = ""
    sagittal_from: str = ""


@dataclass(frozen=True)
class CurveAngle:
    """A Cobb angle: between the superior end-plate of the upper and the inferior one of the lower end vertebra.

    name:    'coronal Cobb', 'thoracic kyphosis', 'lumbar lordosis'.
    degrees: coronal: 0 or more; kyphosis and lordosis: negative where the spine bends the other way.
    convex:  'left' or 'right' for a coronal curve, else ''.
    source:  'end-plates', or 'spine curve' where either tilt came from the centroids.
    """

    name: str
    upper: Level
    lower: Level
    degrees: float
    convex: str = ""
    source: str = END_PLATES


@dataclass(frozen=True)
class PostureTable:
    """Rows from head to foot and the angles that could be taken."""

    rows: tuple[PostureRow, ...]
    angles: tuple[CurveAngle, ...]

    def to_csv(self) -> str:
        """Two tables with one header line each and an empty line between them; missing numbers are empty."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([field.name for field in dataclasses.fields(PostureRow)])
        writer.writerows([_cell(getattr(row, f.name)) for f in dataclasses.fields(row)] for row in self.rows)
        writer.writerow([])
        writer.writerow([field.name for field in dataclasses.fields(CurveAngle)])
        writer.writerows([_cell(getattr(angle, f.name)) for f in dataclasses.fields(angle)] for angle in self.angles)
        return text.getvalue()

    def write(self, path: Path) -> None:
        """Writes the CSV in one step. Raises OutputError."""
        write_text(path, self.to_csv())


def posture_table(annotation: Annotation) -> PostureTable:
    """The table of an annotation; end-plates where landmarks are known, the curve of the centroids elsewhere."""
    rows = tuple(_row(vertebra, annotation) for vertebra in annotation.vertebrae)
    angles = (coronal_cobb(rows), *sagittal_curves(rows))
    return PostureTable(rows, tuple(angle for angle in angles if angle is not None))


# --- one vertebra --------------------------------------------------------------------------------


def _row(vertebra: AnnotatedVertebra, annotation: Annotation) -> PostureRow:
    values: dict[str, float | str | None] = {}
    views = annotation.projections or ()
    for projection, detection in zip(views, (vertebra.ap, vertebra.lateral), strict=False):
        if detection is not None:
            values |= _measured(projection, detection, np.array(vertebra.position_lps_mm))
    tilt = _curve_tilts(vertebra, annotation)
    for n, plane in enumerate(("coronal", "sagittal")):
        keys = f"superior_{plane}_deg", f"inferior_{plane}_deg"
        if all(values.get(key) is not None for key in keys):
            values[f"{plane}_from"] = END_PLATES
        elif tilt is not None:
            values |= dict.fromkeys(keys, tilt[n]) | {f"{plane}_from": CURVE}
    return PostureRow(vertebra.level, **values)  # type: ignore[arg-type]


def _measured(projection: Projection, detection: Detection, position: Array) -> dict[str, float | str | None]:
    """Tilts and heights that one view shows, by the fields of a row."""
    corners = corners_lps_mm(projection, detection, position)
    first, second = (value if np.isfinite(value) else None for value in edge_heights_mm(corners))
    superior, inferior = (_tilt(corners[n : n + 2], projection.view) for n in (0, 2))
    if projection.view is View.AP:
        return {
            "superior_coronal_deg": superior,
            "inferior_coronal_deg": inferior,
            "height_right_mm": first,
            "height_left_mm": second,
        }
    return {
        "superior_sagittal_deg": superior,
        "inferior_sagittal_deg": inferior,
        "height_anterior_mm": first,
        "height_posterior_mm": second,
    }


def _tilt(ends_lps_mm: Array, view: View) -> float | None:
    """Degrees of an end-plate from its first to its second end; None where an end is unknown.

    Right to left it rises with the left side; front to back it rises where the front lies lower.
    """
    step = ends_lps_mm[1] - ends_lps_mm[0]
    if not np.isfinite(step).all():
        return None
    across = _ACROSS[view]
    return float(np.rad2deg(np.arctan2(step[2], step @ np.array(across))))


def _curve_tilts(vertebra: AnnotatedVertebra, annotation: Annotation) -> tuple[float, float] | None:
    """Coronal and sagittal tilt at right angles to the curve of the centroids; None for a vertebra alone."""
    if len(annotation.vertebrae) < 2:
        return None
    try:
        frame = local_frame(vertebra.level, vertebra.position_lps_mm, annotation.centroids)
    except CentroidError:
        return None
    if frame.spacing_mm is None:
        return None
    up = frame.axes_lps[:, 2]
    coronal, sagittal = (np.rad2deg(np.arctan2(-up @ np.array(axis), up[2])) for axis in (LEFT, POSTERIOR))
    return float(coronal), float(sagittal)


# --- curves --------------------------------------------------------------------------------------


def coronal_cobb(rows: Sequence[PostureRow]) -> CurveAngle | None:
    """The largest angle between a superior end-plate and an inferior one further down; None without two tilts."""
    best: CurveAngle | None = None
    for n, upper in enumerate(rows):
        for lower in rows[n + 1 :]:
            top, bottom = upper.superior_coronal_deg, lower.inferior_coronal_deg
            if top is None or bottom is None or (best is not None and abs(top - bottom) <= best.degrees):
                continue
            # The upper one leaning to the right and the lower one to the left, the curve bulges to the left.
            side = "left" if top > bottom else "right"
            source = _source(upper.coronal_from, lower.coronal_from)
            best = CurveAngle("coronal Cobb", upper.level, lower.level, abs(top - bottom), side, source)
    return best


def sagittal_curves(rows: Sequence[PostureRow]) -> tuple[CurveAngle, ...]:
    """Kyphosis T4 (else T5) to T12; lordosis L1 to S1's superior end-plate, else to L5's inferior one; those shown."""
    known = {row.level: row for row in rows}
    t4, t5, t12, l1, l5, s1 = (known.get(level_from_name(name)) for name in ("T4", "T5", "T12", "L1", "L5", "S1"))
    found = []
    if (kyphosis := _between("thoracic kyphosis", t4 or t5, t12, 1.0)) is not None:
        found.append(kyphosis)
    lordosis = _between("lumbar lordosis", l1, s1, -1.0, superior=True) or _between("lumbar lordosis", l1, l5, -1.0)
    return (*found, *((lordosis,) if lordosis is not None else ()))


def _between(
    name: str, upper: PostureRow | None, lower: PostureRow | None, sign: float, *, superior: bool = False
) -> CurveAngle | None:
    if upper is None or lower is None:
        return None
    top = upper.superior_sagittal_deg
    bottom = lower.superior_sagittal_deg if superior else lower.inferior_sagittal_deg
    if top is None or bottom is None:
        return None
    source = _source(upper.sagittal_from, lower.sagittal_from)
    return CurveAngle(name, upper.level, lower.level, sign * (top - bottom), source=source)


def _source(*parts: str) -> str:
    return END_PLATES if set(parts) == {END_PLATES} else CURVE


def _cell(value: object) -> object:
    if value is None:
        return ""
    return f"{value:.2f}" if isinstance(value, float) else value
