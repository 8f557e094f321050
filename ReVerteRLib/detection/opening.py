"""Which detector is used: by name, by file, and by default."""

from __future__ import annotations

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

    Raises WeightsError when weights are missing or unusable.
    """
    chosen = value or default_detector()
    if chosen == CLASSICAL:
        from ReVerteRLib.detection.classical import ClassicalDetector

        return ClassicalDetector()
    from ReVerteRLib.detection.detector import load_detector

    detector: ViewDetector = load_detector("default" if chosen == LEARNED else chosen)
    return detector


def detector_name(value: str | None = None) -> str:
    """How a choice is called in tables and reports: a file by its stem."""
    chosen = value or default_detector()
    return chosen if chosen in (LEARNED, CLASSICAL) else Path(chosen).stem
