"""Whether this machine can draw pictures without a screen.

VTK draws off-screen through EGL or OSMesa on Linux and takes the whole process down (segmentation fault) when it
finds neither, so one asks here before the first picture.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys

_LIBRARIES = ("libEGL.so.1", "libOSMesa.so.8", "libOSMesa.so")
REMEDY = "On Debian or Ubuntu: sudo apt-get install libegl1 libgl1-mesa-dri"


@functools.cache
def rendering_problem() -> str:
    """'' when VTK can draw off-screen here, else what is missing and the remedy, in one sentence each."""
    if not sys.platform.startswith("linux") or os.environ.get("DISPLAY"):
        return ""
    if any(_loads(name) for name in _LIBRARIES):
        return ""
    return f"Pictures cannot be drawn: neither EGL nor OSMesa is installed. {REMEDY}"


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True
