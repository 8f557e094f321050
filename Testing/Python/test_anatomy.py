"""The table of levels."""

from __future__ import annotations

import colorsys
from itertools import pairwise

import pytest

from ReVerteRLib.anatomy import LEVELS, VERTEBRAE, Region, level_from_name, level_from_verse_label
from ReVerteRLib.errors import ArgumentError


def test_levels_run_from_the_head_to_the_sacrum():
    names = [level.name for level in LEVELS]
    assert names[:2] == ["C1", "C2"]
    assert names[19:21] == ["T13", "L1"]
    assert names[-2:] == ["L6", "S1"]
    assert [level.order for level in LEVELS] == list(range(27))
    assert len(VERTEBRAE) == 26
    assert sorted(LEVELS) == list(LEVELS)


@pytest.mark.parametrize(
    ("name", "label"),
    [("C1", 1), ("C7", 7), ("T1", 8), ("T12", 19), ("L1", 20), ("L5", 24), ("L6", 25), ("S1", 26), ("T13", 28)],
)
def test_verse_labels_are_those_of_the_data_set(name, label):
    assert level_from_name(name).verse_label == label
    assert level_from_verse_label(label) is level_from_name(name)


def test_names_labels_and_colours_are_unique():
    for field in ("name", "verse_label", "color_rgb"):
        assert len({getattr(level, field) for level in LEVELS}) == len(LEVELS)


def test_neighbours_differ_in_hue():
    hues = [colorsys.rgb_to_hsv(*level.color_rgb)[0] for level in LEVELS]
    for one, next_one in pairwise(hues):
        apart = abs(one - next_one)
        assert min(apart, 1 - apart) > 0.2


def test_levels_without_their_own_concept_carry_the_generic_one():
    generic = {level.name for level in LEVELS if level.snomed_code == "51282000"}
    assert generic == {"T13", "L6"}
    assert level_from_name("T13").snomed_meaning == "Vertebra"


def test_regions_follow_the_letter():
    letters = {"C": Region.CERVICAL, "T": Region.THORACIC, "L": Region.LUMBAR, "S": Region.SACRAL}
    assert all(level.region is letters[level.name[0]] for level in LEVELS)


@pytest.mark.parametrize("text", [" t12 ", "T12", "t12"])
def test_names_are_read_without_regard_to_case_and_blanks(text):
    assert level_from_name(text).name == "T12"


@pytest.mark.parametrize("text", ["", "T14", "L0", "C8", "12", "vertebra"])
def test_unknown_names_are_refused_with_the_remedy(text):
    with pytest.raises(ArgumentError, match="for example T12"):
        level_from_name(text)


@pytest.mark.parametrize("label", [0, 27, 29, 255])
def test_other_labels_are_no_level(label):
    assert level_from_verse_label(label) is None


def test_lists_of_levels_take_names_and_ranges_in_any_order():
    from ReVerteRLib.anatomy import parse_levels

    assert [level.name for level in parse_levels(" l1,T12 , T12")] == ["T12", "L1"]
    assert [level.name for level in parse_levels("T11-L1, C7")] == ["C7", "T11", "T12", "T13", "L1"]
    assert parse_levels("") == []
    with pytest.raises(ArgumentError, match="Q7"):
        parse_levels("T12,Q7")
