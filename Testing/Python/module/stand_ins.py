"""Just enough of qt, ctk and Slicer's Python layer to run ReVerteR.py without the application.

Widgets are made from the .ui file and have the signals and properties of their real class that the module may use;
anything else is an AttributeError or KeyError, as a misspelt name would be in Slicer.
"""

from __future__ import annotations

import contextlib
import sys
import types
import typing
import unittest
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, get_args, get_origin
from xml.etree import ElementTree as ET

REPOSITORY = Path(__file__).resolve().parents[3]

SIGNALS = {
    "QPushButton": {"clicked()"},
    "QComboBox": {"currentTextChanged(QString)"},
    "ctkSliderWidget": {"valueChanged(double)"},
}
PROPERTIES = {
    "QPushButton": {"text": "", "enabled": True},
    "QLabel": {"text": ""},
    "QLineEdit": {"text": ""},
    "QComboBox": {"currentText": ""},
    "QProgressBar": {"value": 0, "visible": True},
    "ctkSliderWidget": {"value": 0.0},
}


class Widget:
    """One widget of the .ui file."""

    def __init__(self, class_name: str, parameter: str, tool_tip: str) -> None:
        object.__setattr__(self, "_values", dict(PROPERTIES.get(class_name, {}), toolTip=tool_tip))
        object.__setattr__(self, "_slots", {signal: [] for signal in SIGNALS.get(class_name, ())})
        object.__setattr__(self, "class_name", class_name)
        object.__setattr__(self, "parameter", parameter)
        object.__setattr__(self, "calls", [])

    def __getattr__(self, name: str):
        if name in self._values:
            return self._values[name]
        raise AttributeError(f"{self.class_name} has no property '{name}'")

    def __setattr__(self, name: str, value) -> None:
        if name not in self._values:
            raise AttributeError(f"{self.class_name} has no property '{name}'")
        self._values[name] = value

    def connect(self, signal: str, slot) -> None:
        self._slots[signal].append(slot)

    def emit(self, signal: str, *arguments) -> None:
        for slot in self._slots[signal]:
            slot(*arguments)

    def click(self) -> None:
        if self.enabled:
            self.emit("clicked()")

    def setMRMLScene(self, scene) -> None:
        self.calls.append(("setMRMLScene", scene))

    def addItems(self, items) -> None:
        self.calls.append(("addItems", list(items)))

    def setRange(self, low: int, high: int) -> None:
        self.calls.append(("setRange", low, high))


def load_ui(path: str) -> SimpleNamespace:
    """All named widgets of a .ui file."""
    found = {}
    for element in ET.parse(path).getroot().iter("widget"):
        texts = {p.get("name"): p.findtext("string") or "" for p in element.findall("property")}
        parameter = texts.get("SlicerParameterName", "")
        found[element.get("name")] = Widget(element.get("class"), parameter, texts.get("toolTip", ""))
    return SimpleNamespace(**found)


def load_panel(path: str) -> SimpleNamespace:
    """As slicer.util.loadUI: the top widget, which knows its children."""
    children = load_ui(path)
    return SimpleNamespace(children=children, setMRMLScene=children.ReVerteR.setMRMLScene)


class Choice:
    def __init__(self, choices) -> None:
        self.choices = choices

    def check(self, value) -> None:
        if value not in self.choices:
            raise ValueError(f"{value} is none of {self.choices}")


class WithinRange:
    def __init__(self, minimum, maximum) -> None:
        self.minimum, self.maximum = minimum, maximum

    def check(self, value) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value} is not within {self.minimum} to {self.maximum}")


def fitting_widget(hint) -> str:
    """The class of widget that Slicer can connect a parameter of this type to."""
    kind, *validators = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    if any(isinstance(v, Choice) for v in validators):
        return "QComboBox"
    return {str: "QLineEdit", float: "ctkSliderWidget"}.get(kind, "qMRMLNodeComboBox")


def parameter_node_wrapper(described: type) -> type:
    """Typed access to a scripted-module node; values live in the wrapper, changes are announced by the node."""
    hints = typing.get_type_hints(described, include_extras=True)

    class Wrapper:
        parameters = hints

        def __init__(self, node) -> None:
            values = node.__dict__.setdefault("values", {name: getattr(described, name, None) for name in hints})
            self.__dict__.update(node=node, values=values)

        def __getattr__(self, name: str):
            return self.__dict__["values"][name] if name in hints else getattr(self.node, name)

        def __setattr__(self, name: str, value) -> None:
            for validator in get_args(hints[name])[1:] if get_origin(hints[name]) is Annotated else ():
                validator.check(value)
            self.values[name] = value
            self.node.Modified()

        def connectGui(self, ui) -> str:
            for widget in vars(ui).values():
                if widget.parameter and widget.class_name != fitting_widget(hints[widget.parameter]):
                    raise RuntimeError(f"{widget.parameter} cannot be shown by a {widget.class_name}")
            return "gui"

        def disconnectGui(self, tag: str) -> None:
            assert tag == "gui"

    return Wrapper


class ScriptedLoadableModule:
    def __init__(self, parent) -> None:
        self.parent = parent


class ScriptedLoadableModuleWidget:
    def __init__(self, parent=None) -> None:
        self.parent = parent
        self.layout = SimpleNamespace(addWidget=lambda _widget: None)

    def setup(self) -> None:
        pass

    def onReload(self) -> None:
        pass


class ScriptedLoadableModuleLogic:
    def getParameterNode(self):
        import slicer

        scene = slicer.mrmlScene
        node = scene.GetSingletonNode("ReVerteR", "vtkMRMLScriptedModuleNode")
        if node is None:
            node = slicer.vtkMRMLScriptedModuleNode()
            node.SetSingletonTag("ReVerteR")
            node = scene.AddNode(node)
        if node.GetAttribute("ModuleName") != "ReVerteR":  # new, or emptied when the scene was closed
            node.__dict__.pop("values", None)
            node.SetAttribute("ModuleName", "ReVerteR")
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    def delayDisplay(self, message: str) -> None:
        self.message = message


class LayoutManager:
    """Slicer's, on a real layout logic."""

    def __init__(self, logic) -> None:
        self._logic = logic

    def layoutLogic(self):
        return self._logic

    @property
    def layout(self) -> int:
        return self._logic.GetLayoutNode().GetViewArrangement()

    def setLayout(self, number: int) -> None:
        self._logic.GetLayoutNode().SetViewArrangement(number)


@contextlib.contextmanager
def error_display(message=None, show=True, waitCursor=False):
    yield


def python_modules() -> dict[str, types.ModuleType]:
    """What `import` finds under the names of Slicer's Python layer."""

    def module(name: str, **content) -> types.ModuleType:
        made = types.ModuleType(name)
        vars(made).update(content)
        return made

    base = {c.__name__: c for c in (ScriptedLoadableModule, ScriptedLoadableModuleWidget, ScriptedLoadableModuleLogic)}
    return {
        "qt": module("qt", QIcon=str, QUrl=str, QFileDialog=SimpleNamespace(), QDesktopServices=SimpleNamespace()),
        "ctk": module("ctk"),
        "slicer.i18n": module("slicer.i18n", tr=lambda text: text, translate=lambda _context, text: text),
        "slicer.ScriptedLoadableModule": module(
            "slicer.ScriptedLoadableModule", ScriptedLoadableModuleTest=ScriptedLoadableModuleTest, **base
        ),
        "slicer.parameterNodeWrapper": module(
            "slicer.parameterNodeWrapper",
            parameterNodeWrapper=parameter_node_wrapper,
            WithinRange=WithinRange,
            Choice=Choice,
        ),
    }


def load_module(path: Path) -> types.ModuleType:
    """Runs a scripted module's file as Slicer does: by its path, under its own name."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("ReVerteR", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["ReVerteR"] = module
    spec.loader.exec_module(module)
    return module
