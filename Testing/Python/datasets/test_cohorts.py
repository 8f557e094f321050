"""VerSe-full and VerSe-small from a generated VerSe folder."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import verse_trees as trees

import ReVerteRLib.datasets.cohorts as cohorts_module
from ReVerteRLib.datasets.cohorts import VERSE_FULL, VERSE_SMALL, Counts, build_cohort, stored_cohort, write_cohort
from ReVerteRLib.datasets.splits import draw_train_and_test
from ReVerteRLib.datasets.verse import find_subjects
from ReVerteRLib.errors import ArgumentError, CancelledError, DatasetError
from ReVerteRLib.imaging.volume import CtVolume, read_ct, write_volume

SIZE = (60, 90, 190)
SPINES = {
    "sub-ok01": ("T10", "T11", "T12", "L1"),
    "sub-neck": ("C7", "T1", "T2", "T3"),
    "sub-six0": ("T10", "T11", "T12", "L6"),
    "sub-thirteen": ("T11", "T12", "T13", "L1"),
    "sub-few0": ("T11", "T12", "L1", "L2"),
    "sub-screw": ("T10", "T11", "T12", "L1"),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """One spine for each rule; sub-ok01 was scanned twice."""
    root = tmp_path_factory.mktemp("verse")
    for name, levels in SPINES.items():
        labels = trees.upright(levels, SIZE)
        stems = (f"{name}_split-verse1", f"{name}_split-verse2") if name == "sub-ok01" else (name,)
        for stem in stems:
            trees.write_bids(
                root, labels, trees.true_centres(levels), stem=stem, with_ct=name in ("sub-ok01", "sub-screw")
            )
    add_metal(root / "rawdata" / "sub-screw" / "sub-screw_ct.nii.gz", at_spine=True)
    add_metal(root / "rawdata" / "sub-ok01" / "sub-ok01_split-verse1_ct.nii.gz", at_spine=False)
    return root


def add_metal(path, *, at_spine: bool) -> None:
    """A 1 ml block of metal in the top vertebra, or in front of the body (a zip, say)."""
    ct = read_ct(path)
    array = np.array(ct.array_kji)
    inside = np.argwhere(array == 600.0)
    k, j, i = np.round(inside[inside[:, 0] > inside[:, 0].max() - 10].mean(axis=0)).astype(int)
    if not at_spine:
        j = 5
    array[k - 5 : k + 5, max(j - 5, 0) : j + 5, i - 5 : i + 5] = 3000.0
    write_volume(CtVolume(array, ct.ijk_to_lps_mm), path)


def reasons(cohort) -> dict[str, str]:
    return {e.key: " ".join(e.reasons) for e in cohort.excluded}


def test_verse_full_holds_every_spine_once_and_counts_people_scans_and_vertebrae(tree):
    cohort = build_cohort(find_subjects(tree), VERSE_FULL)
    assert cohort.counts == Counts(subjects=6, spines=7, vertebrae=28)
    assert cohort.excluded == ()
    assert "6 subjects instead of 355" in cohort.difference


def test_verse_small_gives_each_of_the_three_rules_as_a_reason(tree):
    cohort = build_cohort(find_subjects(tree), VERSE_SMALL)
    assert {s.name for s in cohort.scans} == {"sub-ok01"}
    why = reasons(cohort)
    assert why["sub-neck"] == "a: it holds C7"
    assert why["sub-six0"] == "a: it holds L6"
    assert "a: it holds T13" in why["sub-thirteen"]
    assert "b: it holds 2 thoracic" in why["sub-thirteen"]
    assert why["sub-few0"] == "b: it holds 2 thoracic vertebrae, more than 2 are needed"
    assert why["sub-screw"].startswith("c: ")


def test_spines_can_be_left_out_by_hand_and_broken_ones_do_not_stop_it(tree, tmp_path):
    cohort = build_cohort(find_subjects(tree), VERSE_FULL, exclude=["sub-ok01_split-verse1", "sub-neck"])
    assert reasons(cohort) == {"sub-ok01_split-verse1": "left out by hand", "sub-neck": "left out by hand"}
    broken = tmp_path / "derivatives" / "sub-bad0"
    broken.mkdir(parents=True)
    (broken / "sub-bad0_seg-vert_msk.nii.gz").write_bytes(b"no image")
    assert reasons(build_cohort(find_subjects(tmp_path), VERSE_FULL))["sub-bad0"].startswith("unreadable")


def test_the_record_holds_the_papers_counts_and_all_reasons(tree, tmp_path):
    cohort = build_cohort(find_subjects(tree), VERSE_SMALL)
    write_cohort(cohort, tmp_path / "small.json")
    record = json.loads((tmp_path / "small.json").read_text())
    assert record["counts"] == {"subjects": 1, "spines": 2, "vertebrae": 8}
    assert record["counts_in_the_paper"] == {"subjects": 140, "spines": 140, "vertebrae": 1407}
    assert set(record["excluded"]) == set(SPINES) - {"sub-ok01"}


def test_an_interrupted_run_does_not_read_all_scans_again(tree, tmp_path, monkeypatch):
    subjects, path = find_subjects(tree), tmp_path / "cohort.json"
    first = stored_cohort(subjects, VERSE_SMALL, path)
    monkeypatch.setattr(cohorts_module, "load_subject", lambda *_, **__: pytest.fail("read again"))
    again = stored_cohort(subjects, VERSE_SMALL, path, split_seed=5)
    assert again == first
    assert json.loads(path.read_text())["split"]["seed"] == 5


@pytest.mark.parametrize("change", ["scans", "name", "exclude", "damage"])
def test_another_question_gets_a_new_answer(tree, tmp_path, change):
    subjects, path = find_subjects(tree), tmp_path / "cohort.json"
    stored_cohort(subjects, VERSE_FULL, path)
    if change == "damage":
        path.write_text("{")
    fewer = subjects[1:] if change == "scans" else subjects
    name = VERSE_SMALL if change == "name" else VERSE_FULL
    exclude = ["sub-neck"] if change == "exclude" else []
    expected = build_cohort(fewer, name, exclude=exclude)
    assert stored_cohort(fewer, name, path, exclude=exclude) == expected
    assert json.loads(path.read_text())["spines"] == [s.key for s in expected.scans]


def test_a_cohort_of_nobody_keeps_the_reasons(tree, tmp_path):
    with pytest.raises(DatasetError, match="no spine is left"):
        stored_cohort(find_subjects(tree), VERSE_SMALL, tmp_path / "none.json", exclude=["sub-ok01"])
    assert len(json.loads((tmp_path / "none.json").read_text())["excluded"]) == 7


def test_the_split_of_a_cohort_keeps_people_together_whatever_the_data_set_says(tree, tmp_path):
    marked = [dataclasses.replace(s, split="val") for s in find_subjects(tree)]
    splits = draw_train_and_test(marked, seed=1)
    assert {s.name for s in splits.train}.isdisjoint(s.name for s in splits.test)
    assert len({s.name for s in splits.test}) == round(0.2 * 6)
    write_cohort(build_cohort(marked, VERSE_FULL), tmp_path / "full.json", split_seed=1)
    assert json.loads((tmp_path / "full.json").read_text())["split"]["test"] == [s.key for s in splits.test]


def test_unknown_names_and_cancelling(tree):
    with pytest.raises(ArgumentError, match="verse-full"):
        build_cohort(find_subjects(tree), "verse-medium")
    with pytest.raises(CancelledError):
        build_cohort(find_subjects(tree), VERSE_FULL, cancelled=lambda: True)
