"""The extension's three descriptions (ReVerteR.s4ext, CMakeLists.txt, catalogue entry) say the same."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
KEYS = (
    "scm", "scmurl", "scmrevision", "depends", "recommends", "build_subdirectory", "homepage", "contributors",
    "category", "iconurl", "status", "tier", "description", "screenshoturls", "enabled", "dicom_support_rule",
    "keywords",
)  # fmt: skip


@pytest.fixture(scope="module")
def s4ext() -> dict[str, str]:
    """First word of each line that is no comment is the key, the rest its value, as Slicer reads it."""
    lines = (ROOT / "ReVerteR.s4ext").read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))


@pytest.fixture(scope="module")
def cmake() -> dict[str, str]:
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    return {key.lower(): value for key, value in re.findall(r'set\(EXTENSION_(\w+) "(.*)"\)', text)}


@pytest.fixture(scope="module")
def entry() -> dict:
    return json.loads((ROOT / "Resources" / "ReVerteR.json").read_text(encoding="utf-8"))


def test_the_s4ext_has_every_key_once_and_none_empty(s4ext):
    assert tuple(s4ext) == KEYS
    assert all(value.strip() for value in s4ext.values())


def test_the_s4ext_and_cmake_agree(s4ext, cmake):
    shared = set(KEYS) - {"scm", "scmurl", "scmrevision"}
    assert {key: s4ext[key] for key in shared} == {key: cmake[key] for key in shared}


def test_the_catalogue_entry_agrees(s4ext, entry):
    assert entry["build_dependencies"] == s4ext["depends"].split()
    assert entry["enabled"] is (s4ext["enabled"] == "1")
    assert entry["tier"] == int(s4ext["tier"])
    for theirs, ours in (
        ("scm_url", "scmurl"), ("scm_revision", "scmrevision"), ("scm_type", "scm"), ("category", "category"),
        ("build_subdirectory", "build_subdirectory"), ("dicom_support_rule", "dicom_support_rule"),
    ):  # fmt: skip
        assert entry[theirs] == s4ext[ours]


def test_the_catalogue_entry_has_only_the_keys_of_its_schema(entry):
    allowed = {
        "$schema", "category", "scm_url", "scm_revision", "scm_type", "build_dependencies", "dicom_support_rule",
        "build_subdirectory", "enabled", "tier",
    }  # fmt: skip
    assert set(entry) <= allowed
    assert entry["$schema"].endswith("slicer-extension-catalog-entry-schema-v1.0.2.json#")
    assert list(entry) == sorted(entry)


def test_the_project_is_called_like_the_extension_and_the_module():
    assert re.search(r"^project\(ReVerteR\)$", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"), re.MULTILINE)
    module = (ROOT / "ReVerteR" / "ReVerteR.py").read_text(encoding="utf-8")
    assert re.search(r"^class ReVerteR\(", module, re.MULTILINE)


def test_the_index_of_extensions_can_fetch_the_icon(s4ext):
    assert s4ext["iconurl"].endswith("/Resources/Icons/ReVerteR.png")
    header = (ROOT / "Resources" / "Icons" / "ReVerteR.png").read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", header[16:24]) == (128, 128)


@pytest.mark.parametrize("name", ["ReVerteR.s4ext", "CMakeLists.txt", "Resources/ReVerteR.json", "LICENSE"])
def test_line_ends_are_those_that_the_index_asks_for(name):
    assert b"\r" not in (ROOT / name).read_bytes()


def test_the_licence_is_complete():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "9. Accepting Warranty or Additional Liability" in text
    assert len(text) > 10_000
