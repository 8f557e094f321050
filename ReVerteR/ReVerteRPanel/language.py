"""The module's own translations. Slicer asks for each text under the file that it stands in (slicer.i18n.tr)."""

import pathlib

import qt
import slicer


def installTranslation(folder):
    """Lets Qt know ReVerteR's texts in the application's language; nothing happens where there is no translation.

    Languages that the extension LanguagePacks brings are loaded by Slicer itself and go first.
    Returns the translator, which must be kept, or None.
    """
    path = translationFile(folder, getattr(slicer.app, "applicationLocaleName", "") or "")
    if path is None:
        return None
    translator = qt.QTranslator()
    if not translator.load(str(path)):
        return None
    qt.QCoreApplication.installTranslator(translator)
    return translator


def translationFile(folder, locale):
    """ReVerteR_de-DE.qm for de_DE; for de_AT, too, when there is no file of its own. None for English."""
    language = locale.replace("-", "_").partition("_")[0]
    if language in ("", "en", "C"):
        return None
    exact = pathlib.Path(folder) / f"ReVerteR_{locale.replace('_', '-')}.qm"
    if exact.is_file():
        return exact
    return next(iter(sorted(pathlib.Path(folder).glob(f"ReVerteR_{language}*.qm"))), None)
