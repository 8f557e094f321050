"""Slicer's own Python layer in place of the stand-ins, where a copy of Slicer's source is at hand.

REVERTER_SLICER_SOURCE: a clone (or bare clone) of Slicer's repository, or an unpacked source archive. All tests of this
folder that run the module then use Slicer's real slicer.ScriptedLoadableModule, slicer.parameterNodeWrapper and
slicer.i18n on the same widgets. Nothing of it is kept.
"""

from __future__ import annotations

import atexit
import functools
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import types
from pathlib import Path

VARIABLE = "REVERTER_SLICER_SOURCE"
LAYER = "Base/Python/slicer"
NAMES = ("slicer.i18n", "slicer.ScriptedLoadableModule", "slicer.parameterNodeWrapper")
PACKAGE = "slicer.parameterNodeWrapper"


def source() -> Path | None:
    """Where Slicer's source lies, None when nobody says so."""
    text = os.environ.get(VARIABLE, "")
    return Path(text) if text else None


@functools.cache
def unpacked(where: Path) -> Path:
    """A folder with i18n.py, ScriptedLoadableModule.py and parameterNodeWrapper/; it goes with the process."""
    if (where / LAYER / "i18n.py").is_file():
        return where / LAYER
    folder = Path(tempfile.mkdtemp(prefix="reverter-slicer-layer-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    command = ["git", f"--git-dir={where / '.git' if (where / '.git').exists() else where}", "archive", "HEAD", LAYER]
    archive = subprocess.run(command, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
    return folder / LAYER


def python_modules(
    qt: types.ModuleType, ctk: types.ModuleType, widgets: dict[str, type]
) -> dict[str, types.ModuleType]:
    """Slicer's real modules by name, made with these modules qt and ctk; they stay in sys.modules only meanwhile.

    widgets: qMRML classes that the wrapper's connectors look for in `slicer`.
    """
    import slicer

    where = source()
    assert where is not None
    folder = str(unpacked(where))
    kept = {name: sys.modules.get(name) for name in ("qt", "ctk")}
    attributes = {name: getattr(slicer, name, None) for name in widgets}
    _forget()
    sys.modules.update(qt=qt, ctk=ctk)
    vars(slicer).update(widgets)
    slicer.__path__.append(folder)
    try:
        for name in NAMES:
            importlib.import_module(name)
        found = {n: m for n, m in sys.modules.items() if n in NAMES or n.startswith(f"{PACKAGE}.")}
    finally:
        slicer.__path__.remove(folder)
        _forget()
        _restore(sys.modules, kept)
        _restore(vars(slicer), attributes)
    return found


def _forget() -> None:
    for name in [n for n in sys.modules if n in NAMES or n.startswith(f"{PACKAGE}.")]:
        del sys.modules[name]


def _restore(mapping, before) -> None:
    for name, value in before.items():
        if value is None:
            mapping.pop(name, None)
        else:
            mapping[name] = value
