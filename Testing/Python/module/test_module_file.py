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
PARTS = sorted((REPOSITORY / "ReVerteR" / "ReVerteRPanel").glob("*.py"))
UI = REPOSITORY / "Resources" / "UI" / "ReVerteR.ui"
DIALOG = UI.with_name("ImportRadiographs.ui")
INTERACTIVE = {
    "QPushButton", "QCheckBox", "QComboBox", "QDoubleSpinBox", "QPlainTextEdit", "QProgressBar", "QTableWidget",
    "ctkPathLineEdit", "ctkSliderWidget", "qMRMLNodeComboBox",
}  # fmt: skip
FILLED_BY_HAND = {"weights": "weightsComboBox"}
"""Parameters that the module keeps itself, because the choices are known only when it runs."""


@pytest.fixture(scope="module")
def source() -> str:
    return MODULE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def panel_source() -> str:
    """All files of the panel, the dialog aside."""
    texts = [path.read_text(encoding="utf-8") for path in (MODULE, *PARTS) if path.stem != "import_dialog"]
    return "\n".join(texts)


@pytest.fixture(scope="module")
def dialog_source() -> str:
    return next(path for path in PARTS if path.stem == "import_dialog").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def widgets() -> dict[str, stand_ins.Widget]:
    return vars(stand_ins.load_ui(str(UI)))


@pytest.fixture(scope="module")
def dialog_widgets() -> dict[str, stand_ins.Widget]:
    return vars(stand_ins.load_ui(str(DIALOG)))


@pytest.mark.parametrize("path", [MODULE, *PARTS], ids=lambda path: path.stem)
def test_only_definitions_stand_at_file_scope(path):
    allowed = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef)
    for number, statement in enumerate(ast.parse(path.read_text(encoding="utf-8")).body):
        if isinstance(statement, ast.Assign):
            names = [n for target in statement.targets for n in getattr(target, "elts", [target])]
            assert all(name.id.isupper() for name in names)
        else:
            assert isinstance(statement, allowed) or (number == 0 and isinstance(statement, ast.Expr)), statement.lineno


@pytest.mark.parametrize("path", [MODULE, *PARTS], ids=lambda path: path.stem)
def test_nothing_is_imported_at_file_scope_that_slicer_lacks(path):
    roots = set()
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom):
            roots.add(statement.module.split(".")[0])
    assert roots - set(sys.stdlib_module_names) <= {"qt", "slicer", "vtk", "ReVerteRPanel"}


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


def test_the_files_are_thin(source):
    assert len(source.splitlines()) < 660
    assert all(len(path.read_text(encoding="utf-8").splitlines()) < 300 for path in PARTS)


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


def test_every_widget_that_the_panel_names_exists(panel_source, widgets):
    named = set(re.findall(r"\bui\.(\w+)", panel_source))
    assert named - set(widgets) == set()
    assert len(named) > 40


def test_every_widget_is_used(panel_source, widgets):
    for name, widget in widgets.items():
        if widget.class_name in INTERACTIVE:
            used = widget.parameter or re.search(rf"\bui\.{name}\b|\"{name}\"", panel_source)
            assert used, f"{name} does nothing"


def test_the_dialog_and_its_code_name_the_same_widgets(dialog_source, dialog_widgets):
    named = set(re.findall(r"\bui\.(\w+)", dialog_source))
    sided = set(re.findall(r"\"(\w+(?:LineEdit|Button|SpinBox|ComboBox|Table|Picture))\"", dialog_source))
    named |= {side + name for side in ("ap", "lateral") for name in sided}
    assert named - set(dialog_widgets) == set()
    used = {n for n, w in dialog_widgets.items() if w.class_name in INTERACTIVE}
    assert used - named == set()


def test_every_widget_explains_itself(widgets, dialog_widgets):
    for name, widget in {**widgets, **dialog_widgets}.items():
        if widget.class_name in INTERACTIVE:
            assert len(widget.tool_tip) > 10, f"{name} has no tooltip"


def test_every_button_has_a_permission_or_is_always_allowed(widgets):
    from ReVerteRLib.scene.panel_state import Facts, permissions

    always = {
        "layoutButton", "frontButton", "sideButton", "topButton", "angle60Button", "showAllButton", "helpButton",
        "copyReportButton",
    }  # fmt: skip
    buttons = {name for name, widget in widgets.items() if widget.class_name == "QPushButton"}
    assert set(permissions(Facts())) == buttons - always
    assert always <= buttons


def test_every_mrml_widget_gets_the_scene():
    root = ET.parse(UI).getroot()
    connected = {
        c.findtext("receiver") for c in root.iter("connection") if c.findtext("slot") == "setMRMLScene(vtkMRMLScene*)"
    }
    mrml = {w.get("name") for w in root.iter("widget") if w.get("class").startswith(("qMRML", "qSlicer"))}
    assert connected == mrml - {"ReVerteR"}
    assert root.find("widget").get("class") == "qMRMLWidget"


def test_texts_for_the_user_can_be_translated(source, panel_source, dialog_source):
    """Plain literals in _(): f-strings have no fixed text to look up, and bare ones are never looked up."""
    for text in (source, panel_source, dialog_source):
        assert not re.search(r"\b_\(f[\"']", text)
        assert not re.search(r"\.(text|toolTip) = f?[\"']\w", text)


def test_slicer_lists_the_module(module, host):
    connected = []
    host.slicer.app.connect = lambda signal, slot: connected.append((signal, slot))
    parent = stand_ins.SimpleNamespace(path=str(MODULE))
    made = module.ReVerteR(parent)
    assert (parent.title, parent.categories) == ("ReVerteR", ["Segmentation"])
    assert "Research use only" in parent.helpText
    assert parent.contributors
    assert parent.acknowledgementText
    assert parent.icon.endswith("ReVerteR.svg")
    assert connected == [("startupCompleted()", module.registerSampleData)]
    assert made.resourcePath("UI/ReVerteR.ui") == str(UI)


def test_the_samples_are_slicers_chest_ct_and_a_phantom(module, monkeypatch):
    registered = []
    logic = stand_ins.SimpleNamespace(registerCustomSampleDataSource=lambda **entry: registered.append(entry))
    monkeypatch.setitem(sys.modules, "SampleData", stand_ins.SimpleNamespace(SampleDataLogic=logic))
    module.registerSampleData()
    chest, phantom = registered
    assert chest["uris"].endswith("/SHA256/4507b664690840abb6cb9af2d919377ffc4ef75b167cb6fd0f747befdb12e38e")
    assert chest["checksums"] == f"SHA256:{chest['uris'].rsplit('/', 1)[1]}"
    (node,) = phantom["customDownloader"](None)
    assert node.GetImageData().GetScalarRange()[0] < -900.0
    assert node.GetImageData().GetScalarRange()[1] > 500.0


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
