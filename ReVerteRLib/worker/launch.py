"""How the worker is started: with which Python and in which environment."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ReVerteRLib.errors import ResourceError

_LIBRARY_PARENT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Launch:
    """A command and its environment.

    >>> Launch.of("/opt/python/bin/python3")  # an interpreter of the user's choice
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]

    @classmethod
    def of(cls, python: str | Path, environment: Mapping[str, str] | None = None) -> Launch:
        """`python -m ReVerteRLib.worker`; the library is found wherever it lies, text is UTF-8."""
        variables = dict(os.environ if environment is None else environment)
        paths = [str(_LIBRARY_PARENT), *filter(None, [variables.get("PYTHONPATH")])]
        variables |= {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUTF8": "1"}
        variables["PYTHONSAFEPATH"] = "1"  # a random.py in the current folder must not be imported
        return cls((str(python), "-m", "ReVerteRLib.worker"), variables)


def default_launch(
    modules: Mapping[str, Any] | None = None, which: Callable[[str], str | None] = shutil.which
) -> Launch:
    """The running Python; inside the Slicer application PythonSlicer, because sys.executable is Slicer itself there.

    PythonSlicer gets the environment from before Slicer started, as Slicer's own console processes do: it sets its
    paths itself, and what Slicer added for its own libraries breaks other programs. Raises ResourceError when
    PythonSlicer cannot be found.
    """
    slicer = (sys.modules if modules is None else modules).get("slicer")
    if getattr(slicer, "app", None) is None:
        return Launch.of(sys.executable)
    python = which("PythonSlicer")
    if python is None:
        raise ResourceError(
            "PythonSlicer was not found", remedy="Install Slicer again, or choose an interpreter in the settings"
        )
    return Launch.of(python, dict(slicer.util.startupEnvironment()))  # type: ignore[union-attr]
