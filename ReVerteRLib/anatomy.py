"""The one table of vertebral levels: name, VerSe label, SNOMED CT code, colour and order."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from enum import Enum

from ReVerteRLib.errors import ArgumentError


class Region(Enum):
    """Part of the spine; the values are the keys used in reports."""

    CERVICAL = "cervical"
    THORACIC = "thoracic"
    LUMBAR = "lumbar"
    SACRAL = "sacral"


@dataclass(frozen=True, order=True)
class Level:
    """One vertebral level.

    order:       rank from the head, 0 = C1; T13 lies between T12 and L1, S1 is last.
    verse_label: label in VerSe masks (T13 = 28, L6 = 25, S1/sacrum = 26).
    snomed_code: SNOMED CT concept; the levels without one of their own (T13, L6) carry
                 51282000 "Vertebra".
    color_rgb:   0..1 each; neighbours differ clearly in hue.
    """

    order: int
    name: str
    verse_label: int
    region: Region
    snomed_code: str
    snomed_meaning: str
    color_rgb: tuple[float, float, float]

    def __str__(self) -> str:
        return self.name


_SNOMED = {
    "C1": "14806007", "C2": "39976000", "C3": "113205007", "C4": "5329002", "C5": "36978003", "C6": "36054005",
    "C7": "87391001", "T1": "64864005", "T2": "53733008", "T3": "1626008", "T4": "73071006", "T5": "56401006",
    "T6": "45296009", "T7": "62487009", "T8": "11068009", "T9": "82687006", "T10": "7610001", "T11": "12989004",
    "T12": "23215003", "L1": "66794005", "L2": "14293000", "L3": "36470004", "L4": "11994002", "L5": "49668003",
    "S1": "65985001",
}  # fmt: skip
_GENERIC_VERTEBRA = "51282000"
_REGION_OF = {"C": Region.CERVICAL, "T": Region.THORACIC, "L": Region.LUMBAR, "S": Region.SACRAL}
_VERSE_EXCEPTIONS = {"T13": 28, "L6": 25, "S1": 26}


def _verse_label(name: str) -> int:
    first = {"C": 1, "T": 8, "L": 20}
    return _VERSE_EXCEPTIONS.get(name) or first[name[0]] + int(name[1:]) - 1


def _color(order: int) -> tuple[float, float, float]:
    """Golden-angle hues, so that levels next to each other never look alike."""
    hue = (0.09 + order * 0.381966) % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.45, 0.92)
    return round(red, 3), round(green, 3), round(blue, 3)


def _build() -> tuple[Level, ...]:
    names = [f"{letter}{n}" for letter, count in (("C", 7), ("T", 13), ("L", 6), ("S", 1)) for n in range(1, count + 1)]
    return tuple(
        Level(
            order=order,
            name=name,
            verse_label=_verse_label(name),
            region=_REGION_OF[name[0]],
            snomed_code=_SNOMED.get(name, _GENERIC_VERTEBRA),
            snomed_meaning=f"{name} vertebra" if name in _SNOMED else "Vertebra",
            color_rgb=_color(order),
        )
        for order, name in enumerate(names)
    )


LEVELS: tuple[Level, ...] = _build()
"""All levels from the head down: C1..C7, T1..T13, L1..L6, S1."""

VERTEBRAE: tuple[Level, ...] = LEVELS[:-1]
"""The 26 levels that can be reconstructed (no sacrum)."""

_BY_NAME = {level.name: level for level in LEVELS}
_BY_VERSE_LABEL = {level.verse_label: level for level in LEVELS}


def level_from_name(name: str) -> Level:
    """The level called `name` ("T12"; case and blanks do not matter). Raises ArgumentError."""
    level = _BY_NAME.get(name.strip().upper())
    if level is None:
        raise ArgumentError(
            f"'{name}' is not a vertebral level", remedy="Use names from C1 to C7, T1 to T13, L1 to L6, for example T12"
        )
    return level


def parse_levels(text: str) -> list[Level]:
    """Vertebrae from a list with ranges, "T12, L1" or "T10-L2", from the head down; [] for an empty text.

    Raises ArgumentError.
    """
    chosen: set[Level] = set()
    for part in filter(None, (p.strip() for p in text.split(","))):
        first, _, last = part.partition("-")
        low = level_from_name(first)
        high = level_from_name(last) if last else low
        chosen |= {level for level in LEVELS if low.order <= level.order <= high.order} or {low}
    return sorted(chosen)


def level_from_verse_label(label: int) -> Level | None:
    """The level with this VerSe label, None for background, coccyx and anything else."""
    return _BY_VERSE_LABEL.get(int(label))


TERMINOLOGY_CONTEXT = "Segmentation category and type - ReVerteR vertebrae"
CATEGORY_CODE, CATEGORY_MEANING = "123037004", "Anatomical Structure"
_REGION_CONTEXT = "Anatomic codes - DICOM master list"


def terminology_tag(level: Level) -> str:
    """Slicer's serialised terminology entry of a level, as segments and .seg.nrrd headers carry it.

    context~category~type~type modifier~region context~region~region modifier, each code scheme^value^meaning
    (Slicer developer guide, Segmentations).
    """
    category = f"SCT^{CATEGORY_CODE}^{CATEGORY_MEANING}"
    kind = f"SCT^{level.snomed_code}^{level.snomed_meaning}"
    return f"{TERMINOLOGY_CONTEXT}~{category}~{kind}~^^~{_REGION_CONTEXT}~^^~^^"
