from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from phantom import CENTRES_LPS_MM
from PIL import Image

from ReVerteRLib.geometry import Beam, Projection, View
from ReVerteRLib.imaging.radiograph import read_radiograph

FILES = ["ap.nrrd", "ap.png", "geometry.json", "lateral.nrrd", "lateral.png"]


def test_files_hold_line_integrals_with_spacing_direction_and_geometry(case):
    views = case / "views"
    assert sorted(p.name for p in views.iterdir()) == FILES
    geometry = json.loads((views / "geometry.json").read_text())
    for view in View:
        image = sitk.ReadImage(str(views / f"{view.value}.nrrd"))
        projection = Projection.from_dict(geometry[view.value])
        assert image.GetPixelID() == sitk.sitkFloat32
        assert image.GetSpacing()[:2] == pytest.approx((1.0, 1.0))
        direction = np.array(image.GetDirection()).reshape(3, 3)
        np.testing.assert_allclose(direction[:, 1], projection.row_direction, atol=1e-6)
        assert 0.2 < sitk.GetArrayFromImage(image).max() < 5.0
        assert read_radiograph(views / f"{view.value}.nrrd", view).projection == projection
        assert Image.open(views / f"{view.value}.png").size[1] >= 300
    assert geometry["options"]["geometry"] == "parallel"


def test_bone_is_bright_where_the_geometry_says(case):
    for view in View:
        radiograph = read_radiograph(case / "views" / f"{view.value}.nrrd", view)
        for centre in CENTRES_LPS_MM.values():
            row, column = np.rint(radiograph.projection.project([centre])[0]).astype(int)
            between = np.rint(radiograph.projection.project([np.add(centre, (0, 0, 15))])[0]).astype(int)
            assert radiograph.image_hw[row, column] > 1.05 * radiograph.image_hw[tuple(between)]


def test_cone_beam_with_its_distances_and_spacing(case, reverter):
    outcome = reverter(
        "simulate", "--ct", case / "ct.nii.gz", "--out", case / "cone", "--geometry", "cone",
        "--sdd", 1200, "--sad", 900, "--spacing", 0.8, "--device", "cpu",
    )  # fmt: skip
    assert outcome.code == 0
    radiograph = read_radiograph(case / "cone" / "lateral.nrrd", View.LATERAL)
    projection = radiograph.projection
    assert (projection.beam, projection.sad_mm, projection.sdd_mm) == (Beam.CONE, 900.0, 1200.0)
    assert projection.spacing_mm == (0.8, 0.8)
    assert str(case / "cone" / "ap.nrrd") in outcome.out


def test_a_missing_ct_is_named(case, reverter):
    outcome = reverter("simulate", "--ct", case / "nothing.nii.gz", "--out", case / "new")
    assert outcome.code == 3
    assert "nothing.nii.gz: no such file. Check the path" in outcome.err


@pytest.mark.parametrize("name", ["ct.nii.gz", "ct.nii", "ct.nrrd"])
def test_a_truncated_ct_is_refused_and_earlier_results_survive(case, reverter, name):
    whole = case / name
    if not whole.is_file():
        sitk.WriteImage(sitk.ReadImage(str(case / "ct.nii.gz")), str(whole))
    content = whole.read_bytes()
    whole.write_bytes(content[: len(content) // 2])
    before = {p.name: p.read_bytes() for p in (case / "views").iterdir()}
    outcome = reverter("simulate", "--ct", whole, "--out", case / "views")
    assert outcome.code == 3
    assert name in outcome.err
    assert "cut short" in outcome.err
    assert "copy it again" in outcome.err
    assert {p.name: p.read_bytes() for p in (case / "views").iterdir()} == before


def test_a_mask_is_not_taken_for_a_ct(case, reverter):
    outcome = reverter("simulate", "--ct", case / "mask.nii.gz", "--out", case / "new")
    assert outcome.code == 3
    assert "not Hounsfield units" in outcome.err
    assert not (case / "new").exists()


def test_an_unwritable_folder_is_told_first(case, reverter):
    outcome = reverter("simulate", "--ct", case / "ct.nii.gz", "--out", case / "ct.nii.gz" / "views")
    assert outcome.code == 3
    assert f"{case / 'ct.nii.gz' / 'views'}: cannot be written" in outcome.err
    assert "Choose a folder that you may write to" in outcome.err


def test_quiet_says_nothing(case, reverter):
    outcome = reverter("simulate", "--ct", case / "ct.nii.gz", "--out", case / "views", "--quiet")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
