"""What separates a line integral from a radiograph: noise, scatter, blur, grid, collimation, metal.

Each step is optional and seeded, acts on the transmitted intensity exp(-tau) (metal on tau itself), and the result
is a line integral again: float32 [rows, columns], never 8 bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.geometry import Array, Beam, Projection, View

TITANIUM_70_KEV_PER_MM = 0.25
"""Titanium (4.506 g/cm^3) at 70 keV, rounded from the NIST tables (0.766 cm^2/g at 60, 0.405 at 80 keV)."""
COLLIMATOR_TAU = 4.0
_FWHM = 2.0 * float(np.sqrt(2.0 * np.log(2.0)))


@dataclass(frozen=True)
class MetalRod:
    """A cylinder of metal with flat ends, for example a screw's shank or a rod: LPS mm, attenuation in 1/mm.

    The attenuation is what the metal has more than the tissue that it displaces.
    """

    start_lps_mm: tuple[float, float, float]
    end_lps_mm: tuple[float, float, float]
    radius_mm: float = 2.75
    attenuation_per_mm: float = TITANIUM_70_KEV_PER_MM


@dataclass(frozen=True)
class Realism:
    """Settings of `apply_realism`; the default of each switches its step off.

    photons:              quanta per pixel in the open beam; 0 = no noise. 1e4 to 1e5 are usual doses.
    scatter_fraction:     scattered share of the detected intensity, 0 to below 1, on average over the image.
    scatter_sigma_mm:     width of the scatter on the reference plane.
    focal_spot_mm:        size of the focal spot; its shadow's blur follows from the magnification (0 for parallel).
    blur_fwhm_mm:         further blur of detector and motion, full width at half maximum on the reference plane.
    collimation_mm:       width of the shuttered border: top, bottom, left, right.
    grid_period_mm:       distance of the lines of an anti-scatter grid, 0 = none; they run along the rows' direction.
    grid_contrast:        attenuation difference between line and gap.
    metal:                rods and screws.
    """

    photons: float = 0.0
    scatter_fraction: float = 0.0
    scatter_sigma_mm: float = 60.0
    focal_spot_mm: float = 0.0
    blur_fwhm_mm: float = 0.0
    collimation_mm: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    grid_period_mm: float = 0.0
    grid_contrast: float = 0.05
    metal: tuple[MetalRod, ...] = ()

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "metal" and not (np.isfinite(value).all() and np.min(value) >= 0):
                raise ArgumentError(f"{field.name} = {value} is impossible", remedy="Use numbers of zero or more")
        if self.scatter_fraction >= 1.0:
            raise ArgumentError(f"scatter fraction {self.scatter_fraction:g} is impossible", remedy="Use 0 to 0.9")


def apply_realism(
    tau: NDArray[np.float32], projection: Projection, settings: Realism, seed: int = 0
) -> NDArray[np.float32]:
    """The line integrals `tau` [rows, columns] as a real detector would give them; same seed, same picture.

    Order as in nature: metal, focal blur, scatter, grid, quantum noise, shutters.
    """
    rng = np.random.default_rng([seed, 0 if projection.view is View.AP else 1])
    with_metal = tau.astype(np.float64) + metal_tau(projection, settings.metal)
    intensity = np.exp(-with_metal)
    steps: tuple[Callable[[], Array], ...] = (
        lambda: _blurred(intensity, projection, settings),
        lambda: _with_scatter(intensity, projection, settings),
        lambda: intensity * np.exp(-_grid_tau(projection, settings)),
        lambda: _with_noise(intensity, settings, rng),
    )
    for step in steps:
        intensity = step()
    result = -np.log(np.maximum(intensity, 1e-9)) if _touches_intensity(settings) else with_metal
    return (result + _collimation_tau(projection, settings)).astype(np.float32)


def _touches_intensity(settings: Realism) -> bool:
    return bool(
        settings.photons
        or settings.scatter_fraction
        or settings.focal_spot_mm
        or settings.blur_fwhm_mm
        or settings.grid_period_mm
    )


def _gaussian(image: Array, sigma_mm: float, projection: Projection) -> Array:
    from scipy import ndimage

    blurred: Array = ndimage.gaussian_filter(image, [sigma_mm / s for s in projection.spacing_mm], mode="nearest")
    return blurred


def _blurred(intensity: Array, projection: Projection, settings: Realism) -> Array:
    # A spot of size f throws a penumbra f (sdd - sad) / sad on the detector, f (sdd - sad) / sdd on the plane.
    spot_mm = 0.0
    if projection.beam is not Beam.PARALLEL:
        spot_mm = settings.focal_spot_mm * (projection.sdd_mm - projection.sad_mm) / projection.sdd_mm
    fwhm_mm = float(np.hypot(spot_mm, settings.blur_fwhm_mm))
    return _gaussian(intensity, fwhm_mm / _FWHM, projection) if fwhm_mm > 0 else intensity


def _with_scatter(intensity: Array, projection: Projection, settings: Realism) -> Array:
    """Scatter as a broad Gaussian of the primary beam (convolution model of Love and Kruger, Med Phys 1987)."""
    share = settings.scatter_fraction
    if share <= 0:
        return intensity
    broad = _gaussian(intensity, settings.scatter_sigma_mm, projection)
    ratio = share / (1.0 - share) * float(intensity.mean()) / max(float(broad.mean()), 1e-12)
    scattered: Array = intensity + ratio * broad
    return scattered


def _with_noise(intensity: Array, settings: Realism, rng: np.random.Generator) -> Array:
    if settings.photons <= 0:
        return intensity
    counts = rng.poisson(intensity * settings.photons)
    noisy: Array = np.maximum(counts, 0.5) / settings.photons  # half a quantum stands for none
    return noisy


def _grid_tau(projection: Projection, settings: Realism) -> Array:
    if settings.grid_period_mm <= 0:
        return np.zeros((1, 1))
    position_mm = np.arange(projection.image_hw[1]) * projection.spacing_mm[1]
    lines: Array = settings.grid_contrast * 0.5 * (1.0 + np.cos(2 * np.pi * position_mm / settings.grid_period_mm))
    return lines[None]


def _collimation_tau(projection: Projection, settings: Realism) -> Array:
    top, bottom, left, right = settings.collimation_mm
    rows, columns = (np.arange(n) * s for n, s in zip(projection.image_hw, projection.spacing_mm, strict=True))
    shut_rows = (rows < top) | (rows[::-1] < bottom)
    shut_columns = (columns < left) | (columns[::-1] < right)
    shut: Array = COLLIMATOR_TAU * (shut_rows[:, None] | shut_columns[None]).astype(np.float64)
    return shut


def metal_tau(projection: Projection, rods: tuple[MetalRod, ...]) -> Array:
    """[rows, columns] line integrals of rods: the exact chord of every ray through every cylinder."""
    total = np.zeros(projection.image_hw)
    if not rods:
        return total
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in projection.image_hw), indexing="ij"), axis=-1)
    points, directions = projection.back_project(grid.reshape(-1, 2))
    for rod in rods:
        total += rod.attenuation_per_mm * chord_mm(rod, points, directions).reshape(projection.image_hw)
    return total


def chord_mm(rod: MetalRod, points_lps_mm: Array, directions: Array) -> Array:
    """Length (N,) of lines, given by points and unit directions (N, 3), inside the cylinder."""
    start, end = np.array(rod.start_lps_mm), np.array(rod.end_lps_mm)
    length = float(np.linalg.norm(end - start))
    if length <= 0 or rod.radius_mm <= 0:
        return np.zeros(len(points_lps_mm))
    axis = (end - start) / length
    along_direction = directions @ axis
    along_point = (points_lps_mm - start) @ axis
    across_direction = directions - along_direction[:, None] * axis
    across_point = points_lps_mm - start - along_point[:, None] * axis
    side = _between(
        np.einsum("ni,ni->n", across_direction, across_direction),
        np.einsum("ni,ni->n", across_direction, across_point),
        np.einsum("ni,ni->n", across_point, across_point) - rod.radius_mm**2,
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        caps = np.sort(np.stack([-along_point, length - along_point]) / along_direction, axis=0)
    inside = (along_point >= 0) & (along_point <= length)
    level = np.abs(along_direction) < 1e-12
    caps = np.where(level, np.where(inside, [[-np.inf], [np.inf]], 0.0), caps)
    chord: Array = np.maximum(np.minimum(side[1], caps[1]) - np.maximum(side[0], caps[0]), 0.0)
    return chord


def _between(a: Array, b: Array, c: Array) -> Array:
    """(2, N) interval of t with a t^2 + 2 b t + c <= 0; empty as (0, 0), everything as (-inf, inf)."""
    root = np.sqrt(np.maximum(b**2 - a * c, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        interval = np.stack([-b - root, -b + root]) / a
    along = a < 1e-12
    return np.where(along, np.where(c <= 0, [[-np.inf], [np.inf]], 0.0), np.where(root > 0, interval, 0.0))
