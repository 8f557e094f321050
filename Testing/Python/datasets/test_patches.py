"""Patches: the right pixels, the right marks, the right messages."""

from __future__ import annotations

import numpy as np
import pytest

from ReVerteRLib.datasets.patches import PatchSettings, extract_patches, raw_patch
from ReVerteRLib.errors import ArgumentError, CentroidError
from ReVerteRLib.geometry import Beam, PatchGrid, Projection, View
from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair

BOX = np.array([[-100.0, -80.0, 0.0], [100.0, 80.0, 300.0]])


def coordinate_pair(beam: Beam = Beam.PARALLEL) -> RadiographPair:
    """Radiographs whose pixel value tells its column position in mm at the reference plane."""
    radiographs = []
    for view in View:
        projection = Projection.covering(view, BOX, beam=beam, spacing_mm=0.8)
        h, w = projection.image_hw
        points = projection.plane_point(np.stack(np.meshgrid(range(h), range(w), indexing="ij"), -1).reshape(-1, 2))
        value = points[:, 0 if view is View.AP else 1].reshape(h, w)
        radiographs.append(Radiograph(value.astype(np.float32), projection))
    return RadiographPair(*radiographs)


def test_patch_pixels_show_the_anatomy_at_their_own_position():
    pair, centroid = coordinate_pair(), (12.3, -7.7, 151.2)
    grid = PatchGrid(centroid)
    ap, inside = raw_patch(pair.ap, grid)
    assert inside.all()
    assert np.allclose(ap[40], centroid[0] + np.arange(120) - 59.5, atol=1e-2)
    lateral, _ = raw_patch(pair.lateral, grid)
    assert np.allclose(lateral[90][20:100], centroid[1] + np.arange(20, 100) - 59.5, atol=1e-2)


def test_cone_beam_patches_are_rescaled_to_the_vertebra():
    pair = coordinate_pair(Beam.CONE)
    centroid = (0.0, 40.0, 150.0)  # behind the reference plane of the AP view, so it is shown smaller
    ap, _ = raw_patch(pair.ap, PatchGrid(centroid))
    expected = (np.arange(120) - 59.5) * 1500.0 / (1500.0 + 40.0)
    assert np.allclose(ap[60], expected, atol=2e-2)


def test_posterior_offset_moves_the_lateral_patch_and_the_mark_but_not_the_ap_patch():
    pair, centroid = coordinate_pair(), (0.0, 0.0, 150.0)
    plain = extract_patches(pair, centroid, PatchSettings())
    moved = extract_patches(pair, centroid, PatchSettings(posterior_offset_mm=12.0))
    assert np.array_equal(plain.ap, moved.ap)
    assert moved.centroid_zyx[1] == pytest.approx(59.5 - 12.0)
    assert np.array_equal(plain.lateral[1][:, 12:], moved.lateral[1][:, :-12])


def test_disc_has_the_papers_radius_and_gaussian_peaks_at_the_centroid():
    pair = coordinate_pair()
    disc = extract_patches(pair, (0.0, 0.0, 150.0), PatchSettings(centroid_radius_px=3.0)).ap[1]
    assert set(np.unique(disc)) == {0.0, 1.0}
    assert disc.sum() == pytest.approx(np.pi * 9, rel=0.2)
    soft = extract_patches(pair, (0.0, 0.0, 150.0), PatchSettings(centroid_shape="gaussian")).ap[1]
    assert np.unravel_index(soft.argmax(), soft.shape) in {(59, 59), (59, 60), (60, 59), (60, 60)}


def test_neighbours_are_marked_negative_only_when_asked():
    pair, others = coordinate_pair(), [(0.0, 5.0, 180.0), (0.0, -5.0, 120.0)]
    without = extract_patches(pair, (0.0, 0.0, 150.0), PatchSettings(), others)
    assert without.lateral[1].min() == 0.0
    marked = extract_patches(pair, (0.0, 0.0, 150.0), PatchSettings(neighbours=True), others)
    rows, columns = np.nonzero(marked.lateral[1] < 0)
    upper, lower = rows < 60, rows > 60
    assert rows[upper].mean() == pytest.approx(59.5 - 30, abs=0.6)
    assert columns[upper].mean() == pytest.approx(59.5 + 5, abs=0.6)
    assert columns[lower].mean() == pytest.approx(59.5 - 5, abs=0.6)


def test_outside_pixels_are_zero_and_do_not_shift_the_normalisation():
    pair = coordinate_pair()
    near_border = extract_patches(pair, (70.0, 0.0, 150.0), PatchSettings(normalisation="patch_zscore"))
    seen = near_border.ap[0][60] != 0
    assert not seen[-20:].any()
    assert near_border.ap[0][near_border.ap[0] != 0].mean() == pytest.approx(0.0, abs=1e-3)


def test_a_centroid_outside_names_the_view_and_the_remedy():
    with pytest.raises(CentroidError, match=r"outside the ap radiograph.*same patient"):
        extract_patches(coordinate_pair(), (900.0, 0.0, 150.0), PatchSettings())


@pytest.mark.parametrize("wrong", [{"normalisation": "z"}, {"centroid_shape": "cube"}, {"size": 4}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ArgumentError):
        PatchSettings(**wrong)


def test_mirrored_patches_see_the_mirrored_voxel_at_the_mirrored_place():
    """A point and its mirror image about the cube's middle are seen at mirrored AP columns, also by a cone beam."""
    pair, centroid = coordinate_pair(Beam.CONE), (20.0, 15.0, 150.0)
    patches = extract_patches(pair, centroid, PatchSettings())
    mirrored = patches.mirrored()
    assert np.array_equal(mirrored.mirrored().ap, patches.ap)
    assert np.allclose(mirrored.mirrored().perspective, patches.perspective)
    for voxel in (np.array([30.0, 80.0, 20.0]), np.array([90.0, 40.0, 100.0])):
        image = voxel * [1, 1, -1] + [0, 0, 119.0]
        seen = seen_at(patches.perspective, voxel, patches.centroid_zyx)
        seen_mirrored = seen_at(mirrored.perspective, image, mirrored.centroid_zyx)
        truth = [patches.grid.patch_coordinates(r.projection, patches.grid.points_lps_mm(voxel[None]))[0] for r in pair]
        assert np.allclose(seen, truth, atol=1e-6)
        assert np.allclose(seen_mirrored[0], [seen[0][0], 119.0 - seen[0][1]])
        assert np.allclose(seen_mirrored[1], seen[1])


def seen_at(perspective, voxel, centroid):
    """Patch coordinates of a voxel in both views by the formula of PatchGrid.perspective."""
    ap, lateral = perspective
    behind = np.array([voxel[1] - centroid[1], voxel[2] - centroid[2]])  # along each view's beam
    places = ((ap, voxel[[0, 2]], behind[0]), (lateral, voxel[[0, 1]], behind[1]))
    return [p[:2] + (place - p[:2]) / (1.0 + depth * p[2:]) for p, place, depth in places]
