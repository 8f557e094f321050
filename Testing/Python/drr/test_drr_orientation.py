"""No picture is mirrored, whatever the axes of the CT."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from drr_phantoms import AIR, LETTER_CELL, LETTER_F, WATER, centred, letter_f_volume, reoriented, sampled

from ReVerteRLib.drr import projections_for, simulate
from ReVerteRLib.geometry import Beam, View
from ReVerteRLib.imaging import CtVolume

ORDERS = list(permutations(range(3)))
FLIPS = list(product([False, True], repeat=3))


def _picture(hu, matrix, view: View, beam: Beam = Beam.PARALLEL) -> np.ndarray:
    ct = CtVolume(hu, matrix)
    return simulate(ct, projections_for(ct, beam=beam)[view is View.LATERAL], device="cpu").image_hw


@pytest.mark.parametrize("view", list(View))
def test_the_letter_f_reads_as_f(view):
    hu, matrix, expected = letter_f_volume(view)
    picture = _picture(hu, matrix, view)
    np.testing.assert_allclose(picture[1:-1, 1:-1] / picture.max(), expected, atol=1e-5)
    assert picture.max() == pytest.approx(5 * LETTER_CELL * 0.01927, rel=5e-3)
    assert not picture[0].any()


@pytest.mark.parametrize("view", list(View))
@pytest.mark.parametrize("order", ORDERS)
def test_the_letter_f_is_the_same_for_every_order_and_direction_of_axes(view, order):
    hu, matrix, _ = letter_f_volume(view)
    expected = {beam: _picture(hu, matrix, view, beam) for beam in (Beam.PARALLEL, Beam.CONE)}
    for flips in FLIPS:
        stored, moved = reoriented(hu, matrix, order, flips)
        for beam, picture in expected.items():
            np.testing.assert_allclose(_picture(stored, moved, view, beam), picture, atol=2e-5)


def _is_inside_f(points_lps_mm: np.ndarray, view: View, middle: np.ndarray) -> np.ndarray:
    half = LETTER_CELL * len(LETTER_F) / 2
    right, down = (
        points_lps_mm[:, 0 if view is View.AP else 1] - middle[0 if view is View.AP else 1],
        middle[2] - points_lps_mm[:, 2],
    )
    depth = points_lps_mm[:, 1 if view is View.AP else 0] - middle[1 if view is View.AP else 0]
    cell = np.floor(np.stack([down + half, right + half]) / LETTER_CELL).astype(int)
    valid = ((cell >= 0) & (cell < len(LETTER_F))).all(axis=0) & (np.abs(depth) < half)
    row, column = np.clip(cell, 0, len(LETTER_F) - 1)
    return valid & LETTER_F[row, column]


@pytest.mark.parametrize("left_handed", [False, True])
@pytest.mark.parametrize("beam", list(Beam))
@pytest.mark.parametrize("view", list(View))
def test_the_letter_f_reads_as_f_in_an_oblique_ct(view, beam, left_handed, rng, random_frame):
    middle = np.array([12.0, -40.0, 77.0])
    linear = random_frame(rng, left_handed=left_handed)[:3, :3]
    linear *= 1.3 / np.linalg.norm(linear, axis=0)
    shape = (66, 62, 64)
    matrix = centred(linear, shape, middle)
    share = sampled(lambda points: _is_inside_f(points, view, middle), matrix, shape, parts=2)
    hu = np.where(share > 0, AIR + share * (WATER - AIR), AIR).astype(np.float32)
    projection = projections_for(CtVolume(hu, matrix), beam=beam, sad_mm=3000, sdd_mm=3500)[view is View.LATERAL]
    picture = simulate(CtVolume(hu, matrix), projection, device="cpu").image_hw
    pixels = np.stack(np.meshgrid(*(np.arange(n) for n in picture.shape), indexing="ij"), -1).reshape(-1, 2)
    expected = _is_inside_f(projection.plane_point(pixels), view, middle).reshape(picture.shape)
    found = picture > 0.5 * picture.max()
    assert 2 * (found & expected).sum() / (found.sum() + expected.sum()) > 0.95
    mirrored = found[:, ::-1]
    assert 2 * (mirrored & expected).sum() / (mirrored.sum() + expected.sum()) < 0.75


def test_a_slightly_tilted_volume_gives_the_picture_of_the_straight_one():
    hu, matrix, _ = letter_f_volume(View.AP)
    angle = 3e-3  # more than the tolerance of the fast way, so that the general one is taken
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    tilted = centred(turn, hu.shape, CtVolume(hu, matrix).to_lps([(17, 17, 17)])[0])
    view = projections_for(CtVolume(hu, matrix))[0]
    straight, other = (simulate(CtVolume(hu, m), view, device="cpu").image_hw for m in (matrix, tilted))
    assert np.corrcoef(straight.ravel(), other.ravel())[0, 1] > 0.998
    assert abs(other.sum() / straight.sum() - 1) < 2e-3
