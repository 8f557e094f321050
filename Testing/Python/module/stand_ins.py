"""Just enough of qt, ctk and Slicer's Python layer to load ReVerteR.py without the application and without Qt.

The panel itself runs under real Qt, see qt_host.py.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import slicer_layer as layer

REPOSITORY = Path(__file__).resolve().parents[3]


class Widget:
    """One widget of the .ui file, as far as it can be seen without Qt."""

    def __init__(self, class_name: str, parameter: str, tool_tip: str) -> None:
        self.class_name, self.parameter, self.tool_tip = class_name, parameter, tool_tip


def load_ui(path: str) -> SimpleNamespace:
    """All named widgets of a .ui file."""
    found = {}
    for element in ET.parse(path).getroot().iter("widget"):
        texts = {p.get("name"): p.findtext("string") or "" for p in element.findall("property")}
        parameter = texts.get("SlicerParameterName", "")
        found[element.get("name")] = Widget(element.get("class"), parameter, texts.get("toolTip", ""))
    return SimpleNamespace(**found)


class SliceWidget:
    """A slice view of Slicer's layout manager: a real renderer and the view's node, nothing is drawn."""

    def __init__(self, node) -> None:
        import vtk

        self.node, self.renderer, renderers = node, vtk.vtkRenderer(), vtk.vtkRendererCollection()
        renderers.AddItem(self.renderer)
        self.window = SimpleNamespace(GetRenderers=lambda: renderers)

    def mrmlSliceNode(self):
        return self.node

    def sliceView(self):
        return SimpleNamespace(renderWindow=lambda: self.window, scheduleRender=lambda: None)


class LayoutManager:
    """Slicer's, on a real layout logic."""

    def __init__(self, logic) -> None:
        self._logic = logic
        self.slice_widgets: dict[str, SliceWidget] = {}

    def sliceWidget(self, name: str) -> SliceWidget | None:
        """As in Slicer, None for views that no layout has shown yet."""
        node = self._logic.GetMRMLScene().GetSingletonNode(name, "vtkMRMLSliceNode")
        if node is not None and name not in self.slice_widgets:
            self.slice_widgets[name] = SliceWidget(node)
        return self.slice_widgets.get(name)

    def layoutLogic(self):
        return self._logic

    @property
    def layout(self) -> int:
        return self._logic.GetLayoutNode().GetViewArrangement()

    def setLayout(self, number: int) -> None:
        self._logic.GetLayoutNode().SetViewArrangement(number)


def python_modules() -> dict[str, types.ModuleType]:
    """What `import` finds under the names of Slicer's Python layer."""

    def module(name: str, **content) -> types.ModuleType:
        made = types.ModuleType(name)
        vars(made).update(content)
        return made

    base = (
        layer.ScriptedLoadableModule,
        layer.ScriptedLoadableModuleWidget,
        layer.ScriptedLoadableModuleLogic,
        layer.ScriptedLoadableModuleTest,
    )
    return {
        "qt": module("qt", QIcon=str),
        "ctk": module("ctk"),
        "slicer.i18n": module("slicer.i18n", tr=lambda text: text, translate=lambda _context, text: text),
        "slicer.ScriptedLoadableModule": module("slicer.ScriptedLoadableModule", **{c.__name__: c for c in base}),
        "slicer.parameterNodeWrapper": module(
            "slicer.parameterNodeWrapper",
            parameterNodeWrapper=layer.parameter_node_wrapper,
            WithinRange=layer.WithinRange,
            Choice=layer.Choice,
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
