"""A host for the real panel: Qt by PySide6 (off-screen), the real .ui files, stand-ins for CTK's and MRML's widgets.

What is real: Qt, its events and timers, the .ui files, the MRML scene and its nodes (slicer-core), the library.
What is not: PythonQt, CTK, qMRML widgets, the layout manager's views, Slicer's own Python layer (see slicer_layer.py).
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import sys
import types
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import slicer_source
import stand_ins
import translations

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

if sys.version_info < (3, 12):
    # PySide6's snake-case and property features return None without counting it; before Python 3.12, where None cannot
    # be freed, some thousand property writes end the interpreter ("deallocating None").
    for _ in range(1_000_000):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(None))

PANEL_MODULES = (
    "part", "radiographs", "icons", "import_dialog", "language", "vertebrae", "reconstruct", "look", "results", "setup",
    "views",
)  # fmt: skip
Signal, Property = QtCore.Signal, QtCore.Property


def application() -> QtWidgets.QApplication:
    return QtWidgets.QApplication.instance() or QtWidgets.QApplication([])


def _connect(self, signal: str, slot, *_) -> None:
    """As PythonQt: the signature tells how many arguments arrive."""
    name, _, arguments = signal.rstrip(")").partition("(")
    count = len([a for a in arguments.split(",") if a])
    getattr(self, name).connect(lambda *values: slot(*values[:count]))


@functools.cache
def connecting(kind: type) -> type:
    """The class with PythonQt's way to connect; QObject.connect itself cannot be replaced."""
    return type(kind.__name__, (kind,), {"connect": _connect})


# --- widgets of CTK and MRML ----------------------------------------------------------------------


class ctkCollapsibleButton(QtWidgets.QGroupBox):
    contentsCollapsed = Signal(bool)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._collapsed = False
        self.setStyleSheet("QGroupBox {font-weight: bold}")

    def _get(self) -> bool:
        return self._collapsed

    def _set(self, collapsed: bool) -> None:
        if collapsed == self._collapsed:
            return
        self._collapsed = collapsed
        for child in self.findChildren(QtWidgets.QWidget, options=QtCore.Qt.FindDirectChildrenOnly):
            child.setVisible(not collapsed)
        self.contentsCollapsed.emit(collapsed)

    collapsed = Property(bool, _get, _set)
    text = Property(str, lambda self: self.title(), lambda self, text: self.setTitle(text))


class ctkSliderWidget(QtWidgets.QWidget):
    valueChanged = Signal(float)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self.slider = QtWidgets.QSlider(QtCore.Qt.Horizontal)
        self.box = QtWidgets.QDoubleSpinBox()
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.slider)
        row.addWidget(self.box)
        self.slider.setRange(0, 1000)
        self.box.valueChanged.connect(self._changed)
        self.slider.sliderMoved.connect(lambda n: self.box.setValue(self._low() + n / 1000 * self._span()))

    def _low(self) -> float:
        return self.box.minimum()

    def _span(self) -> float:
        return self.box.maximum() - self.box.minimum() or 1.0

    def show_position(self) -> None:
        self.slider.setValue(round((self.box.value() - self._low()) / self._span() * 1000))

    def _changed(self, value: float) -> None:
        self.show_position()
        self.valueChanged.emit(value)

    decimals = Property(int, lambda s: s.box.decimals(), lambda s, v: s.box.setDecimals(v))
    singleStep = Property(float, lambda s: s.box.singleStep(), lambda s, v: s.box.setSingleStep(v))
    minimum = Property(float, lambda s: s.box.minimum(), lambda s, v: s.box.setMinimum(v))
    maximum = Property(float, lambda s: s.box.maximum(), lambda s, v: s.box.setMaximum(v))
    value = Property(float, lambda s: s.box.value(), lambda s, v: s.box.setValue(v))
    suffix = Property(str, lambda s: s.box.suffix(), lambda s, v: s.box.setSuffix(v))


class ctkPathLineEdit(QtWidgets.QWidget):
    currentPathChanged = Signal(str)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self.edit = QtWidgets.QLineEdit()
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.edit)
        row.addWidget(QtWidgets.QToolButton(text="..."))
        self.edit.textChanged.connect(self.currentPathChanged)

    currentPath = Property(str, lambda s: s.edit.text(), lambda s, v: s.edit.setText(v))


class qMRMLNodeComboBox(QtWidgets.QComboBox):
    currentNodeChanged = Signal(object)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._scene, self._types, self._tags, self._node, self._filling = None, [], [], None, False
        self.currentIndexChanged.connect(self._picked)

    nodeTypes = Property("QStringList", lambda s: s._types, lambda s, v: setattr(s, "_types", list(v)))

    def setMRMLScene(self, scene) -> None:
        self.release()
        self._scene = scene
        events = (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndBatchProcessEvent)
        self._tags = [scene.AddObserver(event, lambda *_: self.refresh()) for event in events]
        self.refresh()

    def release(self) -> None:
        for tag in self._tags:
            self._scene.RemoveObserver(tag)
        self._tags = []

    def nodes(self) -> list:
        scene = self._scene
        found = [scene.GetNthNode(n) for n in range(scene.GetNumberOfNodes())]
        return [n for n in found if n.GetClassName() in self._types and not n.GetHideFromEditors()]

    def refresh(self) -> None:
        self._filling = True
        self.clear()
        self.addItem("None")
        for node in self.nodes():
            self.addItem(node.GetName())
        here = [n.GetID() for n in self.nodes()]
        chosen = self._node.GetID() if self._node is not None and self._node.GetScene() is not None else None
        self.setCurrentIndex(here.index(chosen) + 1 if chosen in here else 0)
        self._filling = False
        if self._node is not None and chosen not in here:
            self._node = None
            self.currentNodeChanged.emit(None)

    def currentNode(self):
        return self._node

    def setCurrentNode(self, node) -> None:
        if node is not self._node:
            self._node = node
            self.refresh()
            self.currentNodeChanged.emit(node)

    def _picked(self, index: int) -> None:
        if not self._filling and self._scene is not None:
            self.setCurrentNode(self.nodes()[index - 1] if index > 0 else None)

    def bound(self, validators, tell) -> None:
        self.currentNodeChanged.connect(tell)

    def show_value(self, node) -> None:
        self.setCurrentNode(node)


class qMRMLWidget(QtWidgets.QWidget):
    def setMRMLScene(self, scene) -> None:
        for selector in self.findChildren(qMRMLNodeComboBox):
            selector.setMRMLScene(scene)


CUSTOM = {
    c.__name__: c for c in (ctkCollapsibleButton, ctkSliderWidget, ctkPathLineEdit, qMRMLNodeComboBox, qMRMLWidget)
}


def _bound_combo(self, validators, tell) -> None:
    """Slicer fills a combo box with the choices itself."""
    blocked = self.blockSignals(True)
    self.clear()
    for validator in validators:
        self.addItems(list(getattr(validator, "choices", ())))
    self.blockSignals(blocked)
    self.currentTextChanged.connect(tell)


def _bound_slider(self, validators, tell) -> None:
    for validator in validators:
        self.box.setRange(validator.minimum, validator.maximum)
    self.show_position()
    self.valueChanged.connect(tell)


class _ComboBox(QtWidgets.QComboBox):
    bound = _bound_combo

    def show_value(self, text) -> None:
        self.setCurrentText(text)


class _CheckBox(QtWidgets.QCheckBox):
    def bound(self, validators, tell) -> None:
        self.toggled.connect(tell)

    def show_value(self, value) -> None:
        self.setChecked(value)


_ComboBox.__name__, _CheckBox.__name__ = "QComboBox", "QCheckBox"
ctkSliderWidget.bound = _bound_slider
ctkSliderWidget.show_value = lambda self, value: self.box.setValue(value)
QtWidgets.QWidget._parameter = lambda self: self.property("SlicerParameterName")


class Loader(QtUiTools.QUiLoader):
    """Reads a .ui file; properties of CTK's widgets that the stand-ins lack, and connections between them, are cut."""

    LEFT_OUT = ("filters", "nameFilters", "showChildNodeTypes", "addEnabled", "removeEnabled", "renameEnabled",
                "noneEnabled")  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.made: list = []  # Qt would keep the widgets without their Python half

    def createWidget(self, class_name, parent=None, name=""):
        made = {**CUSTOM, "QComboBox": _ComboBox, "QCheckBox": _CheckBox}.get(class_name)
        widget = connecting(made or getattr(QtWidgets, class_name))(parent)
        widget.setObjectName(name)
        self.made.append(widget)
        return widget

    def read(self, path: str) -> QtWidgets.QWidget:
        tree = ET.parse(path).getroot()
        for widget in tree.iter("widget"):
            for element in [e for e in widget.findall("property") if e.get("name") in self.LEFT_OUT]:
                widget.remove(element)
        for element in tree.findall("connections"):
            tree.remove(element)
        buffer = QtCore.QBuffer()
        buffer.setData(ET.tostring(tree))
        buffer.open(QtCore.QIODevice.ReadOnly)
        return self.load(buffer)


def child_variables(panel) -> SimpleNamespace:
    """As slicer.util.childWidgetVariables."""
    named = {w.objectName(): w for w in panel.findChildren(QtWidgets.QWidget) if not w.objectName().startswith("qt_")}
    return SimpleNamespace(**{name: widget for name, widget in named.items() if name})


# --- modules and application ----------------------------------------------------------------------


def translated(text: str) -> str:
    """As slicer.i18n.tr: under the file that the text stands in, and only with the same fields."""
    import slicer

    context = translations.context_of(Path(sys._getframe(1).f_code.co_filename))
    found = slicer.app.translate(context, text)
    return found if translations.placeholders(found) == translations.placeholders(text) else text


def qt_module() -> types.ModuleType:
    module = types.ModuleType("qt")
    for source in (QtCore, QtGui, QtWidgets):
        vars(module).update({name: getattr(source, name) for name in dir(source) if not name.startswith("_")})
    module.QTimer, module.QShortcut = connecting(QtCore.QTimer), connecting(QtGui.QShortcut)
    return module


def ctk_module() -> types.ModuleType:
    """CTK's widgets; those that ReVerteR does not use are classes without any object."""
    module = types.ModuleType("ctk")
    module.ctkSliderWidget, module.ctkPathLineEdit = connecting(ctkSliderWidget), connecting(ctkPathLineEdit)
    module.__getattr__ = functools.cache(_absent_class)
    return module


def _absent_class(name: str) -> type:
    if not name.startswith(("ctk", "qMRML", "qSlicer")):
        raise AttributeError(name)
    return type(name, (), {})


def slicers_own_layer() -> dict[str, types.ModuleType]:
    """Slicer's real Python layer on this host's widgets, see slicer_source.py."""
    qt = qt_module()
    qt.QComboBox, qt.QCheckBox = connecting(_ComboBox), connecting(_CheckBox)  # the connectors ask for the exact class
    names = ("qMRMLSliderWidget", "qMRMLSpinBox", "qMRMLRangeWidget", "qMRMLWidget")
    widgets = {**{name: _absent_class(name) for name in names}, "qMRMLNodeComboBox": connecting(qMRMLNodeComboBox)}
    modules = slicer_source.python_modules(qt, ctk_module(), widgets)
    allow_properties(modules)
    return {**modules, "ctk": ctk_module()}


def allow_properties(names=("ReVerteR", *(f"ReVerteRPanel.{part}" for part in PANEL_MODULES))) -> None:
    """Lets the module and its panel write properties as attributes, which PythonQt does everywhere."""
    # It looks into every loaded module, which some of torch's do not bear.
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "torch"}
    try:
        from shibokensupport import feature

        for name in names:
            feature.set_selection(2, name)
    finally:
        sys.modules.update(hidden)


class Settings:
    """QSettings of one test."""

    def __init__(self) -> None:
        self.values: dict = {}

    def value(self, key, default=None):
        return self.values.get(key, default)

    def setValue(self, key, value) -> None:
        self.values[key] = value


class Application:
    """slicer.app, and what was said in message boxes."""

    def __init__(self, layout_manager) -> None:
        self._manager, self._settings = layout_manager, Settings()
        self.errors: list[str] = []
        self.reloaded: list[str] = []
        self.main_window = QtWidgets.QMainWindow()
        self.applicationVersion, self.applicationLocaleName = "5.12.3", "en_US"
        self.loader = Loader()

    def layoutManager(self):
        return self._manager

    def settings(self) -> Settings:
        return self._settings

    def connect(self, signal, slot) -> None:
        pass

    def moduleManager(self):
        return self  # its signals, too, are never sent

    def translate(self, context: str, text: str) -> str:
        return QtCore.QCoreApplication.translate(context, text)

    def processEvents(self) -> None:
        application().processEvents()


@contextlib.contextmanager
def nothing(*_arguments, **_options):
    yield


def install(monkeypatch, slicer, app: Application) -> None:
    """Makes slicer.app, slicer.util and the modules qt, ctk and slicer.* those of this host."""
    util = {
        "loadUI": app.loader.read,
        "childWidgetVariables": child_variables,
        "mainWindow": lambda: app.main_window,
        "errorDisplay": lambda text, **_: app.errors.append(text),
        "tryWithErrorDisplay": nothing,
        "WaitCursor": nothing,
        "RenderBlocker": nothing,
        "reloadScriptedModule": app.reloaded.append,
    }
    monkeypatch.setattr(slicer, "app", app, raising=False)
    for name, value in util.items():
        monkeypatch.setattr(slicer.util, name, value, raising=False)
    modules = {**stand_ins.python_modules(), "qt": qt_module()}
    modules["slicer.i18n"].tr = translated
    if slicer_source.source() is not None:
        modules.update(slicers_own_layer())
        for name in ("qMRMLSliderWidget", "qMRMLSpinBox", "qMRMLRangeWidget"):
            monkeypatch.setattr(slicer, name, _absent_class(name), raising=False)
        monkeypatch.setattr(slicer, "qMRMLNodeComboBox", connecting(qMRMLNodeComboBox), raising=False)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)


def spin(until, app, limit_s: float = 60.0) -> None:
    """Handles Qt's events until something is the case; an AssertionError after `limit_s`."""
    import time

    end = time.monotonic() + limit_s
    while not until():
        assert time.monotonic() < end, f"it did not happen; the panel says: {app.errors}"
        application().processEvents()
        time.sleep(0.005)


def picture(widget, path: Path, width: int = 460) -> None:
    """A PNG of a widget at its natural height."""
    widget.resize(width, widget.sizeHint().height())
    widget.show()
    application().processEvents()
    widget.resize(width, max(widget.layout().heightForWidth(width), widget.sizeHint().height()))
    application().processEvents()
    widget.grab().save(str(path))
