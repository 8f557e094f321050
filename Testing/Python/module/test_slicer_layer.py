"""The stand-ins for Slicer's Python layer against Slicer's own, step by step on the same nodes and widgets.

Needs a copy of Slicer's source, see slicer_source.py; with it, all other tests here run on Slicer's own layer too.
"""

from __future__ import annotations

import importlib.util
import sys
from types import SimpleNamespace
from typing import Annotated, get_args, get_type_hints

import pytest
import slicer_source
import stand_ins
from stand_ins import REPOSITORY

if importlib.util.find_spec("PySide6") is None:
    pytest.skip("PySide6-Essentials is not installed, so there are no widgets", allow_module_level=True)
if slicer_source.source() is None:
    pytest.skip(f"{slicer_source.VARIABLE} names no copy of Slicer's source", allow_module_level=True)


@pytest.fixture
def layers(qt_app, monkeypatch):  # noqa: ARG001 - it must be there first
    """The module as each layer makes it: 'stand-in' and 'Slicer'."""
    import qt_host

    own = {name: sys.modules[name] for name in slicer_source.NAMES}
    assert "reverter-slicer-layer" in own["slicer.i18n"].__file__ or "Base/Python" in own["slicer.i18n"].__file__
    made = {}
    for name, modules in (("stand-in", stand_ins.python_modules()), ("Slicer", own)):
        for key in slicer_source.NAMES:
            monkeypatch.setitem(sys.modules, key, modules[key])
        made[name] = stand_ins.load_module(REPOSITORY / "ReVerteR" / "ReVerteR.py")
        qt_host.allow_properties(("ReVerteR",))
    return made


def on_both(layers, host, steps) -> dict:
    """What the steps tell with each layer; the second one finds no node of the first."""
    told, scene = {}, host.scene
    for name, module in layers.items():
        told[name] = steps(module, host)
        for kind in ("vtkMRMLScriptedModuleNode", "vtkMRMLScalarVolumeNode"):
            while (node := scene.GetFirstNodeByClass(kind)) is not None:
                scene.RemoveNode(node)
    assert told["stand-in"] == told["Slicer"]
    return told["Slicer"]


def stored(node) -> dict[str, str]:
    return {name: node.GetParameter(name) for name in sorted(node.GetParameterNames())}


def test_a_new_parameter_node_holds_the_same_text(layers, host):
    def steps(module, _host):
        wrapper = module.ReVerteRLogic().getParameterNode()
        node = wrapper.parameterNode
        kept = (node.GetSingletonTag(), node.GetAttribute("ModuleName"), node.GetClassName())
        plain = {n for n, hint in hints(module).items() if not node_class(hint)}
        return kept, {n: t for n, t in stored(node).items() if n in plain}, {n: getattr(wrapper, n) for n in plain}

    kept, texts, values = on_both(layers, host, steps)
    assert kept == ("ReVerteR", "ReVerteR", "vtkMRMLScriptedModuleNode")
    assert (texts["exportStl"], texts["pixelSpacingMm"], texts["beam"]) == ("True", "1.0", "parallel")
    assert (values["exportStl"], values["pixelSpacingMm"], values["weights"]) == (True, 1.0, "")


def hints(module) -> dict:
    described = module.ReVerteRParameterNode
    return getattr(described, "parameters", None) or get_type_hints(described, include_extras=True)


def node_class(hint) -> str:
    kind = get_args(hint)[0] if hasattr(hint, "__metadata__") else hint
    return kind.__name__ if kind.__name__.startswith("vtkMRML") else ""


def test_values_are_written_checked_and_told_alike(layers, host):
    def steps(module, _host):
        wrapper, told = module.ReVerteRLogic().getParameterNode(), []
        wrapper.AddObserver("ModifiedEvent", lambda *_: told.append(stored(wrapper.parameterNode)["rollDeg"]))
        wrapper.rollDeg = 12.5
        wrapper.rollDeg = 12.5
        wrapper.exportPly, wrapper.beam = True, "cone"
        refused = []
        for name, value in (("rollDeg", 999.0), ("beam", "fan"), ("pixelSpacingMm", 0.01)):
            try:
                setattr(wrapper, name, value)
            except ValueError:
                refused.append(name)
        texts = stored(wrapper.parameterNode)
        return told, refused, {n: texts[n] for n in ("rollDeg", "exportPly", "beam", "pixelSpacingMm")}

    told, refused, texts = on_both(layers, host, steps)
    assert refused == ["rollDeg", "beam", "pixelSpacingMm"]
    assert texts == {"rollDeg": "12.5", "exportPly": "True", "beam": "cone", "pixelSpacingMm": "1.0"}
    assert len(told) == 3


def test_nodes_are_references_that_do_not_hold_on(layers, host):
    def steps(module, host):
        wrapper = module.ReVerteRLogic().getParameterNode()
        volume = host.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
        before = wrapper.ct
        wrapper.ct = volume
        named = wrapper.parameterNode.GetNodeReferenceID("ct") == volume.GetID(), wrapper.ct is volume
        again = module.ReVerteRParameterNode(wrapper.parameterNode).ct is volume
        host.scene.RemoveNode(volume)
        gone = wrapper.ct
        wrapper.ct = None
        return before, named, again, gone, wrapper.ct

    assert on_both(layers, host, steps) == (None, (True, True), True, None, None)


def test_one_scene_has_one_parameter_node(layers, host):
    def steps(module, host):
        logic = module.ReVerteRLogic()
        logic.getParameterNode().rollDeg = 3.0
        value = module.ReVerteRLogic().getParameterNode().rollDeg
        return value, host.scene.GetNumberOfNodesByClass("vtkMRMLScriptedModuleNode")

    assert on_both(layers, host, steps) == (3.0, 1)


def test_widgets_and_parameters_are_bound_alike(layers, host):
    import qt_host

    def steps(module, host):
        panel = qt_host.Loader().read(str(REPOSITORY / "Resources" / "UI" / "ReVerteR.ui"))
        panel.setMRMLScene(host.scene)
        ui = qt_host.child_variables(panel)
        wrapper = module.ReVerteRLogic().getParameterNode()
        wrapper.rollDeg = 20.0
        tag = wrapper.connectGui(ui)
        first = (ui.rollSlider.property("value"), [ui.beamComboBox.itemText(n) for n in range(ui.beamComboBox.count())])
        limits = (ui.pixelSpacingSlider.property("minimum"), ui.pixelSpacingSlider.property("maximum"))
        volume = host.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
        ui.rollSlider.setProperty("value", -30.0)
        ui.beamComboBox.setCurrentText("cone")
        ui.plyCheckBox.click()
        ui.ctSelector.setCurrentNode(volume)
        taken = wrapper.rollDeg, wrapper.beam, wrapper.exportPly, wrapper.ct is volume
        wrapper.rotationDeg, wrapper.device, wrapper.silhouettes = 45.0, "cpu", True
        shown = ui.rotationSlider.property("value"), ui.deviceComboBox.currentText(), ui.silhouettesCheckBox.isChecked()
        wrapper.disconnectGui(tag)
        ui.rollSlider.setProperty("value", 1.0)
        wrapper.rotationDeg = 5.0
        loose = wrapper.rollDeg, ui.rotationSlider.property("value")
        for selector in panel.findChildren(qt_host.qMRMLNodeComboBox):
            selector.release()
        return first, limits, taken, shown, loose

    first, limits, taken, shown, loose = on_both(layers, host, steps)
    assert first == (20.0, ["parallel", "cone"])
    assert limits == (0.3, 3.0)
    assert taken == (-30.0, "cone", True, True)
    assert shown == (45.0, "cpu", True)
    assert loose == (-30.0, 45.0)


def test_a_widget_that_does_not_fit_is_refused_by_both(layers, host):
    import qt_host
    from PySide6 import QtWidgets

    def steps(module, _host):
        spin_box = qt_host.connecting(QtWidgets.QSpinBox)()
        spin_box.setProperty("SlicerParameterName", "rollDeg")
        with pytest.raises(RuntimeError):
            module.ReVerteRLogic().getParameterNode().connectGui(SimpleNamespace(spin_box=spin_box))

    on_both(layers, host, steps)


def test_the_wrapper_lends_out_no_more_of_its_node_than_slicers(layers, host):
    def steps(module, _host):
        wrapper = module.ReVerteRLogic().getParameterNode()
        names = ("AddObserver", "RemoveObserver", "StartModify", "EndModify", "Modified", "parameterNode", "GetID",
                 "SetParameter", "GetParameter", "GetScene")  # fmt: skip
        return [name for name in names if hasattr(wrapper, name)]

    assert "GetID" not in on_both(layers, host, steps)


def test_the_ranges_and_choices_are_those_of_slicers_own_annotations(layers):
    own = hints(layers["Slicer"])["pixelSpacingMm"]
    assert get_args(own)[0] is float
    validator = get_args(own)[1]
    assert (validator.minimum, validator.maximum) == (0.3, 3.0)
    assert type(validator).__module__ == "slicer.parameterNodeWrapper.validators"
    assert Annotated[float, 1] != own


def test_the_base_classes_have_what_the_module_overrides(layers):
    module = layers["Slicer"]
    for name in ("setup", "cleanup", "onReload", "resourcePath"):
        assert any(name in vars(base) for base in module.ReVerteRWidget.__mro__[1:]), name
    assert "resourcePath" in vars(module.ScriptedLoadableModule)
    assert "getParameterNode" in vars(module.ScriptedLoadableModuleLogic)
    assert "delayDisplay" in vars(module.ScriptedLoadableModuleTest)


def test_slicer_describes_the_module_and_registers_its_self_test(layers, host):
    parent = SimpleNamespace(path=str(REPOSITORY / "ReVerteR" / "ReVerteR.py"))
    layers["Slicer"].ReVerteR(parent)
    assert parent.title == "ReVerteR"
    assert parent.contributors == ["ReVerteR contributors"]
    assert "ReVerteR" in host.slicer.selfTests
    assert not parent.icon.isNull()
