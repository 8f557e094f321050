"""What automatic centroids are measured on: radiographs of known spines, whole and cropped."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ReVerteRLib.anatomy import Level
from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.datasets.masks import mask_on_grid
from ReVerteRLib.detection.landmarks import LANDMARKS, end_plate_points
from ReVerteRLib.geometry import INFERIOR, Array, PatchGrid, Projection
from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair
from ReVerteRLib.imaging.volume import LabelVolume
from ReVerteRLib.measure.body import fit_body
from ReVerteRLib.measure.vertebra import NO_BODY, measures_of

_SMALLEST_PX = 32


@dataclass(frozen=True, eq=False)
class ReferenceVertebra:
    """A whole vertebra as the mask knows it.

    landmarks_lps_mm: (8, 3), see detection.landmarks; NaN where not known.
    tilts_deg:        end-plate tilts by key of measure.definitions; empty where not known.
    """

    level: Level
    position_lps_mm: tuple[float, float, float]
    landmarks_lps_mm: Array = field(default_factory=lambda: np.full((LANDMARKS, 3), np.nan))
    tilts_deg: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class AnnotationCase:
    """Radiographs with the vertebrae that are whole in them, from the head down.

    partial: a crop of a case.
    """

    name: str
    pair: RadiographPair
    reference: tuple[ReferenceVertebra, ...]
    partial: bool = False


def reference_of(labels: LabelVolume, levels: Sequence[Level], centroids: CentroidSet) -> tuple[ReferenceVertebra, ...]:
    """Places, landmarks and tilts of these levels; about half a second each. Levels without centroid are left out."""
    found = []
    for level in sorted(levels):
        centroid = centroids.get(level)
        if centroid is None:
            continue
        place = centroid.position_lps_mm
        grid = PatchGrid(place)
        mask = mask_on_grid(labels, level.verse_label, grid)
        fit = fit_body(mask, grid) if mask.any() and level.name not in NO_BODY else None
        if fit is None:
            found.append(ReferenceVertebra(level, place))
            continue
        tilts = {key: value for key, value in measures_of(fit).items() if key.endswith("_deg")}
        found.append(ReferenceVertebra(level, place, end_plate_points(fit), tilts))
    return tuple(found)


def partial_cases(
    case: AnnotationCase, count: int, rng: np.random.Generator, sizes: tuple[int, int] = (3, 6)
) -> tuple[AnnotationCase, ...]:
    """Crops of both radiographs to some neighbouring vertebrae, cut between half a disc and half a vertebra beyond.

    sizes: fewest and most vertebrae of a crop; a case that has no more than the fewest gives none.
    """
    cases = []
    for number in range(count):
        largest = min(sizes[1], len(case.reference) - 1)
        if largest < sizes[0]:
            return ()
        size = int(rng.integers(sizes[0], largest + 1))
        first = int(rng.integers(0, len(case.reference) - size + 1))
        chosen = case.reference[first : first + size]
        margins = rng.uniform(0.55, 0.95, 2)
        cropped = _cropped(case.pair, chosen, (float(margins[0]), float(margins[1])))
        name = f"{case.name} {chosen[0].level}-{chosen[-1].level} #{number + 1}"
        cases.append(AnnotationCase(name, cropped, chosen, partial=True))
    return tuple(cases)


def _cropped(pair: RadiographPair, chosen: Sequence[ReferenceVertebra], margins: tuple[float, float]) -> RadiographPair:
    """Margins are in spacings beyond the first and the last centre."""
    places = np.array([v.position_lps_mm for v in chosen])
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    ends = np.stack(
        [
            places[0] - margins[0] * steps[0] * np.array(INFERIOR),
            places[-1] + margins[1] * steps[-1] * np.array(INFERIOR),
        ]
    )
    ap, lateral = (_rows_between(radiograph, ends) for radiograph in pair)
    return RadiographPair(ap, lateral)


def _rows_between(radiograph: Radiograph, ends_lps_mm: Array) -> Radiograph:
    """The rows (or columns, where those run along the patient) between two points."""
    projection = radiograph.projection
    axis = int(abs(projection.column_direction[2]) > abs(projection.row_direction[2]))
    pixels = np.sort(projection.project(ends_lps_mm)[:, axis])
    size = radiograph.image_hw.shape[axis]
    low = int(np.clip(np.floor(pixels[0]), 0, size - _SMALLEST_PX))
    high = int(np.clip(np.ceil(pixels[1]) + 1, low + _SMALLEST_PX, size))
    box = [slice(None), slice(None)]
    box[axis] = slice(low, high)
    image = np.ascontiguousarray(radiograph.image_hw[tuple(box)])
    shift = np.zeros(2)
    shift[axis] = low
    return Radiograph(image, _moved(projection, shift, (image.shape[0], image.shape[1])), f"{radiograph.source} (crop)")


def _moved(projection: Projection, first_rc: Array, image_hw: tuple[int, int]) -> Projection:
    """The same rays with another first pixel."""
    x, y, z = (float(v) for v in projection.plane_point(first_rc)[0])
    row, column = (float(v) for v in projection.principal_rc - first_rc)
    return dataclasses.replace(projection, image_hw=image_hw, origin_lps_mm=(x, y, z), principal_point_rc=(row, column))
