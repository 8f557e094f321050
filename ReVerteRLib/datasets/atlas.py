"""The body around the spine: signed distances of bones, trunk and lungs in the frame of one reference skeleton.

Built once from the BodyParts3D surface meshes (CC BY-SA 2.1 JP, (c) The Database Center for Life Science) and the
spine mask in register with them, and kept in the cache folder. Nothing of it is part of the product.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.errors import DatasetError
from ReVerteRLib.files import cache_folder, sha256_of, written_aside
from ReVerteRLib.geometry import Array
from ReVerteRLib.imaging.volume import LabelVolume

REFERENCE_SUBJECT = "sub-bp3d01"
"""The spine that is in register with the surrounding bones."""
SPACING_MM = 2.0
DISTANCE_UNIT_MM = 0.25
"""Stored distances are int8 in these units, so they reach +-31 mm."""
_BOX_LPS_MM = np.array([[-254.0, -260.0, 730.0], [254.0, 100.0, 1640.0]])
_GROUPS = {
    "cage": ("rib", "sternum"),
    "cartilage": ("costal_cartilage",),
    "girdle": ("shoulder_girdle",),
    "arms": ("upper_limb",),
    "pelvis": ("pelvis", "femur"),
    "head": ("skull", "hyoid"),
}
_VERSION = 5


@dataclass(frozen=True)
class BodyAtlas:
    """Reference anatomy on a regular grid, axes [k, j, i] along S, P, L.

    distances: int8 [k, j, i] per structure, positive inside, unit DISTANCE_UNIT_MM: 'cage', 'cartilage', 'girdle',
               'arms', 'pelvis', 'head', 'spine', 'trunk' (skin), 'chest' (inside of the rib cage).
    labels:    uint8 [k, j, i] VerSe labels of the reference spine.
    origin_lps_mm: (3,) centre of the first voxel.
    centroids: of the reference spine.
    """

    distances: dict[str, NDArray[np.int8]]
    labels: NDArray[np.uint8]
    origin_lps_mm: Array
    centroids: CentroidSet
    spacing_mm: float = SPACING_MM


def _grid_shape() -> tuple[int, int, int]:
    size = np.round((_BOX_LPS_MM[1] - _BOX_LPS_MM[0]) / SPACING_MM).astype(int) + 1
    return int(size[2]), int(size[1]), int(size[0])


def _surface_points(path: Path) -> Array:
    """Points (N, 3) LPS, about 0.7 mm apart, on a PLY surface stored in RAS."""
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    reader = vtk.vtkPLYReader()
    reader.SetFileName(str(path))
    sampler = vtk.vtkPolyDataPointSampler()
    sampler.SetInputConnection(reader.GetOutputPort())
    sampler.SetDistance(0.7)
    sampler.Update()
    if sampler.GetOutput().GetNumberOfPoints() == 0:
        raise DatasetError("the surface is empty", where=path, remedy="Copy the context bones again")
    points = vtk_to_numpy(sampler.GetOutput().GetPoints().GetData()).astype(np.float64)
    return points * [-1.0, -1.0, 1.0]


def _solid(points: Array, into: NDArray[np.bool_]) -> None:
    """Fills one bone: its surface voxels, closed and filled, because the meshes have small holes."""
    from scipy.ndimage import binary_closing, binary_fill_holes

    index = np.round((points - _BOX_LPS_MM[0]) / SPACING_MM).astype(int)[:, ::-1]
    index = index[((index >= 0) & (index < into.shape)).all(axis=1)]
    if not len(index):
        return
    low, high = index.min(axis=0) - 3, index.max(axis=0) + 4
    box = np.zeros(high - low, dtype=bool)
    box[tuple((index - low).T)] = True
    box = binary_closing(box, iterations=2)
    box = binary_fill_holes(box)
    for plane in box:  # the bone's ends may be open in 3-D and still closed in the slice
        plane[:] = binary_fill_holes(plane)
    first, last = np.maximum(low, 0), np.minimum(high, into.shape)
    target = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
    source = tuple(slice(a - o, b - o) for a, b, o in zip(first, last, low, strict=True))
    into[target] |= box[source]


def signed_distance(mask: NDArray[np.bool_], spacing_mm: float) -> NDArray[np.int8]:
    """Positive inside, int8 in DISTANCE_UNIT_MM, clipped."""
    import SimpleITK as sitk  # noqa: N813

    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    distance = sitk.GetArrayFromImage(
        sitk.SignedMaurerDistanceMap(image, insideIsPositive=True, squaredDistance=False, useImageSpacing=False)
    )
    return np.clip(np.round(distance * (spacing_mm / DISTANCE_UNIT_MM)), -127, 127).astype(np.int8)


def _hulls(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Convex hull of every axial slice."""
    from skimage.morphology import convex_hull_image

    hulls = np.zeros_like(mask)
    for k in np.flatnonzero(mask.any(axis=(1, 2))):
        hulls[k] = convex_hull_image(mask[k])
    return hulls


def _trunk(bones: dict[str, NDArray[np.bool_]], labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Skin: hull of the trunk's bones a slice, widened by flesh and smoothed along the body."""
    from scipy.ndimage import binary_dilation, distance_transform_edt, gaussian_filter

    core = bones["cage"] | bones["cartilage"] | bones["girdle"] | bones["pelvis"] | bones["head"] | (labels > 0)
    hull = _hulls(core)
    z_mm = _BOX_LPS_MM[0, 2] + SPACING_MM * np.arange(hull.shape[0])
    waist = (z_mm > 900) & (z_mm < 1165)  # no bone bounds the belly: bridge chest and pelvis
    below, above = hull[z_mm < 905][-1], hull[z_mm > 1165][0]
    low, high = (distance_transform_edt(m) - distance_transform_edt(~m) for m in (below, above))
    for k in np.flatnonzero(waist):
        share = (z_mm[k] - 900) / (1165 - 900)
        hull[k] |= (1 - share) * low + share * high > 0
    smooth = gaussian_filter(hull.astype(np.float32), (6, 2, 2)) > 0.5
    return binary_dilation(smooth | core, iterations=6)


def _build(context: Path, labels: LabelVolume, centroids: CentroidSet, report: Callable[[str], None]) -> BodyAtlas:
    from scipy.ndimage import gaussian_filter, map_coordinates

    shape = _grid_shape()
    with (context / "names.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    bones: dict[str, NDArray[np.bool_]] = {}
    for name, groups in _GROUPS.items():
        report(f"body atlas: {name}")
        bones[name] = np.zeros(shape, dtype=bool)
        for row in rows:
            if row["group"] in groups:
                _solid(_surface_points(context / row["file"]), bones[name])
    k, j, i = np.indices(shape, dtype=np.float32, sparse=True)
    axis = [np.array(v).ravel() for v in (i, j, k)]
    points = [o + SPACING_MM * a for o, a in zip(_BOX_LPS_MM[0], axis, strict=True)]
    # The reference mask is axis-aligned, so each axis maps on its own.
    inverse = np.linalg.inv(labels.ijk_to_lps_mm)
    coordinate = [inverse[a, a] * points[a] + inverse[a, 3] for a in range(3)]
    grid = np.meshgrid(coordinate[2], coordinate[1], coordinate[0], indexing="ij")
    spine = map_coordinates(labels.array_kji, grid, order=0, mode="constant", cval=0).astype(np.uint8)
    report("body atlas: trunk")
    chest = gaussian_filter(_hulls(bones["cage"]).astype(np.float32), (7, 3, 3)) > 0.5
    masks = {**bones, "trunk": _trunk(bones, spine), "chest": chest, "spine": spine > 0}
    distances = {name: signed_distance(mask, SPACING_MM) for name, mask in masks.items()}
    return BodyAtlas(distances, spine, _BOX_LPS_MM[0].copy(), centroids)


def load_atlas(
    context: Path,
    labels: LabelVolume,
    centroids: CentroidSet,
    cache: Path,
    report: Callable[[str], None] = lambda _text: None,
) -> BodyAtlas:
    """Builds the atlas, or reads it from `cache` when it was built from the same meshes before.

    context:   folder with names.csv and the PLY meshes (RAS mm).
    labels:    VerSe mask of the spine in register with the meshes (axis-aligned).
    Raises DatasetError when the meshes are missing.
    """
    names = Path(context) / "names.csv"
    if not names.is_file():
        raise DatasetError("the surrounding bones are missing", where=context, remedy="Give a folder with names.csv")
    key = f"{sha256_of(names)[:12]}-{_VERSION}"
    stored = Path(cache) / f"body-atlas-{key}.npz"
    if stored.is_file():
        with np.load(stored) as data:
            arrays: dict[str, Any] = dict(data)
        origin, spine = arrays.pop("origin_lps_mm"), arrays.pop("labels")
        return BodyAtlas(arrays, spine, origin, centroids)
    atlas = _build(Path(context), labels, centroids, report)
    with written_aside(stored) as aside, aside.open("wb") as stream:
        np.savez_compressed(stream, origin_lps_mm=atlas.origin_lps_mm, labels=atlas.labels, **atlas.distances)  # type: ignore[arg-type]
        stream.flush()
        os.fsync(stream.fileno())
    return atlas


def context_folder(data_root: Path) -> Path | None:
    """Folder of the surrounding bones that belongs to a spine data set, None where there is none."""
    for candidate in (data_root / "context" / "bodyparts3d", data_root.parent / "context" / "bodyparts3d"):
        if (candidate / "names.csv").is_file():
            return candidate
    return None


def atlas_of(data_root: Path, report: Callable[[str], None] = lambda _text: None) -> BodyAtlas | None:
    """The surrounding bones where the data set comes with them and with the spine in register, else None.

    It is kept in the user's cache folder.
    """
    from ReVerteRLib.datasets.verse import find_subjects, load_subject

    context = context_folder(data_root)
    reference = next((s for s in find_subjects(data_root) if s.name == REFERENCE_SUBJECT), None)
    if context is None or reference is None:
        return None
    loaded = load_subject(reference, with_ct=False)
    return load_atlas(context, loaded.labels, loaded.centroids, cache_folder(), report)
