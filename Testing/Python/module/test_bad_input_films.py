"""Radiograph files that make trouble, given to the import window: what it says, and that the scene stays as it was."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

if importlib.util.find_spec("PySide6") is None:
    pytest.skip("PySide6-Essentials is not installed, so the window cannot be opened", allow_module_level=True)

sys.path.append(str(Path(__file__).parents[1] / "imaging"))
from dicom_samples import write_dicom
from panel_steps import plain_qt

pytestmark = pytest.mark.usefixtures("inline")
SIZE = 360
BYTES_A_PIXEL = 4


def film(middle: float, size: int = SIZE) -> np.ndarray:
    """int16 of a bright column with dark gaps, some values below zero."""
    z, x = np.linspace(0, 1, size)[:, None], np.linspace(0, 1, size)[None, :]
    column = 2000 * np.exp(-(((x - middle) / 0.1) ** 2)) * (1 + 0.3 * np.sin(2 * np.pi * (z + z**2) * 9))
    return (column - 500 + np.random.default_rng(round(100 * middle)).integers(0, 40, (size, size))).astype(np.int16)


@pytest.fixture
def dialog(panel, tmp_path):
    """The window with a pair of 16-bit signed DICOM films; `dialog.films(**tags of the lateral one)` writes others."""
    panel.ui.importButton.click()
    dialog = panel.parts[0].dialog
    plain_qt(__name__)

    def films(**lateral) -> None:
        common = {"PixelSpacing": [1.1, 1.1], "PixelRepresentation": 1}
        ap = write_dicom(tmp_path / "ap.dcm", film(0.5), ViewPosition="AP", PatientOrientation=["L", "F"], **common)
        tags = {"ViewPosition": "LL", "PatientOrientation": ["P", "F"], **common, **lateral}
        pixels = tags.pop("pixels", film(0.55))
        lateral_path = write_dicom(tmp_path / f"lateral{len(list(tmp_path.iterdir()))}.dcm", pixels, **tags)
        dialog.ui.apPathLineEdit.setProperty("currentPath", str(ap))
        dialog.ui.lateralPathLineEdit.setProperty("currentPath", str(lateral_path))

    dialog.films = films
    yield dialog
    dialog.close()


def nodes(panel) -> list[str]:
    scene = panel.scene
    return [
        scene.GetNthNodeByClass(n, "vtkMRMLScalarVolumeNode").GetName()
        for n in range(scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode"))
    ]


def test_signed_16_bit_films_keep_their_values(dialog, panel):
    from ReVerteRLib.geometry import View
    from ReVerteRLib.scene.volumes import radiograph_from_node

    dialog.films()
    assert dialog.ui.acceptButton.isEnabled()
    dialog.ui.acceptButton.click()
    found = radiograph_from_node(panel.parameterNode.lateral, View.LATERAL).image_hw
    assert found.min() < -400
    np.testing.assert_array_equal(found, film(0.55))
    assert panel.ui.findButton.isEnabled()


def test_films_of_two_patients_or_two_studies_are_doubted_before_they_are_used(dialog, panel):
    dialog.films(PatientID="P2", StudyInstanceUID="9.9")
    assert "different patient IDs; check that they are of one patient" in dialog.ui.importWarnings.text()
    assert nodes(panel) == []
    dialog.films(StudyInstanceUID="9.9")
    assert "different studies; posture may have changed" in dialog.ui.importWarnings.text()
    assert "P1" not in dialog.ui.importWarnings.text()
    assert dialog.ui.acceptButton.isEnabled()


def test_exchanged_films_are_put_right_and_said_and_two_of_one_view_are_refused(dialog, panel):
    from ReVerteRLib.geometry import View

    dialog.films()
    ap, lateral = (getattr(dialog.ui, f"{side}PathLineEdit").property("currentPath") for side in ("ap", "lateral"))
    dialog.ui.apPathLineEdit.setProperty("currentPath", lateral)
    dialog.ui.lateralPathLineEdit.setProperty("currentPath", ap)
    assert "exchanged; they were put right" in dialog.ui.importWarnings.text()
    assert dialog.session.image(View.AP).raw.source == ap
    dialog.films(ViewPosition="PA", PatientOrientation=["L", "F"])
    assert "both files say that they are the ap view" in dialog.ui.importWarnings.text()
    assert "Give one AP and one lateral radiograph" in dialog.ui.importWarnings.text()
    assert not dialog.ui.acceptButton.isEnabled()
    assert nodes(panel) == []


def test_films_without_spacing_ask_for_it_and_an_earlier_pair_stays_meanwhile(dialog, panel):
    dialog.films()
    dialog.ui.acceptButton.click()
    before, chosen = nodes(panel), panel.parameterNode.ap
    panel.ui.importButton.click()
    dialog.films(PixelSpacing=None)
    assert "spacing" in dialog.ui.importWarnings.text()
    assert not dialog.ui.acceptButton.isEnabled()
    assert (nodes(panel), panel.parameterNode.ap) == (before, chosen)
    dialog.ui.lateralSpacingSpinBox.setValue(1.1)
    assert dialog.ui.acceptButton.isEnabled()


def test_a_name_that_is_too_long_and_a_file_that_may_not_be_read_are_said_in_the_window(dialog, tmp_path):
    dialog.films()
    dialog.ui.apPathLineEdit.setProperty("currentPath", str(tmp_path / ("x" * 300 + ".dcm")))
    assert "too long" in dialog.ui.importWarnings.text()
    assert not dialog.ui.acceptButton.isEnabled()
    dialog.films()
    assert dialog.ui.acceptButton.isEnabled()


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="the peak of the memory is read from /proc")
def test_a_huge_film_needs_memory_in_proportion_to_its_size(tmp_path):
    """In a process of its own: 3072 x 3072 pixels; 8192 x 8192, which the benchmark does, is seven times as much."""
    import json
    import subprocess

    size = 3072
    for name, middle, position, across in (("ap", 0.5, "AP", "L"), ("lateral", 0.55, "LL", "P")):
        tags = {"ViewPosition": position, "PatientOrientation": [across, "F"], "PixelRepresentation": 1}
        write_dicom(tmp_path / f"{name}.dcm", film(middle, size), PixelSpacing=[0.13, 0.13], **tags)
    code = (
        "import json, pathlib, re, sys\n"
        "from ReVerteRLib.geometry import View\n"
        "from ReVerteRLib.scene.bootstrap import SceneHost\n"
        "from ReVerteRLib.scene.import_session import ImportSession\n"
        "from ReVerteRLib.scene.task_inputs import pair_of_nodes\n"
        "import pydicom, scipy.ndimage, skimage.morphology, vtkmodules.util.numpy_support, SimpleITK, PIL.Image\n"
        "status = pathlib.Path('/proc/self/status')\n"
        "peak = lambda: 1024 * int(re.search(r'VmHWM:\\s+(\\d+)', status.read_text()).group(1))\n"
        "with SceneHost() as host:\n"
        "    before = peak()\n"
        "    session = ImportSession()\n"
        "    session.set_files(sys.argv[1] + '/ap.dcm', sys.argv[1] + '/lateral.dcm')\n"
        "    pictures = [session.picture(view).shape for view in View]\n"
        "    nodes = session.add_to_scene(host.scene)\n"
        "    for _ in range(5):\n"
        "        pair = pair_of_nodes(*nodes)\n"
        "    print(json.dumps([peak() - before, list(pair.ap.image_hw.shape), pictures[0][0]]))\n"
    )
    from ReVerteRLib.worker import Launch

    environment = dict(Launch.of(sys.executable).environment)
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, env=environment, check=True
    )
    grown, shape, height = json.loads(done.stdout.splitlines()[-1])
    assert shape == [size, size]
    assert height == 260
    pair_bytes = 2 * size * size * BYTES_A_PIXEL
    assert 2 * pair_bytes < grown < 5 * pair_bytes, grown / pair_bytes
