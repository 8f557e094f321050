"""Axial rotation of vertebrae that were turned by known angles."""

from __future__ import annotations

import numpy as np
import pytest
from measured_shapes import GRID, axes, mask_of
from scipy import ndimage

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.datasets.masks import mask_on_grid
from ReVerteRLib.datasets.verse import find_subjects, load_subject, select_subjects
from ReVerteRLib.geometry import PatchGrid
from ReVerteRLib.measure.body import fit_body
from ReVerteRLib.measure.rotation import axial_rotation


def rotation_of(mask, grid=GRID):
    return axial_rotation(fit_body(mask, grid))


@pytest.mark.parametrize("name", ["C4", "T3", "T8", "L1", "L5"])
@pytest.mark.parametrize("angle", [0.0, 10.0, -20.0, 30.0])
def test_a_turned_mean_shape_has_its_angle_within_two_degrees(name, angle):
    found = rotation_of(mask_of(name, axial=angle))
    assert found.angle_deg == pytest.approx(angle, abs=2.0)
    assert found.symmetry > 0.9


@pytest.mark.parametrize("name", ["T8", "L3"])
def test_tilts_do_not_spoil_the_angle(name):
    assert rotation_of(mask_of(name, 20.0, -12.0, 15.0)).angle_deg == pytest.approx(15.0, abs=2.0)


def test_what_is_round_has_no_rotation():
    points = GRID.points_lps_mm(np.stack(np.indices((GRID.size,) * 3), axis=-1)) - np.array(GRID.centroid_lps_mm)
    x, y, z = np.moveaxis(points, -1, 0)
    cylinder = (np.hypot(x, y) < 18) & (np.abs(z) < 13)
    assert rotation_of(cylinder) is None


def test_a_turned_real_mask_turns_by_as_much(data_root):
    (subject,) = select_subjects(find_subjects(data_root / "spines"), ["verse561"])
    case = load_subject(subject, with_ct=False)
    for name in ("T7", "L2"):
        level = level_from_name(name)
        grid = PatchGrid(case.centroids.get(level).position_lps_mm, 110, posterior_offset_mm=12.0)
        mask = mask_on_grid(case.labels, level.verse_label, grid)
        to_grid = grid.zyx_to_lps_mm[:3, :3]
        turn = np.linalg.inv(to_grid) @ axes(axial=12.0).T @ to_grid
        offset = grid.centroid_zyx - turn @ grid.centroid_zyx
        turned = ndimage.affine_transform(mask.astype(np.float32), turn, offset, order=1) >= 0.5
        before, after = rotation_of(mask, grid), rotation_of(turned, grid)
        assert after.angle_deg - before.angle_deg == pytest.approx(12.0, abs=2.5), name
