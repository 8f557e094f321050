"""VerSe data sets on disk: both public releases, found, read and checked."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ReVerteRLib.anatomy import Level, level_from_name
from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.datasets.bodies import body_centre, clipped_levels, cut_levels, levels_present
from ReVerteRLib.errors import ArgumentError, DatasetError
from ReVerteRLib.imaging.volume import CtVolume, LabelVolume

__all__ = [
    "LoadedSubject",
    "Participant",
    "VerseSubject",
    "body_centre",
    "check_subject",
    "clipped_levels",
    "cut_levels",
    "find_subjects",
    "levels_present",
    "load_subject",
    "read_participants",
    "select_subjects",
]

_BIDS_MASK, _BIDS_CT = "_seg-vert_msk.nii.gz", "_ct.nii.gz"
_MICCAI_MASK = "_seg.nii.gz"
_NAME = re.compile(r"^(?:sub-)?([a-z]+-?\d+|[a-z0-9]+)(?:[-_](.*))?$", re.IGNORECASE)
_SPLIT_WORDS = {"train": "train", "training": "train", "val": "val", "validation": "val", "test": "test"}
_LAYOUT = (
    "Give a folder with derivatives/sub-X/*_seg-vert_msk.nii.gz and rawdata/sub-X/*_ct.nii.gz "
    "(or verseXXX_seg.nii.gz beside verseXXX.nii.gz)"
)


@dataclass(frozen=True)
class Participant:
    """One row of participants.tsv.

    cut, clipped: level names as written there; None when the table has no such column.
    """

    name: str
    split: str | None
    cut: tuple[str, ...] | None
    clipped: tuple[str, ...] | None


@dataclass(frozen=True)
class VerseSubject:
    """Where one scan of one subject lies.

    name:     "sub-verse004", the same for all scans of a person and for both releases.
    scan:     what tells several scans of one person apart ("split-verse090_dir-ax"), "" when there is one.
    split:    train, val or test, from participants.tsv or else from the folder's name; None when unknown.
    row:      the subject's row in participants.tsv.
    """

    name: str
    scan: str
    mask_path: Path
    ct_path: Path | None = None
    centroid_path: Path | None = None
    split: str | None = None
    row: Participant | None = None

    @property
    def key(self) -> str:
        """Name and scan in one word, unique in a data set."""
        return f"{self.name}_{self.scan}" if self.scan else self.name


@dataclass(frozen=True)
class LoadedSubject:
    """One scan in memory, checked.

    labels:          VerSe labels.
    ct:              None when there is none or when it was not asked for.
    centroids:       vertebral body centres of all whole levels; of a cut one only if the file gives it.
    computed_levels: the levels among them whose centroid was computed from the mask.
    cut:             levels that the field of view cuts; leave them out of training and of scores.
    clipped:         levels that lack only tips of processes; they count as whole.
    problems:        warnings, one sentence each.
    """

    subject: VerseSubject
    labels: LabelVolume
    ct: CtVolume | None
    centroids: CentroidSet
    computed_levels: tuple[Level, ...]
    cut: tuple[Level, ...]
    clipped: tuple[Level, ...]
    problems: tuple[str, ...] = ()

    @property
    def levels(self) -> tuple[Level, ...]:
        """All vertebrae in the mask, from the head down."""
        return levels_present(self.labels)

    @property
    def whole_levels(self) -> tuple[Level, ...]:
        """The vertebrae that are not cut."""
        return tuple(level for level in self.levels if level not in self.cut)


# --- finding -------------------------------------------------------------------------------------


def find_subjects(root: Path) -> list[VerseSubject]:
    """All scans under a folder, sorted by name, each once, whichever release they come from.

    Knows the subject-based (BIDS) trees, also several of them nested under one folder, and the MICCAI files.
    A CT without a mask is listed as well, so that `check_subject` can tell. Raises DatasetError when the
    folder is missing or holds nothing of the kind.
    """
    root = Path(root)
    if not root.is_dir():
        raise DatasetError("no such folder", where=root, remedy=_LAYOUT)
    found: dict[str, VerseSubject] = {}
    for subject in [*_bids_subjects(root), *_miccai_subjects(root)]:
        found.setdefault(subject.key, subject)
    if not found:
        raise DatasetError("the folder holds no VerSe data", where=root, remedy=_LAYOUT)
    return sorted(found.values(), key=lambda s: (s.name, s.scan))


def select_subjects(subjects: Iterable[VerseSubject], names: Iterable[str]) -> list[VerseSubject]:
    """The subjects with these names or keys ("verse004" and "sub-verse004" mean the same).

    Raises ArgumentError for a name that none of them has.
    """
    pool = list(subjects)
    chosen: list[VerseSubject] = []
    for name in names:
        wanted = name.strip() if name.strip().startswith("sub-") else f"sub-{name.strip()}"
        hits = [s for s in pool if wanted in (s.name, s.key)]
        if not hits:
            have = ", ".join(dict.fromkeys(s.name for s in pool))
            raise ArgumentError(f"there is no subject '{name}'", remedy=f"Choose among {have}")
        chosen += [s for s in hits if s not in chosen]
    return chosen


def _bids_subjects(root: Path) -> list[VerseSubject]:
    masks = {path.name.removesuffix(_BIDS_MASK): path for path in sorted(root.rglob(f"*{_BIDS_MASK}"))}
    scans = {path.name.removesuffix(_BIDS_CT): path for path in sorted(root.rglob(f"*{_BIDS_CT}"))}
    subjects = []
    for stem in sorted(masks.keys() | scans.keys()):
        mask = masks.get(stem) or _expected_mask(scans[stem], stem)
        subjects.append(_subject(root, stem, mask, scans.get(stem), _bids_centroids(mask, stem)))
    return subjects


def _bids_centroids(mask: Path, stem: str) -> Path | None:
    preferred = mask.with_name(f"{stem}_seg-subreg_ctd.json")
    others = sorted(mask.parent.glob(f"{stem}_*ctd.json")) if mask.parent.is_dir() else []
    return preferred if preferred.is_file() else next(iter(others), None)


def _expected_mask(ct: Path, stem: str) -> Path:
    tree = ct.parents[2] if len(ct.parents) > 2 else ct.parent
    return tree / "derivatives" / ct.parent.name / f"{stem}{_BIDS_MASK}"


def _miccai_subjects(root: Path) -> list[VerseSubject]:
    subjects = []
    for mask in sorted(root.rglob(f"*{_MICCAI_MASK}")):
        stem = mask.name.removesuffix(_MICCAI_MASK)
        ct = mask.with_name(f"{stem}.nii.gz")
        names = [f"{stem}_ctd.json", f"{stem}_iso-ctd.json", f"{stem}_ctd-iso.json", f"{stem}_iso_ctd.json"]
        centroids = next((mask.with_name(n) for n in names if mask.with_name(n).is_file()), None)
        subjects.append(_subject(root, stem, mask, ct if ct.is_file() else None, centroids))
    return subjects


def _name_and_scan(stem: str) -> tuple[str, str]:
    """'sub-verse400', 'split-verse090_dir-ax' out of a file's stem; MICCAI names give the same subject."""
    match = _NAME.match(stem)
    if match is None:
        return f"sub-{stem}", ""
    return f"sub-{match.group(1).lower()}", match.group(2) or ""


def _subject(root: Path, stem: str, mask: Path, ct: Path | None, centroids: Path | None) -> VerseSubject:
    name, scan = _name_and_scan(stem)
    table = _table_above(mask, root)
    row = read_participants(table).get(name) if table else None
    split = (row.split if row else None) or _split_of_folder(mask, root)
    return VerseSubject(name, scan, mask, ct, centroids, split, row)


def _split_of_folder(path: Path, root: Path) -> str | None:
    """'train' for .../dataset-verse19training/... or .../01_training/...; only folders below the root count."""
    for part in reversed(path.relative_to(root).parts[:-1]):
        words = re.findall(r"training|validation|train|val|test", part.lower())
        if words and not part.startswith("sub-"):
            return _SPLIT_WORDS[words[-1]]
    return None


def _table_above(path: Path, root: Path) -> Path | None:
    for folder in path.parents:
        if (folder / "participants.tsv").is_file():
            return folder / "participants.tsv"
        if folder == root:
            return None
    return None


def read_participants(path: Path) -> dict[str, Participant]:
    """participants.tsv by participant_id. Raises DatasetError when it is no such table."""
    try:
        with Path(path).open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"the table cannot be read ({error})", where=path, remedy="Correct or remove it") from error
    if not rows or "participant_id" not in rows[0]:
        raise DatasetError("the table has no column participant_id", where=path, remedy="Correct or remove it")
    people = [_participant(row, path) for row in rows]
    names = [person.name for person in people]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DatasetError(f"{', '.join(twice)} occurs more than once", where=path, remedy="Keep one row a subject")
    return dict(zip(names, people, strict=True))


def _participant(row: dict[str, str | None], path: Path) -> Participant:
    name = (row.get("participant_id") or "").strip()
    split = (row.get("split") or "").strip().lower()
    if split not in ("", "n/a", "train", "val", "test"):
        raise DatasetError(f"the split '{split}' of {name} is unknown", where=path, remedy="Use train, val or test")
    known = split if split in ("train", "val", "test") else None
    return Participant(name, known, _levels(row, "cut_levels"), _levels(row, "clipped_levels"))


def _levels(row: dict[str, str | None], column: str) -> tuple[str, ...] | None:
    if column not in row:
        return None
    text = (row[column] or "").strip()
    return () if text in ("", "n/a") else tuple(name.strip().upper() for name in text.split(","))


# --- loading -------------------------------------------------------------------------------------


def load_subject(subject: VerseSubject, *, with_ct: bool = True) -> LoadedSubject:
    """Reads a scan and checks it.

    Raises DatasetError with everything that is wrong when the scan is unusable; what is merely odd comes in
    `problems`. Whole levels without a usable centroid in the file get one computed from the mask.
    """
    from ReVerteRLib.datasets.verse_checks import examine

    examined = examine(subject, with_ct=with_ct)
    examined.raise_if_unusable()
    labels, centroids = examined.labels, examined.centroids
    if labels is None or centroids is None:  # examine reports either of them as unusable
        raise DatasetError("the subject could not be read", where=subject.mask_path)
    return LoadedSubject(
        subject=subject,
        labels=labels,
        ct=examined.ct,
        centroids=centroids,
        computed_levels=examined.computed_levels,
        cut=examined.cut,
        clipped=examined.clipped,
        problems=examined.warnings,
    )


def check_subject(subject: VerseSubject) -> tuple[str, ...]:
    """The warnings about a scan. Raises one DatasetError that lists everything wrong when it is unusable.

    Found are: missing and unreadable files, masks without vertebrae, CT and mask that do not lie on each
    other, impossible spacing, unknown labels, fragments, levels out of order, images turned upside down or front
    to back, centroids off their bone, centroids and labels without each other, whole-bone centres of mass
    given as body centres. A plain left-right mirror image cannot be told from the mask alone; it shows when the
    centroids were not mirrored along.
    """
    from ReVerteRLib.datasets.verse_checks import examine

    examined = examine(subject, with_ct=True)
    examined.raise_if_unusable()
    return examined.warnings


def named_levels(names: tuple[str, ...], where: Path) -> tuple[Level, ...]:
    """Levels of names in participants.tsv. Raises DatasetError for names that are none."""
    try:
        return tuple(sorted(level_from_name(name) for name in names))
    except ArgumentError as error:
        raise DatasetError(error.what, where=where, remedy=error.remedy) from error
