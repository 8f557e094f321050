"""Measurements of a reconstruction or of any labelled spine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import Level, level_from_name
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.datasets.bodies import body_centre, levels_present, volumes_ml
from ReVerteRLib.datasets.masks import mask_on_grid
from ReVerteRLib.errors import CancelledError, CentroidError
from ReVerteRLib.geometry import Array, PatchGrid
from ReVerteRLib.imaging.volume import LabelVolume
from ReVerteRLib.measure.body import fit_body
from ReVerteRLib.measure.definitions import VERTEBRA
from ReVerteRLib.measure.posture import SpineValue, posture_of
from ReVerteRLib.measure.rotation import axial_rotation
from ReVerteRLib.measure.vertebra import NO_BODY, measures_of
from ReVerteRLib.progress import Cancelled, Progress

if TYPE_CHECKING:
    from ReVerteRLib.inference.result import SpineReconstruction

_SIZE, _OFFSET_MM = 120, 12.0
_T13 = level_from_name("T13")
_GRADES = ((0.60, 3), (0.75, 2), (0.80, 1))


@dataclass(frozen=True)
class VertebraMeasurements:
    """Numbers of one vertebra.

    centre_lps_mm: middle of the body; the given centroid where no body was found (C1 and C2 have none).
    values:        by the keys of definitions.VERTEBRA; what could not be measured is not in it.
    """

    level: Level
    centre_lps_mm: tuple[float, float, float]
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SpineMeasurements:
    """All numbers of one spine: vertebrae from the head down; spine values in the order of definitions.SPINE."""

    vertebrae: tuple[VertebraMeasurements, ...]
    spine: tuple[SpineValue, ...]

    def get(self, level: Level) -> VertebraMeasurements | None:
        """One vertebra's numbers, None when it is not there."""
        return next((v for v in self.vertebrae if v.level == level), None)

    def value(self, key: str) -> float | None:
        """One number of the whole spine, None when it could not be measured."""
        return next((v.value for v in self.spine if v.definition.key == key), None)


def measure_reconstruction(
    spine: SpineReconstruction, progress: Progress | None = None, cancelled: Cancelled | None = None
) -> SpineMeasurements:
    """The numbers of a reconstruction, taken from its label map. Raises as `measure_labels`."""
    placed = tuple(Centroid(v.level, v.grid.centroid_lps_mm) for v in spine.vertebrae if v.level in spine.surfaces)
    return measure_labels(spine.labels, CentroidSet(placed, "reconstruction"), progress, cancelled)


def measure_labels(
    labels: LabelVolume,
    centroids: CentroidSet | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> SpineMeasurements:
    """The numbers of a label map (VerSe labels). About half a second a vertebra.

    centroids: a point in the body of each vertebra that is to be measured, LPS mm; some millimetres off does not
    matter; None: found in the masks, all vertebrae are measured. Levels without voxels are left out. Vertebrae that
    the volume's border cuts are measured as they are, so give only whole ones.
    Raises CentroidError when no level with a centroid occurs, CancelledError.
    """
    volumes = volumes_ml(labels)
    placed = centroids_of_labels(labels) if centroids is None else centroids
    chosen = [c for c in placed if c.level in volumes]
    if not chosen:
        raise CentroidError(
            "no centroid belongs to a vertebra of the label map",
            where=labels.source,
            remedy="Give the centroids of this spine, named by level, and a mask with VerSe labels",
        )
    measured = []
    for number, centroid in enumerate(chosen):
        if cancelled is not None and cancelled():
            raise CancelledError("the measurement was cancelled")
        if progress is not None:
            progress(number, len(chosen), centroid.level.name)
        measured.append(_measure_label(labels, centroid, volumes[centroid.level]))
    if progress is not None:
        progress(len(chosen), len(chosen), "measured")
    return _whole(measured)


def centroids_of_labels(labels: LabelVolume) -> CentroidSet:
    """The body centre of every vertebra in a label map, from the masks alone (within 2 mm of annotated ones)."""
    centres = {level: body_centre(labels, level) for level in levels_present(labels)}
    return CentroidSet(tuple(Centroid(level, _triple(point)) for level, point in centres.items()), labels.source)


def _measure_label(labels: LabelVolume, centroid: Centroid, volume_ml: float) -> VertebraMeasurements:
    grid = PatchGrid(centroid.position_lps_mm, _SIZE, 1.0, _OFFSET_MM)
    mask = mask_on_grid(labels, centroid.level.verse_label, grid)
    found = measure_mask(mask, grid, centroid.level)
    return replace(found, values={**found.values, "volume_ml": volume_ml})


def measure_mask(mask: NDArray[np.bool_], grid: PatchGrid, level: Level) -> VertebraMeasurements:
    """The numbers of one mask [z, y, x] alone: those that need neighbours, and the volume, are not among them.

    Where the axial rotation is found, heights and pedicles are measured in the turned frame.
    """
    fit = None if level.name in NO_BODY else fit_body(mask, grid)
    if fit is None:
        return VertebraMeasurements(level, grid.centroid_lps_mm)
    rotation = axial_rotation(fit)
    values: dict[str, float] = {}
    if rotation is not None:
        fit = fit.turned(float(np.deg2rad(rotation.angle_deg))) or fit
        values = {"axial_rotation_deg": rotation.angle_deg, "symmetry": rotation.symmetry}
    return VertebraMeasurements(level, _triple(fit.local.centre), {**measures_of(fit), **values})


def _triple(point: Array) -> tuple[float, float, float]:
    return float(point[0]), float(point[1]), float(point[2])


def _whole(measured: Sequence[VertebraMeasurements]) -> SpineMeasurements:
    by_level = {v.level: v for v in measured}
    full = [replace(v, values=_in_order({**v.values, **_ratios(v, by_level)})) for v in measured]
    tilts = {v.level: v.values for v in full}
    centres = {v.level: np.array(v.centre_lps_mm) for v in full}
    return SpineMeasurements(tuple(full), posture_of(tilts, centres))


def _in_order(values: Mapping[str, float]) -> dict[str, float]:
    return {d.key: values[d.key] for d in VERTEBRA if d.key in values}


def _ratios(own: VertebraMeasurements, by_level: Mapping[Level, VertebraMeasurements]) -> dict[str, float]:
    heights = [own.values.get(f"height_{where}_mm") for where in ("anterior", "middle", "posterior")]
    anterior, middle, posterior = heights
    if not posterior or anterior is None or middle is None:
        return {}
    ratios = {"wedge_ratio": anterior / posterior, "biconcavity_ratio": middle / posterior}
    usual = [h for n in _neighbours(own.level, by_level) if (h := by_level[n].values.get("height_posterior_mm"))]
    if usual:
        ratios["crush_ratio"] = posterior / float(np.mean(usual))
    return {**ratios, "genant_grade": float(genant_grade(ratios.values()))}


def _neighbours(level: Level, known: Iterable[Level]) -> list[Level]:
    """The levels right above and right below that are known; T13 is passed over, for few people have one."""
    ranks = {other: other.order for other in known}
    if _T13 not in ranks:
        ranks = {other: order - (order > _T13.order) for other, order in ranks.items()}
    return [other for other, rank in ranks.items() if abs(rank - ranks[level]) == 1]


def genant_grade(ratios: Iterable[float]) -> int:
    """0 to 3: the smallest height ratio below 0.80 is 1, below 0.75 is 2, below 0.60 is 3 (Genant et al. 1993)."""
    smallest = min(ratios)
    return next((grade for limit, grade in _GRADES if smallest < limit), 0)
