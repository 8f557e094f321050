"""ReVerteR.py on slicer-core: a real scene, stand-ins for the application, tiny weights made on the spot."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import stand_ins
from stand_ins import REPOSITORY

SIZE = 32


@pytest.fixture
def host(monkeypatch):
    """`slicer` as inside Slicer: scene, logics and an application object."""
    pytest.importorskip("slicer", reason="slicer-core is not installed")
    from ReVerteRLib.scene.bootstrap import SceneHost

    with SceneHost() as host:
        slicer = host.slicer
        layout = slicer.vtkMRMLLayoutLogic()
        layout.SetMRMLScene(host.scene)
        cameras = slicer.vtkSlicerCamerasModuleLogic()
        cameras.SetMRMLScene(host.scene)
        slicer.modules.cameras = SimpleNamespace(logic=lambda: cameras)
        manager = stand_ins.LayoutManager(layout)
        app = SimpleNamespace(layoutManager=lambda: manager, connect=lambda *_: None)
        monkeypatch.setattr(slicer, "app", app, raising=False)
        for name, module in stand_ins.python_modules().items():
            monkeypatch.setitem(sys.modules, name, module)
        _forget_module(monkeypatch)
        yield host
        _forget_module(monkeypatch)
        for logic in (layout, cameras):  # a logic that outlives its scene's nodes ends in a segmentation fault
            logic.SetMRMLScene(None)


def _forget_module(monkeypatch) -> None:
    for name in [n for n in sys.modules if n.split(".")[0] in ("ReVerteR", "ReVerteRPanel")]:
        monkeypatch.delitem(sys.modules, name)


@pytest.fixture
def qt_app(host, monkeypatch):
    """The same with Qt: slicer.app of qt_host, whose layout manager has no views."""
    if importlib.util.find_spec("PySide6") is None:
        pytest.skip("PySide6-Essentials is not installed, so the panel cannot be run")
    import qt_host

    qt_host.application()
    app = qt_host.Application(host.slicer.app.layoutManager())
    qt_host.install(monkeypatch, host.slicer, app)
    yield app
    app.main_window.deleteLater()
    qt_host.application().processEvents()


@pytest.fixture
def inline(monkeypatch):
    """Tasks of the panel run in this process; the list of what was asked for."""
    import inline_client

    monkeypatch.setattr("ReVerteRLib.worker.client.WorkerClient", inline_client.InlineClient)
    monkeypatch.setattr(inline_client.InlineClient, "calls", [])
    return inline_client.InlineClient.calls


@pytest.fixture
def panel(qt_app, host, tiny_weights):  # noqa: ARG001 - they must be there first
    """The panel, opened; with the Four-Up layout shown before."""
    import qt_host

    host.slicer.app.layoutManager().setLayout(3)
    module = stand_ins.load_module(REPOSITORY / "ReVerteR" / "ReVerteR.py")
    module.makeLibraryImportable()
    qt_host.allow_properties()
    outer = SimpleNamespace(addWidget=lambda panel: setattr(widget, "panel", panel))
    widget = module.ReVerteRWidget(SimpleNamespace(isEntered=True, layout=lambda: outer))
    widget.setup()
    widget.enter()
    yield widget
    widget.cleanup()
    for selector in widget.panel.findChildren(qt_host.qMRMLNodeComboBox):
        selector.release()
    widget.panel.deleteLater()
    qt_host.application().processEvents()


@pytest.fixture
def module(host):  # noqa: ARG001 - it must be there first
    """The module file, loaded from the source tree."""
    return stand_ins.load_module(REPOSITORY / "ReVerteR" / "ReVerteR.py")


@pytest.fixture(scope="session")
def tiny_store(tmp_path_factory):
    """A Resources folder with one small untrained network, whose bias makes every voxel bone."""
    import torch

    from ReVerteRLib.datasets.patches import PatchSettings
    from ReVerteRLib.inference.weights import register_weights, save_weights
    from ReVerteRLib.networks.config import GeneratorConfig
    from ReVerteRLib.networks.registry import build_generator

    resources = tmp_path_factory.mktemp("Resources")
    folder = resources / "Weights"
    folder.mkdir()
    config = GeneratorConfig(
        preset="custom", stem_channels=(4, 4), trunk_channels=(2, 2), trunk_blocks=(1, 1), norm="group",
        upsampling="trilinear", skips="add", head_bias=9.0,
    )  # fmt: skip
    card = {
        "name": "tiny", "preset": "custom", "generator": config.to_dict(), "seed": 0, "steps": 0, "metrics": {},
        "patches": dataclasses.asdict(PatchSettings(size=SIZE)), "data": "none", "licence": "Apache-2.0",
        "date": "2024-05-06",
    }  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        save_weights(folder / "tiny.safetensors", build_generator(config), card)
    register_weights(folder / "tiny.safetensors", "tiny", default=True, folder=folder)
    return resources


@pytest.fixture
def tiny_weights(tiny_store, monkeypatch):
    """Makes the tiny network the only one installed."""
    monkeypatch.setenv("REVERTER_RESOURCES", str(tiny_store))


@pytest.fixture
def ct_node(host):
    """A water cylinder with a column of bony blocks, 2 mm voxels, index axes along R, A, S."""
    k, j, i = np.mgrid[:80, :60, :60]
    ct = np.where(np.hypot(i - 30, j - 30) < 28, 40, -1000)
    ct[(abs(i - 30) < 10) & (abs(j - 30) < 9) & (k % 16 < 13)] = 400
    return host.slicer.util.addVolumeFromArray(ct.astype(np.int16), np.diag([2.0, 2.0, 2.0, 1.0]), "Phantom")


@pytest.fixture
def centroids_node(host):
    """L1 over L2 in the middle of the column."""
    node = host.scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Centroids")
    node.AddControlPoint([60.0, 60.0, 108.0], "L1")
    node.AddControlPoint([60.0, 60.0, 76.0], "L2")
    return node
