"""Splits by person: nobody is ever in two of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ReVerteRLib.datasets.verse import VerseSubject
from ReVerteRLib.errors import DatasetError

_NAMES = ("train", "val", "test")


@dataclass(frozen=True)
class Splits:
    """Scans for training, validation and testing.

    given: True when the data set says so itself (participants.tsv or folder names), False when drawn here.
    """

    train: tuple[VerseSubject, ...]
    val: tuple[VerseSubject, ...]
    test: tuple[VerseSubject, ...] = ()
    given: bool = True

    def __post_init__(self) -> None:
        homes: dict[str, set[str]] = defaultdict(set)
        for name in _NAMES:
            for subject in getattr(self, name):
                homes[subject.name].add(name)
        torn = sorted(person for person, names in homes.items() if len(names) > 1)
        if torn:
            raise DatasetError(
                f"{', '.join(torn)} is in more than one of train, val and test",
                remedy="Give all scans of a person the same split in participants.tsv",
            )


def split_subjects(subjects: Iterable[VerseSubject], *, seed: int = 0, val_share: float = 0.2) -> Splits:
    """Splits as the data set gives them; where it gives none, people are drawn 4:1 into train and val.

    The draw depends on the seed and on the names only, not on the order of the scans. People without a split
    in a data set that has splits go to train. Raises DatasetError when there is nobody, when a person would be
    in two splits, or when nobody is left to train on.
    """
    scans = sorted(subjects, key=lambda s: s.key)
    if not scans:
        raise DatasetError("there is no subject to split")
    given = any(scan.split is not None for scan in scans)
    of_person = _given_splits(scans) if given else _drawn_splits(scans, seed, val_share)
    parts = {name: tuple(s for s in scans if of_person[s.name] == name) for name in _NAMES}
    if not parts["train"]:
        raise DatasetError("no subject is left for training", remedy="Mark some as 'train' in participants.tsv")
    return Splits(parts["train"], parts["val"], parts["test"], given)


def draw_train_and_test(subjects: Iterable[VerseSubject], *, seed: int = 0, test_share: float = 0.2) -> Splits:
    """People drawn 4:1 into train and test, whatever the data set says, as the paper splits its cohorts.

    The draw depends on the seed and on the names only. Raises DatasetError when there is nobody.
    """
    scans = sorted(subjects, key=lambda s: s.key)
    if not scans:
        raise DatasetError("there is no subject to split")
    of_person = _drawn_splits(scans, seed, test_share)
    return Splits(
        train=tuple(s for s in scans if of_person[s.name] == "train"),
        val=(),
        test=tuple(s for s in scans if of_person[s.name] != "train"),
        given=False,
    )


def _given_splits(scans: list[VerseSubject]) -> dict[str, str]:
    result: dict[str, str] = {}
    for scan in scans:
        before = result.get(scan.name)
        if scan.split is not None and before not in (None, scan.split):
            raise DatasetError(
                f"{scan.name} is in both {before} and {scan.split}",
                where=scan.mask_path,
                remedy="Give all scans of a person the same split in participants.tsv",
            )
        if scan.split is not None:
            result[scan.name] = scan.split
    return {scan.name: result.get(scan.name, "train") for scan in scans}


def _drawn_splits(scans: list[VerseSubject], seed: int, val_share: float) -> dict[str, str]:
    people = sorted({scan.name for scan in scans})
    drawn = np.random.default_rng(seed).permutation(len(people))
    count = min(round(val_share * len(people)), len(people) - 1)
    chosen = {people[i] for i in drawn[:count]}
    return {person: "val" if person in chosen else "train" for person in people}
