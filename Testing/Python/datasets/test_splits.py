"""Splits keep people together and are the same every time."""

from __future__ import annotations

from pathlib import Path

import pytest

from ReVerteRLib.datasets.splits import Splits, split_subjects
from ReVerteRLib.datasets.verse import VerseSubject, find_subjects
from ReVerteRLib.errors import DatasetError


def scan(name: str, series: str = "", split: str | None = None) -> VerseSubject:
    return VerseSubject(name, series, Path(f"{name}{series}.nii.gz"), split=split)


def people(scans) -> set[str]:
    return {s.name for s in scans}


def test_given_splits_are_kept_and_unmarked_people_train():
    splits = split_subjects([scan("a", split="train"), scan("b", split="val"), scan("c", split="test"), scan("d")])
    assert (people(splits.train), people(splits.val), people(splits.test)) == ({"a", "d"}, {"b"}, {"c"})
    assert splits.given


def test_all_scans_of_a_person_share_a_drawn_split_of_four_to_one():
    scans = [scan(f"p{n}", series) for n in range(50) for series in ("x", "y")]
    splits = split_subjects(scans, seed=3)
    assert len(people(splits.val)) == 10
    assert len(splits.val) == 20
    assert not people(splits.train) & people(splits.val)
    assert not splits.given


def test_the_draw_depends_on_the_seed_but_not_on_the_order():
    scans = [scan(f"p{n}") for n in range(30)]
    assert people(split_subjects(scans, seed=1).val) == people(split_subjects(scans[::-1], seed=1).val)
    assert people(split_subjects(scans, seed=1).val) != people(split_subjects(scans, seed=2).val)


def test_a_person_in_two_splits_is_refused():
    with pytest.raises(DatasetError, match="a is in both"):
        split_subjects([scan("a", "x", "train"), scan("a", "y", "test")])
    with pytest.raises(DatasetError, match="a is in more than one"):
        Splits((scan("a", "x"),), (scan("a", "y"),))


def test_nobody_and_nobody_to_train_on_are_refused():
    with pytest.raises(DatasetError, match="no subject to split"):
        split_subjects([])
    with pytest.raises(DatasetError, match="left for training"):
        split_subjects([scan("a", split="val")])
    assert people(split_subjects([scan("a")]).train) == {"a"}


def test_the_real_data_split_as_their_table_says(data_root):
    splits = split_subjects(find_subjects(data_root / "spines"))
    assert people(splits.val) == {"sub-verse014", "sub-totalseg01"}
    assert len(splits.train) == 13
