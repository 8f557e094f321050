"""Everything that can be wrong with one VerSe scan, found in one go."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np

from ReVerteRLib.anatomy import VERTEBRAE, Level
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.datasets import bodies
from ReVerteRLib.datasets.verse import VerseSubject, named_levels
from ReVerteRLib.datasets.verse_centroids import FileCentroids, near_own_label, read_verse_centroids
from ReVerteRLib.errors import CentroidError, DatasetError, InputError
from ReVerteRLib.geometry import Array
from ReVerteRLib.imaging.volume import CtVolume, LabelVolume, Volume, read_ct, read_labels

_SPACING_RANGE_MM = (0.1, 6.0)
_SAME_PLACE_MM = 1.0
_NOTABLE_MM = 0.1
_FRAGMENT_SHARE = 0.05
_STEP_RANGE_MM = (7.0, 65.0)
_REVERSED_STEP_MM = -2.0
_KNOWN_LABELS = frozenset(range(1, 29))
_OPTIONAL_LEVELS = frozenset({"T12", "T13", "L5", "L6"})


@dataclass
class Examined:
    """What was read of a scan and what was found wrong with it.

    fatal:    reasons why it cannot be used.
    warnings: oddities that it can be used with.
    bones:    centre of mass of every vertebra in the mask.
    """

    subject: VerseSubject
    fatal: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    labels: LabelVolume | None = None
    bones: dict[Level, Array] = field(default_factory=dict)
    ct: CtVolume | None = None
    centroids: CentroidSet | None = None
    computed_levels: tuple[Level, ...] = ()
    cut: tuple[Level, ...] = ()
    clipped: tuple[Level, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Oddities that the scan can be used with."""
        return tuple(self.notes)

    def raise_if_unusable(self) -> None:
        """Raises one DatasetError that lists all fatal faults and then all warnings."""
        if not self.fatal:
            return
        lines = [f"  unusable: {text}" for text in self.fatal] + [f"  warning: {text}" for text in self.notes]
        raise DatasetError(
            f"{self.subject.key} cannot be used, {len(self.fatal)} fatal of {len(lines)} findings:\n"
            + "\n".join(lines),
            where=self.subject.mask_path,
            remedy="Repair the files, or leave this subject out",
            problems=(*self.fatal, *self.notes),
        )


def examine(subject: VerseSubject, *, with_ct: bool) -> Examined:
    """Reads a scan and notes everything wrong with it; never raises for bad content."""
    found = Examined(subject)
    if with_ct and subject.ct_path is not None:
        found.ct = _read_ct(subject, found)
    found.labels = _read_mask(subject, found)
    if found.labels is None:
        return found
    _check_spacing(found.labels, "mask", found)
    if found.ct is not None:
        _check_spacing(found.ct, "CT", found)
        _check_match(found.ct, found.labels, found)
    _check_labels(found.labels, found)
    if found.bones:
        _note_cut(found.labels, found)
        _check_order(found)
        _gather_centroids(found.labels, found)
    return found


# --- files ---------------------------------------------------------------------------------------


def _read_mask(subject: VerseSubject, found: Examined) -> LabelVolume | None:
    if not subject.mask_path.is_file():
        found.fatal.append(f"the mask is missing ({subject.mask_path.name})")
        return None
    try:
        return read_labels(subject.mask_path)
    except InputError as error:
        found.fatal.append(f"the mask cannot be read: {error.what}")
        return None


def _read_ct(subject: VerseSubject, found: Examined) -> CtVolume | None:
    if subject.ct_path is None:
        return None
    try:
        return read_ct(subject.ct_path)
    except InputError as error:
        found.fatal.append(f"the CT {subject.ct_path.name} cannot be read: {error.what}")
        return None


def _check_spacing(volume: Volume, name: str, found: Examined) -> None:
    low, high = float(volume.spacing_mm.min()), float(volume.spacing_mm.max())
    if low < _SPACING_RANGE_MM[0] or high > _SPACING_RANGE_MM[1]:
        text = " x ".join(f"{s:.3g}" for s in volume.spacing_mm)
        found.fatal.append(f"the {name}'s spacing {text} mm is implausible (0.1 to 6 mm expected)")


def _check_match(ct: CtVolume, labels: LabelVolume, found: Examined) -> None:
    if ct.array_kji.shape != labels.array_kji.shape:
        found.fatal.append(
            f"CT and mask differ in size ({ct.array_kji.shape[::-1]} and {labels.array_kji.shape[::-1]} voxels)"
        )
        return
    apart = float(np.linalg.norm(ct.corners_lps_mm - labels.corners_lps_mm, axis=1).max())
    if apart > _SAME_PLACE_MM:
        found.fatal.append(f"CT and mask do not lie on each other (corners up to {apart:.1f} mm apart)")
    elif apart > _NOTABLE_MM:
        found.notes.append(f"CT and mask are {apart:.2f} mm apart")


# --- labels --------------------------------------------------------------------------------------


def _check_labels(labels: LabelVolume, found: Examined) -> None:
    values = bodies.label_values(labels)
    unknown = [value for value in values if value not in _KNOWN_LABELS]
    if unknown:
        found.notes.append(f"labels {_listed(unknown)} are not VerSe labels and are ignored")
    found.bones = bodies.bone_centres(labels)
    if not found.bones:
        found.fatal.append("the mask holds no vertebra (VerSe labels 1 to 25 and 28)")
    for level, share in _fragmented(labels, list(found.bones)):
        found.notes.append(f"{level} is in pieces, {share:.0%} of it apart from its largest piece")


def _fragmented(labels: LabelVolume, levels: list[Level]) -> list[tuple[Level, float]]:
    from scipy import ndimage

    boxes = ndimage.find_objects(labels.array_kji)
    result = []
    for level in levels:
        mask = labels.array_kji[boxes[level.verse_label - 1]] == level.verse_label
        parts, _ = ndimage.label(mask, structure=np.ones((3, 3, 3)))
        sizes = np.bincount(parts.ravel())[1:]
        share = 1.0 - float(sizes.max()) / float(sizes.sum())
        if share > _FRAGMENT_SHARE:
            result.append((level, share))
    return result


def _note_cut(labels: LabelVolume, found: Examined) -> None:
    contacts = bodies.border_contacts(labels)
    found.cut = tuple(c.level for c in contacts if c.is_cut)
    found.clipped = tuple(c.level for c in contacts if c.is_clipped)
    row = found.subject.row
    if row is None or row.cut is None:
        return
    try:
        listed = named_levels(row.cut, found.subject.mask_path)
        clipped = named_levels(row.clipped, found.subject.mask_path) if row.clipped is not None else found.clipped
    except DatasetError as error:
        found.notes.append(f"participants.tsv: {error.what}")
        return
    if unlisted := [level for level in found.cut if level not in listed]:
        found.notes.append(f"participants.tsv calls {_listed(unlisted)} whole though the volume's border cuts it")
    found.cut = tuple(level for level in found.bones if level in listed)
    found.clipped = tuple(level for level in clipped if level not in found.cut)


def _check_order(found: Examined) -> None:
    levels, centres = list(found.bones), found.bones
    if len(levels) < 2:
        return
    if centres[levels[0]][2] < centres[levels[-1]][2]:
        found.fatal.append(f"the image is upside down: {levels[0]} lies below {levels[-1]}")
        return
    axis = centres[levels[-1]] - centres[levels[0]]
    axis = axis / max(float(np.linalg.norm(axis)), 1e-9)
    for upper, lower in itertools.pairwise(levels):
        step = centres[lower] - centres[upper]
        if float(step @ axis) < _REVERSED_STEP_MM:
            found.fatal.append(f"{lower} lies above {upper}: the levels are out of order")
        _check_step(upper, lower, float(np.linalg.norm(step)), found)


def _check_step(upper: Level, lower: Level, distance_mm: float, found: Examined) -> None:
    between = [lev for lev in VERTEBRAE[upper.order + 1 : lower.order] if lev.name not in _OPTIONAL_LEVELS]
    if between:
        found.notes.append(f"{_listed(between)} is missing between {upper} and {lower}")
    elif not _STEP_RANGE_MM[0] <= distance_mm <= _STEP_RANGE_MM[1]:
        found.notes.append(f"{upper} and {lower} are {distance_mm:.0f} mm apart")


# --- centroids -----------------------------------------------------------------------------------


def _gather_centroids(labels: LabelVolume, found: Examined) -> None:
    """The file's centroids where they are good, computed ones for the rest of the whole levels."""
    listed = _file_centroids(labels, found)
    whole = [level for level in found.bones if level not in found.cut]
    missing = [level for level in whole if level not in listed]
    if missing and found.subject.centroid_path is not None:
        found.notes.append(f"no usable centroid for {_listed(missing)}; computed from the mask")
    centres = {**listed, **{level: bodies.body_centre(labels, level) for level in missing}}
    found.computed_levels = tuple(missing)
    items = tuple(Centroid(level, (float(p[0]), float(p[1]), float(p[2]))) for level, p in centres.items())
    source = found.subject.centroid_path or found.subject.mask_path
    found.centroids = CentroidSet(items, str(source))
    _check_front(centres, found)


def _file_centroids(labels: LabelVolume, found: Examined) -> dict[Level, Array]:
    if found.subject.centroid_path is None:
        return {}
    try:
        content = read_verse_centroids(found.subject.centroid_path, labels)
    except CentroidError as error:
        found.notes.append(f"the centroid file {found.subject.centroid_path.name} is not used: {error.what}")
        return {}
    found.notes.extend(content.notes)
    return _good_centroids(labels, content, found)


def _good_centroids(labels: LabelVolume, content: FileCentroids, found: Examined) -> dict[Level, Array]:
    positions = content.level_positions()
    if orphans := [level for level in positions if level not in found.bones]:
        found.notes.append(f"centroids of {_listed(orphans)} have no label in the mask and are ignored")
    candidates = {level: p for level, p in positions.items() if level in found.bones}
    near = near_own_label(labels)
    off = {level: p for level, p in candidates.items() if not near(level.verse_label, p)}
    for level, position in off.items():
        where = "off its own label" if _inside(labels, position) else "outside the image"
        found.notes.append(f"the centroid of {level} lies {where}")
    if off and len(off) * 2 > len(candidates):
        found.fatal.append(
            f"{len(off)} of {len(candidates)} centroids are off their labels: the centroid file is mirrored or belongs "
            f"to another image (read as {content.frame.name})"
        )
    good = {level: p for level, p in candidates.items() if level not in off}
    _check_bone_centres(good, found)
    return good


def _inside(labels: LabelVolume, position_lps_mm: Array) -> bool:
    ijk = labels.to_ijk(position_lps_mm)[0]
    return bool(np.all((ijk >= -0.5) & (ijk <= np.array(labels.array_kji.shape[::-1]) - 0.5)))


def _check_bone_centres(positions: dict[Level, Array], found: Examined) -> None:
    """Some files give the whole bone's centre of mass, some 10 mm behind the body's centre."""
    checked = [level for level in positions if level.name != "C1" and level not in found.cut]
    distances = [float(np.linalg.norm(positions[lev] - found.bones[lev])) for lev in checked]
    if len(distances) >= 3 and float(np.median(distances)) < 2.0:
        found.notes.append("the centroids are whole-bone centres of mass, not vertebral body centres")


def _check_front(centres: dict[Level, Array], found: Examined) -> None:
    """The arch lies behind the body, so the bone's centre of mass lies behind the body's centre."""
    checked = [level for level in centres if level.name != "C1"]
    behind = [found.bones[level][1] - centres[level][1] for level in checked]
    if len(behind) >= 3 and float(np.median(behind)) < -2.0:
        found.fatal.append("front and back are exchanged: the vertebral arches lie in front of the bodies")


def _listed(items: list[Level] | list[int]) -> str:
    return ", ".join(str(item) for item in items)
