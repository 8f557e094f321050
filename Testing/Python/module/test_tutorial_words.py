"""The README's tutorial and the help text name the panel's buttons and sections as the panel does."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from stand_ins import REPOSITORY

HEAD = "### From a CT to STL files in three minutes"
ORDER = ["Phantom CT", "Simulate radiographs", "Find vertebrae", "Reconstruct", "Measure", "Export"]


@pytest.fixture(scope="module")
def labels() -> set[str]:
    """What stands on the panel's buttons, boxes, labels and sections."""
    root = ET.parse(REPOSITORY / "Resources" / "UI" / "ReVerteR.ui").getroot()
    named = [p.findtext("string") or "" for p in root.iter("property") if p.get("name") in ("text", "title")]
    return {text.removesuffix(":") for text in named}


def in_order(text: str) -> None:
    places = [text.index(name) for name in ORDER]
    assert places == sorted(places)


def test_the_readme_uses_the_words_of_the_panel_in_the_order_of_the_work(labels):
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    steps = " ".join(text.split(HEAD)[1].split("![")[0].split())
    bold = re.findall(r"\*\*(.+?)\*\*", steps)
    italic = re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", steps)
    assert len(bold) > 10
    assert set(bold) <= labels
    assert {name for name in italic if not name[0].isdigit()} <= labels
    assert [n for n in italic if n[0].isdigit()] == [n for n in sorted(labels) if re.match(r"[1-5]\. ", n)]
    in_order(steps)


def test_the_help_text_does_too(labels):
    source = (REPOSITORY / "ReVerteR" / "ReVerteR.py").read_text(encoding="utf-8")
    bold = re.findall(r"<b>(.+?)</b>", source)
    assert len(bold) == 6
    assert set(bold) <= labels


def test_the_pictures_of_the_readme_are_there_and_small():
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    pictures = {REPOSITORY / name for name in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)}
    assert {"panel.png", "import.png"} <= {path.name for path in pictures}
    for path in pictures:
        assert path.is_file(), path
        assert path.stat().st_size < 400_000, path
