"""Vertebral levels as Slicer terminology: the text tag of segments and the context file in Resources/Terminology."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ReVerteRLib.anatomy import VERTEBRAE, Level
from ReVerteRLib.files import write_json

CONTEXT_NAME = "Segmentation category and type - ReVerteR vertebrae"
TERMINOLOGY_FILE = Path(__file__).resolve().parents[2] / "Resources" / "Terminology" / "ReVerteRVertebrae.term.json"
_SCHEMA = "https://raw.githubusercontent.com/qiicr/dcmqi/master/doc/schemas/segment-context-schema.json#"
_CATEGORY_CODE, _CATEGORY_MEANING = "123037004", "Anatomical Structure"
_REGION_CONTEXT = "Anatomic codes - DICOM master list"


def terminology_tag(level: Level) -> str:
    """Slicer's serialised terminology entry of a level.

    context~category~type~type modifier~region context~region~region modifier, each code scheme^value^meaning
    (Slicer developer guide, Segmentations).
    """
    category = f"SCT^{_CATEGORY_CODE}^{_CATEGORY_MEANING}"
    kind = f"SCT^{level.snomed_code}^{level.snomed_meaning}"
    return f"{CONTEXT_NAME}~{category}~{kind}~^^~{_REGION_CONTEXT}~^^~^^"


def terminology_context() -> dict[str, Any]:
    """Slicer's segmentation category and type context with the 26 levels, made from the table in anatomy.py."""
    category = {
        "CodeMeaning": _CATEGORY_MEANING,
        "CodingSchemeDesignator": "SCT",
        "CodeValue": _CATEGORY_CODE,
        "SNOMEDCTConceptID": _CATEGORY_CODE,
        "contextGroupName": "Segmentation Property Categories",
        "cid": "7051",
        "showAnatomy": False,
        "Type": [_type(level) for level in VERTEBRAE],
    }
    return {
        "SegmentationCategoryTypeContextName": CONTEXT_NAME,
        "@schema": _SCHEMA,
        "SegmentationCodes": {"Category": [category]},
    }


def write_terminology(path: Path = TERMINOLOGY_FILE) -> None:
    """Writes the context file; run it after a change of anatomy.py."""
    write_json(path, terminology_context())


def _type(level: Level) -> dict[str, Any]:
    return {
        "recommendedDisplayRGBValue": [round(255 * part) for part in level.color_rgb],
        "CodeMeaning": level.snomed_meaning,
        "CodingSchemeDesignator": "SCT",
        "CodeValue": level.snomed_code,
        "SNOMEDCTConceptID": level.snomed_code,
        "3dSlicerLabel": level.name,
    }
