"""Shadows of the chest over the spine of a film: lungs, mediastinum, heart, aorta, diaphragm, shoulders, tubes.

Synthetic patients are warped after one anatomy, whose mediastinum lies about the spine; on films of real ones it is
displaced and has sharp edges of its own, and shoulders cover the upper thoracic spine from the side. These shadows are
painted anew for every crop, on its line integrals, so that a detector cannot take them for the spine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.geometry import Array, View

Image = NDArray[np.floating[Any]]
_Rng = np.random.Generator
_WATER = 0.019
"""Attenuation of soft tissue per mm."""
_PITCH_MM = 24.0
_T13 = level_from_name("T13").order


@dataclass(frozen=True, eq=False)
class Trunk:
    """Places on a film of [rows, columns] pixels.

    side:   (rows, columns) mm from the middle of the spine, positive to the patient's left, or backwards.
    down:   (rows, 1) mm below the first row.
    levels: (N,) ranks along the spine and places: (N,) the mm below the first row where they lie, growing.
    much:   how much tissue the rays pass, over the usual; thin slabs hold less of every organ.
    """

    side: Array
    down: Array
    levels: Array
    places: Array
    pixel_mm: float
    much: float

    def at(self, name: str, shift: float = 0.0) -> float:
        """Mm below the first row of a level moved down by `shift` levels; continued beyond the known ones."""
        rank = _rank(np.array([level_from_name(name).order]))[0] + shift
        inside = float(np.interp(rank, self.levels, self.places))
        beyond = min(rank - self.levels[0], 0.0) + max(rank - self.levels[-1], 0.0)
        return inside + _PITCH_MM * beyond


def trunk_of(tau: Image, centres_rc: Array, levels: NDArray[np.int64], pixel_mm: float) -> Trunk:
    """From the centres (N, 2) in film pixels of all vertebrae of a patient and their orders (N,)."""
    order = np.argsort(centres_rc[:, 0])
    rows, middle = np.ogrid[: tau.shape[0], : tau.shape[1]]
    column = np.interp(rows[:, 0], centres_rc[order, 0], centres_rc[order, 1])[:, None]
    body = tau[tau > 0.3 * float(np.percentile(tau, 95))] if tau.size else tau
    much = float(np.clip(np.median(body) / 4.5, 0.25, 1.3)) if body.size else 1.0
    ranks, places = _rank(levels[order]), centres_rc[order, 0] * pixel_mm
    return Trunk((middle - column) * pixel_mm, rows * pixel_mm, ranks, places, pixel_mm, much)


def _rank(orders: NDArray[np.int64]) -> Array:
    """Levels counted along a usual spine, in which T13 does not stand."""
    return orders.astype(np.float64) - (orders > _T13) - 0.5 * (orders == _T13)


def shadowed(tau: Image, view: View, trunk: Trunk, rng: _Rng) -> NDArray[np.float32]:
    """Line integrals [rows, columns] with the chest of another patient; nothing lies where the rays meet only air."""
    image = tau.astype(np.float32)
    inside = np.clip(image / 0.8, 0.0, 1.0)
    if rng.random() < 0.7:
        image = _dimmed(image, trunk, rng)
    first, further = (_front_lungs, _FRONT) if view is View.AP else (_side_lungs, _SIDE)
    if rng.random() < 0.75:
        image = image * (1.0 - rng.uniform(0.1, 0.5) * first(trunk, rng))
    added = np.zeros_like(image)
    for chance, paint in further:
        if rng.random() < chance:
            added += paint(trunk, rng)
    return np.maximum(image + trunk.much * inside * added, 0.0).astype(np.float32)


def _dimmed(image: Image, trunk: Trunk, rng: _Rng) -> Image:
    """The spine as bright as what lies about it, but for a part of its details: old bone in a thick chest."""
    width = max(3, round(rng.uniform(40.0, 90.0) / trunk.pixel_mm))
    broad = ndimage.uniform_filter(ndimage.uniform_filter(image, width, mode="nearest"), width, mode="nearest")
    near = np.clip(1.6 - np.abs(trunk.side) / 60.0, 0.0, 1.0).astype(np.float32)
    dimmed: Image = image - rng.uniform(0.0, 0.92) * near * (image - broad) * (image > 0.3)
    return dimmed


# --- shapes ---------------------------------------------------------------------------------------


def _soft(inside: NDArray[np.bool_], rng: _Rng) -> Image:
    """A mask with edges from sharp to 6 mm wide."""
    result: Image = ndimage.gaussian_filter(inside.astype(np.float32), rng.uniform(0.3, 1.3))
    return result


def _ball(trunk: Trunk, side_mm: float, down_mm: float, half_mm: tuple[float, float], turn: float = 0.0) -> Image:
    """Share of the greatest chord through an ellipsoid; its edge is as sharp as an organ's."""
    across, along = trunk.side - side_mm, trunk.down - down_mm
    if turn:
        across, along = across * np.cos(turn) + along * np.sin(turn), along * np.cos(turn) - across * np.sin(turn)
    squared = (across / half_mm[0]) ** 2 + (along / half_mm[1]) ** 2
    result: Image = np.sqrt(np.clip(1.0 - squared, 0.0, None))
    return result


def _curve(trunk: Trunk, names: tuple[str, ...], low: float, high: float, rng: _Rng) -> Array:
    """(rows, 1) a smooth random course through values at some levels."""
    heights = [trunk.at(name) for name in names]
    values = rng.uniform(low, high, len(names))
    course = np.interp(trunk.down[:, 0], heights, values)
    smooth: Array = ndimage.uniform_filter1d(course, max(3, round(50.0 / trunk.pixel_mm)), mode="nearest")[:, None]
    return smooth


def _cylinder(trunk: Trunk, course: Array, radius: float) -> Image:
    """Chord in mm through a tube that follows a course beside the spine."""
    result: Image = 2.0 * np.sqrt(np.clip(radius**2 - (trunk.side - course) ** 2, 0.0, None))
    return result


def _between(trunk: Trunk, upper: str, lower: str, rng: _Rng) -> Array:
    """(rows, 1) 1 between two levels, fading over some centimetres beyond them."""
    fade = rng.uniform(15.0, 60.0, 2)
    above = (trunk.down - trunk.at(upper, float(rng.normal(0, 0.7)))) / fade[0]
    below = (trunk.at(lower, float(rng.normal(0, 0.7))) - trunk.down) / fade[1]
    return np.clip(np.minimum(above, below) + 0.5, 0.0, 1.0)


# --- from the front -------------------------------------------------------------------------------

_CHEST = ("C7", "T3", "T5", "T7", "T9", "T12")


def _domes(trunk: Trunk, rng: _Rng) -> Array:
    """(rows, columns) mm below the diaphragm, right and left dome at heights of their own; negative above."""
    top = [trunk.at("T9", float(rng.normal(0.5, 1.0))) for _ in range(2)]
    bend = rng.uniform(20.0, 50.0) / 60.0**2
    dome = np.where(trunk.side < 0, top[0], top[1]) + bend * (np.abs(trunk.side) - rng.uniform(45, 80)) ** 2
    below: Array = trunk.down - dome
    return below


def _front_lungs(trunk: Trunk, rng: _Rng) -> Image:
    """Both lungs beside a mediastinum whose edges keep their own distances from the spine."""
    apex, base = trunk.at("T1", float(rng.normal(0.5, 0.7))), trunk.at("T10", float(rng.normal(0.0, 0.8)))
    high = np.clip((trunk.down - apex) / (base - apex), 0.0, 1.0)
    outer = rng.uniform(95.0, 140.0) * np.sqrt(1.0 - (1.0 - high) ** 2)
    right, left = _curve(trunk, _CHEST, 6.0, 34.0, rng), _curve(trunk, _CHEST, 12.0, 58.0, rng)
    lungs = (trunk.side < -right) | (trunk.side > left)
    return _soft(lungs & (np.abs(trunk.side) < outer) & (_domes(trunk, rng) < 0.0), rng)


def _mediastinum(trunk: Trunk, rng: _Rng) -> Image:
    """A band beside or over the spine with sharp edges, up to as bright as the spine in it."""
    right, left = _curve(trunk, _CHEST, -5.0, 38.0, rng), _curve(trunk, _CHEST, 0.0, 55.0, rng)
    band = _soft((trunk.side > -right) & (trunk.side < left), rng)
    return band * _between(trunk, "C7", "T12", rng) * rng.uniform(0.2, 2.6)


def _heart(trunk: Trunk, rng: _Rng) -> Image:
    """Leaning to the patient's left, with a smaller bulge to the right."""
    half = rng.uniform(38.0, 68.0), rng.uniform(45.0, 75.0)
    shadow = _ball(trunk, rng.uniform(5, 45), trunk.at("T8", float(rng.normal(0, 0.6))), half, rng.uniform(-0.9, 0.3))
    bulge = _ball(trunk, rng.uniform(-25, 5), trunk.at("T8"), (rng.uniform(20, 36), rng.uniform(28, 50)))
    return np.maximum(shadow, bulge) * rng.uniform(40, 110) * _WATER * rng.uniform(0.5, 0.9)


def _aorta(trunk: Trunk, rng: _Rng) -> Image:
    """Its arch at T4 and, beside the spine, its way down; the right edge of the upper veins."""
    radius = rng.uniform(9.0, 17.0)
    course = _curve(trunk, ("T4", "T8", "T12", "L3"), 0.0, 36.0, rng)
    tube = _cylinder(trunk, course, radius) * ((trunk.down > trunk.at("T4")) & (trunk.down < trunk.at("L3")))
    arch = 2.0 * radius * _ball(trunk, rng.uniform(14, 34), trunk.at("T4"), (rng.uniform(13, 24), rng.uniform(14, 26)))
    vein = _cylinder(trunk, _curve(trunk, ("C7", "T6"), -34.0, -8.0, rng), rng.uniform(6, 12))
    vein = vein * (trunk.down < trunk.at("T6")) * (trunk.down > trunk.at("T1"))
    return (np.maximum(tube, arch) + vein) * _WATER * rng.uniform(0.6, 1.3)


def _windpipe(trunk: Trunk, rng: _Rng) -> Image:
    """A dark tube in front of the upper spine, seldom quite in its middle."""
    tube = _cylinder(trunk, _curve(trunk, ("C5", "T1", "T5"), -14.0, 14.0, rng), rng.uniform(6.0, 10.0))
    return -_WATER * tube * (trunk.down < trunk.at("T5"))


def _belly(trunk: Trunk, rng: _Rng) -> Image:
    """Liver, stomach and spleen under the domes: a step that also crosses the spine."""
    below = _domes(trunk, rng)
    side = np.where(trunk.side < 0, rng.uniform(0.6, 1.2), rng.uniform(0.3, 1.0))
    return _soft(below > 0.0, rng) * side * rng.uniform(0.3, 1.6)


def _spots(trunk: Trunk, rng: _Rng) -> Image:
    """Soft ellipses anywhere: hila, breasts, bowel gas, folds."""
    image = np.zeros(trunk.side.shape)
    for _ in range(int(rng.integers(1, 6))):
        half = rng.uniform(10.0, 50.0), rng.uniform(10.0, 50.0)
        place = rng.uniform(-110, 110), rng.uniform(0, max(float(trunk.down[-1, 0]), 1.0))
        image += _ball(trunk, *place, half, rng.uniform(-1.5, 1.5)) * rng.uniform(-0.4, 0.7)
    return image


def _tubes(trunk: Trunk, rng: _Rng) -> Image:
    """Catheters and drains: long, bent, thin, sometimes only their walls."""
    image = np.zeros(trunk.side.shape)
    for _ in range(int(rng.integers(1, 4))):
        course = np.cumsum(ndimage.gaussian_filter1d(rng.normal(0, 1.0, len(trunk.down)), 20.0, mode="nearest"))
        course = rng.uniform(-60, 60) + course[:, None] * rng.uniform(0, 12)
        ends = np.sort(rng.uniform(0, float(trunk.down[-1, 0]), 2))
        away = np.abs(trunk.side - course)
        wall = away < 1.2 * trunk.pixel_mm if rng.random() < 0.5 else np.abs(away - rng.uniform(3, 5)) < trunk.pixel_mm
        image += wall * ((trunk.down > ends[0]) & (trunk.down < ends[1])) * rng.uniform(0.15, 0.8)
    return image


def _ribs(trunk: Trunk, rng: _Rng) -> Image:
    """Rows of ribs from the back, sloping down, and from the front, sloping up; from T1 to below T12."""
    away = np.abs(trunk.side)
    back = _row_of_tubes(trunk.down - rng.uniform(-0.4, 0.5) * away - rng.uniform(0, 0.004) * away**2, rng)
    front = _row_of_tubes(trunk.down + rng.uniform(0.2, 0.9) * away, rng)
    inner, chest = rng.uniform(12, 25), rng.uniform(110, 140)
    image = back * ((away > inner) & (away < chest)) + 0.5 * front * ((away > inner + 40) & (away < chest))
    return image * _between(trunk, "T1", "L1", rng)


def _row_of_tubes(phase: Array, rng: _Rng) -> Image:
    """Bright lines where `phase` (mm) is a multiple of a rib's distance to the next."""
    pitch, radius = rng.uniform(20.0, 32.0), rng.uniform(4.0, 8.0)
    apart = np.abs((phase / pitch + rng.uniform(0, 1)) % 1.0 - 0.5) * pitch
    tube: Image = np.sqrt(np.clip(1.0 - (apart / radius) ** 2, 0.0, None)) * rng.uniform(0.08, 0.5)
    return tube


def _clutter(trunk: Trunk, rng: _Rng) -> Image:
    """Vessels, muscle and gas without shape of their own."""
    image = np.zeros(trunk.side.shape, np.float32)
    for width_mm in (3.0, 8.0):
        noise = rng.standard_normal(trunk.side.shape, dtype=np.float32)
        smooth = ndimage.gaussian_filter(noise, width_mm / trunk.pixel_mm * rng.uniform(0.6, 1.6, 2))
        image += smooth * (rng.uniform(0.02, 0.15) / max(float(smooth.std()), 1e-6))
    return image


# --- from the side --------------------------------------------------------------------------------


def _side_lungs(trunk: Trunk, rng: _Rng) -> Image:
    """Over and before the thoracic spine, under the shoulders, above the domes."""
    top = trunk.at("T2", float(rng.normal(0.5, 1.5))) + rng.uniform(15, 50) * ((trunk.side + 40.0) / 60.0) ** 2
    back = _curve(trunk, ("T2", "T5", "T8", "T11"), 5.0, 45.0, rng)
    chest = (trunk.down > top) & (trunk.side > -rng.uniform(110, 170)) & (trunk.side < back)
    return _soft(chest & (_side_dome(trunk, rng) < 0.0), rng)


def _side_dome(trunk: Trunk, rng: _Rng) -> Array:
    """Mm below one dome, which falls backwards."""
    top, bend = trunk.at("T9", float(rng.normal(0.5, 1.0))), rng.uniform(20.0, 60.0) / 80.0**2
    below: Array = trunk.down - top - bend * (trunk.side + rng.uniform(30, 90)) ** 2
    return below


def _side_belly(trunk: Trunk, rng: _Rng) -> Image:
    """The step under each dome, which crosses the lower thoracic spine."""
    steps = [_soft(_side_dome(trunk, rng) > 0.0, rng) * rng.uniform(0.2, 1.3) for _ in range(2)]
    return steps[0] + steps[1]


def _shoulders(trunk: Trunk, rng: _Rng) -> Image:
    """Flesh of both shoulders and raised or hanging arms: the upper thoracic spine is almost white."""
    depth, image = rng.uniform(0.6, 4.0), np.zeros(trunk.side.shape)
    for _ in range(2):
        edge = trunk.at("T4", float(rng.normal(0.0, 1.6))) + rng.uniform(-0.5, 0.5) * trunk.side
        above = np.clip((edge - trunk.down) / rng.uniform(6.0, 70.0), 0.0, 1.0)
        above = above * (trunk.down > trunk.at("C6", float(rng.normal(0.0, 1.0))) - 0.3 * np.abs(trunk.side))
        image += 0.5 * depth * np.clip(above, 0.0, 1.0)
    return ndimage.gaussian_filter(image, rng.uniform(0.5, 4.0))


def _arm_bones(trunk: Trunk, rng: _Rng) -> Image:
    """Humeri and the blades of the scapulae, oblique over T1 to T7."""
    image = np.zeros(trunk.side.shape)
    for _ in range(2):
        turn = rng.uniform(-1.2, 1.2)
        along = (trunk.down - trunk.at("T3", float(rng.normal(0, 1)))) * np.cos(turn) + trunk.side * np.sin(turn)
        across = trunk.side * np.cos(turn) - (trunk.down - trunk.at("T3")) * np.sin(turn) - rng.uniform(-70, 50)
        radius = rng.uniform(9, 15)
        tube = np.sqrt(np.clip(radius**2 - across**2, 0, None)) - 0.7 * np.sqrt(
            np.clip((0.75 * radius) ** 2 - across**2, 0, None)
        )
        image += tube * (np.abs(along) < rng.uniform(50, 160)) * rng.uniform(0.02, 0.07)
    for _ in range(2):
        blade = _ball(trunk, rng.uniform(-15, 45), trunk.at("T4", float(rng.normal(0.5, 0.8))),
                      (rng.uniform(2.5, 9.0), rng.uniform(40, 75)), rng.uniform(-0.5, 0.5))  # fmt: skip
        image += blade * rng.uniform(0.2, 0.9)
    return image


def _side_ribs(trunk: Trunk, rng: _Rng) -> Image:
    """Both sides' ribs run down and forward from the spine, one side larger than the other."""
    image = np.zeros(trunk.side.shape)
    for _ in range(2):
        image += _row_of_tubes(trunk.down + rng.uniform(0.4, 1.2) * (trunk.side - 10.0), rng)
    return image * (trunk.side < rng.uniform(10, 40)) * _between(trunk, "T2", "L2", rng)


def _side_heart(trunk: Trunk, rng: _Rng) -> Image:
    """In front of T6 to T10, with the great vessels above it and the aorta over the bodies' front edge."""
    half = rng.uniform(35.0, 60.0), rng.uniform(40.0, 65.0)
    heart = _ball(trunk, rng.uniform(-95, -50), trunk.at("T8", float(rng.normal(0, 0.7))), half, rng.uniform(-0.6, 0.6))
    tube = _cylinder(trunk, _curve(trunk, ("T4", "T8", "T12"), -38.0, -4.0, rng), rng.uniform(9.0, 15.0))
    tube = tube * ((trunk.down > trunk.at("T4")) & (trunk.down < trunk.at("T12"))) * _WATER * rng.uniform(0.3, 1.0)
    return heart * rng.uniform(0.5, 2.0) + tube


_Paint = Callable[[Trunk, _Rng], Image]
_FRONT: tuple[tuple[float, _Paint], ...] = (
    (0.6, _mediastinum), (0.7, _heart), (0.7, _aorta), (0.4, _windpipe), (0.6, _belly), (0.5, _ribs), (0.5, _clutter),
    (0.3, _spots), (0.15, _tubes),
)  # fmt: skip
_SIDE: tuple[tuple[float, _Paint], ...] = (
    (0.7, _side_heart), (0.6, _side_belly), (0.6, _shoulders), (0.5, _arm_bones), (0.5, _side_ribs),
    (0.5, _clutter), (0.3, _spots), (0.15, _tubes),
)  # fmt: skip
