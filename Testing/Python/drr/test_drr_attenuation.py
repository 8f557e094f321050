"""Hounsfield units to attenuation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ReVerteRLib.drr import MONO_70_KEV, POLY_90_KVP, AttenuationModel, EnergyBin
from ReVerteRLib.drr.attenuation import linear_attenuation_per_mm
from ReVerteRLib.errors import ArgumentError


@pytest.mark.parametrize(
    ("material", "energy_kev", "per_mm"),
    [
        ("water", 60.0, 0.02059),
        ("water", 70.0, 0.01929),
        ("bone", 80.0, 0.2229 * 1.92 / 10),
        ("bone", 50.0, 0.4242 * 1.92 / 10),
        ("air", 100.0, 0.1541 * 1.205e-3 / 10),
    ],
)
def test_attenuation_is_that_of_the_nist_tables(material, energy_kev, per_mm):
    assert linear_attenuation_per_mm(material, energy_kev) == pytest.approx(per_mm, rel=5e-3)


def test_attenuation_falls_with_energy_between_the_table_entries():
    for material in ("water", "bone", "air"):
        curve = [linear_attenuation_per_mm(material, e) for e in np.arange(40.0, 121.0)]
        assert np.all(np.diff(curve) < 0)


@pytest.mark.parametrize("energy_kev", [40.0, 60.0, 70.0, 100.0])
def test_air_is_zero_water_and_cortical_bone_are_their_own_attenuation(energy_kev):
    model = AttenuationModel(bins=(EnergyBin(energy_kev, 1.0),))
    air, water, bone = (linear_attenuation_per_mm(m, energy_kev) for m in ("air", "water", "bone"))
    values = model.per_mm([-3024.0, -1000.0, 0.0, model.bone_hu])[0]
    np.testing.assert_allclose(values, [0.0, 0.0, water - air, bone - water + water - air], rtol=1e-9)


def test_bone_takes_more_than_its_hu_below_the_energy_of_the_ct_and_less_above():
    at = {e: AttenuationModel(bins=(EnergyBin(e, 1.0),)).per_mm([0.0, 1000.0])[0] for e in (50.0, 70.0, 110.0)}
    ratio = {e: v[1] / v[0] for e, v in at.items()}
    assert ratio[70.0] == pytest.approx(2.0, rel=1e-6)
    assert ratio[50.0] > 2.1
    assert ratio[110.0] < 1.9


@pytest.mark.parametrize("dtype", [torch.int16, torch.float32, torch.float64])
@pytest.mark.parametrize("bins", [MONO_70_KEV, (EnergyBin(50.0, 1.0),), POLY_90_KVP])
def test_the_projectors_parts_add_up_to_the_attenuation(dtype, bins):
    model = AttenuationModel(bins=bins)
    hu = torch.tensor([-2000, -1000, -400, 0, 350, 1800], dtype=dtype)
    kept = hu.clone()
    length_mm = 25.0
    tau = model.line_integral([part(hu) * length_mm for part in model.parts()])
    weights = np.array([b.weight for b in bins])[:, None]
    expected = -np.log((weights * np.exp(-model.per_mm(hu.numpy()) * length_mm)).sum(axis=0))
    np.testing.assert_allclose(tau.numpy(), expected, rtol=1e-5, atol=1e-6)
    assert torch.equal(hu, kept)


def test_several_energies_harden_the_beam():
    model = AttenuationModel(bins=POLY_90_KVP)

    def per_mm(length_mm: float) -> float:
        parts = [part(torch.zeros(1)) * length_mm for part in model.parts()]
        return float(model.line_integral(parts)) / length_mm

    weights = np.array([b.weight for b in POLY_90_KVP])
    assert per_mm(0.1) == pytest.approx(float(weights @ model.per_mm(0.0)), rel=1e-3)
    assert per_mm(300.0) < 0.97 * per_mm(0.1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: linear_attenuation_per_mm("water", 20.0),
        lambda: linear_attenuation_per_mm("cheese", 70.0),
        lambda: AttenuationModel(bins=()),
        lambda: AttenuationModel(bins=(EnergyBin(60.0, 0.5), EnergyBin(70.0, 0.4))),
        lambda: AttenuationModel(ct_energy_kev=400.0),
    ],
)
def test_impossible_energies_and_weights_are_refused(make):
    with pytest.raises(ArgumentError):
        make()
