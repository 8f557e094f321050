"""From radiographs and a centroid to the network's input patches."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ReVerteRLib.errors import ArgumentError, CentroidError
from ReVerteRLib.geometry import PATCH_SIZE, PATCH_SPACING_MM, Array, PatchGrid
from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair

NORMALISATIONS = ("image_percentile", "patch_zscore")
CENTROID_SHAPES = ("disc", "gaussian")
NEIGHBOUR_VALUE = -1.0
"""Height of the marks of neighbouring centroids in the centroid channel (the vertebra's own mark is +1)."""
_MINIMUM_INSIDE = 0.25


@dataclass(frozen=True)
class PatchSettings:
    """How patches are cut and scaled.

    size, spacing_mm:    pixels per edge and their size at the vertebra.
    posterior_offset_mm: shift of the cube towards the back (PatchGrid).
    centroid_radius_px:  radius of the disc, or sigma of the Gaussian, that marks the centroid.
    centroid_shape:      'disc' or 'gaussian'.
    normalisation:       'image_percentile' (1st to 99th percentile of the radiograph to 0..1) or 'patch_zscore'
                         (zero mean, unit spread of the patch).
    neighbours:          also mark the other known centroids, with -1 instead of +1.
    """

    size: int = PATCH_SIZE
    spacing_mm: float = PATCH_SPACING_MM
    posterior_offset_mm: float = 0.0
    centroid_radius_px: float = 3.0
    centroid_shape: str = "disc"
    normalisation: str = "image_percentile"
    neighbours: bool = False

    def __post_init__(self) -> None:
        if self.normalisation not in NORMALISATIONS:
            raise ArgumentError(
                f"normalisation '{self.normalisation}' is unknown", remedy=f"Use one of {', '.join(NORMALISATIONS)}"
            )
        if self.centroid_shape not in CENTROID_SHAPES:
            raise ArgumentError(
                f"centroid shape '{self.centroid_shape}' is unknown", remedy=f"Use one of {', '.join(CENTROID_SHAPES)}"
            )
        if self.size < 8 or self.spacing_mm <= 0 or self.centroid_radius_px <= 0:
            raise ArgumentError("patch size, spacing and centroid radius must be positive")

    def grid(self, centroid_lps_mm: ArrayLike) -> PatchGrid:
        """The patch cube of one centroid."""
        x, y, z = (float(v) for v in np.asarray(centroid_lps_mm, dtype=np.float64))
        return PatchGrid((x, y, z), self.size, self.spacing_mm, self.posterior_offset_mm)


@dataclass(frozen=True)
class VertebraPatches:
    """The network's input for one vertebra.

    ap, lateral:  float32 [2, S, S]: normalised image and centroid channel, axes [z, x] and [z, y].
    grid:         the patch cube in patient space.
    centroid_zyx: (3,) the centroid in voxel coordinates of the cube.
    perspective:  (2, 4) of AP and lateral, see PatchGrid.perspective.
    prior:        float32 [S/t, S/t, S/t] signed distance to the usual shape, for networks that ask for it.
    """

    ap: NDArray[np.float32]
    lateral: NDArray[np.float32]
    grid: PatchGrid
    centroid_zyx: Array
    perspective: Array
    prior: NDArray[np.float32] | None = None

    def mirrored(self) -> VertebraPatches:
        """The same vertebra of the mirrored patient (left and right exchanged); the grid stays.

        Right for any beam: the lateral picture of the mirrored patient is the same picture, its source has only
        moved to the other side.
        """
        centroid, perspective = mirror_geometry(self.centroid_zyx, self.perspective, self.ap.shape[-1])
        return dataclasses.replace(
            self,
            ap=self.ap[:, :, ::-1].copy(),
            centroid_zyx=centroid,
            perspective=perspective,
            prior=None if self.prior is None else self.prior[:, :, ::-1].copy(),
        )


def mirror_geometry(centroid_zyx: Array, perspective: Array, size: int) -> tuple[Array, Array]:
    """Centroid (3,) and perspective (2, 4) after exchanging left and right in a cube of `size` voxels."""
    centroid, mirrored = np.array(centroid_zyx), np.array(perspective)
    centroid[2] = size - 1 - centroid[2]
    if mirrored[0].any():
        mirrored[0, 1] = size - 1 - mirrored[0, 1]
    mirrored[1, 2:] *= -1.0
    return centroid, mirrored


def sample_image(image_hw: NDArray[np.float32], pixels_rc: Array) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Bilinear samples (...,) at pixels (..., 2) and whether each lies inside; outside is 0."""
    from scipy.ndimage import map_coordinates

    rows, columns = pixels_rc[..., 0], pixels_rc[..., 1]
    inside = (rows >= 0) & (rows <= image_hw.shape[0] - 1) & (columns >= 0) & (columns <= image_hw.shape[1] - 1)
    values = map_coordinates(image_hw, [rows, columns], order=1, mode="constant", cval=0.0)
    return np.where(inside, values, 0.0).astype(np.float32), inside


def raw_patch(radiograph: Radiograph, grid: PatchGrid) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Un-normalised patch image [S, S] of one view and its inside mask.

    Radiographs finer than the patch are smoothed first, so that nothing aliases. Raises CentroidError when the
    patch lies mostly outside the radiograph.
    """
    from scipy.ndimage import gaussian_filter

    pixels = grid.image_pixels(radiograph.projection)
    image = radiograph.image_hw
    sigma = [0.5 * max(grid.spacing_mm / s - 1.0, 0.0) for s in radiograph.projection.spacing_mm]
    if max(sigma) > 0.1:
        image = gaussian_filter(image, sigma)
    values, inside = sample_image(image, pixels)
    if inside.mean() < _MINIMUM_INSIDE:
        x, y, z = grid.centroid_lps_mm
        raise CentroidError(
            f"the centroid at ({x:.0f}, {y:.0f}, {z:.0f}) mm lies outside the {radiograph.view.value} radiograph",
            where=radiograph.source,
            remedy="Check that centroids and radiographs belong to the same patient and frame",
        )
    return values, inside


def normalise(
    values: NDArray[np.float32], inside: NDArray[np.bool_], settings: PatchSettings, image_hw: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Network units; pixels outside the radiograph become 0."""
    if settings.normalisation == "image_percentile":
        low, high = np.percentile(image_hw, [1.0, 99.0])
        scaled = (values - low) / max(float(high - low), 1e-6)
    else:
        seen = values[inside]
        scaled = (values - seen.mean()) / max(float(seen.std()), 1e-6)
    return np.where(inside, scaled, 0.0).astype(np.float32)


def mark(centre_rc: ArrayLike, settings: PatchSettings) -> NDArray[np.float32]:
    """Centroid channel [S, S]: a disc of ones or a Gaussian around a patch pixel."""
    pixels = np.arange(settings.size, dtype=np.float64)
    rows, columns = ((pixels - at) ** 2 for at in np.asarray(centre_rc, dtype=np.float64))
    radius = settings.centroid_radius_px
    if settings.centroid_shape == "disc":
        return (rows[:, None] + columns <= radius**2).astype(np.float32)
    down, along = (np.exp(-squared / (2.0 * radius**2)) for squared in (rows, columns))
    return np.outer(down, along).astype(np.float32)


def draw_marks(own_rc: ArrayLike, neighbours_rc: ArrayLike, settings: PatchSettings) -> NDArray[np.float32]:
    """Centroid channel [S, S]: +1 at the vertebra and, when the settings ask for them, -1 at its neighbours."""
    channel = mark(own_rc, settings)
    if not settings.neighbours:
        return channel
    others = np.asarray(neighbours_rc, dtype=np.float64).reshape(-1, 2)
    for point in others[np.abs(others[:, 0] - settings.size / 2) < settings.size]:
        channel = np.where(channel > 0.05, channel, np.minimum(channel, NEIGHBOUR_VALUE * mark(point, settings)))
    return channel


def centroid_channels(
    grid: PatchGrid, neighbours_lps_mm: ArrayLike, settings: PatchSettings
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Centroid channels of AP and lateral (draw_marks) from positions in patient space."""
    others = np.asarray(neighbours_lps_mm, dtype=np.float64).reshape(-1, 3)
    zyx = (others - grid.zyx_to_lps_mm[:3, 3]) @ np.linalg.inv(grid.zyx_to_lps_mm[:3, :3]).T
    own = grid.centroid_zyx
    return draw_marks(own[[0, 2]], zyx[:, [0, 2]], settings), draw_marks(own[[0, 1]], zyx[:, [0, 1]], settings)


def extract_patches(
    pair: RadiographPair, centroid_lps_mm: ArrayLike, settings: PatchSettings, neighbours_lps_mm: ArrayLike = ()
) -> VertebraPatches:
    """Cuts both patches of one vertebra (systems: crop from the whole radiograph, centroid concatenated).

    centroid_lps_mm:   (3,) the vertebra's centre.
    neighbours_lps_mm: (N, 3) the other known centres, used when settings.neighbours is set.
    Raises CentroidError when the vertebra lies outside a radiograph.
    """
    grid = settings.grid(centroid_lps_mm)
    marks = centroid_channels(grid, neighbours_lps_mm, settings)
    images = []
    for radiograph, centroid_mark in zip(pair, marks, strict=True):
        values, inside = raw_patch(radiograph, grid)
        images.append(np.stack([normalise(values, inside, settings, radiograph.image_hw), centroid_mark]))
    perspective = np.stack([grid.perspective(r.projection) for r in pair])
    return VertebraPatches(images[0], images[1], grid, grid.centroid_zyx, perspective)
