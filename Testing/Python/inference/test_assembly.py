from __future__ import annotations

import numpy as np
import pytest

from ReVerteRLib.anatomy import VERTEBRAE, level_from_name
from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.geometry import PatchGrid
from ReVerteRLib.inference.assembly import LevelPatch, PasteGrid, assemble, moved

SIZE = 32


def ball(level, centre_lps_mm, radius_mm=9.0, height=1.0, spacing=1.0):
    """A soft ball in its cube: `height` inside, falling linearly over 2 mm around the radius."""
    grid = PatchGrid(tuple(centre_lps_mm), SIZE, spacing)
    points = grid.points_lps_mm(np.stack(np.meshgrid(*[np.arange(SIZE)] * 3, indexing="ij"), axis=-1))
    distance = np.linalg.norm(points - np.array(centre_lps_mm), axis=-1)
    probability = height * np.clip(0.5 + (radius_mm - distance) / 2.0, 0.0, 1.0)
    return LevelPatch(level_from_name(level), probability.astype(np.float16), grid)


def centre_lps(labels, level):
    kji = np.argwhere(labels.array_kji == level_from_name(level).verse_label)
    return labels.to_lps(kji[:, ::-1].mean(axis=0))[0]


def test_sub_voxel_offsets_keep_the_centre_of_mass(rng):
    for _ in range(6):
        position = rng.uniform(-60, 60, 3)
        labels, fields = assemble([ball("L3", position)])
        np.testing.assert_allclose(centre_lps(labels, "L3"), position, atol=0.3)
        volume = (labels.array_kji > 0).sum()
        assert volume == pytest.approx(4 / 3 * np.pi * 9**3, rel=0.03)
        field = fields[0]
        zyx = np.argwhere(field.values >= 0.5).mean(axis=0)
        np.testing.assert_allclose((field.zyx_to_lps_mm @ [*zyx, 1.0])[:3], position, atol=0.3)


@pytest.mark.parametrize("start", [0.0, 0.3, -0.7, -2.0, 3.0, 2.25, 40.5, -60.0])
def test_moving_along_an_axis_is_what_scipy_interpolates(start, rng):
    from scipy.ndimage import affine_transform

    values = rng.random((7, 9, 8)).astype(np.float32)
    for axis in range(3):
        offset, shape = np.zeros(3), list(values.shape)
        offset[axis], shape[axis] = start, 12
        expected = affine_transform(values, np.ones(3), offset, tuple(shape), order=1, mode="constant")
        np.testing.assert_allclose(moved(values, axis, start, 12), expected, atol=1e-6)


def test_the_larger_probability_wins_where_two_levels_overlap():
    upper, lower = ball("T12", (0, 0, 7.0), height=0.95), ball("L1", (0, 0, -7.0), height=0.7)
    labels, _ = assemble([upper, lower])
    overlap = labels.to_ijk([[0.0, 0.0, 0.0], [0.0, 0.0, 12.0], [0.0, 0.0, -12.0]]).round().astype(int)
    found = [int(labels.array_kji[k, j, i]) for i, j, k in overlap]
    assert found == [19, 19, 20]
    again, _ = assemble([lower, upper])
    assert np.array_equal(labels.array_kji, again.array_kji)


def test_fields_of_neighbours_never_claim_the_same_voxel():
    _, fields = assemble([ball("T12", (0, 0, 6.0)), ball("L1", (0.4, 0, -6.0))])
    owned = [
        {tuple(np.round((f.zyx_to_lps_mm @ [*zyx, 1.0])[:3]).astype(int)) for zyx in np.argwhere(f.values >= 0.5)}
        for f in fields
    ]
    assert min(len(o) for o in owned) > 1000
    assert not owned[0] & owned[1]


def test_t13_and_l6_get_their_verse_labels():
    labels, _ = assemble([ball("T13", (0, 0, 30)), ball("L6", (0, 0, -30))])
    assert set(np.unique(labels.array_kji)) == {0, 25, 28}


def test_all_26_levels_fit_in_one_uint8_volume():
    patches = [ball(level.name, (0, 0, -25.0 * level.order), 8.0) for level in VERTEBRAE]
    labels, fields = assemble(patches)
    assert labels.array_kji.dtype == np.uint8
    assert set(np.unique(labels.array_kji)) == {0, *(level.verse_label for level in VERTEBRAE)}
    assert len(fields) == 26


def test_the_lattice_does_not_depend_on_the_chosen_levels():
    first, second = ball("T12", (0.3, 0.4, 20.2)), ball("L1", (3.1, -2.7, -20.9))
    both, _ = assemble([first, second])
    alone, _ = assemble([second])
    shift = alone.to_lps([[0, 0, 0]]) - both.to_lps([[0, 0, 0]])
    np.testing.assert_allclose(shift, np.round(shift), atol=1e-9)
    assert (both.array_kji == 20).sum() == (alone.array_kji == 20).sum()


def test_the_volume_is_right_handed_and_feet_to_head():
    labels, _ = assemble([ball("L1", (0, 0, 0))])
    np.testing.assert_allclose(labels.ijk_to_lps_mm[:3, :3], np.eye(3))


def test_a_cube_at_the_border_of_the_box_keeps_all_its_voxels():
    patch = ball("L1", (0.5, 0.5, 0.5), radius_mm=40.0)
    labels, fields = assemble([patch])
    assert (labels.array_kji > 0).sum() >= (SIZE - 1) ** 3
    assert fields[0].values[0].max() == 0.0


def test_a_level_that_loses_every_voxel_has_no_field():
    labels, fields = assemble([ball("T12", (0, 0, 0), 10.0), ball("L1", (0, 0, 0), 5.0, height=0.6)])
    assert [f.level.name for f in fields] == ["T12"]
    assert 20 not in labels.array_kji


def test_another_threshold_moves_the_field_with_it():
    labels, fields = assemble([ball("L1", (0, 0, 0))], threshold=0.8)
    assert (fields[0].values >= 0.5).sum() == (labels.array_kji == 20).sum()
    assert (labels.array_kji == 20).sum() < (assemble([ball("L1", (0, 0, 0))])[0].array_kji == 20).sum()


def test_mixed_voxel_sizes_and_nothing_are_refused():
    with pytest.raises(ArgumentError, match="one voxel size"):
        PasteGrid.around([PatchGrid((0, 0, 0)), PatchGrid((0, 0, 0), spacing_mm=2.0)])
    with pytest.raises(ArgumentError, match="nothing to assemble"):
        assemble([])


def test_two_millimetre_cubes_make_a_two_millimetre_spine():
    labels, _ = assemble([ball("L1", (1.0, 2.0, 3.0), 15.0, spacing=2.0)])
    np.testing.assert_allclose(labels.spacing_mm, 2.0)
    np.testing.assert_allclose(centre_lps(labels, "L1"), [1.0, 2.0, 3.0], atol=0.3)
