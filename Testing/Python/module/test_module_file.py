"""The module file and the .ui file, read as text and as XML."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import typing
from xml.etree import ElementTree as ET

import pytest
import stand_ins
from stand_ins import REPOSITORY

MODULE = REPOSITORY / "ReVerteR" / "ReVerteR.py"
UI = REPOSITORY / "Resources" / "UI" / "ReVerteR.ui"
INTERACTIVE = {
    "QPushButton", "QComboBox", "QLineEdit", "QProgressBar", "ctkSliderWidget", "qMRMLNodeComboBox",
    "qSlicerSimpleMarkupsWidget",
}  # fmt: skip
FILLED_BY_HAND = {"weights": "weightsComboBox"}
"""Parameters that the module keeps itself, because the choices are known only when it runs."""
ON_ITS_OWN = {"centroidsWidget"}
"""Widgets that the .ui file itself connects."""


@pytest.fixture(scope="module")
def source() -> str:
    return MODULE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def widgets() -> dict[str, stand_ins.Widget]:
    return vars(stand_ins.load_ui(str(UI)))


def test_only_definitions_stand_at_file_scope(source):
    allowed = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef)
    for number, statement in enumerate(ast.parse(source).body):
        if isinstance(statement, ast.Assign):
            assert all(target.id.isupper() for target in statement.targets)
        else:
            assert isinstance(statement, allowed) or (number == 0 and isinstance(statement, ast.Expr)), statement.lineno


def test_nothing_is_imported_at_file_scope_that_slicer_lacks(source):
    roots = set()
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom):
            roots.add(statement.module.split(".")[0])
    assert roots - set(sys.stdlib_module_names) == {"qt", "slicer", "vtk"}


def test_loading_the_file_loads_no_library_and_leaves_the_path_alone():
    code = (
        f"import sys; sys.path[:0] = [{str(MODULE.parents[1] / 'Testing' / 'Python' / 'module')!r}]\n"
        "import pathlib, stand_ins\n"
        "sys.modules.update(stand_ins.python_modules())\n"
        "before = list(sys.path)\n"
        f"stand_ins.load_module(pathlib.Path({str(MODULE)!r}))\n"
        "heavy = {'torch', 'ReVerteRLib', 'SimpleITK', 'scipy', 'monai'} & set(sys.modules)\n"
        "print(heavy or 'nothing', before == sys.path)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=MODULE.parent)
    assert done.stdout.split() == ["nothing", "True"], done.stderr


def test_the_file_is_thin(source):
    assert len(source.splitlines()) < 400


def test_every_parameter_has_a_widget_and_every_widget_a_parameter(module, widgets):
    shown = [w.parameter for w in widgets.values() if w.parameter]
    assert len(shown) == len(set(shown))
    assert set(shown) | set(FILLED_BY_HAND) == set(module.ReVerteRParameterNode.parameters)
    assert set(FILLED_BY_HAND.values()) <= set(widgets)


def test_node_selectors_offer_the_class_that_the_parameter_takes(module):
    for element in ET.parse(UI).getroot().iter("widget"):
        if element.get("class") == "qMRMLNodeComboBox":
            texts = {p.get("name"): p for p in element.findall("property")}
            offered = [s.text for s in texts["nodeTypes"].iter("string")]
            hints = typing.get_type_hints(module.ReVerteRParameterNode, include_extras=True) or {}
            taken = (hints or module.ReVerteRParameterNode.parameters)[texts["SlicerParameterName"].findtext("string")]
            assert offered == [taken.__name__]


def test_every_widget_that_the_module_names_exists(source, widgets):
    named = set(re.findall(r"\bui\.(\w+)", source))
    assert named - set(widgets) == set()
    assert len(named) > 12


def test_every_widget_is_used(source, widgets):
    for name, widget in widgets.items():
        if widget.class_name in INTERACTIVE and name not in ON_ITS_OWN:
            assert widget.parameter or re.search(rf"\bui\.{name}\b", source), f"{name} does nothing"


def test_every_widget_explains_itself(widgets):
    for name, widget in widgets.items():
        if widget.class_name in INTERACTIVE:
            assert len(widget.toolTip) > 10, f"{name} has no tooltip"


def test_every_mrml_widget_gets_the_scene():
    root = ET.parse(UI).getroot()
    connected = {
        c.findtext("receiver") for c in root.iter("connection") if c.findtext("slot") == "setMRMLScene(vtkMRMLScene*)"
    }
    mrml = {w.get("name") for w in root.iter("widget") if w.get("class").startswith(("qMRML", "qSlicer"))}
    assert connected == mrml - {"ReVerteR"}
    assert root.find("widget").get("class") == "qMRMLWidget"


def test_texts_for_the_user_can_be_translated(source):
    """Plain literals in _(): f-strings have no fixed text to look up, and bare ones are never looked up."""
    assert not re.search(r"\b_\(f[\"']", source)
    assert not re.search(r"\.(text|toolTip) = f?[\"']", source)


def test_slicer_lists_the_module(module):
    parent = stand_ins.SimpleNamespace(path=str(MODULE))
    made = module.ReVerteR(parent)
    assert (parent.title, parent.categories) == ("ReVerteR", ["Segmentation"])
    assert "Research use only" in parent.helpText
    assert parent.contributors
    assert parent.acknowledgementText
    assert parent.icon.endswith("ReVerteR.svg")
    assert made.resourcePath("UI/ReVerteR.ui") == str(UI)


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize("layout", ["installed", "source tree"])
def test_library_and_resources_are_found_in_both_layouts(tmp_path, monkeypatch, layout):
    home = tmp_path if layout == "installed" else tmp_path / "ReVerteR"
    home.mkdir(exist_ok=True)
    shutil.copy(MODULE, home)
    (tmp_path / "Resources" / "UI").mkdir(parents=True)
    (tmp_path / "Resources" / "UI" / "ReVerteR.ui").write_text("")
    (tmp_path / "ReVerteRLib").mkdir()
    (tmp_path / "ReVerteRLib" / "__init__.py").write_text("")
    copy = stand_ins.load_module(home / "ReVerteR.py")
    assert copy.resourceFile("UI/ReVerteR.ui") == str(tmp_path / "Resources" / "UI" / "ReVerteR.ui")
    monkeypatch.setattr(sys, "path", [str(home), *(p for p in sys.path if p not in ("", str(REPOSITORY)))])
    monkeypatch.setattr(sys, "meta_path", [f for f in sys.meta_path if "editable" not in repr(f).lower()])
    for name in [name for name in sys.modules if name.split(".")[0] == "ReVerteRLib"]:
        monkeypatch.delitem(sys.modules, name)
    copy.makeLibraryImportable()
    copy.makeLibraryImportable()
    assert sys.path.count(str(tmp_path)) == 1
