"""Vertebral levels as a Slicer terminology context, the file in Resources/Terminology."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ReVerteRLib.anatomy import CATEGORY_CODE, CATEGORY_MEANING, TERMINOLOGY_CONTEXT, VERTEBRAE, Level
from ReVerteRLib.files import write_json
from ReVerteRLib.resources import shipped_resources

_FILE = Path("Terminology") / "ReVerteRVertebrae.term.json"
_SCHEMA = "https://raw.githubusercontent.com/qiicr/dcmqi/master/doc/schemas/segment-context-schema.json#"


def terminology_context() -> dict[str, Any]:
    """Slicer's segmentation category and type context with the 26 levels, made from the table in anatomy.py."""
    category = {
        "CodeMeaning": CATEGORY_MEANING,
        "CodingSchemeDesignator": "SCT",
        "CodeValue": CATEGORY_CODE,
        "SNOMEDCTConceptID": CATEGORY_CODE,
        "contextGroupName": "Segmentation Property Categories",
        "cid": "7051",
        "showAnatomy": False,
        "Type": [_type(level) for level in VERTEBRAE],
    }
    return {
        "SegmentationCategoryTypeContextName": TERMINOLOGY_CONTEXT,
        "@schema": _SCHEMA,
        "SegmentationCodes": {"Category": [category]},
    }


def terminology_file() -> Path:
    """The shipped context file."""
    return shipped_resources() / _FILE


def write_terminology(path: Path | None = None) -> None:
    """Writes the context file; run it after a change of anatomy.py."""
    write_json(path or terminology_file(), terminology_context())


def _type(level: Level) -> dict[str, Any]:
    return {
        "recommendedDisplayRGBValue": [round(255 * part) for part in level.color_rgb],
        "CodeMeaning": level.snomed_meaning,
        "CodingSchemeDesignator": "SCT",
        "CodeValue": level.snomed_code,
        "SNOMEDCTConceptID": level.snomed_code,
        "3dSlicerLabel": level.name,
    }
