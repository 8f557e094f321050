from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from ReVerteRLib.bench import cases
from ReVerteRLib.bench.cases import DrrCase, VolumeSize
from ReVerteRLib.drr import project_views
from ReVerteRLib.drr.attenuation import above_air
from ReVerteRLib.geometry import Beam, View


@pytest.fixture(autouse=True)
def _toy_volume(monkeypatch):
    monkeypatch.setitem(cases.VOLUMES, "toy", VolumeSize((40, 34, 36), 6.0))


def test_the_phantom_is_a_body_in_a_rim_of_air():
    volume = cases.phantom(cases.VOLUMES["toy"])
    assert volume.dtype == np.int16
    assert volume.shape == (40, 34, 36)
    for axis in range(3):
        ends = np.moveaxis(volume, axis, 0)
        assert (ends[:2] == -1000).all()
        assert (ends[-2:] == -1000).all()
    assert volume.min() >= -1100
    assert (volume > 250).mean() > 0.002
    assert 0.2 < (volume > -900).mean() < 0.7


def test_cases_cover_the_sizes_beams_and_batches_that_were_promised():
    assert {VOLUME.shape_kji for VOLUME in (cases.VOLUMES[c.volume] for c in cases.FULL)} >= {
        (256,) * 3,
        (768, 512, 512),
    }
    assert {c.detector for c in cases.FULL} == {256, 512, 1024, 2048}
    assert {c.kind for c in cases.FULL} == set(cases.KINDS)
    assert len({c.name for c in cases.FULL}) == len(cases.FULL)


@pytest.mark.parametrize("kind", cases.KINDS)
def test_every_view_shows_the_whole_volume(kind):
    views = cases.views_of(DrrCase("toy", 64, kind))
    assert len(views) == {"parallel pair": 2, "cone": 1, "cone 16 poses": 16}[kind]
    ends = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)]) * np.array([36, 34, 40]) * 3.0
    for view in views:
        body = ends[:, :] * 0.9
        assert view.contains(view.project(body)).all()


@pytest.mark.parametrize("kind", cases.KINDS)
def test_the_geometry_file_says_the_same_as_the_projections(kind, tmp_path):
    case = DrrCase("toy", 32, kind)
    views = cases.views_of(case)
    cases.write_geometry(case, views, tmp_path / "g.json")
    record = json.loads((tmp_path / "g.json").read_text())
    pixel = np.array([[7.0, 20.0]])
    for view, stored in zip(views, record["views"], strict=True):
        row, column, first = (np.array(stored[k]) for k in ("row_step_mm", "column_step_mm", "pixel_0_lps_mm"))
        point = first + 7 * row + 20 * column
        np.testing.assert_allclose(point, view.plane_point(pixel)[0], atol=1e-9)
        if stored["source_lps_mm"] is None:
            assert view.beam is Beam.PARALLEL
        else:
            np.testing.assert_allclose(np.array(stored["source_lps_mm"]), view.source_lps_mm, atol=1e-9)


@pytest.mark.parametrize("kind", cases.KINDS)
def test_the_reference_is_what_fine_pixels_of_the_simulator_approach(kind):
    case = DrrCase("toy", 96, kind)
    size, views = cases.VOLUMES["toy"], cases.views_of(DrrCase("toy", 96, kind))
    volume = cases.phantom(size)
    truth = cases.reference(case, views, volume, count=600)
    images = project_views(torch.from_numpy(volume), size.ijk_to_lps_mm, views, "cpu", above_air)
    stack = np.stack([image.numpy() for image in images])
    assert truth.integrals.max() > 1e5
    assert truth.error(stack) < 0.02
    assert truth.error(stack * 1.1) == pytest.approx(0.1, abs=0.02)
    for turned in (stack[:, ::-1], stack[:, :, ::-1], stack.swapaxes(1, 2)):
        assert truth.error(turned) > 0.1
    assert len({int(v) for v in truth.pixels[:, 0]}) == len(views)
    assert {View.AP} <= {view.view for view in views}
