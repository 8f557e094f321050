"""Angles, offsets and lengths of a whole spine from its vertebrae's end-plates and centres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ReVerteRLib.anatomy import VERTEBRAE, Level, level_from_name
from ReVerteRLib.geometry import INFERIOR, LEFT, POSTERIOR, Array
from ReVerteRLib.measure.definitions import BY_KEY, SPINE, Definition

SECONDARY_CURVE_DEG = 10.0
"""From here on a bend counts as a scoliotic curve (Negrini et al., Scoliosis 13:3, 2018)."""
_OPTIONAL = ("T13", "L6")
_NO_SACRUM = "needs the end-plate of S1, and the sacrum is not reconstructed"
Tilts = Mapping[Level, Mapping[str, float]]
Centres = Mapping[Level, Array]


@dataclass(frozen=True)
class SpineValue:
    """One number of a whole spine.

    value:  None when it could not be measured; `remark` says why.
    levels: the levels it was taken from, "T4-T12".
    remark: for curves the side of the convexity; what else the reader must know.
    """

    definition: Definition
    value: float | None
    levels: str = ""
    remark: str = ""


@dataclass(frozen=True)
class Curve:
    """A bend in the coronal plane between two end vertebrae; convex to the patient's 'left' or 'right'."""

    upper: Level
    lower: Level
    angle_deg: float
    convex: str


def posture_of(tilts: Tilts, centres: Centres) -> tuple[SpineValue, ...]:
    """All numbers of definitions.SPINE, in its order.

    tilts: end-plate tilts by level, keys as in definitions.VERTEBRA; centres: (3,) LPS mm by level.
    """
    found = [*_curve_values(tilts), *_sagittal_values(tilts), *_offsets(centres), *_line_values(centres)]
    by_key = {value.definition.key: value for value in found}
    return tuple(by_key[definition.key] for definition in SPINE)


# --- coronal curves ------------------------------------------------------------------------------


def coronal_curves(tilts: Tilts) -> tuple[Curve | None, Curve | None, Curve | None]:
    """The main curve, the ones above and below it (10° or more and bent the other way); None where there is none.

    Cobb's end vertebrae are the ones most tilted towards each other, so each curve is the pair with the largest angle
    of all pairs with a vertebra between them.
    """
    known = sorted(level for level in tilts if _tilt(tilts, level, "superior_coronal_deg") is not None)
    main = _largest(tilts, known, None)
    if main is None:
        return None, None, None
    other = "left" if main.convex == "right" else "right"
    above = _largest(tilts, [level for level in known if level <= main.upper], other)
    below = _largest(tilts, [level for level in known if level >= main.lower], other)
    return main, _if_large(above), _if_large(below)


def _largest(tilts: Tilts, levels: Sequence[Level], convex: str | None) -> Curve | None:
    curves = []
    for number, upper in enumerate(levels):
        for lower in levels[number + 2 :]:
            turn = tilts[upper]["superior_coronal_deg"] - tilts[lower]["inferior_coronal_deg"]
            # An upper end vertebra whose left side lies lower than the lower one's: the bend bulges to the right.
            curves.append(Curve(upper, lower, abs(turn), "right" if turn < 0 else "left"))
    return max((c for c in curves if convex in (None, c.convex)), key=lambda c: c.angle_deg, default=None)


def _if_large(curve: Curve | None) -> Curve | None:
    return curve if curve is not None and curve.angle_deg >= SECONDARY_CURVE_DEG else None


def _curve_values(tilts: Tilts) -> list[SpineValue]:
    main, above, below = coronal_curves(tilts)
    known = {level: tilts[level] for level in tilts if _tilt(tilts, level, "superior_coronal_deg") is not None}
    values = []
    for key, curve in (("cobb_main_deg", main), ("cobb_upper_deg", above), ("cobb_lower_deg", below)):
        if curve is None:
            fewer = "fewer than three vertebrae" if main is None else "no such curve of 10° or more"
            values.append(SpineValue(BY_KEY[key], None, remark=fewer))
            continue
        inner = {level: tilt for level, tilt in known.items() if curve.upper <= level <= curve.lower}
        gaps = ", ".join(_missing_between(inner))
        remark = f"convex to the {curve.convex}" + (f"; not measured in between: {gaps}" if gaps else "")
        values.append(SpineValue(BY_KEY[key], curve.angle_deg, f"{curve.upper}-{curve.lower}", remark))
    return values


# --- sagittal angles -----------------------------------------------------------------------------


def _sagittal_values(tilts: Tilts) -> list[SpineValue]:
    return [
        _between(tilts, "kyphosis_t4_t12_deg", "T4", "T12", 1.0),
        _between(tilts, "kyphosis_t5_t12_deg", "T5", "T12", 1.0),
        _between(tilts, "lordosis_l1_l5_deg", "L1", "L5", -1.0),
        SpineValue(BY_KEY["lordosis_l1_s1_deg"], None, "L1-S1", _NO_SACRUM),
        SpineValue(BY_KEY["lordosis_c2_c7_deg"], None, "C2-C7", "the end-plate of C2 is not measured; see C3-C7"),
        _between(tilts, "lordosis_c3_c7_deg", "C3", "C7", -1.0),
    ]


def _between(tilts: Tilts, key: str, upper: str, lower: str, sign: float) -> SpineValue:
    """Superior end-plate of the upper level against the inferior one of the lower level."""
    first = _tilt(tilts, level_from_name(upper), "superior_sagittal_deg")
    last = _tilt(tilts, level_from_name(lower), "inferior_sagittal_deg")
    if first is None or last is None:
        absent = [name for name, tilt in ((upper, first), (lower, last)) if tilt is None]
        return SpineValue(BY_KEY[key], None, f"{upper}-{lower}", f"{' and '.join(absent)} not measured")
    return SpineValue(BY_KEY[key], sign * (first - last), f"{upper}-{lower}")


def _tilt(tilts: Tilts, level: Level, key: str) -> float | None:
    return tilts[level].get(key) if level in tilts else None


# --- centres -------------------------------------------------------------------------------------


def _offsets(centres: Centres) -> list[SpineValue]:
    c7, l5 = (centres.get(level_from_name(name)) for name in ("C7", "L5"))
    values = [
        SpineValue(BY_KEY["coronal_balance_mm"], None, "C7-S1", _NO_SACRUM),
        SpineValue(BY_KEY["sagittal_vertical_axis_mm"], None, "C7-S1", _NO_SACRUM),
    ]
    for key, axis in (("coronal_offset_c7_l5_mm", LEFT), ("sagittal_offset_c7_l5_mm", _opposite(POSTERIOR))):
        if c7 is None or l5 is None:
            values.append(SpineValue(BY_KEY[key], None, "C7-L5", "C7 and L5 are not both there"))
        else:
            values.append(SpineValue(BY_KEY[key], float((c7 - l5) @ np.array(axis)), "C7-L5"))
    return values


def _line_values(centres: Centres) -> list[SpineValue]:
    keys = ("length_mm", "height_mm", "coronal_tilt_deg", "sagittal_tilt_deg")
    levels = sorted(centres)
    if len(levels) < 2:
        return [SpineValue(BY_KEY[key], None, remark="fewer than two vertebrae") for key in keys]
    span = f"{levels[0]}-{levels[-1]}"
    points = np.stack([centres[level] for level in levels])
    line = points[0] - points[-1]
    up = float(line @ np.array(_opposite(INFERIOR)))
    values = [_length(points, _missing_between(centres), span), SpineValue(BY_KEY["height_mm"], up, span)]
    for key, axis in (("coronal_tilt_deg", LEFT), ("sagittal_tilt_deg", _opposite(POSTERIOR))):
        tilt = float(np.rad2deg(np.arctan2(line @ np.array(axis), up)))
        values.append(SpineValue(BY_KEY[key], tilt, span))
    return values


def _length(points: Array, missing: Sequence[str], span: str) -> SpineValue:
    if missing:
        return SpineValue(BY_KEY["length_mm"], None, span, f"{', '.join(missing)} missing in between")
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return SpineValue(BY_KEY["length_mm"], float(steps.sum()), span)


def _missing_between(known: Mapping[Level, object]) -> list[str]:
    """Names of levels between the first and the last that are not known; T13 and L6, which few people have, aside."""
    first, last = min(known), max(known)
    inner = [level for level in VERTEBRAE if first < level < last and level not in known]
    return [level.name for level in inner if level.name not in _OPTIONAL]


def _opposite(axis: tuple[float, float, float]) -> tuple[float, float, float]:
    return -axis[0], -axis[1], -axis[2]
