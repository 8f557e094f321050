"""What the panel says that needs no window."""

from __future__ import annotations

import dataclasses
import re

import pytest
from stand_ins import REPOSITORY

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.scene.centroid_points import Point
from ReVerteRLib.scene.centroid_table import Row
from ReVerteRLib.scene.panel_look import doubtful_names, is_doubtful
from ReVerteRLib.scene.panel_state import Facts, device_name, device_note, next_step, stage_text

L1 = level_from_name("L1")
WAY = [  # what comes to be there one after the other, and a word of the next step
    ({}, "import"),
    ({"ct": True}, "simulate"),
    ({"ap": True}, "simulate"),
    ({"lateral": True}, "find the vertebrae"),
    ({"centroids": True}, "check the vertebrae"),
    ({"chosen": (L1,)}, "whether each name is right"),
    ({"doubtful": "T10, T11"}, "look at T10, T11"),
    ({"segmentation": True}, "compare the silhouettes"),
    ({"changed": (L1,), "redoable": True}, "reconstruct again"),
]


def test_the_next_step_leads_through_the_panel():
    facts = Facts()
    for change, word in WAY:
        facts = dataclasses.replace(facts, **change)
        assert word in next_step(facts)
        assert next_step(dataclasses.replace(facts, busy=True)) == ""


def row(problems=(), **of_point) -> Row:
    return Row(0, Point("L1", (0.0, 0.0, 0.0), **of_point), problems)


@pytest.mark.parametrize(
    ("made", "doubtful"),
    [
        (row(confidence=0.9), False),
        (row(confidence=0.49), True),
        (row(confidence=0.9, reasons=("faint",)), True),
        (row(confidence=0.2, by_hand=True), False),
        (row(confidence=0.2, reasons=("faint",), locked=True), False),
        (row(problems=("L1 is there twice",), confidence=0.9, locked=True), True),
    ],
)
def test_a_vertebra_is_doubtful_until_a_person_confirms_it(made, doubtful):
    assert is_doubtful(made) is doubtful


def test_only_checked_doubtful_vertebrae_are_named_and_not_too_many():
    rows = [
        Row(n, Point(name, (0.0, 0.0, 0.0), confidence=0.1)) for n, name in enumerate(["L1", "L2", "L3", "L4", "L5"])
    ]
    assert doubtful_names(rows[:2]) == "L1, L2"
    assert doubtful_names(rows) == "L1, L2, L3, L4 ..."
    rows[0] = dataclasses.replace(rows[0], point=dataclasses.replace(rows[0].point, checked=False))
    assert doubtful_names(rows[:2]) == "L2"


def test_every_stage_that_the_worker_begins_has_words():
    sources = [p.read_text(encoding="utf-8") for p in (REPOSITORY / "ReVerteRLib" / "worker").glob("*.py")]
    begun = {name for text in sources for name in re.findall(r'\.begin\("(\w+)"\)', text)}
    assert {"read", "weights", "network", "files"} <= begun
    for name in begun:
        assert stage_text(name) != name, name
    assert stage_text("L2") == "L2"


def test_devices_are_named_in_words():
    assert device_name("cpu (2 threads)") == "the CPU"
    assert device_name("cuda:0") == "the graphics card"
    assert device_name("NVIDIA A6000") == "NVIDIA A6000"
    assert "because there is no usable graphics card" in device_note("auto", "cpu")
    assert device_note("cpu", "cpu") == "The last run used the CPU."
