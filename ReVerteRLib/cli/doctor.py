"""`reverter doctor`: whether everything that is needed is there."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from ReVerteRLib import __version__
from ReVerteRLib.cli.console import Console
from ReVerteRLib.errors import ReVerteRError

NAME = "doctor"
SUMMARY = "check the installation: packages, device, weights, disk"

_NEEDED = ("torch", "numpy", "SimpleITK", "vtk", "monai", "scikit-image", "scipy", "pydicom", "safetensors", "rich")
_OPTIONAL = {"slicer-core": "scene.mrb outside 3D Slicer", "matplotlib": "plots of training and evaluation"}
_IMPORT_NAMES = {"scikit-image": "skimage"}
_MINIMUM_FREE_GIB = 2.0


@dataclass(frozen=True)
class Check:
    """One line of the report; state is 'ok', 'missing' (not needed) or 'fault' (needed)."""

    name: str
    state: str
    detail: str
    remedy: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Prints the report; 5 when something that is needed is not there."""
    checks = [_python(), *_packages(), *_device(), *_weights(), *_disk()]
    healthy = all(check.state != "fault" for check in checks)
    if arguments.json:
        record = {"reverter": __version__, "healthy": healthy, "checks": [asdict(check) for check in checks]}
        print(json.dumps(record, indent=2))
    else:
        marks = {"ok": "ok     ", "missing": "missing", "fault": "FAULT  "}
        for check in checks:
            remedy = f" -> {check.remedy}" if check.remedy else ""
            console.say(f"{marks[check.state]}  {check.name:<18} {check.detail}{remedy}")
        console.say("Everything needed is there." if healthy else "Something needed is not there; see FAULT above.")
    return 0 if healthy else 5


def _python() -> Check:
    fits = (3, 11) <= sys.version_info[:2] <= (3, 12)
    detail = f"{platform.python_version()} on {platform.platform()}"
    return Check("Python", "ok" if fits else "fault", detail, "" if fits else "Use Python 3.11 or 3.12")


def _packages() -> list[Check]:
    needed = [_package(name, "fault", "Install ReVerteR again") for name in _NEEDED]
    return needed + [_package(name, "missing", f"only for {use}") for name, use in _OPTIONAL.items()]


def _package(name: str, state_without: str, remedy: str) -> Check:
    """Inside Slicer some of these come without package metadata, so being importable is what counts."""
    module = {**_IMPORT_NAMES, "slicer-core": "slicer"}.get(name, name)
    if importlib.util.find_spec(module) is None:
        return Check(name, state_without, "not installed", remedy)
    try:
        importlib.import_module(module)
    except Exception as error:  # noqa: BLE001 - whatever a broken package raises is the finding
        return Check(name, state_without, f"cannot be imported ({type(error).__name__}: {error})", remedy)
    try:
        return Check(name, "ok", metadata.version(name))
    except metadata.PackageNotFoundError:
        return Check(name, "ok", "present, version unknown")


def _device() -> list[Check]:
    if importlib.util.find_spec("torch") is None:
        return []
    import torch

    from ReVerteRLib.devices import cpu_has_bf16

    threads = f"{torch.get_num_threads()} threads, bfloat16 {'in hardware' if cpu_has_bf16() else 'not in hardware'}"
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""
    return [
        Check("CPU", "ok", threads),
        Check("GPU", "ok", gpu) if gpu else Check("GPU", "missing", "none found", "the CPU is used"),
    ]


def _weights() -> list[Check]:
    from ReVerteRLib.files import sha256_of
    from ReVerteRLib.inference.weights import find_weights, weights_index

    try:
        index = weights_index()
        checks = []
        for name in index["weights"]:
            path, expected = find_weights(name)
            if sha256_of(path) != expected:
                checks.append(Check(f"weights {name}", "fault", "wrong SHA-256", "Install ReVerteR again"))
            else:
                mark = " (default)" if name == index["default"] else ""
                checks.append(Check(f"weights {name}", "ok", f"SHA-256 {expected[:16]}... verified{mark}"))
    except ReVerteRError as error:
        return [Check("weights", "fault", error.what, error.remedy)]
    return checks or [Check("weights", "fault", "none are installed", "Install ReVerteR again")]


def _disk() -> list[Check]:
    from ReVerteRLib.files import cache_folder, ensure_writable_folder

    folder = Path(cache_folder())
    try:
        ensure_writable_folder(folder)
    except ReVerteRError as error:
        return [Check("cache", "fault", f"{folder}: {error.what}", "Set REVERTER_CACHE to a folder you may write to")]
    free_gib = shutil.disk_usage(folder).free / 2**30
    enough = free_gib >= _MINIMUM_FREE_GIB
    remedy = "" if enough else f"Free at least {_MINIMUM_FREE_GIB:g} GiB"
    return [
        Check("cache", "ok", f"{folder} is writable"),
        Check("disk", "ok" if enough else "fault", f"{free_gib:.1f} GiB free", remedy),
    ]
