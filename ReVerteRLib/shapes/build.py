"""Builds the shape model from masks: `python -m ReVerteRLib.shapes.build --data DIR --out FILE`."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ReVerteRLib.anatomy import Level
from ReVerteRLib.boxes import box_of
from ReVerteRLib.datasets.masks import bounding_box
from ReVerteRLib.datasets.splits import split_subjects
from ReVerteRLib.datasets.verse import LoadedSubject, find_subjects, load_subject
from ReVerteRLib.errors import DatasetError, ReVerteRError
from ReVerteRLib.geometry import Array
from ReVerteRLib.imaging.volume import LabelVolume
from ReVerteRLib.shapes.frame import LocalFrame, local_frame
from ReVerteRLib.shapes.model import GroupShapes, LevelSize, ShapeModel
from ReVerteRLib.shapes.store import save_shapes


@dataclass(frozen=True)
class GroupPlan:
    """Levels that share a shape, and the voxel size in which it is kept."""

    levels: tuple[str, ...]
    spacing_mm: float


def _plan(letter: str, first: int, last: int, spacing_mm: float) -> tuple[tuple[str, ...], float]:
    return tuple(f"{letter}{n}" for n in range(first, last + 1)), spacing_mm


PLAN: tuple[GroupPlan, ...] = (
    GroupPlan(("C1",), 1.75),
    GroupPlan(("C2",), 1.5),
    GroupPlan(*_plan("C", 3, 6, 1.5)),
    GroupPlan(("C7", "T1", "T2", "T3"), 2.0),
    GroupPlan(*_plan("T", 4, 9, 2.0)),
    GroupPlan(*_plan("T", 10, 13, 2.0)),
    GroupPlan(*_plan("L", 1, 6, 2.0)),
)
"""T13 goes with T12 and L6 with L5; cervical vertebrae are kept in finer voxels."""


@dataclass(frozen=True)
class BuildSettings:
    """How shapes are learned.

    modes:            principal modes kept per group.
    reach_mm:         distances are cut off here: what is far from the bone says nothing about its shape.
    spacing_exponent: see ShapeModel. Left-one-subject-out mean Dice of the training vertebrae with 0, 0.5 and 1:
                      0.760, 0.761 and 0.735.
    minimum:          vertebrae from which a level has a usual size of its own; else its neighbour's is taken.
    """

    modes: int = 4
    reach_mm: float = 4.0
    spacing_exponent: float = 0.5
    minimum: int = 3


@dataclass(frozen=True)
class Specimen:
    """One vertebra of the training masks.

    bone_kji:      bool block with a border of background.
    kji_to_lps_mm: 4x4 from indices of the block.
    """

    subject: str
    level: Level
    frame: LocalFrame
    bone_kji: NDArray[np.bool_]
    kji_to_lps_mm: Array

    @property
    def volume_mm3(self) -> float:
        """Volume of the bone."""
        return float(np.count_nonzero(self.bone_kji)) * abs(float(np.linalg.det(self.kji_to_lps_mm[:3, :3])))

    def distance(self, plan: GroupPlan, half_size: tuple[int, int, int], scale: float) -> NDArray[np.float32]:
        """Signed distance [z, y, x] on a local grid of 2 * half_size + 1 voxels about the centroid, at scale 1."""
        steps = self.frame.axes_lps[:, ::-1] * plan.spacing_mm * scale
        inverse = np.linalg.inv(self.kji_to_lps_mm)
        linear = inverse[:3, :3] @ steps
        start = self.frame.origin_lps_mm - steps @ np.array(half_size, dtype=np.float64)
        shape = tuple(2 * n + 1 for n in half_size)
        soft = ndimage.affine_transform(
            self.bone_kji.astype(np.float32), linear, inverse[:3, :3] @ start + inverse[:3, 3], shape, order=1
        )
        bone = soft >= 0.5
        if not bone.any():
            raise DatasetError(f"{self.level} of {self.subject} is smaller than a voxel")
        inside, outside = (ndimage.distance_transform_edt(part) for part in (bone, ~bone))
        return (np.where(bone, 0.5 - inside, outside - 0.5) * plan.spacing_mm).astype(np.float32)


def specimens_of(case: LoadedSubject) -> list[Specimen]:
    """Every whole vertebra of a scan of which nothing is missing."""
    wanted = [level for level in case.whole_levels if level not in case.clipped]
    return [_specimen(case, level) for level in wanted if case.centroids.get(level) is not None]


def _specimen(case: LoadedSubject, level: Level) -> Specimen:
    labels: LabelVolume = case.labels
    box = bounding_box(labels.array_kji, level.verse_label)
    centroid = case.centroids.get(level)
    if box is None or centroid is None:
        raise DatasetError(f"{level} has no mask or no centroid", where=labels.source)
    bone = np.pad(labels.array_kji[box] == level.verse_label, 1)
    matrix = labels.ijk_to_lps_mm @ np.eye(4)[[2, 1, 0, 3]]
    matrix[:3, 3] += matrix[:3, :3] @ np.array([part.start - 1 for part in box], dtype=np.float64)
    return Specimen(case.subject.key, level, local_frame(level, centroid.position_lps_mm, case.centroids), bone, matrix)


# --- sizes ---------------------------------------------------------------------------------------


def usual_sizes(plan: GroupPlan, specimens: Sequence[Specimen], minimum: int) -> dict[str, LevelSize]:
    """Usual neighbour spacing and relative size of each level of a group. Raises DatasetError without specimens."""
    of_level: dict[str, list[Specimen]] = defaultdict(list)
    for specimen in specimens:
        of_level[specimen.level.name].append(specimen)
    well_known = [name for name in plan.levels if len(of_level[name]) >= minimum] or [
        name for name in plan.levels if of_level[name]
    ]
    if not well_known:
        raise DatasetError(f"no whole vertebra of {', '.join(plan.levels)}", remedy="Add masks with these levels")
    volumes = {name: float(np.mean([s.volume_mm3 for s in of_level[name]])) for name in well_known}
    group_volume = float(np.mean(list(volumes.values())))
    sizes = {}
    for name in plan.levels:
        source = min(well_known, key=lambda known: abs(plan.levels.index(known) - plan.levels.index(name)))
        spacings = [s.frame.spacing_mm for s in of_level[source] if s.frame.spacing_mm is not None]
        usual = float(np.mean(spacings)) if spacings else 1.0
        sizes[name] = LevelSize(usual, (volumes[source] / group_volume) ** (1.0 / 3.0))
    return sizes


# --- one group -----------------------------------------------------------------------------------


def build_group(
    plan: GroupPlan, specimens: Sequence[Specimen], model: ShapeModel, settings: BuildSettings
) -> tuple[GroupShapes, float]:
    """Mean, trend and modes of a group from specimens and their mirror images, and the share of variance explained.

    model: its sizes and exponent scale the specimens; it needs no groups.
    """
    half_size = _half_size(plan, specimens)
    halves, volumes = [], []
    for specimen in specimens:
        distance = specimen.distance(plan, half_size, _scale(model, specimen))
        volumes.append(float(np.count_nonzero(distance < 0.0)) * plan.spacing_mm**3)
        halves.append(_even_and_odd(np.clip(distance, -settings.reach_mm, settings.reach_mm)))
    even, odd = (np.stack(part) for part in zip(*halves, strict=True))
    index = np.array([plan.levels.index(s.level.name) for s in specimens], dtype=np.float32)
    apart = index - index.mean()
    mean = even.mean(axis=0)
    trend = (np.tensordot(apart, even, axes=1) / max(float((apart**2).sum()), 1.0)).astype(np.float32)
    even = even - mean - apart[:, None, None, None] * trend
    modes, symmetric, explained = _modes(even, odd, settings.modes)
    box, origin = _useful_box(mean, half_size, settings.reach_mm)
    shapes = GroupShapes(
        levels=plan.levels,
        spacing_mm=plan.spacing_mm,
        origin_zy=origin,
        centre_index=float(index.mean()),
        volume_mm3=float(np.mean(volumes)),
        mean=mean[box],
        trend=trend[box],
        modes=modes[(slice(None), *box)],
        symmetric=symmetric,
    )
    return shapes, explained


def _scale(model: ShapeModel, specimen: Specimen) -> float:
    usual = model.sizes[specimen.level.name]
    spacing = specimen.frame.spacing_mm
    return usual.scale * (1.0 if spacing is None else (spacing / usual.spacing_mm) ** model.spacing_exponent)


def _half_size(plan: GroupPlan, specimens: Iterable[Specimen]) -> tuple[int, int, int]:
    """Voxels on each side of the centroid (z, y, x) that hold every specimen with a margin."""
    reach = np.zeros(3)
    for specimen in specimens:
        kji = np.argwhere(specimen.bone_kji)
        points = kji @ specimen.kji_to_lps_mm[:3, :3].T + specimen.kji_to_lps_mm[:3, 3]
        reach = np.maximum(reach, np.abs(specimen.frame.to_local(points)).max(axis=0))
    x, y, z = (int(n) for n in np.ceil(reach * 1.2 / plan.spacing_mm) + 3)
    return z, y, x


def _even_and_odd(whole: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Left halves of the symmetric and antisymmetric part; together they stand for the shape and its mirror image."""
    mirrored = whole[:, :, ::-1]
    middle = whole.shape[2] // 2
    return ((whole + mirrored) / 2.0)[:, :, middle:], ((whole - mirrored) / 2.0)[:, :, middle:]


def _modes(
    even: NDArray[np.float32], odd: NDArray[np.float32], count: int
) -> tuple[NDArray[np.float32], tuple[int, ...], float]:
    """The strongest principal modes (one standard deviation each), their symmetry, and the explained variance.

    Shapes together with their mirror images have no covariance between both parts, so each is decomposed alone.
    """
    found: list[tuple[float, int, NDArray[np.float32]]] = []
    total = 0.0
    for sign, part in ((1, even), (-1, odd)):
        flat = part.reshape(len(part), -1).astype(np.float64)
        values, vectors = np.linalg.eigh(flat @ flat.T / len(flat))
        total += float(values.clip(0.0).sum())
        for value, vector in zip(values, vectors.T, strict=True):
            if value > 1e-6 * max(float(values[-1]), 1e-12):
                mode = (vector @ flat).reshape(part.shape[1:]) / np.sqrt(len(flat))
                found.append((float(value), sign, mode.astype(np.float32)))
    found = sorted(found, key=lambda item: -item[0])[:count]
    explained = sum(value for value, _, _ in found) / max(total, 1e-12)
    stack = np.stack([mode for _, _, mode in found]) if found else np.zeros((0, *even.shape[1:]), np.float32)
    return stack, tuple(sign for _, sign, _ in found), explained


def _useful_box(
    mean: NDArray[np.float32], half_size: tuple[int, int, int], reach_mm: float
) -> tuple[tuple[slice, slice, slice], tuple[float, float]]:
    """The part where the mean is not just far from bone, with the middle plane kept, and the centroid in it."""
    z, y, x = box_of(mean < reach_mm - 0.2, margin=1) or (slice(0, n) for n in mean.shape)
    return (z, y, slice(0, x.stop)), (float(half_size[0] - z.start), float(half_size[1] - y.start))


# --- all groups ----------------------------------------------------------------------------------


def build_shapes(
    specimens: Sequence[Specimen], settings: BuildSettings | None = None, plan: Sequence[GroupPlan] = PLAN
) -> tuple[ShapeModel, dict[str, Any]]:
    """The model and, by group, how many vertebrae of how many subjects it rests on. Raises DatasetError."""
    settings = settings or BuildSettings()
    groups: list[GroupShapes] = []
    sizes: dict[str, LevelSize] = {}
    notes: dict[str, Any] = {}
    for part in plan:
        own = [s for s in specimens if s.level.name in part.levels]
        sizes |= usual_sizes(part, own, settings.minimum)
        scaling = ShapeModel((), sizes, settings.spacing_exponent)
        group, explained = build_group(part, own, scaling, settings)
        groups.append(group)
        name = part.levels[0] if len(part.levels) == 1 else f"{part.levels[0]}-{part.levels[-1]}"
        notes[name] = {"vertebrae": len(own), "subjects": len({s.subject for s in own}), "explained": explained}
    return ShapeModel(tuple(groups), sizes, settings.spacing_exponent), notes


_METHOD = (
    "Signed distance maps of the whole, unclipped vertebrae and of their mirror images in the frame of the "
    "centroid (axis along the neighbouring centroids, size by level and by neighbour spacing); mean, linear trend "
    "along the levels of a group, principal modes of the rest; half precision. "
    "`python -m ReVerteRLib.shapes.build --data VERSE_DIR --out FILE` makes it again."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Builds the file from the train split of a folder in the VerSe layout; exit codes as of `reverter`."""
    parser = argparse.ArgumentParser(prog="python -m ReVerteRLib.shapes.build", description="Build the mean shapes.")
    parser.add_argument("--data", type=Path, required=True, metavar="VERSE_DIR", help="data in the VerSe layout")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .safetensors file to write")
    chosen = parser.parse_args(arguments)
    try:
        build_file(chosen.data, chosen.out)
    except ReVerteRError as error:
        sys.stderr.write(f"{error.message()}\n")
        return error.exit_code
    return 0


def build_file(data: Path, out: Path) -> str:
    """Builds from the train split of `data`, writes the file and its card; returns the SHA-256."""
    subjects = split_subjects(find_subjects(data)).train
    specimens = [s for subject in subjects for s in specimens_of(load_subject(subject, with_ct=False))]
    model, groups = build_shapes(specimens)
    names = ", ".join(subject.key for subject in subjects)
    card = {
        "name": out.stem,
        "data": f"{len(specimens)} vertebrae, each also mirrored, from the masks of {names}",
        "licence": "CC BY-SA 4.0, as the training data; see the data set's own licences",
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "split": {"train": f"{len(subjects)} subjects of split train: {names}"},
        "groups": groups,
        "method": _METHOD,
    }
    return save_shapes(model, card, out)


if __name__ == "__main__":
    sys.exit(main())
