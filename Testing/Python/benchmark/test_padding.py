"""A padded sample equals one that was cut larger, as far as the smaller cube shows it."""

from __future__ import annotations

import numpy as np
import pytest

from ReVerteRLib.benchmark.padding import PaddedSource
from ReVerteRLib.datasets.patches import PatchSettings, draw_marks
from ReVerteRLib.errors import DatasetError
from ReVerteRLib.geometry import Beam, PatchGrid, Projection, View


class One:
    def __init__(self, **changes: object) -> None:
        rng = np.random.default_rng(3)
        mask = np.zeros((1, 8, 8, 8), dtype=np.uint8)
        mask[0, 2:5, 3:7, 1:4] = 1
        mark = np.zeros((8, 8), dtype=np.float32)
        mark[3:5, 3:5] = 1.0
        self.epoch = -1
        self.sample = {
            "ap": np.stack([rng.normal(size=(8, 8)).astype(np.float32), mark]),
            "lateral": np.stack([rng.normal(size=(8, 8)).astype(np.float32), mark]),
            "mask": mask,
            "level": 7,
            "centroid_zyx": np.array([3.5, 3.0, 3.5], dtype=np.float32),
            "perspective": np.array([[50.0, 3.0, 1e-3, 1e-3], [0.0, 0.0, 0.0, 0.0]]),
            **changes,
        }

    def __len__(self) -> int:
        return 1

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __getitem__(self, index: int) -> dict[str, object]:
        return self.sample


def test_images_continue_and_marks_and_masks_do_not() -> None:
    inner = One()
    sample = PaddedSource(inner, 8, 12)[0]
    assert sample["ap"].shape == (2, 12, 12)
    np.testing.assert_array_equal(sample["ap"][:, 2:-2, 2:-2], inner.sample["ap"])
    np.testing.assert_array_equal(sample["lateral"][0, :2, 2:-2], np.tile(inner.sample["lateral"][0, :1], (2, 1)))
    assert sample["ap"][1].sum() == sample["lateral"][1].sum() == 4.0
    assert sample["mask"].shape == (1, 12, 12, 12)
    assert sample["mask"][0, 4:7, 5:9, 3:6].all()
    assert sample["mask"].sum() == 36
    assert sample["level"] == 7


def test_the_geometry_is_that_of_the_larger_cube() -> None:
    projection = Projection.covering(View.AP, [[-90, -90, -200], [90, 90, 200]], beam=Beam.CONE)
    small, large = (PatchGrid((5.0, 3.0, -40.0), size, 2.0) for size in (60, 64))
    rays = np.stack([small.perspective(projection), np.zeros(4)])
    padded = PaddedSource(One(centroid_zyx=small.centroid_zyx, perspective=rays), 60, 64)[0]
    assert rays[0].any()
    np.testing.assert_allclose(padded["centroid_zyx"], large.centroid_zyx)
    np.testing.assert_allclose(padded["perspective"][0], large.perspective(projection), rtol=1e-6)
    np.testing.assert_array_equal(padded["perspective"][1], np.zeros(4))


def test_marks_lie_where_the_larger_cube_draws_them() -> None:
    inner = PatchSettings(size=8, spacing_mm=2.0, centroid_radius_px=1.5)
    outer = PatchSettings(size=12, spacing_mm=2.0, centroid_radius_px=1.5)
    mark = draw_marks((3.5, 3.5), (), inner)
    image = np.zeros_like(mark)
    sample = PaddedSource(One(ap=np.stack([image, mark]), lateral=np.stack([image, mark])), 8, 12)[0]
    np.testing.assert_array_equal(sample["ap"][1], draw_marks((5.5, 5.5), (), outer))


def test_epochs_are_passed_on_and_the_impossible_is_refused() -> None:
    inner = One()
    source = PaddedSource(inner, 8, 8)
    source.set_epoch(4)
    assert (inner.epoch, len(source)) == (4, 1)
    for padded in (11, 6):
        with pytest.raises(DatasetError, match="cannot be centred"):
            PaddedSource(inner, 8, padded)
    with pytest.raises(DatasetError, match="usual shape"):
        PaddedSource(One(prior=np.zeros((1, 4, 4, 4))), 8, 12)[0]
