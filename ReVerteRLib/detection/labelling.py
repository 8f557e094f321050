"""Names for an ordered row of vertebrae: a hidden Markov model over the levels C1 to L6.

States are levels; every find is either a level or a ghost. The next vertebra is usually the next level; levels may be
passed over when the gap is as long as theirs, T13 and L6 are rare. What is seen: the detector's level scores, the
distances between finds (log-normal about the usual ones times one unknown size of the patient) and the bodies' sizes.
The names are the most likely path (Viterbi), their certainty is the posterior (forward-backward), both over a grid of
patient sizes (Rabiner, Proc IEEE 77, 1989, for the algorithms).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import LEVELS, VERTEBRAE, Level, level_from_name
from ReVerteRLib.detection.usual import COUNT, UsualSpine, steps
from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.geometry import Array

_T13, _L5, _L6 = (level_from_name(name).order for name in ("T13", "L5", "L6"))
_NEVER = -np.inf
_SCALES = np.exp(np.linspace(-0.24, 0.24, 9))


@dataclass(frozen=True)
class LabelSettings:
    """Weights of the model; probabilities are natural, spreads are of logarithms.

    level_correlation: of the errors of the detector's level scores along a spine and between views (it tends to be
                     wrong by one for a whole row); n scores count as n / (1 + (n - 1) correlation) independent ones,
                     the design effect of Kish, Survey Sampling, 1965.
    level_floor:     share of a uniform distribution in them, so that no level is ever excluded by a score.
    miss_chance:     that a level between two finds was missed.
    miss_at_end:     that a level beyond the first or last find, in the field of view, was missed.
    t13_chance, l6_chance: that they exist, where the sequence gets there.
    spacing_spread, scale_spread: of distances about a patient's own, and of patients' sizes.
    odd_spacing:     weight of a spacing out of all order, so that one bad position cannot rename a spine.
    body_spread, body_weight: of body sizes about a patient's own; low weight because landmarks differ by detector.
    reality:         log-odds that a find of score 0.5 is a vertebra.
    reach:           most ghosts in a row between two vertebrae.
    """

    level_correlation: float = 0.6
    level_floor: float = 0.1
    miss_chance: float = 0.03
    miss_at_end: float = 0.3
    t13_chance: float = 0.02
    l6_chance: float = 0.03
    spacing_spread: float = 0.1
    scale_spread: float = 0.09
    odd_spacing: float = 0.003
    body_spread: float = 0.15
    body_weight: float = 0.4
    reality: float = 2.5
    reach: int = 3


@dataclass(frozen=True, eq=False)
class Find:
    """One place that may be a vertebra, with what is known of it; finds are handed over from head to foot.

    position_lps_mm: (3,).
    score:           0..1 that it is a vertebra.
    level_scores:    (len(LEVELS),) log-probabilities, of both views added, or size 0.
    views:           how many views' level scores were added.
    spread_mm:       how far off the position may be along the spine.
    body_mm:         (3,) height, width, depth of the body, NaN where unknown.
    level:           fixed by a person, else None.
    real:            True when it is a vertebra whatever the score (a person placed or named it).
    """

    position_lps_mm: Array
    score: float
    level_scores: Array
    spread_mm: float = 2.0
    views: int = 1
    body_mm: Array = dataclasses.field(default_factory=lambda: np.full(3, np.nan))
    level: Level | None = None
    real: bool = False


@dataclass(frozen=True, eq=False)
class Labelling:
    """Names of the finds.

    levels:      one a find; None for what is taken as a ghost.
    posterior:   (N, 26) probability of each level by Level.order, given that the find is a vertebra.
    real:        (N,) probability that it is one.
    likelihood:  logarithm of the evidence; comparable only between labellings of the same finds.
    scale:       size of the patient over the usual one on the best path.
    """

    levels: tuple[Level | None, ...]
    posterior: Array
    real: Array
    likelihood: float
    scale: float

    def certainty(self, index: int) -> float:
        """Posterior of the name of a find; 0 for a ghost."""
        level = self.levels[index]
        return float(self.posterior[index, level.order]) if level is not None else 0.0

    def rival(self, index: int) -> Level:
        """The most likely level besides the chosen one."""
        row = self.posterior[index].copy()
        level = self.levels[index]
        if level is not None:
            row[level.order] = -1.0
        return VERTEBRAE[int(row.argmax())]


class SequenceLabeller:
    """Names rows of finds.

    spine:    usual distances and sizes, for example `usual.shipped_spine()`.
    settings: weights.
    """

    def __init__(self, spine: UsualSpine, settings: LabelSettings | None = None) -> None:
        self._settings = settings or LabelSettings()
        self._spine = spine
        self._steps = steps()
        below = self._steps > 0
        with np.errstate(divide="ignore"):
            self._log_distance = np.where(below, np.log(np.where(below, spine.distances_mm(), 1.0)), 0.0)
        missed = (self._steps - 1.0) * np.log(self._settings.miss_chance)
        self._follow = np.where(below, missed, _NEVER)
        self._size_prior = -0.5 * (np.log(_SCALES) / self._settings.scale_spread) ** 2

    def label(self, finds: Sequence[Find], visible: tuple[float, float] = (0.0, 0.0)) -> Labelling:
        """The most likely names.

        visible: usual spacings of spine that lie in both fields of view above the first and below the last find;
                 levels there that would have been seen speak against a name.
        Raises ArgumentError when the fixed names contradict each other or leave no room.
        """
        if not finds:
            return Labelling((), np.zeros((0, COUNT)), np.zeros(0), 0.0, 1.0)
        graph = _Graph(self, finds, visible)
        levels, scale, best = graph.best_path()
        if not np.isfinite(best):
            fixed = ", ".join(str(f.level) for f in finds if f.level is not None)
            raise ArgumentError(
                f"the levels {fixed} do not fit the order and number of the vertebrae between them",
                remedy="Levels follow each other from the head down; correct or remove one of the anchors",
            )
        posterior, real, likelihood = graph.posterior()
        return Labelling(levels, posterior, real, likelihood, scale)

    def best_likelihood(self, finds: Sequence[Find]) -> float:
        """Log-likelihood of the best names; to compare rows of the same finds. -inf when there is none."""
        return _Graph(self, finds, (0.0, 0.0)).best_path()[2]

    # --- parts of the model ----------------------------------------------------------------------

    def level_weight(self, finds: Sequence[Find]) -> float:
        """What one level score counts among all of them."""
        count = sum(find.views for find in finds if find.level_scores.size)
        return 1.0 / (1.0 + max(count - 1, 0) * self._settings.level_correlation)

    def emission(self, find: Find, level_weight: float) -> tuple[Array, float]:
        """(sizes, 26) log-likelihood of a find as each level, and that of it as a ghost; both over "no idea"."""
        settings = self._settings
        lift = np.zeros(len(LEVELS))
        if find.level_scores.size:
            lift = self._lift(find.level_scores)
        own = level_weight * lift[:COUNT]
        own[_T13] += np.log(settings.t13_chance)
        own[_L6] += np.log(settings.l6_chance)
        seen = own[None, :] + self._body(find.body_mm)
        odds = np.log(np.clip(find.score, 0.01, 0.99) / (1.0 - np.clip(find.score, 0.01, 0.99)))
        sacrum = max(float(lift[COUNT:].max() - lift[:COUNT].max()), 0.0)  # not weighted down: it is its own matter
        ghost = sacrum - (settings.reality + float(odds))
        if find.level is not None:
            seen = np.where(np.arange(COUNT) == find.level.order, seen, _NEVER)
        return seen, _NEVER if find.real or find.level is not None else min(ghost, 2.0)

    def _lift(self, level_scores: Array) -> Array:
        """Log of probability over the uniform one, floored; the scores of two views may have been added."""
        share = np.exp(level_scores - _log_sum(level_scores, axis=0))
        floor = self._settings.level_floor
        return np.log((1.0 - floor) * share * len(share) + floor)

    def _body(self, body_mm: Array) -> Array:
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.log(body_mm / self._spine.body_mm)[None] - np.log(_SCALES)[:, None, None]
        z = np.nan_to_num(ratio / self._settings.body_spread, nan=0.0, posinf=3.0, neginf=-3.0)
        known = np.isfinite(ratio)
        worst = np.where(known.any(axis=1, keepdims=True), 1.5, 0.0)  # where a level's own size is unknown (C1, C2)
        cost = np.where(known, np.minimum(0.5 * z**2, 4.5), worst)
        return -self._settings.body_weight * cost.sum(axis=2)

    def transition(self, upper: Find, lower: Find) -> Array:
        """(sizes, 26, 26) log-likelihood of the step from each level (row) to each one below (column)."""
        settings = self._settings
        length = max(float(np.linalg.norm(lower.position_lps_mm - upper.position_lps_mm)), 1.0)
        noise = np.hypot(upper.spread_mm, lower.spread_mm) / length
        spread = float(np.hypot(settings.spacing_spread, noise))
        z = (np.log(length) - np.log(_SCALES)[:, None, None] - self._log_distance[None]) / spread
        return self._follow[None] + np.logaddexp(-0.5 * z**2, np.log(settings.odd_spacing))

    def ends(self, visible: tuple[float, float]) -> tuple[Array, Array]:
        """(26,) log-likelihood of a row beginning and ending with each level, from what lies in the field of view."""
        price = np.log(self._settings.miss_at_end)
        above, below = (np.floor(np.clip(v, 0.0, 3.0)) for v in visible)
        first = np.minimum(self._steps[0], above) * price
        last = np.minimum(np.where(np.arange(COUNT) <= _L5, self._steps[:, _L5], 0.0), below) * price
        return first, last

    @property
    def size_prior(self) -> Array:
        """(sizes,) log-likelihood of the patient's sizes."""
        return self._size_prior

    @property
    def reach(self) -> int:
        """Most ghosts in a row."""
        return self._settings.reach


def _log_sum(values: Array, axis: int) -> Array:
    """Logsumexp without SciPy's overhead, which is most of the time here; -inf stays -inf."""
    top = np.maximum(values.max(axis=axis, keepdims=True), -1e300)
    with np.errstate(divide="ignore"):
        found: Array = np.log(np.exp(values - top).sum(axis=axis)) + np.squeeze(top, axis)
    return found


class _Graph:
    """All paths through one row of finds."""

    def __init__(self, model: SequenceLabeller, finds: Sequence[Find], visible: tuple[float, float]) -> None:
        weight = model.level_weight(finds)
        parts = [model.emission(find, weight) for find in finds]
        self._seen = np.stack([seen for seen, _ in parts], axis=1)
        ghosts = np.array([ghost for _, ghost in parts])
        self._count = len(finds)
        self._prior = model.size_prior
        first, last = model.ends(visible)
        self._start = [first + ghosts[:j].sum() for j in range(self._count)]
        self._end = [last + ghosts[j + 1 :].sum() for j in range(self._count)]
        self._edges: dict[tuple[int, int], NDArray[np.float64]] = {}
        for j in range(1, self._count):
            for i in range(max(0, j - 1 - model.reach), j):
                between = ghosts[i + 1 : j].sum()
                if np.isfinite(between):
                    self._edges[i, j] = model.transition(finds[i], finds[j]) + between

    def best_path(self) -> tuple[tuple[Level | None, ...], float, float]:
        """Viterbi: levels, patient size and log-likelihood."""
        value = np.full(self._seen.shape, _NEVER)
        origin = np.full((*self._seen.shape, 2), -1)
        for j in range(self._count):
            value[:, j] = self._start[j]
            for i in (i for i, k in self._edges if k == j):
                through = value[:, i, :, None] + self._edges[i, j]
                best, state = through.max(axis=1), through.argmax(axis=1)
                better = best > value[:, j]
                value[:, j] = np.where(better, best, value[:, j])
                origin[:, j] = np.where(better[..., None], np.stack([np.full_like(state, i), state], -1), origin[:, j])
            value[:, j] += self._seen[:, j]
        total = value + np.stack(self._end)[None] + self._prior[:, None, None]
        size, j, state = (int(n) for n in np.unravel_index(int(total.argmax()), total.shape))
        levels: list[Level | None] = [None] * self._count
        best_value = float(total[size, j, state])
        while j >= 0 and np.isfinite(best_value):
            levels[j] = VERTEBRAE[state]
            j, state = (int(n) for n in origin[size, j, state])
        return tuple(levels), float(_SCALES[size]), best_value

    def posterior(self) -> tuple[Array, Array, float]:
        """Forward-backward: (N, 26) levels given that a find is real, (N,) that it is, log-evidence."""
        ahead = np.full(self._seen.shape, _NEVER)
        for j in range(self._count):
            ways = [np.broadcast_to(self._start[j], ahead[:, j].shape)]
            ways += [_log_sum(ahead[:, i, :, None] + e, axis=1) for (i, k), e in self._edges.items() if k == j]
            ahead[:, j] = _log_sum(np.stack(ways), axis=0) + self._seen[:, j]
        behind = np.full(self._seen.shape, _NEVER)
        for i in range(self._count - 1, -1, -1):
            ways = [np.broadcast_to(self._end[i], behind[:, i].shape)]
            for (k, j), edge in self._edges.items():
                if k == i:
                    ways.append(_log_sum((behind[:, j] + self._seen[:, j])[:, None, :] + edge, axis=2))
            behind[:, i] = _log_sum(np.stack(ways), axis=0)
        joint = _log_sum(ahead + behind + self._prior[:, None, None], axis=0)
        finals = ahead + np.stack(self._end)[None] + self._prior[:, None, None]
        evidence = float(_log_sum(finals.ravel(), axis=0))
        share = np.exp(joint - evidence)
        real = share.sum(axis=1)
        return share / np.maximum(real, 1e-12)[:, None], np.minimum(real, 1.0), evidence
