"""What users of such programs complain about, caused in the panel: one message, nothing lost, and on it goes."""

from __future__ import annotations

import errno
import importlib.util
import json
import logging
import resource
import shutil
import tempfile

import numpy as np
import pytest

if importlib.util.find_spec("PySide6") is None:
    pytest.skip("PySide6-Essentials is not installed, so the panel cannot be run", allow_module_level=True)

from panel_steps import nothing_lost, plain_qt, press, still_works

pytestmark = pytest.mark.usefixtures("inline")


@pytest.fixture
def ready(panel, qt_app, ct_node, centroids_node):
    """The panel with radiographs and centroids."""
    plain_qt(__name__)
    panel.parameterNode.ct = ct_node
    press(panel, qt_app, "simulateButton")
    panel.parameterNode.centroids = centroids_node
    return panel


@pytest.fixture
def done(ready, qt_app):
    """The panel with a result."""
    press(ready, qt_app, "reconstructButton")
    return ready


@pytest.fixture
def own_store(tiny_store, tiny_weights, tmp_path, monkeypatch):  # noqa: ARG001 - it would come back otherwise
    """A copy of the weights store that a test may damage."""
    shutil.copytree(tiny_store, tmp_path / "Resources")
    monkeypatch.setenv("REVERTER_RESOURCES", str(tmp_path / "Resources"))
    return tmp_path / "Resources" / "Weights"


@pytest.fixture
def small_disk():
    """A function that lets files of this process grow to so many bytes only, until the test ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (soft if size is None else size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# --- the computer ------------------------------------------------------------------------------------------

NO_KERNEL = "CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors might be reported"
FAULTS = [
    (ModuleNotFoundError("No module named 'torch'", name="torch"), "torch is not installed", "Set-up"),
    (ImportError("DLL load failed while importing _C", name="torch._C"), "torch cannot be loaded", "another Python"),
    (OSError("libcudart.so.12: cannot open shared object file"), "libcudart.so.12", "Install PyTorch again"),
    (RuntimeError(NO_KERNEL), "does not support the graphics card", "Choose the CPU"),
    (RuntimeError("Torch not compiled with CUDA enabled"), "no usable graphics card", "Choose the CPU"),
    (RuntimeError("Found no NVIDIA driver on your system."), "no usable graphics card", "driver"),
    (RuntimeError("CUDA error: unspecified launch failure"), "graphics card has failed", "restart"),
    (RuntimeError("CUDA out of memory. Tried to allocate 9 GiB"), "memory does not suffice", "fewer levels"),
    (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "memory does not suffice", "Close other programs"),
    (MemoryError(), "memory does not suffice", "Close other programs"),
    (RuntimeError("Numpy is not available"), "PyTorch and NumPy do not fit", "Install both again"),
    (ValueError("numpy.dtype size changed, may indicate binary incompatibility"), "do not fit", "Install both again"),
    (OSError(errno.ENOSPC, "No space left on device", "/data/x.nii.gz"), "/data/x.nii.gz: the disk is full", "Free"),
    (OSError(errno.EIO, "Input/output error", "/net/x.nrrd"), "drive does not answer", "connection"),
    (PermissionError(errno.EACCES, "Permission denied", "/data/x.nrrd"), "access is refused", "another place"),
    (KeyError("missing"), "unexpected KeyError", "report it"),
]


def test_every_fault_of_the_computer_has_one_message_with_its_remedy_and_costs_nothing(done, qt_app, monkeypatch):
    from ReVerteRLib.worker import registry

    working = registry.JOB_FUNCTIONS["reconstruct"]
    for fault, what, remedy in FAULTS:

        def fail(_arguments, context, fault=fault):
            context.progress(0, 2, "L1", stage="network")
            raise fault

        monkeypatch.setitem(registry.JOB_FUNCTIONS, "reconstruct", fail)
        with nothing_lost(done, qt_app, what, remedy):
            press(done, qt_app, "reconstructButton")
    monkeypatch.setitem(registry.JOB_FUNCTIONS, "reconstruct", working)
    still_works(done, qt_app)


def test_a_missing_pytorch_is_said_at_the_button_and_nothing_starts(done, qt_app, inline, monkeypatch):
    monkeypatch.setattr("ReVerteRLib.scene.install.missing_packages", lambda: ["torch"])
    asked = len(inline)
    for button in ("reconstructButton", "findButton", "measureButton"):
        with nothing_lost(done, qt_app, "PyTorch is not installed", "Extensions Manager"):
            press(done, qt_app, button)
    assert len(inline) == asked


def test_a_card_that_pytorch_has_no_code_for_is_passed_over_and_named(ready, qt_app, monkeypatch):
    import torch

    from ReVerteRLib.scene.results import DEVICE, NOTES

    real = torch.ones

    def ones(*size, **options):
        if str(options.get("device", "")).startswith("cuda"):
            raise RuntimeError(NO_KERNEL)
        return real(*size, **options)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "ones", ones)
    press(ready, qt_app, "reconstructButton")
    assert qt_app.errors == []
    result = ready.parameterNode.segmentation
    assert result.GetAttribute(DEVICE) == "cpu"
    assert "does not support the graphics card" in result.GetAttribute(NOTES)
    assert "does not support the graphics card" in ready.ui.statusLabel.text()
    assert "CPU" in ready.ui.deviceLabel.text()
    ready.ui.deviceComboBox.setCurrentText("cuda")
    with nothing_lost(ready, qt_app, "no usable CUDA device", "does not support the graphics card", "Use cpu or auto"):
        press(ready, qt_app, "reconstructButton")
    press(ready, qt_app, "preflightButton")
    assert "does not support the graphics card" in ready.ui.preflightText.toPlainText()


def test_a_card_with_too_little_memory_gives_way_to_the_cpu_and_the_panel_says_so(ready, qt_app, monkeypatch):
    import torch

    from ReVerteRLib.inference import runner
    from ReVerteRLib.scene.results import DEVICE, NOTES

    real = runner.NetworkRunner._run
    # a patch with its mirror image, then the patch alone
    failures = [torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB") for _ in range(2)]

    def run(self, patches, levels):
        if failures:
            raise failures.pop()
        return real(self, patches, levels)

    monkeypatch.setattr(runner, "device_chain", lambda _device: ("cpu:0", "cpu"))
    monkeypatch.setattr(runner.NetworkRunner, "_run", run)
    press(ready, qt_app, "reconstructButton")
    assert qt_app.errors == []
    result = ready.parameterNode.segmentation
    assert result.GetSegmentation().GetNumberOfSegments() == 2
    assert result.GetAttribute(DEVICE) == "cpu"
    assert "ran out of memory; going on with the CPU" in result.GetAttribute(NOTES)
    assert "ran out of memory; going on with the CPU" in ready.ui.statusLabel.text()
    assert "its memory did not suffice" in ready.ui.deviceLabel.text()


def test_a_full_disk_stops_a_reconstruction_and_an_export_but_loses_nothing(done, qt_app, small_disk, tmp_path):
    small_disk(2_000)
    with nothing_lost(done, qt_app, "cannot be written", "free space"):
        press(done, qt_app, "reconstructButton")
    small_disk(None)
    ui = done.ui
    ui.exportPathLineEdit.setProperty("currentPath", str(tmp_path / "out"))
    for box in ("objCheckBox", "plyCheckBox", "niftiCheckBox", "dicomSegCheckBox"):
        getattr(ui, box).click()
    ui.exportButton.click()
    before = {p.name: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert len(before) == 12
    ui.overwriteCheckBox.click()
    for size in (100, 600, 3_000):
        small_disk(size)
        with nothing_lost(done, qt_app, str(tmp_path / "out"), "free space"):
            ui.exportButton.click()
        small_disk(None)
        now = {p.name: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
        assert now == before
    still_works(done, qt_app)


def test_a_result_that_cannot_be_taken_over_leaves_the_panel_usable(done, qt_app, monkeypatch, caplog):
    from ReVerteRLib.worker import registry

    working = registry.JOB_FUNCTIONS["reconstruct"]
    monkeypatch.setitem(registry.JOB_FUNCTIONS, "reconstruct", lambda *_: {"out": "/nowhere"})
    with caplog.at_level(logging.ERROR, "ReVerteR"), nothing_lost(done, qt_app, "unexpected KeyError", "report it"):
        press(done, qt_app, "reconstructButton")
    assert "Traceback" in caplog.text
    monkeypatch.setitem(registry.JOB_FUNCTIONS, "reconstruct", working)
    still_works(done, qt_app)


# --- weights -----------------------------------------------------------------------------------------------


def test_altered_lost_and_foreign_weights(own_store, done, qt_app, tmp_path):
    weights = own_store / "tiny.safetensors"
    good = weights.read_bytes()
    weights.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with nothing_lost(done, qt_app, str(weights), "not the one that was shipped", "install ReVerteR again"):
        press(done, qt_app, "reconstructButton")
    weights.unlink()
    with nothing_lost(done, qt_app, str(weights), "no such weights file", "Install ReVerteR again"):
        press(done, qt_app, "reconstructButton")
    weights.write_bytes(good)
    length = int.from_bytes(good[:8], "little")
    header = json.loads(good[8 : 8 + length])
    card = {**json.loads(header["__metadata__"]["card"]), "preset": "detector"}
    text = json.dumps({**header, "__metadata__": {"card": json.dumps(card)}}).encode()
    foreign = tmp_path / "detector.safetensors"
    foreign.write_bytes(len(text).to_bytes(8, "little") + text + good[8 + length :])
    with nothing_lost(done, qt_app, str(foreign), "weights of a detector", "reverter train"):
        done.ui.weightsPathLineEdit.setProperty("currentPath", str(foreign))
    assert done.ui.weightsComboBox.currentText() == "tiny"
    still_works(done, qt_app)


# --- radiographs and centroids -----------------------------------------------------------------------------


def test_exchanged_radiographs_are_said_and_exchanging_them_back_is_enough(done, qt_app):
    node = done.parameterNode
    node.ap, node.lateral = node.lateral, node.ap
    assert "Exchange" in done.ui.annotationLabel.text()
    for button in ("reconstructButton", "findButton", "measureButton"):
        with nothing_lost(done, qt_app, "view", "Exchange"):
            press(done, qt_app, button)
    node.ap, node.lateral = node.lateral, node.ap
    assert done.ui.annotationLabel.text() == ""
    still_works(done, qt_app)


def test_with_the_ap_radiograph_alone_the_buttons_say_what_is_missing(done, qt_app, module):
    from ReVerteRLib.errors import InputError

    node = done.parameterNode
    ap, lateral, points = node.ap, node.lateral, node.centroids
    node.lateral = None
    for button in ("findButton", "reconstructButton"):
        assert not getattr(done.ui, button).isEnabled()
        assert "AP and a lateral radiograph" in getattr(done.ui, button).toolTip()
    logic = module.ReVerteRLogic()
    for call in (lambda: logic.annotateCentroids(ap, None), lambda: logic.reconstruct(ap, None, points)):
        with pytest.raises(InputError, match=r"no lateral radiograph is given\. Two radiographs are needed"):
            call()
    with pytest.raises(InputError, match=r"no AP radiograph is given"):
        logic.reconstruct(None, lateral, points)
    with pytest.raises(InputError, match=r"no list of centroids is given\. Find the vertebrae"):
        logic.reconstruct(ap, lateral, None)
    for call in (lambda: logic.measure(None), lambda: logic.exportResults(None, "/nowhere")):
        with pytest.raises(InputError, match=r"no result is given\. Reconstruct first"):
            call()
    with pytest.raises(InputError, match=r"no CT is given\. Choose a CT"):
        logic.simulateRadiographs(None)
    node.lateral = lateral
    still_works(done, qt_app)


def test_an_empty_list_of_centroids(done, qt_app, host, module):
    from ReVerteRLib.errors import CentroidError

    full = done.parameterNode.centroids
    empty = host.scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Nothing yet")
    done.parameterNode.centroids = empty
    assert not done.ui.reconstructButton.isEnabled()
    assert "Check at least one vertebra" in done.ui.reconstructButton.toolTip()
    with pytest.raises(CentroidError, match=r"Nothing yet: no vertebra is chosen\. Find the vertebrae or add them"):
        module.ReVerteRLogic().reconstruct(done.parameterNode.ap, done.parameterNode.lateral, empty)
    done.parameterNode.centroids = full
    still_works(done, qt_app)


def test_two_radiographs_of_one_view_are_named_and_the_list_stays(done, qt_app):
    """The phantom looks alike from all sides, as two frontal radiographs do."""
    with nothing_lost(
        done, qt_app, "Phantom AP, Phantom lateral: ", "show the same view", "Give one AP and one lateral"
    ):
        press(done, qt_app, "findButton")


# --- places ------------------------------------------------------------------------------------------------

LONG = "Größe_患者_Позвоночник_" * 4
"""About 90 characters, twice as many bytes; two of them make a path of over 200 characters."""


@pytest.fixture
def long_place(tmp_path, monkeypatch):
    """A folder of over 200 characters, not all of them ASCII, for all temporary files."""
    place = tmp_path / LONG / LONG
    place.mkdir(parents=True)
    assert len(str(place)) > 200
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def test_long_paths_that_are_not_ascii_are_as_good_as_others(long_place, done, qt_app, inline):
    assert inline[-1][1]["out"].startswith(str(long_place))
    press(done, qt_app, "measureButton")
    ui = done.ui
    ui.exportPathLineEdit.setProperty("currentPath", str(long_place / "aus der Ökonomie"))
    for box in ("objCheckBox", "plyCheckBox", "niftiCheckBox", "dicomSegCheckBox"):
        getattr(ui, box).click()
    ui.exportButton.click()
    assert qt_app.errors == []
    assert "12 files" in ui.statusLabel.text()
    assert done.parameterNode.segmentation.GetSegmentation().GetNumberOfSegments() == 2


def test_a_name_that_is_too_long_is_said_and_costs_nothing(done, qt_app, tmp_path):
    ui = done.ui
    for folder in (tmp_path / ("x" * 300), tmp_path / ("ü" * 200) / "out"):
        ui.exportPathLineEdit.setProperty("currentPath", str(folder))
        with nothing_lost(done, qt_app, str(folder), "too long", "horter"):
            ui.exportButton.click()
    ui.exportPathLineEdit.setProperty("currentPath", str(tmp_path / "short"))
    ui.exportButton.click()
    assert qt_app.errors[1:] == []
    assert (tmp_path / "short" / "spine.seg.nrrd").is_file()


def test_an_export_folder_that_may_not_be_written(done, qt_app, tmp_path):
    (tmp_path / "file").write_text("mine")
    done.ui.exportPathLineEdit.setProperty("currentPath", str(tmp_path / "file"))
    with nothing_lost(done, qt_app, str(tmp_path / "file"), "cannot be written", "Choose a"):
        done.ui.exportButton.click()
    assert (tmp_path / "file").read_text() == "mine"


def test_numbers_of_a_centroid_that_are_none(ready, qt_app):
    """A list of another program: a label that is no level, a level twice; the rest is reconstructed."""
    points = ready.parameterNode.centroids
    points.AddControlPoint([60.0, 60.0, 44.0], "tumour")
    points.AddControlPoint([60.0, 60.0, 140.0], "T12")
    points.AddControlPoint([60.0, 60.0, 12.0], "T12")
    ready.vertebrae.table.flush()
    remarks = [ready.ui.levelsTable.item(row, 4).text() for row in range(ready.ui.levelsTable.rowCount())]
    assert sum(bool(text) for text in remarks) == 3
    press(ready, qt_app, "reconstructButton")
    assert qt_app.errors == []
    names = ready.parameterNode.segmentation.GetSegmentation()
    assert [names.GetNthSegmentID(n) for n in range(names.GetNumberOfSegments())] == ["L1", "L2"]
    assert points.GetNumberOfControlPoints() == 5
    assert np.isfinite(points.GetNthControlPointPosition(2)).all()
