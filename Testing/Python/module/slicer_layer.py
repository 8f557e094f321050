"""Stand-ins for Slicer's Python layer (slicer.parameterNodeWrapper and friends), on real MRML nodes.

They keep to Slicer's contract as far as ReVerteR uses it: the real ones are in Slicer's Base/Python/slicer.
"""

from __future__ import annotations

import typing
import unittest
from typing import Annotated, get_args, get_origin


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


def kind_of(hint):
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def validators_of(hint) -> tuple:
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()


def fitting_widget(hint) -> str:
    """The class of widget that Slicer can connect a parameter of this type to."""
    if any(isinstance(v, Choice) for v in validators_of(hint)):
        return "QComboBox"
    return {str: "QLineEdit", float: "ctkSliderWidget", bool: "QCheckBox"}.get(kind_of(hint), "qMRMLNodeComboBox")


def parameter_node_wrapper(described: type) -> type:
    """Typed access to a vtkMRMLScriptedModuleNode: values as its parameters, nodes as its node references."""
    hints = typing.get_type_hints(described, include_extras=True)
    plain = (str, float, bool)
    passed_on = ("AddObserver", "RemoveObserver", "StartModify", "EndModify", "Modified")

    class Wrapper:
        parameters = hints

        def __init__(self, node) -> None:
            self.__dict__["node"] = node
            for name, hint in hints.items():
                if kind_of(hint) in plain and not node.GetParameter(name):
                    node.SetParameter(name, str(getattr(described, name)))

        def __getattr__(self, name: str):
            if name == "parameterNode":
                return self.__dict__["node"]
            if name in passed_on:
                return getattr(self.__dict__["node"], name)
            if name not in hints:
                raise AttributeError(name)
            kind = kind_of(hints[name])
            if kind not in plain:
                return self.node.GetNodeReference(name)
            text = self.node.GetParameter(name)
            return text == "True" if kind is bool else kind(text)

        def __setattr__(self, name: str, value) -> None:
            hint = hints[name]
            for validator in validators_of(hint):
                validator.check(value)
            if kind_of(hint) in plain:
                if str(value) != self.node.GetParameter(name):
                    self.node.SetParameter(name, str(value))
                return
            identifier = value.GetID() if value is not None else None
            if identifier != self.node.GetNodeReferenceID(name):
                self.node.SetNodeReferenceID(name, identifier)
                self.node.Modified()

        def connectGui(self, ui):
            return bind(self, hints, ui)

        def disconnectGui(self, tag) -> None:
            tag.release()

    return Wrapper


def bind(wrapper, hints, ui):
    """Both directions between parameters and widgets; without Qt only the classes are compared."""
    found = {}
    for widget in vars(ui).values():
        name = getattr(widget, "parameter", None) or getattr(widget, "_parameter", lambda: None)()
        if not name:
            continue
        class_name = getattr(widget, "class_name", type(widget).__name__)
        if class_name != fitting_widget(hints[name]):
            raise RuntimeError(f"{name} cannot be shown by a {class_name}")
        found[name] = widget
    return Binding(wrapper, hints, found)


class Binding:
    def __init__(self, wrapper, hints, widgets) -> None:
        self._wrapper, self._hints, self._widgets = wrapper, hints, widgets
        self._live = True
        self._busy = False
        for name, widget in widgets.items():
            if hasattr(widget, "bound"):
                widget.bound(validators_of(hints[name]), lambda value, name=name: self._from_widget(name, value))
        self._tag = wrapper.node.AddObserver("ModifiedEvent", lambda *_: self._to_widgets())
        self._to_widgets()

    def _to_widgets(self) -> None:
        if not self._live or self._busy:
            return
        self._busy = True
        for name, widget in self._widgets.items():
            if hasattr(widget, "show_value"):
                widget.show_value(getattr(self._wrapper, name))
        self._busy = False

    def _from_widget(self, name: str, value) -> None:
        if self._live and not self._busy:
            setattr(self._wrapper, name, value)

    def release(self) -> None:
        self._live = False
        self._wrapper.node.RemoveObserver(self._tag)


class ScriptedLoadableModule:
    def __init__(self, parent) -> None:
        self.parent = parent


class ScriptedLoadableModuleWidget:
    def __init__(self, parent=None) -> None:
        self.parent = parent
        self.layout = parent.layout()

    def setup(self) -> None:
        pass

    def onReload(self) -> None:
        import slicer

        slicer.util.reloadScriptedModule(type(self).__name__.removesuffix("Widget"))


class ScriptedLoadableModuleLogic:
    def getParameterNode(self):
        import slicer

        scene = slicer.mrmlScene
        node = scene.GetSingletonNode("ReVerteR", "vtkMRMLScriptedModuleNode")
        if node is None:
            node = slicer.vtkMRMLScriptedModuleNode()
            node.SetSingletonTag("ReVerteR")
            node = scene.AddNode(node)
        node.SetAttribute("ModuleName", "ReVerteR")
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    def delayDisplay(self, message: str) -> None:
        self.message = message
