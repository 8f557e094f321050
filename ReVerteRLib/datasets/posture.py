"""How spines are held: statistics of many people's vertebral centres and pedicles, and postures drawn from them.

The statistics are fitted to the keypoints of the Vertebra Identification Dataset (V. Buergin, R. Prevost,
M. F. Stollenga, MICCAI 2023, CC BY-SA 4.0) where a copy lies beside the spines; nothing of it is part of the product.
Angles are those of the way from one body centre to the next lower one against the vertical, in radians: sagittal is
positive towards the back, coronal towards the left. Rotation about the vertical is positive where the left side goes
back.
"""

from __future__ import annotations

import csv
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import VERTEBRAE, Level
from ReVerteRLib.datasets.patient_settings import PostureSettings
from ReVerteRLib.errors import DatasetError
from ReVerteRLib.geometry import Array

LADDER: tuple[Level, ...] = tuple(level for level in VERTEBRAE if level.name not in {"T13", "L6"})
"""The 24 usual levels, C1 to L5, that postures are given for."""
_RUNG = {level.name: number for number, level in enumerate(LADDER)}
_KEPT_VARIANCE, _MOST_MODES = 0.96, 9
_PRIOR_SCANS = 25.0
_NEIGHBOURS_ALIKE = 5.0  # levels over which the prior's correlation falls to 1/e
_CUT = 2.2
_Pattern = tuple[NDArray[np.intp], NDArray[np.intp]]


@dataclass(frozen=True)
class Modes:
    """A Gaussian with few directions: mean (N,), modes (K, N) scaled to one standard deviation each."""

    mean: Array
    modes: Array

    def draw(self, rng: np.random.Generator, spread: float = 1.0) -> Array:
        """One sample (N,), no coefficient beyond 2.2 standard deviations."""
        weights = np.clip(rng.standard_normal(len(self.modes)), -_CUT, _CUT)
        sample: Array = self.mean + spread * (weights @ self.modes)
        return sample


@dataclass(frozen=True)
class Posture:
    """One person's posture on LADDER; segments are named by their upper level.

    sagittal_rad, coronal_rad, spacing_mm: (23,) direction and length of the way to the next lower centre.
    rotation_rad:   (24,) axial rotation.
    pedicle_factor: (24,) pedicle distance against the usual one.
    """

    sagittal_rad: Array
    coronal_rad: Array
    spacing_mm: Array
    rotation_rad: Array
    pedicle_factor: Array

    def centres_lps_mm(self) -> Array:
        """(24, 3) body centres, C1 at the origin."""
        down = np.stack([np.tan(self.coronal_rad), np.tan(self.sagittal_rad), -np.ones(len(LADDER) - 1)], axis=1)
        steps = down / np.linalg.norm(down, axis=1, keepdims=True) * self.spacing_mm[:, None]
        centres: Array = np.concatenate([np.zeros((1, 3)), np.cumsum(steps, axis=0)])
        return centres


@dataclass(frozen=True)
class PostureStatistics:
    """Mean and principal modes over LADDER.

    sagittal: 23 angles; frontal: 23 coronal angles, then 24 rotations (drawn together, because a bent spine turns);
    lengths:  logarithms of 23 spacings (mm), then of 24 pedicle distances (mm).
    people:   number of persons they come from.
    """

    sagittal: Modes
    frontal: Modes
    lengths: Modes
    people: int

    def draw(self, rng: np.random.Generator, settings: PostureSettings) -> Posture:
        """A random posture, standing or lying."""
        segments = len(LADDER) - 1
        sagittal = self.sagittal.draw(rng, settings.spread)
        frontal = self.frontal.draw(rng, settings.spread)
        lengths = self.lengths.draw(rng, settings.spread)
        posture = Posture(
            sagittal,
            frontal[:segments],
            np.exp(lengths[:segments]),
            frontal[segments:],
            np.exp(lengths[segments:] - self.lengths.mean[segments:]),
        )
        if rng.random() < settings.upright_chance:
            posture = made_upright(posture, float(rng.uniform(*settings.upright_gain)), settings.plumb_mm, rng)
        if rng.random() < settings.scoliosis_chance:
            posture = with_scoliosis(
                posture, float(np.deg2rad(rng.uniform(*settings.scoliosis_cobb_deg))), settings, rng
            )
        return posture


def made_upright(posture: Posture, gain: float, plumb_mm: float, rng: np.random.Generator) -> Posture:
    """The posture standing: its curves `gain` times as steep, C7 about `plumb_mm` (deviation) before or behind L5.

    Lying flattens kyphosis and lordosis, and the table decides the tilt; standing, the head is over the pelvis.
    """
    first, last = _RUNG["C7"], _RUNG["L5"]
    spacing = posture.spacing_mm[first:last]
    sagittal = gain * (posture.sagittal_rad - np.average(posture.sagittal_rad[first:last], weights=spacing))
    coronal = posture.coronal_rad - np.average(posture.coronal_rad[first:last], weights=spacing)
    offset_mm = rng.normal(0.0, [plumb_mm, plumb_mm / 3.0])
    drift = np.array([(np.sin(a[first:last]) * spacing).sum() for a in (sagittal, coronal)])
    tilt = (offset_mm - drift) / spacing.sum()
    return Posture(
        sagittal + tilt[0], coronal + tilt[1], posture.spacing_mm, posture.rotation_rad, posture.pedicle_factor
    )


def with_scoliosis(posture: Posture, cobb_rad: float, settings: PostureSettings, rng: np.random.Generator) -> Posture:
    """The posture with one structural curve of this Cobb angle and a smaller one below or above it.

    The bodies turn towards the convex side, as they do in structural scoliosis.
    """
    rung = np.arange(len(LADDER))
    apex, half = rng.uniform(_RUNG["T6"], _RUNG["L2"]), rng.uniform(3.5, 5.5)
    side = rng.choice([-1.0, 1.0], p=[0.4, 0.6])  # thoracic curves are mostly convex to the right (-x)
    side = -side if apex < _RUNG["T11"] else side
    bump = np.zeros(len(LADDER))
    for centre, size in ((apex, 1.0), (apex + 2.0 * half, -0.6), (apex - 2.0 * half, -0.4)):
        bump += size * np.exp(-0.5 * ((rung - centre) / (0.55 * half)) ** 2)
    slope = np.diff(side * bump)  # way to the left going down, in arbitrary units
    slope = slope * cobb_rad / max(float(np.ptp(slope)), 1e-6)
    turn = settings.scoliosis_turn * cobb_rad * side * bump / np.abs(bump).max()
    return Posture(
        posture.sagittal_rad,
        posture.coronal_rad + slope - np.average(slope, weights=posture.spacing_mm),
        posture.spacing_mm,
        posture.rotation_rad + turn,
        posture.pedicle_factor,
    )


# --- statistics -------------------------------------------------------------------------------------


def posture_of(data_root: Path) -> PostureStatistics | None:
    """The statistics of the keypoints beside a spine data set, None where there are none.

    People of the data set's own val and test splits are left out.
    """
    from ReVerteRLib.datasets.splits import split_subjects
    from ReVerteRLib.datasets.verse import find_subjects

    folder = _keypoint_folder(Path(data_root))
    if folder is None:
        return None
    splits = split_subjects(find_subjects(Path(data_root)))
    return fit_posture(folder, {s.name for s in (*splits.val, *splits.test)} if splits.given else set())


def _keypoint_folder(data_root: Path) -> Path | None:
    for root in (data_root, data_root.parent):
        if (root / "alignment" / "vid" / "keypoints.csv").is_file():
            return root / "alignment" / "vid"
    return None


def fit_posture(folder: Path, excluded: Collection[str] = ()) -> PostureStatistics:
    """Statistics of keypoints.csv and scans.csv in `folder`, each person counted once.

    keypoints.csv: scan_id, level, body_x/y/z, left_x/y/z, right_x/y/z (pedicles; LPS mm); scans.csv: scan_id, subject.
    Raises DatasetError for tables that cannot be read.
    """
    try:
        points, people = _read_tables(Path(folder), excluded)
    except (OSError, KeyError, ValueError) as error:
        raise DatasetError(f"the keypoints cannot be read ({error})", where=folder, remedy="Copy them again") from error
    if len(points) < 10:
        raise DatasetError(f"{len(points)} scans are too few for statistics", where=folder)
    count: dict[str, int] = {}
    for person in people:
        count[person] = count.get(person, 0) + 1
    weights = np.array([1.0 / count[person] for person in people])
    angles, rotation, spacing, pedicles = _measures(points)
    return PostureStatistics(
        sagittal=_fit(angles[:, :, 1], weights),
        frontal=_fit(np.concatenate([angles[:, :, 0], rotation], axis=1), weights),
        lengths=_fit(np.log(np.concatenate([spacing, pedicles], axis=1)), weights),
        people=len(count),
    )


def _read_tables(folder: Path, excluded: Collection[str]) -> tuple[Array, list[str]]:
    """Points (scans, 24, 3 points, 3 LPS) with NaN where missing, and the person of every scan."""
    with (folder / "scans.csv").open(encoding="utf-8", newline="") as stream:
        people = {row["scan_id"]: row["subject"] for row in csv.DictReader(stream)}
    kept = {scan: number for number, scan in enumerate(s for s, who in people.items() if who not in excluded)}
    points = np.full((len(kept), len(LADDER), 3, 3), np.nan)
    names = [f"{point}_{axis}" for point in ("body", "left", "right") for axis in "xyz"]
    with (folder / "keypoints.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["scan_id"] in kept and row["level"] in _RUNG:
                values = [float(row[name] or "nan") for name in names]
                points[kept[row["scan_id"]], _RUNG[row["level"]]] = np.reshape(values, (3, 3))
    return points, [people[scan] for scan in kept]


def _measures(points: Array) -> tuple[Array, Array, Array, Array]:
    """Angles (S, 23, coronal and sagittal), rotations (S, 24), spacings (S, 23) and pedicle distances (S, 24)."""
    steps = np.diff(points[:, :, 0], axis=1)
    angles = np.arctan2(steps[:, :, :2], -steps[:, :, 2:])
    across = points[:, :, 1] - points[:, :, 2]
    rotation = np.arctan2(across[:, :, 1], across[:, :, 0])
    # A centre's definition differs for C1, and the neck's pedicle points are too close and coarse to show rotation.
    angles[:, 0] = np.nan
    rotation[:, : _RUNG["T1"]] = np.nan
    return angles, rotation, np.linalg.norm(steps, axis=2), np.linalg.norm(across[:, :, :2], axis=2)


def _fit(samples: Array, weights: Array) -> Modes:
    """Gaussian with missing values by expectation maximisation, reduced to its principal modes.

    Outliers are drawn in to 3 robust deviations first. The prior, worth _PRIOR_SCANS people, says that levels near each
    other are alike; it fills in what no scan shows together, such as neck and loin.
    """
    never = np.asarray(np.isnan(samples).all(axis=0))
    median = _median_of_neighbours(np.nanmedian(np.where(never, 0.0, samples), axis=0), never)
    deviation = 1.4826 * np.nanmedian(np.abs(np.where(never, 0.0, samples - median)), axis=0)
    deviation = _filled(deviation)
    values = np.clip((samples - median) / deviation, -3.0, 3.0)
    rungs = np.arange(samples.shape[1])
    prior = np.exp(-np.abs(rungs[:, None] - rungs) / _NEIGHBOURS_ALIKE)
    if samples.shape[1] > len(LADDER):  # two kinds of measures, of which nothing is known beforehand
        prior *= (rungs[:, None] < len(LADDER) - 1) == (rungs < len(LADDER) - 1)
    mean, covariance = np.zeros(samples.shape[1]), prior
    groups = _by_pattern(values)
    for _ in range(8):
        mean, covariance = _maximise(values, weights, groups, mean=mean, covariance=covariance, prior=prior)
    sizes, vectors = np.linalg.eigh(covariance)
    sizes, vectors = sizes[::-1], vectors[:, ::-1]
    share = np.cumsum(sizes) / sizes.sum()
    kept = min(int(np.searchsorted(share, _KEPT_VARIANCE)) + 1, _MOST_MODES)
    modes = (vectors[:, :kept] * np.sqrt(sizes[:kept])).T * deviation
    return Modes(median + mean * deviation, modes)


def _median_of_neighbours(median: Array, never: NDArray[np.bool_]) -> Array:
    """Medians, with those of the nearest known levels of the same kind where nothing was ever measured."""
    filled = median.copy()
    for part in (slice(0, len(LADDER) - 1), slice(len(LADDER) - 1, None)):
        known = np.flatnonzero(~never[part])
        if len(known):
            filled[part] = np.interp(np.arange(len(median[part])), known, median[part][known])
    return filled


def _filled(deviation: Array) -> Array:
    """Deviations that are known and not tiny; the typical one elsewhere."""
    usable = np.isfinite(deviation) & (deviation > 1e-6)
    typical = float(np.median(deviation[usable])) if usable.any() else 1.0
    return np.where(usable, np.clip(deviation, 0.0, 2.0 * typical), typical)


def _by_pattern(values: Array) -> list[_Pattern]:
    """Rows that miss the same values: (rows, observed columns)."""
    seen, which = np.unique(np.isfinite(values), axis=0, return_inverse=True)
    return [(np.flatnonzero(which == n), np.flatnonzero(row)) for n, row in enumerate(seen) if row.any()]


def _maximise(
    values: Array, weights: Array, groups: list[_Pattern], *, mean: Array, covariance: Array, prior: Array
) -> tuple[Array, Array]:
    """One round of expectation maximisation with an inverse Wishart prior."""
    total = np.zeros_like(mean)
    scatter = _PRIOR_SCANS * prior
    weight = 0.0
    for rows, seen in groups:
        gain = np.linalg.solve(covariance[np.ix_(seen, seen)] + 1e-6 * np.eye(len(seen)), covariance[seen]).T
        complete = (values[np.ix_(rows, seen)] - mean[seen]) @ gain.T
        unknown = covariance - gain @ covariance[seen]
        share = weights[rows]
        total += share @ complete
        scatter = scatter + (complete * share[:, None]).T @ complete + share.sum() * unknown
        weight += float(share.sum())
    shift = total / (weight + _PRIOR_SCANS)
    spread = (scatter - weight * np.outer(shift, shift)) / (weight + _PRIOR_SCANS)
    return mean + shift, (spread + spread.T) / 2.0
