"""Choices of a detector: their names in tables, and several files side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from ReVerteRLib.detection.classical import ClassicalDetector
from ReVerteRLib.detection.opening import detector_name, open_detector
from ReVerteRLib.errors import WeightsError


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        ("classical", "classical"),
        ("learned", "learned"),
        ("runs/one/detector.safetensors", "detector"),
        ("single=runs/one/detector.safetensors", "single"),
        ("single view=learned", "single view"),
        ("folder/with=sign/detector.safetensors", "detector"),
    ],
)
def test_a_choice_has_a_name(choice: str, name: str) -> None:
    assert detector_name(choice) == name


def test_a_named_choice_opens_what_stands_behind_the_name(tmp_path: Path) -> None:
    assert isinstance(open_detector("plain=classical"), ClassicalDetector)
    with pytest.raises(WeightsError, match="no such weights file") as caught:
        open_detector(f"mine={tmp_path / 'none.safetensors'}")
    assert str(caught.value.where).endswith("none.safetensors")


def test_a_file_with_an_equals_sign_in_its_name_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a=b.safetensors").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    assert detector_name("a=b.safetensors") == "a=b"
