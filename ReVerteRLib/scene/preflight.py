"""Whether everything is there before a patient's radiographs are: a report that can be copied into a question."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ReVerteRLib import __version__
from ReVerteRLib.errors import ReVerteRError
from ReVerteRLib.scene.task import Call, Task

FREE_GIB = 2.0
LONGEST_PATH = 200
"""Characters; Windows refuses paths over 260, and packages add up to 60 below the folder of Slicer."""


@dataclass(frozen=True)
class Finding:
    """One line; state is 'ok', 'note' (can be lived with) or 'fault'. remedy: what to do, '' when it is ok."""

    name: str
    state: str
    detail: str
    remedy: str = ""


class PreflightTask(Task):
    """Asks the worker what it finds and adds what can be seen from here; `finish` returns findings.

    It is done also when the worker cannot be asked: `without_worker` tells why and what else is known.
    """

    title = "Checking the set-up"

    def __init__(self, device: str = "auto", weights: Sequence[str] = ()) -> None:
        self._device, self._weights = device, tuple(weights)

    def prepare(self, folder: Path) -> Call:  # noqa: ARG002 - the worker needs no file for it
        """No file is needed."""
        return Call("hello", {"device": self._device})

    def finish(self, result: Mapping[str, Any]) -> tuple[Finding, ...]:
        """All findings."""
        return (*local_findings(self._weights), *worker_findings(result))

    def without_worker(self, error: ReVerteRError) -> tuple[Finding, ...]:
        """All findings when the worker has failed."""
        return (*local_findings(self._weights), Finding("Worker", "fault", error.what, error.remedy))


def local_findings(weights: Sequence[str] = ()) -> tuple[Finding, ...]:
    """What can be seen without starting anything. weights: files of the user, besides the installed ones."""
    return (_versions(), *_packages(), *_weights(weights), *_disk(), _paths())


def worker_findings(hello: Mapping[str, Any]) -> tuple[Finding, ...]:
    """What the worker has said of itself."""
    device = str(hello.get("device", ""))
    name = str(hello.get("device_name", ""))
    found = [Finding("Worker", "ok", f"ReVerteR {hello.get('reverter', '?')}, Python {hello.get('python', '?')}")]
    if hello.get("problem"):
        found.append(Finding("Worker", "fault", str(hello["problem"]), "See what it says; then check again"))
    if hello.get("torch"):
        found.append(Finding("PyTorch", "ok", str(hello["torch"])))
    if device:
        why = f": {hello['gpu_problem']}" if hello.get("gpu_problem") else ""
        slow = "" if device != "cpu" else f"No graphics card is used{why}; a vertebra then takes some seconds"
        found.append(Finding("Device", "ok" if device != "cpu" else "note", f"{device} ({name})", slow))
    if hello.get("reverter") not in (None, __version__):
        found.append(
            Finding("Versions", "fault", f"the worker is not ReVerteR {__version__}", "Install ReVerteR again")
        )
    return tuple(found)


def report_text(findings: Sequence[Finding]) -> str:
    """The findings as text, one a line; holds no name of a patient."""
    marks = {"ok": "ok   ", "note": "note ", "fault": "FAULT"}
    lines = [
        f"{marks[f.state]}  {f.name}: {f.detail}" + (f"\n       -> {f.remedy}" if f.remedy else "") for f in findings
    ]
    faults = sum(f.state == "fault" for f in findings)
    last = "Everything that is needed is there." if not faults else f"{faults} faults; see what the arrows say."
    return "\n".join([*lines, last])


# --- parts ---------------------------------------------------------------------------------------


def _versions() -> Finding:
    from ReVerteRLib.scene.bootstrap import import_slicer

    app = getattr(import_slicer(), "app", None)
    slicer = f", Slicer {getattr(app, 'applicationVersion', '')}" if app is not None else ""
    python = platform.python_version()
    return Finding("ReVerteR", "ok", f"{__version__}{slicer}, Python {python}, {platform.platform()}")


def _packages() -> list[Finding]:
    from ReVerteRLib.scene.install import missing_packages

    missing = missing_packages()
    if not missing:
        return []
    remedy = "Press 'Install what is missing'"
    return [Finding("Packages", "fault", f"{', '.join(missing)} is not installed", remedy)]


def _weights(own: Sequence[str]) -> list[Finding]:
    from ReVerteRLib.files import sha256_of
    from ReVerteRLib.inference.weights import find_weights, weights_index

    try:
        index = weights_index()
    except ReVerteRError as error:
        return [Finding("Weights", "fault", error.what, error.remedy)]
    found = []
    for name in (*index["weights"], *own):
        try:
            path, expected = find_weights(name)
            digest = sha256_of(path)
        except ReVerteRError as error:
            found.append(Finding(f"Weights {name}", "fault", error.what, error.remedy))
            continue
        if expected is not None and digest != expected:
            found.append(Finding(f"Weights {name}", "fault", "the file was altered", "Install ReVerteR again"))
        else:
            known = "as listed" if expected is not None else "your own file"
            found.append(Finding(f"Weights {Path(name).stem}", "ok", f"SHA-256 {digest} ({known})"))
    return found or [Finding("Weights", "fault", "none are installed", "Install ReVerteR again")]


def _disk() -> list[Finding]:
    import tempfile

    folder = tempfile.gettempdir()
    free_gib = shutil.disk_usage(folder).free / 2**30
    enough = free_gib >= FREE_GIB
    remedy = "" if enough else f"Free at least {FREE_GIB:g} GiB"
    return [Finding("Disk", "ok" if enough else "fault", f"{free_gib:.1f} GiB free in {folder}", remedy)]


def _paths() -> Finding:
    longest = len(sys.prefix)
    detail = f"Python lies at a path of {longest} characters"
    if sys.platform == "win32" and longest > LONGEST_PATH - 100:
        return Finding("Path length", "note", detail, "If PyTorch cannot be installed, put Slicer into C:\\S")
    return Finding("Path length", "ok", detail)
