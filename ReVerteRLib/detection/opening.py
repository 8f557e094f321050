"""Which detector is used: by name, by file, and by default."""

from __future__ import annotations

import re
from pathlib import Path

from ReVerteRLib.detection.types import ViewDetector
from ReVerteRLib.errors import InputError

LEARNED, CLASSICAL = "learned", "classical"


def has_learned_detector() -> bool:
    """Whether weights of a learned detector are installed."""
    from ReVerteRLib.detection.store import detectors_index

    try:
        return detectors_index()["default"] is not None
    except InputError:
        return False


def default_detector() -> str:
    """The learned detector where its weights are there, else the classical one."""
    return LEARNED if has_learned_detector() else CLASSICAL


def open_detector(value: str | None = None) -> ViewDetector:
    """A detector: 'learned' (the shipped weights), 'classical', a weights file, or None for the default.

    'NAME=' may stand before it (see detector_name).

    Raises WeightsError when weights are missing or unusable.
    """
    chosen = _named(value)[1]
    if chosen == CLASSICAL:
        from ReVerteRLib.detection.classical import ClassicalDetector

        return ClassicalDetector()
    from ReVerteRLib.detection.detector import load_detector

    detector: ViewDetector = load_detector("default" if chosen == LEARNED else chosen)
    return detector


def detector_name(value: str | None = None) -> str:
    """How a choice is called in tables and reports: as 'NAME=CHOICE' says, else a file by its stem."""
    name, chosen = _named(value)
    return name or (chosen if chosen in (LEARNED, CLASSICAL) else Path(chosen).stem)


def _named(value: str | None) -> tuple[str, str]:
    """The name before '=' ("" for none) and the choice itself; a file whose path holds '=' is not split."""
    chosen = value or default_detector()
    name, sign, rest = chosen.partition("=")
    if not sign or not rest or not re.fullmatch(r"[\w. -]+", name) or Path(chosen).is_file():
        return "", chosen
    return name, rest
