"""Each disturbance does what its name says, measured on the geometry itself."""

from __future__ import annotations

import numpy as np
import pytest
from disturbance_phantom import CENTRES_LPS_MM, L1, L2, T12, phantom, subject

from ReVerteRLib.anatomy import VERTEBRAE, level_from_name
from ReVerteRLib.datasets.synthesis import synthesise_ct
from ReVerteRLib.drr import projections_for, simulate_pair, simulate_views
from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.evaluation import disturbances
from ReVerteRLib.evaluation.disturbances import (
    DISTURBANCES,
    SubjectInputs,
    cropped_to,
    displaced,
    select_disturbances,
    shifted_names,
    turned,
    with_spacing_factor,
)
from ReVerteRLib.evaluation.runner import ViewSettings
from ReVerteRLib.geometry import Beam
from ReVerteRLib.imaging.volume import CtVolume

BY_KEY = {d.key: d for d in DISTURBANCES}
MEAN = np.mean(list(CENTRES_LPS_MM.values()), axis=0)


@pytest.fixture
def inputs() -> SubjectInputs:
    return SubjectInputs(subject(), ViewSettings(device="cpu", seed=3))


def positions(centroids) -> np.ndarray:
    return np.array([c.position_lps_mm for c in centroids])


TRUE = positions(subject().centroids)


def about_z(degrees: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    return np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])


def test_the_table_holds_what_the_issue_asks_for_under_keys_that_differ():
    assert len(BY_KEY) == len(DISTURBANCES)
    assert [BY_KEY[f"centroid-{n}mm"].centroid_mm for n in (2, 4, 8)] == [2, 4, 8]
    assert {BY_KEY[k].photons for k in BY_KEY if k.startswith("noise")} == {1e3, 1e4, 1e5}
    assert BY_KEY["magnification-5pct"].spacing_factor == 1.05
    assert {d.beam for d in DISTURBANCES} == set(Beam)


def test_rows_are_chosen_by_key_always_with_the_undisturbed_one():
    assert [d.key for d in select_disturbances(["cone", "centroid-4mm"])] == ["undisturbed", "centroid-4mm", "cone"]
    assert select_disturbances(None) == DISTURBANCES
    with pytest.raises(ArgumentError, match=r"no disturbance 'fog'.*lateral-10deg"):
        select_disturbances(["fog"])


@pytest.mark.parametrize("length", [2.0, 4.0, 8.0])
def test_centroids_move_by_exactly_the_length_in_directions_of_their_own(inputs, length):
    made = inputs.make(BY_KEY[f"centroid-{length:g}mm"])
    steps = positions(made.centroids) - TRUE
    np.testing.assert_allclose(np.linalg.norm(steps, axis=1), length, atol=1e-12)
    unit = steps / length
    assert np.abs(unit @ unit.T - np.eye(3)).max() < 0.999  # no two point the same way
    other = positions(displaced(subject().centroids, 1.0, 3, "sub-toy")) - TRUE
    np.testing.assert_allclose(unit, other, atol=1e-12)  # one direction for all lengths
    assert made.pair.ap.image_hw is inputs.make(BY_KEY["undisturbed"]).pair.ap.image_hw


def test_directions_depend_on_seed_and_subject_and_have_no_preference():
    centroids = subject().centroids
    first = positions(displaced(centroids, 4.0, 3, "sub-toy"))
    np.testing.assert_array_equal(first, positions(displaced(centroids, 4.0, 3, "sub-toy")))
    assert np.abs(first - positions(displaced(centroids, 4.0, 4, "sub-toy"))).max() > 0.1
    assert np.abs(first - positions(displaced(centroids, 4.0, 3, "sub-other"))).max() > 0.1
    steps = np.concatenate([positions(displaced(centroids, 1.0, seed, "s")) - TRUE for seed in range(400)])
    assert np.abs(steps.mean(axis=0)).max() < 0.06
    np.testing.assert_allclose((steps**2).mean(axis=0), 1 / 3, atol=0.03)


@pytest.mark.parametrize("degrees", [5.0, 10.0])
@pytest.mark.parametrize("view", ["ap", "lateral"])
def test_a_view_that_is_off_is_taken_at_85_or_80_degrees_and_told_as_90(inputs, view, degrees, monkeypatch):
    taken = []

    def spy(ct, projections, **options):
        taken.extend(projections)
        return simulate_views(ct, projections, **options)

    monkeypatch.setattr("ReVerteRLib.drr.simulate_views", spy)
    pair = inputs.make(BY_KEY[f"{view}-{degrees:g}deg"]).pair
    true, told = (
        np.degrees(np.arccos(np.dot(*(p.beam_direction for p in views))))
        for views in (taken, [r.projection for r in pair])
    )
    assert true == pytest.approx(90.0 - degrees)
    assert told == pytest.approx(90.0)
    turned_one = taken[view == "lateral"]
    standard = projections_for(inputs.case.ct)[view == "lateral"]
    assert turned_one.project([MEAN])[0] == pytest.approx(standard.project([MEAN])[0])  # the axis stays in place


@pytest.mark.parametrize("view", ["ap", "lateral"])
def test_the_view_off_by_10_degrees_equals_the_projection_of_a_patient_turned_the_other_way(inputs, view):
    number = int(view == "lateral")
    disturbance = BY_KEY[f"{view}-10deg"]
    picture = list(inputs.make(disturbance).pair)[number]
    degrees = (disturbance.ap_turn_deg, disturbance.lateral_turn_deg)[number]
    ct = inputs.case.ct
    back = np.eye(4)
    back[:3, :3] = about_z(-degrees)
    back[:3, 3] = MEAN - back[:3, :3] @ MEAN
    patient = CtVolume(ct.array_kji, back @ ct.ijk_to_lps_mm)
    expected = simulate_views(patient, [projections_for(ct)[number]], device="cpu")[0]
    assert picture.projection == expected.projection
    np.testing.assert_allclose(picture.image_hw, expected.image_hw, atol=1e-4)
    straight = list(inputs.make(BY_KEY["undisturbed"]).pair)
    assert np.abs(picture.image_hw - straight[number].image_hw).max() > 0.1
    np.testing.assert_allclose(list(inputs.make(disturbance).pair)[1 - number].image_hw, straight[1 - number].image_hw)


def test_centroids_of_a_view_that_is_off_are_those_that_one_marks_in_it(inputs):
    found = positions(inputs.make(BY_KEY["lateral-10deg"]).centroids)
    expected = TRUE.copy()
    expected[:, 1] = MEAN[1] + (TRUE - MEAN) @ (about_z(10.0) @ [0, 1, 0])  # depth as the turned view shows it
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert 0.1 < np.abs(found - TRUE).max() < 2.0


def test_a_wrong_magnification_enlarges_everything_by_5_percent_about_the_middle(inputs):
    made, straight = inputs.make(BY_KEY["magnification-5pct"]), inputs.make(BY_KEY["undisturbed"])
    for told, true in zip(made.pair, straight.pair, strict=True):
        assert told.projection.spacing_mm == pytest.approx((1.05, 1.05))
        np.testing.assert_array_equal(told.image_hw, true.image_hw)
    found = positions(made.centroids)
    np.testing.assert_allclose(found[0] - found[2], 1.05 * (TRUE[0] - TRUE[2]), atol=1e-9)
    middle = inputs.case.ct.corners_lps_mm.mean(axis=0)
    np.testing.assert_allclose(found, middle + 1.05 * (TRUE - middle), atol=1e-9)
    pixels = [told.projection.project(found) - true.projection.project(TRUE) for told, true in _pairs(made, straight)]
    np.testing.assert_allclose(pixels, 0.0, atol=1e-9)  # they lie on the same spots of the pictures


def _pairs(first, second):
    return zip(first.pair, second.pair, strict=True)


@pytest.mark.parametrize("photons", [1_000, 100_000])
def test_noise_has_the_spread_of_its_dose(inputs, photons):
    noisy = inputs.make(BY_KEY[f"noise-{photons}"]).pair
    clean = inputs.make(BY_KEY["undisturbed"]).pair
    for found, true in zip(noisy, clean, strict=True):
        seen = true.image_hw < np.log(photons / 100)  # at least 100 quanta: nearly normal
        ratio = (found.image_hw - true.image_hw)[seen] * np.sqrt(photons * np.exp(-true.image_hw[seen]))
        assert ratio.std() == pytest.approx(1.0, abs=0.05)
        assert abs(ratio.mean()) < 0.06
        assert found.projection == true.projection


def test_a_cut_field_of_view_ends_5_mm_beyond_the_outer_centroids_and_cuts_their_bone(inputs):
    made, whole = inputs.make(BY_KEY["cut-view"]), inputs.make(BY_KEY["undisturbed"])
    for cut, full in zip(made.pair, whole.pair, strict=True):
        rows = cut.projection.project(TRUE)[:, 0]
        assert rows[0] == pytest.approx(5.0, abs=0.5)
        assert cut.image_hw.shape[0] - 1 - rows[2] == pytest.approx(5.0, abs=0.5)
        top = CENTRES_LPS_MM[T12] + np.array([0, 0, 10.0])
        assert not cut.projection.contains(cut.projection.project([top]))[0]
        assert full.projection.contains(full.projection.project([top]))[0]
        first = round(float((full.projection.project(TRUE) - cut.projection.project(TRUE))[0, 0]))
        np.testing.assert_array_equal(cut.image_hw, full.image_hw[first : first + len(cut.image_hw)])
    assert list(made.names) == [T12, L1, L2]
    assert list(inputs.make(BY_KEY["cut-view-edges"]).names) == [T12, L2]


@pytest.mark.parametrize("beam", list(Beam))
def test_cropping_and_turning_keep_the_rays(beam):
    ct = phantom()[0]
    radiograph = list(simulate_pair(ct, beam=beam, device="cpu"))[1]
    cut = cropped_to(radiograph, TRUE, 5.0)
    shift = radiograph.projection.project(TRUE) - cut.projection.project(TRUE)
    np.testing.assert_allclose(shift[:, 0], round(shift[0, 0]), atol=1e-9)
    np.testing.assert_allclose(shift[:, 1], 0.0, atol=1e-9)
    projection = turned(radiograph.projection, 10.0, MEAN)
    moved = (TRUE - MEAN) @ about_z(10.0).T + MEAN
    np.testing.assert_allclose(projection.project(moved), radiograph.projection.project(TRUE), atol=1e-9)
    larger = with_spacing_factor(radiograph.projection, 1.05)
    middle = (np.array(larger.image_hw) - 1) / 2
    np.testing.assert_allclose(larger.plane_point(middle), radiograph.projection.plane_point(middle), atol=1e-9)


@pytest.mark.parametrize("beam", [Beam.CONE, Beam.SLOT])
def test_other_beams_are_simulated_and_told(inputs, beam):
    made = inputs.make(BY_KEY[beam.value])
    expected = simulate_pair(inputs.case.ct, beam=beam, device="cpu")
    for found, true in zip(made.pair, expected, strict=True):
        assert found.projection == true.projection
        np.testing.assert_array_equal(found.image_hw, true.image_hw)
    np.testing.assert_array_equal(positions(made.centroids), TRUE)


def test_the_synthetic_ct_is_made_of_the_same_spine_and_named_as_such(inputs):
    made = inputs.make(BY_KEY["synthetic-ct"])
    ct = synthesise_ct(inputs.case.labels, inputs.case.centroids, 3)
    expected = simulate_pair(ct, device="cpu")
    np.testing.assert_allclose(made.pair.lateral.image_hw, expected.lateral.image_hw, atol=1e-5)
    assert made.ct == "synthetic"
    assert inputs.make(BY_KEY["undisturbed"]).ct == "real"
    without = SubjectInputs(subject(with_ct=False), ViewSettings(device="cpu", seed=3))
    assert without.make(BY_KEY["undisturbed"]).ct == "synthetic"


def test_all_rows_need_few_projections_of_one_ct(inputs, monkeypatch):
    made = []

    def spy(ct, projections, **options):
        made.append(ct)
        return simulate_views(ct, projections, **options)

    monkeypatch.setattr("ReVerteRLib.drr.simulate_views", spy)
    for disturbance in DISTURBANCES:
        inputs.make(disturbance)
    assert len(made) == 8  # straight, four turned, cone, slot, synthetic
    assert sum(ct is inputs.case.ct for ct in made) == 7


def test_names_that_are_one_off_follow_the_spine():
    names = {a.name: b.name for a, b in shifted_names([T12, L1, L2], 1).items()}
    assert names == {"T12": "L1", "L1": "L2", "L2": "L3"}
    assert {a.name: b.name for a, b in shifted_names([T12, L1, L2], -1).items()} == {
        "T12": "T11", "L1": "T12", "L2": "L1"
    }  # fmt: skip
    rare = [level_from_name(n) for n in ("T12", "T13", "L1", "L5", "S1")]
    assert {a.name: b.name for a, b in shifted_names(rare, 1).items()} == {
        "T12": "T13", "T13": "L1", "L1": "L2", "L5": "L6"
    }  # fmt: skip
    ends = [VERTEBRAE[0], VERTEBRAE[1], VERTEBRAE[-1]]
    assert {a.name: b.name for a, b in shifted_names(ends, -1).items()} == {"C2": "C1", "L6": "L5"}
    assert {a.name: b.name for a, b in shifted_names(ends, 1).items()} == {"C1": "C2", "C2": "C3"}


def test_every_name_in_the_table_is_explained():
    for disturbance in disturbances.DISTURBANCES:
        assert len(disturbance.detail) > 10
        assert not disturbance.detail.endswith(".")
