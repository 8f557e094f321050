"""Where the shipped resources (weights, terminologies, layouts) lie."""

from __future__ import annotations

import os
from pathlib import Path

from ReVerteRLib.errors import InputError

RESOURCES_VARIABLE = "REVERTER_RESOURCES"
"""Environment variable that names another Resources folder."""


def resources_folder() -> Path:
    """The folder `Resources`.

    $REVERTER_RESOURCES, else `Resources` beside the package: that is the top of a source checkout and also the
    scripted-modules folder of an installed Slicer extension; else `Resources` inside the package.
    Raises InputError when there is none.
    """
    package = Path(__file__).resolve().parents[1]
    named = os.environ.get(RESOURCES_VARIABLE)
    candidates = [Path(named)] if named else [package.parent / "Resources", package / "Resources"]
    for folder in candidates:
        if (folder / "Weights").is_dir():
            return folder
    raise InputError(
        "no folder 'Weights' in it" if named else "the Resources folder of ReVerteR was not found",
        where=candidates[0],
        remedy=f"Install the extension or the checkout as a whole, or set {RESOURCES_VARIABLE} to its Resources folder",
    )
