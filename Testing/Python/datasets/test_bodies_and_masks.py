"""Vertebrae on patch grids, body centres and cut levels, on shapes whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from random_frames import random_rotation
from verse_trees import grid_matrix, toy_labels, true_centres, upright

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.datasets.bodies import body_centre, border_contacts, clipped_levels, cut_levels, volumes_ml
from ReVerteRLib.datasets.masks import clipped_fraction, mask_on_grid
from ReVerteRLib.errors import DatasetError
from ReVerteRLib.geometry import PatchGrid
from ReVerteRLib.imaging.volume import LabelVolume

L1 = level_from_name("L1")


def box_labels(size_ijk=(40, 30, 20), matrix=None) -> LabelVolume:
    """A block i 10..19, j 8..17, k 5..9 with label 20."""
    array = np.zeros(size_ijk[::-1], np.uint8)
    array[5:10, 8:18, 10:20] = 20
    return LabelVolume(array, np.eye(4) if matrix is None else matrix)


def test_a_block_lands_on_its_voxels_in_patch_order():
    labels = box_labels()
    grid = PatchGrid((14.5, 12.5, 7.5), size=32)  # voxel centres of patch and volume coincide: 14.5 - 15.5 = -1
    mask = mask_on_grid(labels, 20, grid)
    zyx = np.argwhere(mask)
    points = grid.points_lps_mm(zyx)
    np.testing.assert_allclose(points.min(axis=0), [10, 8, 5], atol=1e-9)
    np.testing.assert_allclose(points.max(axis=0), [19, 17, 9], atol=1e-9)
    assert mask.sum() == 10 * 10 * 5
    assert zyx[:, 0].max() - zyx[:, 0].min() == 4  # z is the short side and comes first
    assert not mask_on_grid(labels, 21, grid).any()
    assert not mask_on_grid(labels, 20, PatchGrid((500.0, 0.0, 0.0), size=32)).any()


def test_linear_interpolation_with_threshold_half_keeps_the_surface_where_voxels_end():
    matrix = np.diag([2.0, 2.0, 3.0, 1.0])
    labels = box_labels(matrix=matrix)
    grid = PatchGrid((29.0, 25.0, 21.0), size=96, spacing_mm=0.5)
    volume_mm3 = mask_on_grid(labels, 20, grid).sum() * 0.5**3
    assert volume_mm3 == pytest.approx(20 * 20 * 15, rel=0.03)


def test_bone_at_the_border_of_the_volume_reaches_to_the_outer_face_of_its_voxels():
    array = np.ones((6, 6, 6), np.uint8)
    labels = LabelVolume(array, np.diag([4.0, 4.0, 4.0, 1.0]))
    grid = PatchGrid((10.0, 10.0, 10.0), size=40)
    assert mask_on_grid(labels, 1, grid).sum() == pytest.approx(24**3, rel=0.06)


@pytest.mark.parametrize("seed", range(3))
def test_any_grid_gives_the_same_vertebra(seed):
    rng = np.random.default_rng(seed)
    direction = random_rotation(rng, 30.0)[:, rng.permutation(3)]
    spacing, names = rng.uniform(0.7, 1.3, 3), ("L1",)
    size = tuple(np.ceil(130.0 / spacing).astype(int).tolist())
    labels = toy_labels(names, grid_matrix(direction, spacing, size), size)
    centre = true_centres(names)[L1]
    grid = PatchGrid(tuple(float(v) for v in centre), size=120, posterior_offset_mm=15.0)
    reference = toy_labels(names, grid.zyx_to_lps_mm[:, [2, 1, 0, 3]], (120, 120, 120)).array_kji == L1.verse_label
    found = mask_on_grid(labels, L1.verse_label, grid)
    overlap = 2 * (found & reference).sum() / (found.sum() + reference.sum())
    assert overlap > 0.97
    assert np.linalg.norm(body_centre(labels, L1) - centre) < 1.5


def test_clipped_fraction_is_the_share_of_bone_outside_the_cube():
    labels = box_labels()
    assert clipped_fraction(labels, 20, PatchGrid((14.5, 12.5, 7.5), size=32)) == 0.0
    half = PatchGrid((14.5 + 16.0, 12.5, 7.5), size=32)  # the cube starts at x = 14.5 + 0.5
    assert clipped_fraction(labels, 20, half) == pytest.approx(0.5)
    assert clipped_fraction(labels, 20, PatchGrid((900.0, 0.0, 0.0))) == 1.0
    assert clipped_fraction(labels, 99, PatchGrid((0.0, 0.0, 0.0))) == 1.0


def test_the_body_centre_lies_in_the_body_and_far_in_front_of_the_bones_centre():
    labels = upright(("L1",), (80, 110, 60))
    truth = true_centres(("L1",))[L1]
    mass = labels.to_lps(np.argwhere(labels.array_kji == 20).mean(axis=0)[::-1])[0]
    assert mass[1] - truth[1] > 5.0
    assert np.linalg.norm(body_centre(labels, L1) - truth) < 1.0


def test_c1_has_the_centre_of_its_ring_and_absent_levels_are_an_error():
    k, j, i = np.meshgrid(np.arange(20), np.arange(50), np.arange(60), indexing="ij")
    radius = np.hypot(i - 30, j - 25)
    ring = ((radius > 15) & (radius < 21) & (k > 4) & (k < 15)).astype(np.uint8)
    labels = LabelVolume(ring, np.eye(4))
    np.testing.assert_allclose(body_centre(labels, level_from_name("C1")), [30, 25, 9.5], atol=0.3)
    with pytest.raises(DatasetError, match="L1 is not in the label map"):
        body_centre(labels, L1)


@pytest.mark.parametrize(
    ("face", "depth", "cut", "clipped"),
    [("S", 0, True, False), ("I", 0, True, False), ("L", 0, True, False), ("R", 2, False, False)],
)
def test_contact_with_a_face_decides(face, depth, cut, clipped):
    """A large block of 40 x 40 x 40 mm pushed against one face."""
    array = np.zeros((60, 60, 60), np.uint8)
    low = {"S": (20, 10, 10), "I": (0, 10, 10), "L": (10, 10, 20), "R": (10, 10, depth)}[face]
    array[tuple(slice(a, a + 40) for a in low)] = 20
    labels = LabelVolume(array, np.eye(4))
    assert (L1 in cut_levels(labels)) is cut
    assert (L1 in clipped_levels(labels)) is clipped


@pytest.mark.parametrize(
    ("face", "area", "expected"),
    [("A", 49, "clipped"), ("A", 50, "cut"), ("R", 149, "clipped"), ("R", 150, "cut"), ("R", 4, "whole")],
)
def test_the_limits_are_50_mm2_and_150_mm2_at_the_sides(face, area, expected):
    array = np.zeros((60, 60, 60), np.uint8)
    array[10:50, 10:50, 10:50] = 20
    patch = array[:, 0, :] if face == "A" else array[:, :, 0]
    patch[20 : 20 + 10, 20:40].flat[:area] = 20
    patch.reshape(60, 60)[20:30, 20:40] = (np.arange(200).reshape(10, 20) < area) * 20
    labels = LabelVolume(array, np.eye(4))
    assert border_contacts(labels)[0].area_mm2[face] == area
    state = "cut" if cut_levels(labels) else "clipped" if clipped_levels(labels) else "whole"
    assert state == expected


def test_a_sliver_at_the_border_is_cut_however_small_its_contact():
    array = np.zeros((60, 60, 60), np.uint8)
    array[57:, 20:26, 20:26] = 20
    array[0:40, 10:50, 10:50] = 21
    labels = LabelVolume(array, np.eye(4))
    assert [str(level) for level in cut_levels(labels)] == ["L1", "L2"]
    assert border_contacts(labels)[0].area_mm2["S"] == 36
    assert volumes_ml(labels)[L1] == pytest.approx(0.108)
