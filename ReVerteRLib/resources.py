"""Where the shipped resources (weights, terminologies, layouts) lie."""

from __future__ import annotations

import os
from pathlib import Path

from ReVerteRLib.errors import InputError

RESOURCES_VARIABLE = "REVERTER_RESOURCES"
"""Environment variable that names another Resources folder, for its weights."""


def resources_folder() -> Path:
    """The folder `Resources` whose weights are used: $REVERTER_RESOURCES, else the shipped one.

    Raises InputError when there is none.
    """
    named = os.environ.get(RESOURCES_VARIABLE)
    return _with_weights([Path(named)], "no folder 'Weights' in it") if named else shipped_resources()


def shipped_resources() -> Path:
    """`Resources` beside the package: the top of a source checkout and also the scripted-modules folder of an
    installed Slicer extension; else `Resources` inside the package. Raises InputError when there is none.
    """
    package = Path(__file__).resolve().parent
    return _with_weights(
        [package.parent / "Resources", package / "Resources"], "the Resources folder of ReVerteR was not found"
    )


def _with_weights(candidates: list[Path], fault: str) -> Path:
    for folder in candidates:
        if (folder / "Weights").is_dir():
            return folder
    raise InputError(
        fault,
        where=candidates[0],
        remedy=f"Install the extension or the checkout as a whole, or set {RESOURCES_VARIABLE} to its Resources folder",
    )
