"""What a label map tells about each vertebra: its body centre and whether the scan cut it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ReVerteRLib.anatomy import VERTEBRAE, Level
from ReVerteRLib.datasets.masks import bounding_box
from ReVerteRLib.errors import DatasetError
from ReVerteRLib.geometry import Array
from ReVerteRLib.imaging.volume import LabelVolume

_WORK_SPACING_MM = 0.8
_CORE_SHARE = 0.6
_CUT_AREA_MM2 = {"S": 50.0, "I": 50.0, "A": 50.0, "P": 50.0, "L": 150.0, "R": 150.0}
_CLIPPED_AREA_MM2 = 5.0
# Medians of about 190 vertebrae in public CT masks, rounded; only half of it is ever used as a limit.
_USUAL_VOLUME_ML = {
    "C1": 16.0, "C2": 20.0, **dict.fromkeys(["C3", "C4", "C5", "C6"], 14.0),
    "C7": 19.0, **dict.fromkeys(["T1", "T2", "T3", "T4", "T5"], 21.0), "T6": 23.0, "T7": 26.0, "T8": 27.0, "T9": 31.0,
    "T10": 34.0, "T11": 37.0, "T12": 41.0, "T13": 41.0, "L1": 45.0, "L2": 50.0,
    **dict.fromkeys(["L3", "L4", "L5", "L6"], 57.0),
}  # fmt: skip
_AXIS_LETTERS = (("L", "R"), ("P", "A"), ("S", "I"))
_LABELS = {level.verse_label: level for level in VERTEBRAE}
_RING_LEVELS = ("C1",)


def levels_present(labels: LabelVolume) -> tuple[Level, ...]:
    """The vertebrae in a VerSe label map, from the head down (sacrum and coccyx are not vertebrae)."""
    found = [_LABELS[value] for value in label_values(labels) if value in _LABELS]
    return tuple(sorted(found))


def label_values(labels: LabelVolume) -> tuple[int, ...]:
    """All labels except the background, ascending."""
    counts = np.bincount(labels.array_kji.ravel())
    return tuple(int(v) for v in np.flatnonzero(counts) if v != 0)


def volumes_ml(labels: LabelVolume) -> dict[Level, float]:
    """Volume of each vertebra in the label map."""
    counts = np.bincount(labels.array_kji.ravel(), minlength=29)
    voxel_ml = abs(float(np.linalg.det(labels.ijk_to_lps_mm[:3, :3]))) / 1000.0
    return {level: float(counts[level.verse_label]) * voxel_ml for level in levels_present(labels)}


# --- axes ----------------------------------------------------------------------------------------


def axis_codes(ijk_to_lps_mm: Array) -> tuple[str, str, str]:
    """Where the i, j and k axis point to: one of L/R, P/A, S/I each, nearest first for oblique images.

    The same letters as nibabel's `aff2axcodes`; ("L", "P", "S") is the identity in LPS.
    """
    cosines = ijk_to_lps_mm[:3, :3] / np.linalg.norm(ijk_to_lps_mm[:3, :3], axis=0)
    left = np.abs(cosines)
    codes = ["", "", ""]
    for _ in range(3):
        world, voxel = np.unravel_index(int(left.argmax()), (3, 3))
        codes[voxel] = _AXIS_LETTERS[world][0 if cosines[world, voxel] > 0 else 1]
        left[world, :] = -1.0
        left[:, voxel] = -1.0
    return codes[0], codes[1], codes[2]


# --- body centres --------------------------------------------------------------------------------


def body_centre(labels: LabelVolume, level: Level) -> Array:
    """Centre of the vertebral body, LPS mm (3,); for C1, which has none, the ring's centre of mass.

    The body is the thickest part: the highest peak of the distance transform in front of the bone's centre of
    mass. The connected region there above 0.6 of that peak, grown back by as much, has the centre that is
    returned. Against 53 centres annotated in five VerSe-like scans: median error 0.6 mm, 90th percentile 1.3 mm,
    largest 1.8 mm (the share was settled on these cases).
    Raises DatasetError when the label map does not hold the level.
    """
    box = bounding_box(labels.array_kji, level.verse_label)
    if box is None:
        raise DatasetError(f"{level.name} is not in the label map", where=labels.source)
    mask, first_lps = _on_upright_grid(labels, level.verse_label, box)
    if not mask.any():  # smaller than a voxel of the working grid
        return bone_centres(labels)[level]
    zyx = np.array(ndimage.center_of_mass(mask)) if level.name in _RING_LEVELS else _body_centre_zyx(mask)
    centre: Array = first_lps + zyx[::-1] * _WORK_SPACING_MM
    return centre


def bone_centres(labels: LabelVolume) -> dict[Level, Array]:
    """Centre of mass of each whole bone, LPS mm (3,), from the head down."""
    boxes = ndimage.find_objects(labels.array_kji)
    centres = {}
    for value, box in enumerate(boxes, start=1):
        if box is not None and value in _LABELS:
            kji = np.array(ndimage.center_of_mass(labels.array_kji[box] == value)) + [part.start for part in box]
            centres[_LABELS[value]] = labels.to_lps(kji[::-1])[0]
    return {level: centres[level] for level in sorted(centres)}


def _on_upright_grid(
    labels: LabelVolume, value: int, box: tuple[slice, slice, slice]
) -> tuple[NDArray[np.bool_], Array]:
    """The label on a 0.8 mm grid along the LPS axes, bool [z, y, x], and the LPS position of its first voxel."""
    mask = np.pad(labels.array_kji[box] == value, 1)
    first_ijk = np.array([part.start - 1 for part in box][::-1], dtype=np.float64)
    size_ijk = np.array(mask.shape[::-1])
    ends = np.array([first_ijk - 0.5, first_ijk + size_ijk - 0.5])
    corners = labels.to_lps([[ends[a, 0], ends[b, 1], ends[c, 2]] for a in (0, 1) for b in (0, 1) for c in (0, 1)])
    low, high = corners.min(axis=0), corners.max(axis=0)
    size_xyz = np.ceil((high - low) / _WORK_SPACING_MM).astype(int) + 1
    lps_to_ijk = np.linalg.inv(labels.ijk_to_lps_mm[:3, :3])
    start_ijk = labels.to_ijk(low)[0] - first_ijk
    values = ndimage.affine_transform(
        mask.astype(np.float32),
        (lps_to_ijk * _WORK_SPACING_MM)[::-1, ::-1],
        offset=start_ijk[::-1],
        output_shape=tuple(size_xyz[::-1].tolist()),
        order=1,
    )
    return values >= 0.5, low


def _body_centre_zyx(mask: NDArray[np.bool_]) -> Array:
    """Centre of the body in voxels of a [z, y, x] mask whose y axis points to the back."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1, 1:-1]
    middle = ndimage.center_of_mass(mask)
    front = depth.copy()
    front[:, int(np.ceil(middle[1])) :, :] = 0.0
    if front.max() <= 0.0:  # a sliver without depth in front of its centre
        return np.array(middle)
    peak_at = np.unravel_index(int(front.argmax()), front.shape)
    # 0.6 keeps pedicles and laminae out of the core; with 0.5 upper thoracic cores reach the spinous process.
    threshold = _CORE_SHARE * depth[peak_at]
    parts, _ = ndimage.label(front > threshold)
    core = parts == parts[peak_at]
    body = mask & (ndimage.distance_transform_edt(~core) <= threshold)
    return np.array(ndimage.center_of_mass(body))


# --- what the scan cut ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Contact:
    """How a vertebra touches the volume's border.

    area_mm2:  contact with each face, by its letter (L, R, P, A, S, I).
    volume_ml: what the mask holds of the vertebra.
    """

    level: Level
    area_mm2: dict[str, float]
    volume_ml: float

    @property
    def is_cut(self) -> bool:
        """The field of view removes part of the vertebra: it is no truth for anything."""
        touches = max(self.area_mm2.values()) >= _CLIPPED_AREA_MM2
        sliver = self.volume_ml < 0.5 * _USUAL_VOLUME_ML[self.level.name]
        return (touches and sliver) or any(area >= _CUT_AREA_MM2[face] for face, area in self.area_mm2.items())

    @property
    def is_clipped(self) -> bool:
        """Only tips of processes are missing; counts as whole. Contact by a voxel or two does not matter."""
        return not self.is_cut and max(self.area_mm2.values()) >= _CLIPPED_AREA_MM2


def border_contacts(labels: LabelVolume) -> tuple[Contact, ...]:
    """Contact of every vertebra with the six faces of the volume, from the head down."""
    codes = axis_codes(labels.ijk_to_lps_mm)
    opposite = {"L": "R", "R": "L", "P": "A", "A": "P", "S": "I", "I": "S"}
    volumes = volumes_ml(labels)
    areas: dict[Level, dict[str, float]] = {level: {} for level in volumes}
    for voxel_axis in range(3):
        array_axis = 2 - voxel_axis
        sides = np.delete(np.arange(3), voxel_axis)
        steps = labels.ijk_to_lps_mm[:3, sides]
        pixel_mm2 = float(np.linalg.norm(np.cross(steps[:, 0], steps[:, 1])))
        for index, face in ((-1, codes[voxel_axis]), (0, opposite[codes[voxel_axis]])):
            counts = np.bincount(labels.array_kji.take(index, axis=array_axis).ravel(), minlength=29)
            for level, faces in areas.items():
                faces[face] = float(counts[level.verse_label]) * pixel_mm2
    return tuple(Contact(level, faces, volumes[level]) for level, faces in areas.items())


def cut_levels(labels: LabelVolume) -> tuple[Level, ...]:
    """Vertebrae that the field of view cuts.

    That is contact with the volume's border of at least 50 mm2 at the superior, inferior, anterior or posterior
    face, or 150 mm2 at the left or right face, or any contact of what is less than half a usual vertebra.
    """
    return tuple(contact.level for contact in border_contacts(labels) if contact.is_cut)


def clipped_levels(labels: LabelVolume) -> tuple[Level, ...]:
    """Vertebrae that touch the border by less than that: only tips of processes are missing."""
    return tuple(contact.level for contact in border_contacts(labels) if contact.is_clipped)
