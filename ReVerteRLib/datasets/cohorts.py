"""The paper's two data sets, VerSe-full and VerSe-small, drawn from VerSe 2019 and 2020 with a reason for each
spine that is left out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ReVerteRLib.anatomy import Level, Region, level_from_name
from ReVerteRLib.datasets.splits import draw_train_and_test
from ReVerteRLib.datasets.verse import LoadedSubject, VerseSubject, load_subject
from ReVerteRLib.errors import ArgumentError, CancelledError, DatasetError, InputError
from ReVerteRLib.files import write_json
from ReVerteRLib.progress import Cancelled, Progress

VERSE_FULL, VERSE_SMALL = "verse-full", "verse-small"
METAL_HU = 2500.0
"""Bone and enamel stay below; steel and titanium reach the end of the scale."""
METAL_MINIMUM_ML = 0.3
_METAL_REACH_MM = 8.0


@dataclass(frozen=True)
class Counts:
    """Size of a data set: people, spines (scans) and labelled vertebrae."""

    subjects: int
    spines: int
    vertebrae: int


TABLE_1 = {VERSE_FULL: Counts(355, 374, 4522), VERSE_SMALL: Counts(140, 140, 1407)}
"""What the paper's Table 1 says."""


@dataclass(frozen=True)
class Excluded:
    """A spine that is left out and every reason for it."""

    key: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Cohort:
    """A data set: the spines in it, those left out, and its size."""

    name: str
    scans: tuple[VerseSubject, ...]
    excluded: tuple[Excluded, ...]
    counts: Counts

    @property
    def difference(self) -> str:
        """How the size differs from the paper's Table 1; "" when it does not."""
        told = TABLE_1[self.name]
        pairs = ((f, getattr(self.counts, f), getattr(told, f)) for f in ("subjects", "spines", "vertebrae"))
        parts = [f"{have} {name} instead of {want}" for name, have, want in pairs if have != want]
        return f"{self.name}: {', '.join(parts)} as in the paper" if parts else ""


def reasons_against(loaded: LoadedSubject) -> tuple[str, ...]:
    """Why a spine is not in VerSe-small: the paper's rules a, b and c, one sentence each; () when it is."""
    levels = loaded.levels
    reasons = []
    odd = [level.name for level in levels if level.region is Region.CERVICAL or level in _SUPERNUMERARY]
    if odd:
        reasons.append(f"a: it holds {', '.join(odd)}")
    thoracic = [level for level in levels if level.region is Region.THORACIC and level not in _SUPERNUMERARY]
    if len(thoracic) <= 2:
        reasons.append(f"b: it holds {len(thoracic)} thoracic vertebrae, more than 2 are needed")
    metal = metal_ml(loaded)
    if metal >= METAL_MINIMUM_ML:
        reasons.append(f"c: {metal:.1f} ml of metal at the spine")
    return tuple(reasons)


_SUPERNUMERARY = (level_from_name("T13"), level_from_name("L6"))


def metal_ml(loaded: LoadedSubject) -> float:
    """Volume over METAL_HU within _METAL_REACH_MM of a vertebra, 0 without a CT.

    The paper gives no rule ("metal occlusion, e.g. pedicle nail"); this one is ours.
    """
    if loaded.ct is None:
        return 0.0
    from scipy.ndimage import binary_dilation

    dense = np.asarray(loaded.ct.array_kji) > METAL_HU
    if not dense.any():
        return 0.0
    spacing_kji = loaded.ct.spacing_mm[::-1]
    where = np.argwhere(dense)
    reach = np.ceil(_METAL_REACH_MM / spacing_kji).astype(int)
    low = np.maximum(where.min(axis=0) - reach, 0)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, where.max(axis=0) + reach + 1, strict=True))
    ball = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij"), axis=-1) * spacing_kji
    near = binary_dilation(loaded.labels.array_kji[box] > 0, (ball**2).sum(axis=-1) <= _METAL_REACH_MM**2)
    return float(np.count_nonzero(near & dense[box]) * np.prod(spacing_kji) / 1000.0)


def build_cohort(
    subjects: Sequence[VerseSubject],
    name: str,
    *,
    exclude: Sequence[str] = (),
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Cohort:
    """VerSe-full: every readable spine once. VerSe-small: those that break none of the paper's three rules.

    exclude: keys or names that are left out by hand. Unreadable scans are left out with their reason.
    Raises ArgumentError for an unknown name, CancelledError on request.
    """
    if name not in TABLE_1:
        raise ArgumentError(f"there is no data set '{name}'", remedy=f"Use {VERSE_FULL} or {VERSE_SMALL}")
    kept: list[VerseSubject] = []
    excluded: list[Excluded] = []
    vertebrae = 0
    for number, subject in enumerate(subjects):
        if cancelled is not None and cancelled():
            raise CancelledError("cancelled while the spines were read", remedy="Nothing was changed")
        if progress is not None:
            progress(number, len(subjects), subject.key)
        reasons, levels = _judge(subject, name, exclude)
        if reasons:
            excluded.append(Excluded(subject.key, reasons))
        else:
            kept.append(subject)
            vertebrae += len(levels)
    return Cohort(name, tuple(kept), tuple(excluded), Counts(len({s.name for s in kept}), len(kept), vertebrae))


def _judge(subject: VerseSubject, name: str, exclude: Sequence[str]) -> tuple[tuple[str, ...], tuple[Level, ...]]:
    if subject.key in exclude or subject.name in exclude:
        return ("left out by hand",), ()
    try:
        loaded = load_subject(subject, with_ct=name == VERSE_SMALL)
    except InputError as error:
        return (f"unreadable: {error.message()}",), ()
    return (reasons_against(loaded) if name == VERSE_SMALL else ()), loaded.levels


def write_cohort(cohort: Cohort, path: Path, *, split_seed: int = 0, exclude: Sequence[str] = ()) -> None:
    """JSON with the spines, the size beside the paper's, the reason for each spine left out, and the 4:1 split.

    Raises OutputError.
    """
    told = TABLE_1[cohort.name]
    splits = draw_train_and_test(cohort.scans, seed=split_seed) if cohort.scans else None
    record = {
        "name": cohort.name,
        "counts": vars(cohort.counts),
        "counts_in_the_paper": vars(told),
        "difference": cohort.difference,
        "left_out_by_hand": sorted(exclude),
        "spines": [s.key for s in cohort.scans],
        "excluded": {e.key: list(e.reasons) for e in cohort.excluded},
        "split": {
            "seed": split_seed,
            "train": [s.key for s in splits.train] if splits else [],
            "test": [s.key for s in splits.test] if splits else [],
        },
    }
    write_json(path, record)


def stored_cohort(
    subjects: Sequence[VerseSubject],
    name: str,
    path: Path,
    *,
    split_seed: int = 0,
    exclude: Sequence[str] = (),
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Cohort:
    """The cohort that `path` records when it was drawn from the same scans, else a new one, written there.

    Reading hundreds of CTs takes long, so an interrupted run does not do it again.
    Raises ArgumentError for an unknown name, CancelledError, OutputError, DatasetError when no spine is left.
    """
    cohort = _recorded(subjects, name, path, exclude)
    if cohort is None:
        cohort = build_cohort(subjects, name, exclude=exclude, progress=progress, cancelled=cancelled)
    write_cohort(cohort, path, split_seed=split_seed, exclude=exclude)
    if not cohort.scans:
        raise DatasetError(f"no spine is left for {name}", where=path, remedy="The file says why for each of them")
    return cohort


def _recorded(subjects: Sequence[VerseSubject], name: str, path: Path, exclude: Sequence[str]) -> Cohort | None:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        kept, dropped = list(record["spines"]), dict(record["excluded"])
        counts = Counts(**record["counts"])
        if record["name"] != name or record["left_out_by_hand"] != sorted(exclude):
            return None
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError):
        return None
    of_key = {s.key: s for s in subjects}
    if set(of_key) != {*kept, *dropped}:
        return None
    excluded = tuple(Excluded(key, tuple(reasons)) for key, reasons in dropped.items())
    return Cohort(name, tuple(of_key[key] for key in kept), excluded, counts)
