"""Radiograph files with their geometry, and what two radiographs must not be."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from ReVerteRLib.errors import GeometryError, InputError, VolumeError
from ReVerteRLib.geometry import Beam, Projection, View
from ReVerteRLib.imaging import CtVolume, Radiograph, RadiographPair, Volume, read_radiograph, write_radiograph

BOX = [[-40.0, -35.0, 100.0], [40.0, 35.0, 200.0]]


@pytest.fixture
def pair(rng) -> RadiographPair:
    radiographs = []
    for view in View:
        projection = Projection.covering(view, BOX, spacing_mm=1.25, beam=Beam.CONE, sad_mm=900, sdd_mm=1100)
        pixels = rng.uniform(0, 6, projection.image_hw).astype(np.float32)
        radiographs.append(Radiograph(pixels, projection, view.value))
    return RadiographPair(*radiographs)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
@pytest.mark.parametrize("beam", list(Beam))
def test_a_radiograph_comes_back_with_pixels_and_geometry(tmp_path, pair, suffix, beam):
    for radiograph in pair:
        projection = dataclasses.replace(radiograph.projection, beam=beam, principal_point_rc=(31.5, 40.25))
        path = tmp_path / f"{projection.view.value}{suffix}"
        write_radiograph(Radiograph(radiograph.image_hw, projection), path)
        back = read_radiograph(path, projection.view)
        assert np.array_equal(back.image_hw, radiograph.image_hw)
        assert back.image_hw.dtype == np.float32
        assert back.projection == projection
        assert back.source == str(path)


def test_the_file_lies_in_its_plane_for_other_programs(tmp_path, pair):
    write_radiograph(pair.lateral, tmp_path / "lateral.nrrd")
    image = sitk.ReadImage(str(tmp_path / "lateral.nrrd"))
    projection = pair.lateral.projection
    height, width = projection.image_hw
    assert image.GetSize() == (width, height, 1)
    corner = image.TransformIndexToPhysicalPoint((width - 1, 3, 0))
    np.testing.assert_allclose(corner, projection.plane_point([(3, width - 1)])[0], atol=1e-4)


def test_an_oblique_view_comes_back(tmp_path, pair, rng, random_frame):
    frame = random_frame(rng, max_angle_deg=30)[:3, :3]
    rotation = frame / np.linalg.norm(frame, axis=0)
    directions = {
        name: tuple((rotation @ getattr(pair.ap.projection, name)).tolist())
        for name in ("row_direction", "column_direction", "beam_direction")
    }
    projection = dataclasses.replace(pair.ap.projection, **directions)
    write_radiograph(Radiograph(pair.ap.image_hw, projection), tmp_path / "ap.nrrd")
    assert read_radiograph(tmp_path / "ap.nrrd", View.AP).projection == projection


def _without_header(radiograph: Radiograph, path) -> None:
    matrix = radiograph.projection.ijk_to_lps_mm
    sitk.WriteImage(Volume(radiograph.image_hw[None], matrix).to_sitk(), str(path))


def test_geometry_json_beside_the_file_is_used(tmp_path, pair):
    _without_header(pair.ap, tmp_path / "ap.nrrd")
    record = {r.view.value: r.projection.to_dict() for r in pair}
    (tmp_path / "geometry.json").write_text(json.dumps(record))
    assert read_radiograph(tmp_path / "ap.nrrd", View.AP).projection == pair.ap.projection


@pytest.mark.parametrize("view", list(View))
def test_without_geometry_the_orientation_gives_a_parallel_view(tmp_path, pair, view):
    radiograph = pair.ap if view is View.AP else pair.lateral
    _without_header(radiograph, tmp_path / "x.nrrd")
    found = read_radiograph(tmp_path / "x.nrrd", view).projection
    expected = dataclasses.replace(radiograph.projection, beam=Beam.PARALLEL, sad_mm=found.sad_mm, sdd_mm=found.sdd_mm)
    point = [[10.0, -5.0, 140.0]]
    assert found.beam is Beam.PARALLEL
    np.testing.assert_allclose(found.project(point), expected.project(point), atol=1e-4)
    other = View.LATERAL if view is View.AP else View.AP
    with pytest.raises(GeometryError, match="does not lie in the plane"):
        read_radiograph(tmp_path / "x.nrrd", other)


def test_swapped_views_are_refused(tmp_path, pair):
    write_radiograph(pair.lateral, tmp_path / "lateral.nrrd")
    with pytest.raises(InputError, match=r"lateral\.nrrd: this is the lateral radiograph, given as the ap one"):
        read_radiograph(tmp_path / "lateral.nrrd", View.AP)
    with pytest.raises(InputError, match="Exchange the two files"):
        RadiographPair(pair.lateral, pair.ap)


def test_one_image_twice_is_refused(pair):
    with pytest.raises(InputError, match="same image"):
        RadiographPair(pair.ap, pair.ap)
    copied = dataclasses.replace(pair.ap, image_hw=pair.ap.image_hw.copy())
    with pytest.raises(InputError, match="same image"):
        RadiographPair(pair.ap, copied)


def test_views_from_almost_one_side_are_refused(pair):
    turned = dataclasses.replace(pair.ap.projection, view=View.LATERAL)
    with pytest.raises(GeometryError, match="60 degrees"):
        RadiographPair(pair.ap, Radiograph(pair.ap.image_hw + 1, turned))


def test_a_geometry_of_another_size_is_refused(tmp_path, pair):
    with pytest.raises(GeometryError, match="its geometry describes"):
        Radiograph(pair.ap.image_hw[1:], pair.ap.projection, "ap")
    cropped = pair.ap.image_hw[5:, 5:]
    sitk.WriteImage(sitk.GetImageFromArray(cropped[None]), str(tmp_path / "ap.nrrd"))
    (tmp_path / "geometry.json").write_text(json.dumps({"ap": pair.ap.projection.to_dict()}))
    with pytest.raises(GeometryError, match=r"ap\.nrrd: the image has .* its stored geometry describes"):
        read_radiograph(tmp_path / "ap.nrrd", View.AP)


@pytest.mark.parametrize("text", ["{", "[1, 2]", '{"ap": {"view": "ap"}}'])
def test_a_damaged_geometry_json_is_refused(tmp_path, pair, text):
    _without_header(pair.ap, tmp_path / "ap.nrrd")
    (tmp_path / "geometry.json").write_text(text)
    with pytest.raises(GeometryError):
        read_radiograph(tmp_path / "ap.nrrd", View.AP)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.full((1, 64, 64), 3.0, np.float32), "blank"),
        (np.where(np.eye(64) > 0, np.nan, 1.0)[None].astype(np.float32), "not numbers"),
        (np.random.default_rng(0).uniform(size=(1, 8, 64)).astype(np.float32), "too few"),
        (np.random.default_rng(0).uniform(size=(5, 64, 64)).astype(np.float32), "one slice"),
    ],
)
def test_unusable_images_are_refused(tmp_path, pixels, message):
    sitk.WriteImage(sitk.GetImageFromArray(pixels), str(tmp_path / "x.nrrd"))
    with pytest.raises(VolumeError, match=rf"x\.nrrd: .*{message}"):
        read_radiograph(tmp_path / "x.nrrd", View.AP)


def test_a_ct_is_no_radiograph_and_says_what_to_do(tmp_path, rng):
    ct = CtVolume(rng.integers(-1000, 1000, (40, 40, 40)).astype(np.int16), np.eye(4))
    sitk.WriteImage(ct.to_sitk(), str(tmp_path / "ct.nrrd"))
    with pytest.raises(VolumeError, match="reverter simulate"):
        read_radiograph(tmp_path / "ct.nrrd", View.AP)


def test_a_missing_radiograph_is_named(tmp_path):
    with pytest.raises(VolumeError, match=r"ap\.nrrd: no such file"):
        read_radiograph(tmp_path / "ap.nrrd", View.AP)


def test_a_truncated_radiograph_is_refused(tmp_path, pair):
    write_radiograph(pair.ap, tmp_path / "ap.nrrd")
    content = (tmp_path / "ap.nrrd").read_bytes()
    (tmp_path / "ap.nrrd").write_bytes(content[: len(content) // 2])
    with pytest.raises(VolumeError, match="copy it again"):
        read_radiograph(tmp_path / "ap.nrrd", View.AP)
