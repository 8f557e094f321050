"""Line integrals through a volume, on CPU or GPU with the same code.

Chosen by the geometry:
- rays about a volume axis: sums of slices (see `aligned`);
- anything else (oblique volumes): the same along the volume axis nearest to the beam, and one 2-D resampling (see
  `warp`); for slots and sheared volumes bilinear samples on the volume's own slices (see `rays`); for beams so wide
  that no slice axis suits all rays, trilinear samples on planes across the beam, the slowest way (see `march`).
All work slab by slab, so that little more than the input volume is in memory. Outside the volume there is nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from torch import Tensor

from ReVerteRLib.devices import pick_device
from ReVerteRLib.drr.aligned import Alignment, axis_sums, from_sums, shear_warp, sheet_thickness
from ReVerteRLib.drr.march import march, pool_of, pooled_volume
from ReVerteRLib.drr.ramp import SlabTransform, as_float, written
from ReVerteRLib.drr.rays import SliceRays, add_slices, slice_rays
from ReVerteRLib.drr.warp import AxisView, axis_view
from ReVerteRLib.errors import ArgumentError, ResourceError
from ReVerteRLib.geometry import Array, Beam, Projection

_LOG = logging.getLogger("ReVerteR")
_SLAB_DEPTH = 32


def project(
    volume: Tensor,
    ijk_to_lps_mm: Array,
    projection: Projection,
    device: str = "auto",
    transform: SlabTransform = as_float,
) -> Tensor:
    """Line integrals [rows, columns] (float32, mm times the unit of `transform`) of a volume [k, j, i].

    ijk_to_lps_mm: 4x4 from voxel index (i, j, k, 1) to LPS mm; any orientation, also left-handed or sheared.
    transform:     applied to the stored values, slab by slab, before integration.
    Pixels whose ray misses the volume are 0. Raises ArgumentError and ResourceError.
    """
    return project_views(volume, ijk_to_lps_mm, [projection], device, transform)[0]


def project_views(
    volume: Tensor,
    ijk_to_lps_mm: Array,
    projections: Sequence[Projection],
    device: str = "auto",
    transform: SlabTransform = as_float,
) -> list[Tensor]:
    """`project` for several views; parallel views along the volume's axes share one pass through the volume."""
    if volume.ndim != 3:
        raise ArgumentError(f"a volume [k, j, i] is needed, this has the shape {tuple(volume.shape)}")
    target = pick_device(device)
    try:
        return _project_views(volume.to(target), ijk_to_lps_mm, projections, transform)
    except torch.OutOfMemoryError as error:
        if device != "auto":
            raise ResourceError("the GPU has too little memory for this volume", remedy="Use --device cpu") from error
        _LOG.warning("The GPU has too little memory for this volume; the radiographs are computed on the processor.")
    return _project_views(volume.cpu(), ijk_to_lps_mm, projections, transform)


@torch.no_grad()
def _project_views(
    volume: Tensor, matrix: Array, projections: Sequence[Projection], transform: SlabTransform
) -> list[Tensor]:
    aligned = [Alignment.of(volume, matrix, projection) for projection in projections]
    parallel = [a for a, p in zip(aligned, projections, strict=True) if a is not None and p.beam is Beam.PARALLEL]
    sums = axis_sums(volume, {a.dims[2] for a in parallel}, transform)
    oblique = iter(
        _oblique(volume, matrix, [p for a, p in zip(aligned, projections, strict=True) if a is None], transform)
    )
    images = []
    for alignment, projection in zip(aligned, projections, strict=True):
        if alignment is None:
            images.append(next(oblique))
        elif projection.beam is Beam.PARALLEL:
            images.append(from_sums(sums[alignment.dims[2]], alignment, projection))
        else:
            images.append(shear_warp(volume, [(alignment, projection)], transform)[0])
    return images


# --- any orientation -----------------------------------------------------------------------------


def _oblique(
    volume: Tensor, matrix: Array, projections: Sequence[Projection], transform: SlabTransform
) -> list[Tensor]:
    """Views of any direction; those with the same pixel size and slice axis share one pass through the volume."""
    found: list[Tensor | None] = [None] * len(projections)
    groups: dict[tuple[int, ...], list[int]] = {}
    for number, projection in enumerate(projections):
        groups.setdefault(pool_of(matrix, projection), []).append(number)
    for pool, numbers in groups.items():
        values, moved, rest = volume, matrix, transform
        if max(pool) > 1:
            values, moved = pooled_volume(volume, matrix, list(pool), transform)
            rest = as_float
        images = _warped(values, moved, [projections[n] for n in numbers], rest)
        left = [place for place, image in enumerate(images) if image is None]
        others = _joseph(values, moved, [projections[numbers[place]] for place in left], rest)
        for place, image in zip(left, others, strict=True):
            images[place] = image
        for number, image in zip(numbers, images, strict=True):
            found[number] = march(volume, matrix, projections[number], transform) if image is None else image
    return [image for image in found if image is not None]


def _warped(
    values: Tensor, matrix: Array, projections: Sequence[Projection], transform: SlabTransform
) -> list[Tensor | None]:
    """Views along the volume's axes, resampled (see `warp`); None where there is no such view."""
    views = [axis_view(matrix, tuple(values.shape), projection) for projection in projections]
    images: list[Tensor | None] = [None] * len(views)
    groups: dict[tuple[int, ...], list[tuple[int, AxisView, Alignment]]] = {}
    for number, view in enumerate(views):
        alignment = None if view is None else Alignment.of(values, matrix, view.projection)
        if view is not None and alignment is not None:
            # of one sheet thickness, so that no view depends on the others
            thickness = sheet_thickness([(alignment, view.projection)])
            groups.setdefault((*alignment.dims, thickness), []).append((number, view, alignment))
    for group in groups.values():
        pictures = shear_warp(values, [(alignment, view.projection) for _, view, alignment in group], transform)
        for (number, view, _), picture in zip(group, pictures, strict=True):
            images[number] = view.resample(picture)
    return images


def _joseph(
    values: Tensor, matrix: Array, projections: Sequence[Projection], transform: SlabTransform
) -> list[Tensor | None]:
    """Bilinear samples on slices; None for views that no slice axis suits."""
    place = torch.from_numpy(matrix).to(values.device)
    rays = [slice_rays(place, projection, tuple(values.shape)) for projection in projections]
    images = [torch.zeros(p.image_hw, dtype=torch.float32, device=values.device) for p in projections]
    for dim in sorted({r.dim for r in rays if r is not None}):
        same = [(r, image) for r, image in zip(rays, images, strict=True) if r is not None and r.dim == dim]
        _add_all_slices(values.movedim(dim, 0), same, transform)
    return [None if r is None else image.mul_(r.length_mm) for r, image in zip(rays, images, strict=True)]


def _add_all_slices(slices: Tensor, views: list[tuple[SliceRays, Tensor]], transform: SlabTransform) -> None:
    """Runs through the slices once; a slab is wide enough to read whole cache lines along the fastest axis."""
    memory = torch.empty((min(_SLAB_DEPTH, len(slices)), *slices.shape[1:]), dtype=torch.float32, device=slices.device)
    for first in range(0, len(slices), _SLAB_DEPTH):
        part = slices[first : first + _SLAB_DEPTH]
        slab = written(transform, part, memory[: len(part)])
        for rays, image in views:
            add_slices(slab, first, rays, image)
