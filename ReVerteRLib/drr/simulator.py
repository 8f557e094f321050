"""Radiographs, label silhouettes and standard geometries from a CT: the whole volume first, crops later."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ReVerteRLib.drr.attenuation import AttenuationModel
from ReVerteRLib.drr.projector import project, project_views
from ReVerteRLib.drr.realism import Realism, apply_realism
from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.geometry import Beam, Projection, View
from ReVerteRLib.imaging import CtVolume, LabelVolume, Radiograph, RadiographPair, Volume

MAX_PIXELS = 1 << 26


def projections_for(
    volume: Volume,
    *,
    beam: Beam = Beam.PARALLEL,
    spacing_mm: float = 1.0,
    sad_mm: float = 1500.0,
    sdd_mm: float = 1800.0,
) -> tuple[Projection, Projection]:
    """The standard AP and lateral view that show the whole volume; parallel views share rows and z range.

    spacing_mm is the pixel size on the reference plane through the volume's middle.
    Raises GeometryError for impossible distances, ArgumentError for images of more than 64 million pixels.
    """
    corners = volume.corners_lps_mm
    if (
        np.isfinite(spacing_mm)
        and spacing_mm > 0
        and np.prod(np.ptp(corners, axis=0)[[0, 2]] / spacing_mm) > MAX_PIXELS
    ):
        raise ArgumentError(f"pixels of {spacing_mm:g} mm are too small for this volume", remedy="Use a larger spacing")
    ap, lateral = (
        Projection.covering(view, corners, spacing_mm=spacing_mm, beam=beam, sad_mm=sad_mm, sdd_mm=sdd_mm)
        for view in (View.AP, View.LATERAL)
    )
    return ap, lateral


def simulate(
    ct: CtVolume,
    projection: Projection,
    *,
    device: str = "auto",
    attenuation: AttenuationModel | None = None,
    realism: Realism | None = None,
    seed: int = 0,
) -> Radiograph:
    """One radiograph of a CT in Hounsfield units: float32 line integrals (-log transmission, no unit).

    device: 'auto', 'cpu' or 'cuda'; all give the same picture.
    attenuation: energy model, 70 keV by default. realism: optional noise and the like, seeded by `seed`.
    Raises ArgumentError, ResourceError.
    """
    return simulate_views(ct, [projection], device=device, attenuation=attenuation, realism=realism, seed=seed)[0]


def simulate_views(
    ct: CtVolume,
    projections: Sequence[Projection],
    *,
    device: str = "auto",
    attenuation: AttenuationModel | None = None,
    realism: Realism | None = None,
    seed: int = 0,
) -> list[Radiograph]:
    """`simulate` for several views; parallel ones share one pass through the CT."""
    taus = _line_integrals(ct, projections, device, attenuation or AttenuationModel())
    return [_radiograph(tau, view, ct, realism, seed) for tau, view in zip(taus, projections, strict=True)]


def simulate_pair(
    ct: CtVolume,
    *,
    beam: Beam = Beam.PARALLEL,
    spacing_mm: float = 1.0,
    sad_mm: float = 1500.0,
    sdd_mm: float = 1800.0,
    device: str = "auto",
    attenuation: AttenuationModel | None = None,
    realism: Realism | None = None,
    seed: int = 0,
) -> RadiographPair:
    """The standard AP and lateral radiograph of a whole CT (see `projections_for` and `simulate`)."""
    views = projections_for(ct, beam=beam, spacing_mm=spacing_mm, sad_mm=sad_mm, sdd_mm=sdd_mm)
    ap, lateral = simulate_views(ct, views, device=device, attenuation=attenuation, realism=realism, seed=seed)
    return RadiographPair(ap, lateral)


def project_labels(
    labels: LabelVolume, projection: Projection, *, device: str = "auto"
) -> dict[int, NDArray[np.float32]]:
    """Thickness in mm [rows, columns] of each label along the rays; positive pixels are the label's silhouette.

    Background 0 is left out. Each label's box alone is read.
    """
    from scipy import ndimage

    thickness: dict[int, NDArray[np.float32]] = {}
    array = np.asarray(labels.array_kji)
    for number, box in enumerate(ndimage.find_objects(array.astype(np.int32, copy=False)), start=1):
        if box is None:
            continue
        mask = torch.from_numpy((array[box] == number).view(np.uint8))
        start_ijk = [part.start for part in reversed(box)]
        matrix = labels.ijk_to_lps_mm.copy()
        matrix[:3, 3] = labels.to_lps(start_ijk)[0]
        thickness[number] = project(mask, matrix, projection, device).cpu().numpy()
    return thickness


def _line_integrals(
    ct: CtVolume, projections: Sequence[Projection], device: str, model: AttenuationModel
) -> list[NDArray[np.float32]]:
    volume = _as_tensor(ct.array_kji)
    by_part = [project_views(volume, ct.ijk_to_lps_mm, projections, device, part) for part in model.parts()]
    return [model.line_integral(list(images)).cpu().numpy() for images in zip(*by_part, strict=True)]


def _radiograph(
    tau: NDArray[np.float32], projection: Projection, ct: CtVolume, realism: Realism | None, seed: int
) -> Radiograph:
    pixels = tau if realism is None else apply_realism(tau, projection, realism, seed)
    return Radiograph(pixels, projection, ct.source)


def _as_tensor(array: NDArray[np.generic]) -> torch.Tensor:
    """The same memory as a tensor, where torch can read it; else a float32 copy."""
    if not array.dtype.isnative or array.dtype.kind not in "iuf" or array.dtype in (np.uint16, np.uint32, np.uint64):
        array = array.astype(np.float32)
    if min(array.strides) < 0:
        array = np.ascontiguousarray(array)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*not writable.*")  # it is only read
        return torch.from_numpy(array)
