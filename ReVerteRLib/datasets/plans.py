"""Draws the changes that turn a source spine into a patient: posture and measures of every vertebra."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import Level
from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.datasets.beam import BeamDeformation, BeamPlan
from ReVerteRLib.datasets.deformation import DeformationSettings, random_field, spine_axis, waves
from ReVerteRLib.datasets.patient_settings import PatientSettings, PostureSettings, ShapeSettings
from ReVerteRLib.datasets.posture import LADDER, Posture, PostureStatistics
from ReVerteRLib.datasets.sources import Settled
from ReVerteRLib.geometry import Array

_RUNG = {level.name: float(number) for number, level in enumerate(LADDER)} | {"T13": 18.5, "L6": 24.0}
_LENGTH = (0.72, 1.32)
_FACTOR = (0.8, 1.25)
_SHARPEST = 0.010  # radians a millimetre; sharper bends would fold the processes into each other
_SIZE_FOLLOWS = 0.8  # large spacing goes with large vertebrae


def random_beam(
    centroids: CentroidSet,
    rng: np.random.Generator,
    deformation: DeformationSettings,
    settings: PatientSettings,
    *,
    statistics: PostureStatistics | None = None,
    settled: tuple[Settled, ...] = (),
) -> BeamDeformation:
    """A random patient made of the spine with these centres.

    Without statistics, or without posture settings, the posture is bent by random waves as `deformation` says, else
    it follows a drawn one. The free-form fields are those of `deformation`.
    """
    ordered = sorted(centroids, key=lambda c: c.position_lps_mm[2])
    points = np.array([c.position_lps_mm for c in ordered])
    plan = _waved(points, rng, deformation)
    if settings.posture is not None and statistics is not None:
        posture = statistics.draw(rng, settings.posture)
        plan = follow(plan, points, [c.level for c in ordered], posture, settings.posture)
    for body in settled:
        plan = _come_down(plan, points, [c.level for c in ordered], body)
    plan = _without_kinks(plan, points)
    if settings.shape is not None:
        plan = _shaped(plan, rng, settings.shape)
    axis = spine_axis(points)
    box = np.stack([axis.min(axis=0) - 120.0, axis.max(axis=0) + 120.0])
    fields = (
        random_field(box, rng, deformation.coarse_grid_mm, deformation.coarse_mm),
        random_field(box, rng, deformation.fine_grid_mm, deformation.fine_mm),
    )
    return BeamDeformation(points, plan, fields)


def _waved(points: Array, rng: np.random.Generator, s: DeformationSettings) -> BeamPlan:
    """Bends of three sine waves, one common length factor."""
    z = points[:, 2]
    middles = (z[1:] + z[:-1]) / 2.0
    coronal = s.coronal_slope * (3.0 if rng.random() < s.scoliosis_chance else 1.0)
    turn = np.deg2rad(s.axial_rotation_deg)
    size = np.exp(rng.normal(0.0, s.size))
    return dataclasses.replace(
        BeamPlan.unchanged(len(z)),
        coronal_rad=waves(middles, rng, coronal),
        sagittal_rad=waves(middles, rng, s.sagittal_slope),
        twist_rad=rng.normal(0.0, turn) + waves(z, rng, turn),
        length=np.full(len(middles), np.clip(size, *_LENGTH)),
    )


def follow(plan: BeamPlan, points: Array, levels: list[Level], posture: Posture, settings: PostureSettings) -> BeamPlan:
    """The plan that gives the spine with these centres (from the foot up) the posture.

    Where the source's numbering and the posture cannot be compared (C1, L6, extra or missing vertebrae), the
    neighbours decide.
    """
    rungs = np.array([_RUNG[level.name] for level in levels])
    ladder = posture.centres_lps_mm()
    centres = np.stack([np.interp(rungs, np.arange(len(LADDER)), ladder[:, c]) for c in range(3)], axis=1)
    wanted, given = np.diff(centres, axis=0), np.diff(points, axis=0)
    known = (rungs[1:] >= _RUNG["C2"]) & (rungs[:-1] <= _RUNG["L5"]) & (wanted[:, 2] > 3.0)
    bend = _slopes(wanted) - _slopes(given)
    limit = np.deg2rad(settings.largest_bend_deg)
    ratio = np.linalg.norm(wanted, axis=1) / np.linalg.norm(given, axis=1)
    alike = known & (ratio > 0.6) & (ratio < 1.6)
    nearest = np.clip(np.round(rungs).astype(int), 0, len(LADDER) - 1)
    return dataclasses.replace(
        plan,
        coronal_rad=np.clip(_completed(bend[:, 0], known, 0.0), -limit, limit),
        sagittal_rad=np.clip(_completed(bend[:, 1], known, 0.0), -limit, limit),
        twist_rad=np.clip(posture.rotation_rad[nearest], -limit, limit),
        length=np.clip(_completed(ratio, alike, 1.0), *_LENGTH),
        pedicles=np.clip(posture.pedicle_factor[nearest], 0.86, 1.16),
    )


def _without_kinks(plan: BeamPlan, points: Array) -> BeamPlan:
    """The plan with no added bend sharper than _SHARPEST; what is lost is spread over the whole spine."""
    limit = _SHARPEST * (points[2:, 2] - points[:-2, 2]) / 2.0

    def smoothed(bend: Array) -> Array:
        if len(bend) < 2:
            return bend
        rebuilt = np.concatenate([[0.0], np.cumsum(np.clip(np.diff(bend), -limit, limit))])
        eased: Array = rebuilt + (bend - rebuilt).mean()
        return eased

    return dataclasses.replace(plan, coronal_rad=smoothed(plan.coronal_rad), sagittal_rad=smoothed(plan.sagittal_rad))


def _come_down(plan: BeamPlan, points: Array, levels: list[Level], body: Settled) -> BeamPlan:
    """The plan with the spine sunk upon a broken body: nearer to its neighbours, and bent forwards over the wedge."""
    place = levels.index(body.level)
    length, sagittal = plan.length.copy(), plan.sagittal_rad.copy()
    gaps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    for gap in (place - 1, place):
        if 0 <= gap < len(gaps):
            length[gap] *= max(1.0 - 0.5 * body.lost_mm / gaps[gap], 0.75)
    distance = np.arange(len(gaps)) + 0.5 - place
    sagittal -= 0.35 * body.wedge_rad * np.sign(distance) * np.exp(-((distance / 4.0) ** 2))
    return dataclasses.replace(plan, length=length, sagittal_rad=sagittal)


def _slopes(steps: Array) -> Array:
    """(N, 2) angles of ways upwards, dx/dz and dy/dz."""
    angles: Array = np.arctan2(steps[:, :2], steps[:, 2:])
    return angles


def _completed(values: Array, known: NDArray[np.bool_], empty: float) -> Array:
    if not known.any():
        return np.full(len(values), empty)
    where = np.arange(len(values))
    completed: Array = np.interp(where, where[known], values[known])
    return completed


def _shaped(plan: BeamPlan, rng: np.random.Generator, s: ShapeSettings) -> BeamPlan:
    """The plan with random measures; vertebrae are as wide and deep as they are far apart, more or less."""
    count = len(plan.twist_rad)
    size = float(np.exp(np.log(plan.length).mean())) ** _SIZE_FOLLOWS if len(plan.length) else 1.0

    def factor(base: float, whole: float, single: float) -> Array:
        drawn = base * np.exp(rng.normal(0.0, whole) + rng.normal(0.0, single, count))
        return np.asarray(np.clip(drawn, *_FACTOR))

    return dataclasses.replace(
        plan,
        height=np.clip(np.exp(rng.normal(0.0, s.level_height, count)), 0.88, 1.12),
        width=factor(size, s.width, s.level_width),
        depth=factor(size, s.depth, s.level_depth),
        process=factor(1.0, s.process, s.level_process),
    )
