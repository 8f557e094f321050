"""Overlap and surface metrics of two masks on one grid."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.boxes import box_of
from ReVerteRLib.errors import DatasetError

if TYPE_CHECKING:
    import torch

TOLERANCES_MM = (1.0, 1.5, 2.0, 3.0)
"""Tolerances of the normalised surface Dice; 2 mm is the headline."""
_MARGIN = 2


@dataclass(frozen=True)
class MaskScores:
    """How well a predicted mask fits the true one.

    dice:    0..1.
    hd95_mm: 95th percentile of the symmetric surface distance.
    nsd:     normalised surface Dice (0..1) at each of TOLERANCES_MM.
    failed:  one of the masks was empty; the numbers are then the worst possible ones (`score_masks`).
    """

    dice: float
    hd95_mm: float
    nsd: tuple[float, float, float, float]
    failed: bool = False


def score_masks(
    predicted: NDArray[np.bool_], true: NDArray[np.bool_], spacing_mm: tuple[float, float, float]
) -> MaskScores:
    """Dice, HD95 and NSD of two bool arrays [z, y, x] of one shape, spacing in the same order.

    An empty prediction (or a truth that lies wholly outside the box) counts as a failure: Dice 0, NSD 0 and for
    HD95 the diagonal of the box (207.8 mm for 120 voxels of 1 mm). Two empty masks say nothing: DatasetError, as
    for masks of different shapes. Surface distances come from MONAI; NSD weighs sub-voxel surface elements as
    DeepMind's surface-distance does.
    """
    if predicted.shape != true.shape or predicted.ndim != 3:
        raise DatasetError(f"the masks differ in shape ({predicted.shape} and {true.shape})")
    if not predicted.any() and not true.any():
        raise DatasetError("neither the prediction nor the truth holds any bone", remedy="Leave this vertebra out")
    if not predicted.any() or not true.any():
        return MaskScores(0.0, diagonal_mm(true.shape, spacing_mm), (0.0, 0.0, 0.0, 0.0), failed=True)
    predicted, true = _cropped(predicted, true)
    return MaskScores(dice(predicted, true), hd95_mm(predicted, true, spacing_mm), _nsd(predicted, true, spacing_mm))


def score_in_domain(
    predicted: NDArray[np.bool_],
    true: NDArray[np.bool_],
    spacing_mm: tuple[float, float, float],
    domain: NDArray[np.bool_],
) -> MaskScores | None:
    """As `score_masks`, but only of what lies in `domain` (bool, same shape), see `evaluation.field_of_view`.

    Dice counts voxels in the domain. Surface elements in the domain are measured against the whole other surface, so
    nothing is wrong only because its counterpart lies just outside. None when the truth has no voxel in the domain;
    without a predicted voxel in it a failure.
    """
    if not (true & domain).any():
        return None
    if not (predicted & domain).any():
        return MaskScores(0.0, diagonal_mm(true.shape, spacing_mm), (0.0, 0.0, 0.0, 0.0), failed=True)
    if domain[predicted | true].all():
        return score_masks(predicted, true, spacing_mm)
    box = box_of(predicted | true) or (slice(None),) * 3
    # Outside the array nothing is known, so the padding belongs to the domain only where its neighbour does.
    predicted, true = (np.pad(mask[box], _MARGIN) for mask in (predicted, true))
    domain = np.pad(domain[box], _MARGIN, mode="edge")
    overlap = dice(predicted & domain, true & domain)
    return MaskScores(overlap, *_surfaces_in_domain(predicted, true, spacing_mm, domain))


def _surfaces_in_domain(
    predicted: NDArray[np.bool_],
    true: NDArray[np.bool_],
    spacing_mm: tuple[float, float, float],
    domain: NDArray[np.bool_],
) -> tuple[float, tuple[float, float, float, float]]:
    """HD95 on edge voxels and NSD on sub-voxel elements, as MONAI defines them."""
    from monai.metrics.utils import get_mask_edges, get_surface_distance

    spacing = [float(s) for s in spacing_mm]
    masks = _tensor(predicted), _tensor(true)
    with _quiet():
        edges = get_mask_edges(*masks, crop=False)
        elements = get_mask_edges(*masks, crop=False, spacing=spacing)
        far, shares, total = [], np.zeros(len(TOLERANCES_MM)), 0.0
        seen, whole = _tensor(domain), _tensor(_all_eight(domain))
        for own in (0, 1):
            if bool((edges[own] & seen).any()):
                distances = np.asarray(get_surface_distance(edges[own] & seen, edges[1 - own], spacing=spacing))
                far.append(float(np.percentile(distances, 95)))
            chosen = elements[own] & whole
            if not bool(chosen.any()):
                continue
            areas = elements[2 + own][chosen].numpy()
            apart = np.asarray(get_surface_distance(chosen, elements[1 - own], spacing=spacing))
            total += float(areas.sum())
            shares += [float(areas[apart <= tolerance].sum()) for tolerance in TOLERANCES_MM]
    first, second, third, fourth = (shares / total if total else np.zeros(len(TOLERANCES_MM))).tolist()
    return max(far, default=0.0), (first, second, third, fourth)


def _all_eight(domain: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """For each corner between eight voxels, whether all of them are in the domain."""
    for axis in range(3):
        low, high = (np.moveaxis(domain, axis, 0)[part] for part in (slice(None, -1), slice(1, None)))
        domain = np.moveaxis(low & high, 0, axis)
    return domain


def diagonal_mm(shape: tuple[int, ...], spacing_mm: tuple[float, float, float]) -> float:
    """Length of the box's diagonal: no surface distance inside it can be larger."""
    return math.dist((0.0, 0.0, 0.0), [n * s for n, s in zip(shape, spacing_mm, strict=True)])


def dice(predicted: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    """2 |A and B| / (|A| + |B|); one of them must hold a voxel."""
    return 2.0 * float(np.count_nonzero(predicted & true)) / float(np.count_nonzero(predicted) + np.count_nonzero(true))


def hd95_mm(predicted: NDArray[np.bool_], true: NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> float:
    """95th percentile of the surface distances, the larger of the two directions; neither mask may be empty."""
    from monai.metrics.hausdorff_distance import compute_hausdorff_distance

    with _quiet():
        value = compute_hausdorff_distance(
            _tensor(predicted)[None, None],
            _tensor(true)[None, None],
            include_background=True,
            percentile=95,
            spacing=[float(s) for s in spacing_mm],
        )
    return float(value)


def _nsd(
    predicted: NDArray[np.bool_], true: NDArray[np.bool_], spacing_mm: tuple[float, float, float]
) -> tuple[float, float, float, float]:
    """All tolerances from one run of the distance transforms; equals SurfaceDiceMetric(use_subvoxels=True)."""
    from monai.metrics.utils import get_edge_surface_distance

    with _quiet():
        edges, distances, areas = get_edge_surface_distance(
            _tensor(predicted),
            _tensor(true),
            spacing=[float(s) for s in spacing_mm],
            use_subvoxels=True,
            symmetric=True,
        )
    weights = [area[edge] for area, edge in zip(areas, edges, strict=True)]
    total = sum(float(weight.sum()) for weight in weights)
    first, second, third, fourth = (
        sum(float(weight[apart <= tol].sum()) for weight, apart in zip(weights, distances, strict=True)) / total
        for tol in TOLERANCES_MM
    )
    return first, second, third, fourth


def _cropped(predicted: NDArray[np.bool_], true: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Both masks cut to their common box, with background around it: faster, and no surface touches a border."""
    box = box_of(predicted | true) or (slice(None),) * 3
    return np.pad(predicted[box], _MARGIN), np.pad(true[box], _MARGIN)


def _tensor(mask: NDArray[np.bool_]) -> torch.Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(mask))


@contextmanager
def _quiet() -> Iterator[None]:
    """MONAI 1.6 warns of a deprecated argument that it sets itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield
