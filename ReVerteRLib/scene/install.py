"""Packages that 3D Slicer lacks, installed when they are first needed and after asking. Only used inside Slicer."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from ReVerteRLib.errors import ResourceError
from ReVerteRLib.scene.bootstrap import import_slicer


def missing_packages() -> list[str]:
    """Of torch and safetensors, those that cannot be imported; found out without importing them."""
    return [name for name in ("torch", "safetensors") if importlib.util.find_spec(name) is None]


def ensure_packages(requirements: Path) -> bool:
    """Installs what is missing; True when everything is there, False when the user declines.

    requirements: file with one requirement a line for everything but torch, which comes through the PyTorch
    extension because the right build depends on the graphics card. Raises ResourceError with the remedy.
    """
    if "torch" in missing_packages() and not _install_torch():
        return False
    if not missing_packages():
        return True
    slicer = import_slicer()
    wanted = [line for line in requirements.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    if not slicer.util.confirmOkCancelDisplay(f"ReVerteR needs {', '.join(wanted)}. Install it into Slicer now?"):
        return False
    slicer.util.pip_install(" ".join(wanted))
    return _verified()


def _install_torch() -> bool:
    try:
        import PyTorchUtils
    except ImportError as error:
        raise ResourceError(
            "PyTorch is not installed",
            remedy="Install the extension 'PyTorch' in the Extensions Manager, restart Slicer and try again",
        ) from error
    logic: Any = PyTorchUtils.PyTorchUtilsLogic()
    return logic.installTorch(askConfirmation=True) is not None and "torch" not in missing_packages()


def _verified() -> bool:
    importlib.invalidate_caches()
    if missing := missing_packages():
        raise ResourceError(
            f"{', '.join(missing)} could not be installed",
            remedy="Look at the log (View, Error Log), then restart Slicer and try again",
        )
    return True
