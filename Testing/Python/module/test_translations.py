"""Every text of the panel is in the files for translators, and the German panel speaks German."""

from __future__ import annotations

import importlib.util
import re
from types import SimpleNamespace

import pytest
import stand_ins
import translations
from stand_ins import REPOSITORY
from translations import FOLDER, TEMPLATE, placeholders

REMEDY = "run Testing/Python/module/translations.py and translate what is new"
SAME = {
    "DICOM SEG", "LAO 0 / CRAN 0", "NIfTI", "OBJ", "PLY", "SEG.NRRD", "STL", "60°", "°", " %", " mm", "CT:", "Python:",
    "Rotation:",
}  # fmt: skip
"""Texts that are the same in other languages."""


@pytest.fixture(scope="module")
def keys() -> set[tuple[str, str]]:
    return {(text.context, text.source) for text in translations.texts()}


def test_the_texts_are_found_where_slicer_looks_for_them(keys):
    assert len(keys) > 300
    for expected in (
        ("ReVerteR", "Find vertebrae"),  # .ui
        ("ImportRadiographs", "Import"),  # the other .ui
        ("ReVerteR", "Reconstructing"),  # a task's title, said by the module
        ("ReVerteRPanel.vertebrae", "Undo"),  # a key's text, said by the panel
        ("scene.panel_state", "Choose a CT volume first"),  # the library, through the panel's function
    ):
        assert expected in keys


def test_every_call_for_a_translation_has_a_text_that_can_be_found():
    """A variable in _() must be one of those whose texts are collected: titles and keys."""
    files = [translations.MODULE, *translations.PANEL.glob("*.py"), *translations.SCENE.glob("*.py")]
    asked = {match for path in files for match in re.findall(r"(?<![\w.])_\(([a-z][\w.]*)\)", path.read_text("utf-8"))}
    assert asked == {"state.title", "task.title", "key.text"}


def test_the_template_has_every_text(keys):
    assert set(translations.read(TEMPLATE)) == keys, REMEDY


@pytest.mark.parametrize("path", translations.translations(), ids=lambda path: path.stem)
def test_a_translation_is_complete_and_loses_nothing(path, keys):
    found = translations.read(path)
    assert set(found) == keys, REMEDY
    for (context, source), text in found.items():
        where = f"{context}: {source}"
        assert text, f"{where} is not translated: {REMEDY}"
        assert placeholders(text) == placeholders(source), where
        assert sorted(re.findall(r"</?\w+", text)) == sorted(re.findall(r"</?\w+", source)), where
        assert re.findall(r"\{\w+:[^}]*\}", text) == re.findall(r"\{\w+:[^}]*\}", source), where
        assert text[:1].isspace() == source[:1].isspace(), where
        assert source.endswith(":") == text.endswith(":"), where
        if re.search("[a-z]{4}", source) and source not in SAME and " et al" not in source:
            assert text != source or source.istitle(), where


def test_german_is_there():
    assert FOLDER / "ReVerteR_de-DE.ts" in translations.translations()
    found = translations.read(FOLDER / "ReVerteR_de-DE.ts")
    same = {source for (_, source), text in found.items() if text == source}
    assert {text for text in same - SAME if "Chen" not in text} == set()


@pytest.fixture
def german(qt_app):
    """Qt with ReVerteR's German texts, as the module itself loads them."""
    import qt_host

    qt_app.applicationLocaleName = "de_AT"
    module = stand_ins.load_module(REPOSITORY / "ReVerteR" / "ReVerteR.py")
    module.makeLibraryImportable()
    parent = SimpleNamespace(path=str(REPOSITORY / "ReVerteR" / "ReVerteR.py"))
    translator = module.ReVerteR(parent).translator
    yield parent
    qt_host.QtCore.QCoreApplication.removeTranslator(translator)


needs_qt = pytest.mark.skipif(importlib.util.find_spec("PySide6") is None, reason="PySide6-Essentials is not installed")


@needs_qt
@pytest.mark.parametrize("path", translations.translations(), ids=lambda path: path.stem)
def test_the_compiled_file_is_as_new_as_its_source(path, qt_app):  # noqa: ARG001 - Qt must be there first
    import qt_host

    translator = qt_host.QtCore.QTranslator()
    assert translator.load(str(path.with_suffix(".qm")))
    for (context, source), text in translations.read(path).items():
        assert translator.translate(context, source) == text, f"{context}: {source}: {REMEDY}"


@needs_qt
@pytest.mark.usefixtures("inline")
def test_a_german_panel(german, panel):
    assert "In drei Minuten" in german.helpText
    ui = panel.ui
    assert ui.findButton.property("text") == "Wirbel finden"
    assert ui.simulateButton.property("toolTip") == "Wählen Sie zuerst ein CT"
    assert ui.nextLabel.property("text").startswith("Weiter: eine a.p.- und eine seitliche")
    assert ui.levelsTable.horizontalHeaderItem(1).text() == "Sicherheit"
    assert "Den gewählten Mittelpunkt löschen" in ui.levelsTable.property("toolTip")
    ui.importButton.click()
    dialog = panel.parts[0].dialog
    assert dialog.window.property("windowTitle") == "Röntgenaufnahmen importieren"
    dialog.ui.apGreyComboBox.setProperty("currentIndex", 2)
    assert dialog.session.choices(dialog.view("ap")).grey == "inverted"
    dialog.ui.viewsComboBox.setProperty("currentIndex", 1)


@needs_qt
def test_files_are_chosen_by_language_and_english_needs_none(qt_app, tmp_path):  # noqa: ARG001
    stand_ins.load_module(REPOSITORY / "ReVerteR" / "ReVerteR.py").makeLibraryImportable()
    from ReVerteRPanel.language import translationFile

    for name in ("de-DE", "de-CH", "pt-BR"):
        (tmp_path / f"ReVerteR_{name}.qm").touch()
    names = {
        locale: getattr(translationFile(tmp_path, locale), "name", None)
        for locale in ("de_DE", "de_CH", "de", "de_AT", "pt_PT", "fr_FR", "en_US", "")
    }
    assert names == {
        "de_DE": "ReVerteR_de-DE.qm", "de_CH": "ReVerteR_de-CH.qm", "de": "ReVerteR_de-CH.qm",
        "de_AT": "ReVerteR_de-CH.qm", "pt_PT": "ReVerteR_pt-BR.qm", "fr_FR": None, "en_US": None, "": None,
    }  # fmt: skip
