"""`reverter import` from files to files."""

from __future__ import annotations

import json

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813
from phantom import phantom

from ReVerteRLib.drr import simulate_pair
from ReVerteRLib.geometry import View
from ReVerteRLib.imaging import read_radiograph


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Both views of the phantom as 16-bit PNG, stored upright, 1 mm."""
    folder = tmp_path_factory.mktemp("pictures")
    pair = simulate_pair(phantom()[0], device="cpu")
    for radiograph in pair:
        scaled = (radiograph.image_hw / radiograph.image_hw.max() * 60000).astype(np.uint16)
        sitk.WriteImage(sitk.GetImageFromArray(scaled), str(folder / f"{radiograph.view.value}.png"))
    return folder


def _arguments(pictures, out, *more):
    base = ["import", "--ap", pictures / "ap.png", "--lateral", pictures / "lateral.png", "--out", out]
    return [*base, "--ap-spacing", "1", "--lateral-spacing", "1", *more]


def test_two_pictures_become_a_pair_and_the_decisions_are_shown(reverter, pictures, tmp_path):
    outcome = reverter(*_arguments(pictures, tmp_path / "out"))
    assert outcome.code == 0, outcome.err
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert names == {"ap.nrrd", "lateral.nrrd", "ap.png", "lateral.png", "import.json"}
    for word in ("pixel size", "1 mm", "chosen", "orientation", "assumed", "grey values", "R left, L right", "Pair"):
        assert word in outcome.out, word
    assert "Orientation unknown" in outcome.err
    stored = sitk.GetArrayFromImage(sitk.ReadImage(str(pictures / "ap.png")))
    assert np.array_equal(read_radiograph(tmp_path / "out" / "ap.nrrd", View.AP).image_hw, stored)
    assert json.loads((tmp_path / "out" / "import.json").read_text())["ap"]["overrides"]["spacing_mm"] == [1.0, 1.0]


def test_every_override_reaches_the_result(reverter, pictures, tmp_path):
    outcome = reverter(
        *_arguments(pictures, tmp_path, "--ap-sad", 900, "--ap-sdd", 1200, "--ap-position", "PA", "--ap-flip"),
        "--ap-grey", "inverted", "--lateral-orientation", "A,F", "--lateral-rotate", "180", "--vertical-offset", "-4.5",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    ap, lateral = (read_radiograph(tmp_path / f"{v.value}.nrrd", v) for v in View)
    stored = sitk.GetArrayFromImage(sitk.ReadImage(str(pictures / "ap.png"))).astype(np.float32)
    middle = np.s_[20:-20, 20:-20]  # further out the bright air counts as unexposed
    assert np.array_equal(ap.image_hw[middle], (stored.max() - stored)[:, ::-1][middle])
    assert (ap.projection.sad_mm, ap.projection.beam_direction) == (900.0, (0.0, -1.0, 0.0))
    assert ap.projection.beam.value == "cone"
    side = sitk.GetArrayFromImage(sitk.ReadImage(str(pictures / "lateral.png")))
    assert np.array_equal(lateral.image_hw, side[::-1])  # mirrored by A\F, then turned by 180 degrees
    middle = lateral.projection.origin_lps_mm[2] - (lateral.image_hw.shape[0] - 1) / 2
    assert middle == pytest.approx(-4.5)


def test_exchanged_views_can_be_asked_for(reverter, pictures, tmp_path):
    assert reverter(*_arguments(pictures, tmp_path, "--views", "swapped")).code == 0
    assert json.loads((tmp_path / "import.json").read_text())["ap"]["source"].endswith("lateral.png")


@pytest.mark.parametrize(
    ("changes", "code_and_words"),
    [
        (["--ap-spacing", "0"], (2, "not a positive number")),
        (["--ap-spacing", "1,2,3"], (2, "rows,columns")),
        (["--ap-orientation", "up"], (2, "two directions")),
        (["--lateral-position", "AP", "--views", "as-given"], (2, "not one of the lateral view")),
        (["--vertical-offset", "much"], (2, "estimate")),
        (["--ap-frame", "2"], (2, "no frame 2")),
        (["--ap", "missing.dcm"], (3, "no such file")),
    ],
)
def test_bad_input_has_one_message_and_changes_nothing(reverter, pictures, tmp_path, changes, code_and_words):
    code, said = code_and_words
    out = tmp_path / "out"
    assert reverter(*_arguments(pictures, out)).code == 0
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    outcome = reverter(*_arguments(pictures, out, *changes))
    assert outcome.code == code
    assert said in outcome.err
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before


def test_a_ct_slice_is_refused_with_the_way_out(reverter, pictures, tmp_path):
    slice_ = tmp_path / "ct.dcm"
    sitk.WriteImage(sitk.GetImageFromArray(np.arange(4096, dtype=np.uint16).reshape(1, 64, 64)), str(slice_))
    dataset = pydicom.dcmread(slice_)
    dataset.Modality = "CT"
    dataset.save_as(slice_)
    outcome = reverter(*_arguments(pictures, tmp_path / "out", "--ap", slice_))
    assert outcome.code == 3
    assert "reverter simulate" in outcome.err
    assert not (tmp_path / "out").exists()


def test_the_results_do_not_replace_the_sources(reverter, pictures, tmp_path):
    for name in ("ap.png", "lateral.png"):
        (tmp_path / name).write_bytes((pictures / name).read_bytes())
    outcome = reverter(*_arguments(tmp_path, tmp_path))
    assert outcome.code == 2
    assert "would replace" in outcome.err
    assert (tmp_path / "ap.png").read_bytes() == (pictures / "ap.png").read_bytes()
