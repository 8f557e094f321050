"""Hounsfield units to linear attenuation.

Mass attenuation coefficients: NIST, J. H. Hubbell and S. M. Seltzer, "Tables of X-Ray Mass Attenuation
Coefficients" (NISTIR 5632, XCOM data), for water, dry air and ICRU-44 cortical bone.
The bilinear conversion follows the definition of the Hounsfield scale: below water a voxel is a mixture of air and
water, above it a mixture of water and cortical bone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ReVerteRLib.drr.ramp import Ramp
from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.geometry import Array

if TYPE_CHECKING:
    import torch

_ENERGY_KEV = np.array([30.0, 40.0, 50.0, 60.0, 80.0, 100.0, 150.0])
# cm^2/g at those energies, and the density in g/cm^3.
_MASS_ATTENUATION = {
    "water": np.array([0.3756, 0.2683, 0.2269, 0.2059, 0.1837, 0.1707, 0.1505]),
    "bone": np.array([1.331, 0.6655, 0.4242, 0.3148, 0.2229, 0.1855, 0.1480]),
    "air": np.array([0.3538, 0.2485, 0.2080, 0.1875, 0.1662, 0.1541, 0.1356]),
}
_DENSITY = {"water": 1.000, "bone": 1.920, "air": 0.001205}

ENERGY_RANGE_KEV = (40.0, 120.0)
AIR_HU = -1000.0


def linear_attenuation_per_mm(material: str, energy_kev: float) -> float:
    """Linear attenuation in 1/mm of 'water', 'bone' (ICRU-44 cortical) or 'air' at 40 to 120 keV.

    Cubic interpolation of the four nearest table entries on logarithmic scales, as usual for these smooth curves.
    Raises ArgumentError for other materials and energies.
    """
    low, high = ENERGY_RANGE_KEV
    if not low <= energy_kev <= high:
        raise ArgumentError(
            f"photon energy {energy_kev:g} keV is not covered", remedy=f"Use {low:g} to {high:g} keV, for example 70"
        )
    if material not in _DENSITY:
        raise ArgumentError(f"no attenuation table for '{material}'", remedy=f"Use one of {', '.join(_DENSITY)}")
    position = int(np.searchsorted(_ENERGY_KEV, energy_kev, side="right"))
    first = int(np.clip(position - 2, 0, _ENERGY_KEV.size - 4))
    nearest = slice(first, first + 4)
    x, y = np.log(_ENERGY_KEV[nearest]), np.log(_MASS_ATTENUATION[material][nearest])
    curve = np.polynomial.Polynomial.fit(x, y, 3)
    return float(np.exp(curve(np.log(energy_kev)))) * _DENSITY[material] / 10.0


@dataclass(frozen=True)
class EnergyBin:
    """A share of the detected photons that is treated as mono-energetic. Weights of a spectrum add up to 1."""

    energy_kev: float
    weight: float


MONO_70_KEV: tuple[EnergyBin, ...] = (EnergyBin(70.0, 1.0),)
"""Default: one energy, the mean of a filtered 120 kVp beam."""

POLY_90_KVP: tuple[EnergyBin, ...] = (EnergyBin(42.0, 0.35), EnergyBin(55.0, 0.45), EnergyBin(72.0, 0.20))
"""Three bins that stand for a filtered 90 kVp radiographic beam (mean 54 keV): enough to show beam hardening,
chosen by hand, not a measured spectrum."""


@dataclass(frozen=True)
class AttenuationModel:
    """From Hounsfield units to attenuation relative to air, as an air-calibrated detector sees it.

    bins:          photon energies and their weights; one bin is a mono-energetic beam.
    ct_energy_kev: effective energy of the CT that gave the Hounsfield units (70 keV for 120 kVp); it decides which
                   HU is pure cortical bone.

    With low = min(max(HU, -1000), 0) + 1000 and high = max(HU, 0) the attenuation is
    `low * low_slope(E) + high * high_slope(E)`: two line integrals serve all energies. HU below -1000 counts as air.
    """

    bins: tuple[EnergyBin, ...] = MONO_70_KEV
    ct_energy_kev: float = 70.0

    def __post_init__(self) -> None:
        weights = [b.weight for b in self.bins]
        if not weights or min(weights) <= 0 or abs(sum(weights) - 1.0) > 1e-6:
            raise ArgumentError("the weights of the energy bins must be positive and add up to 1")
        for energy in (self.ct_energy_kev, *(b.energy_kev for b in self.bins)):
            linear_attenuation_per_mm("water", energy)

    @property
    def bone_hu(self) -> float:
        """HU of pure cortical bone in this CT."""
        water, bone, air = (linear_attenuation_per_mm(m, self.ct_energy_kev) for m in ("water", "bone", "air"))
        return 1000.0 * (bone - water) / (water - air)

    def slopes_per_mm(self) -> Array:
        """(bins, 2): attenuation in 1/mm per HU of the air-water part and of the water-bone part."""
        rows = []
        for energy in (b.energy_kev for b in self.bins):
            water, bone, air = (linear_attenuation_per_mm(m, energy) for m in ("water", "bone", "air"))
            rows.append([(water - air) / 1000.0, (bone - water) / self.bone_hu])
        return np.array(rows, dtype=np.float64)

    def per_mm(self, hu: ArrayLike) -> Array:
        """Attenuation in 1/mm of HU values, one row per bin: shape (bins, ...)."""
        values = np.asarray(hu, dtype=np.float64)
        parts = np.stack([np.clip(values, AIR_HU, 0.0) - AIR_HU, np.maximum(values, 0.0)])
        return np.tensordot(self.slopes_per_mm(), parts, axes=1)

    # --- for the projector ---------------------------------------------------------------------

    @property
    def _has_one_slope(self) -> bool:
        """True at the CT's own energy, where attenuation is proportional to HU + 1000."""
        slopes = self.slopes_per_mm()
        return len(slopes) == 1 and abs(slopes[0, 1] - slopes[0, 0]) < 1e-9 * slopes[0, 0]

    def parts(self) -> tuple[Ramp, ...]:
        """Transforms of a slab of HU (any number type) whose line integrals `line_integral` combines."""
        return (above_air,) if self._has_one_slope else (air_to_water_part, water_to_bone_part)

    def line_integral(self, integrals: list[torch.Tensor]) -> torch.Tensor:
        """-log of the transmitted share of photons, from the line integrals of `parts` (Beer-Lambert per bin)."""
        import torch

        slopes = self.slopes_per_mm().tolist()
        if self._has_one_slope:
            return integrals[0] * slopes[0][0]
        low, high = integrals
        by_bin = [low * low_slope + high * high_slope for low_slope, high_slope in slopes]
        if len(by_bin) == 1:
            return by_bin[0]
        transmitted = [float(np.log(b.weight)) - tau for b, tau in zip(self.bins, by_bin, strict=True)]
        return -torch.logsumexp(torch.stack(transmitted), dim=0)


above_air = Ramp(low=AIR_HU)
"""HU above air."""

air_to_water_part = Ramp(low=AIR_HU, high=0.0)
"""HU above air, at most that of water: 0 to 1000."""

water_to_bone_part = Ramp(low=0.0)
"""HU above water."""
