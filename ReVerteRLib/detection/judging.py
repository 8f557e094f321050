"""How far each named vertebra can be relied on, and in plain words why not."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ReVerteRLib.anatomy import VERTEBRAE, Level
from ReVerteRLib.detection.labelling import Labelling
from ReVerteRLib.detection.pairing import Pairing
from ReVerteRLib.detection.places import Place
from ReVerteRLib.detection.types import AnnotatedVertebra, Position
from ReVerteRLib.detection.usual import UsualSpine, steps
from ReVerteRLib.geometry import Array, View

_T = TypeVar("_T")
_FURTHEST = 3
"""Levels by which a row may be shifted that are thought of."""
_Doubt = tuple[float, str]
"""Factor on the confidence and the reason, "" when it need not be told."""


@dataclass(frozen=True)
class JudgeSettings:
    """Where doubt begins.

    residual_mm:    pairs that miss by less are fine; the confidence falls to 0.6 one `residual_fall_mm` further.
    residual_told_mm: from here on it is told.
    certain:        posterior of the name below which the rival is named.
    score:          detector score below which it is told.
    spacing_sds:    standard deviations of the spacing from where on it is told.
    spacing_spread: one standard deviation, of the logarithm.
    single:         factor for a vertebra seen in one view, and `single_beyond` for each spacing beyond the pairs.
    doubtful:       factor on all where the radiographs contradict each other.
    reversal:       log-likelihood by which a row must read better from foot to head to be called upside down;
                    without level scores, 300 upright spines from CT reached 1.6 at most, half of them -9 or less.
    """

    residual_mm: float = 3.0
    residual_fall_mm: float = 6.0
    residual_told_mm: float = 6.0
    certain: float = 0.75
    score: float = 0.4
    spacing_sds: float = 2.5
    spacing_spread: float = 0.10
    single: float = 0.6
    single_beyond: float = 0.75
    doubtful: float = 0.4
    reversal: float = 4.0


class Judge:
    """Confidence and reasons.

    spine:    usual distances. settings: where doubt begins.
    """

    def __init__(self, spine: UsualSpine, settings: JudgeSettings | None = None) -> None:
        self._settings = settings or JudgeSettings()
        self._distances = spine.distances_mm()

    def vertebrae(
        self, places: Sequence[Place], labelling: Labelling, trust: float = 1.0
    ) -> tuple[AnnotatedVertebra, ...]:
        """Every place that has a name, head to foot; what a person placed or named has confidence 1."""
        named = [n for n, level in enumerate(labelling.levels) if level is not None]
        odd = self._odd_spacings([places[n] for n in named], [labelling.levels[n] for n in named], labelling.scale)
        beyond = _beyond([places[n] for n in named])
        return tuple(self._vertebra(places[n], labelling, n, (odd[k], beyond[k], trust)) for k, n in enumerate(named))

    def _vertebra(
        self, place: Place, labelling: Labelling, index: int, context: tuple[_Doubt, float, float]
    ) -> AnnotatedVertebra:
        odd, beyond, trust = context
        level = labelling.levels[index] or VERTEBRAE[0]
        x, y, z = (float(v) for v in place.position_lps_mm)
        if place.real:
            residual = place.residual_mm if place.views == 2 else 0.0
            return AnnotatedVertebra(level, (x, y, z), 1.0, residual, (), place.ap, place.lateral, locked=True)
        doubts: list[_Doubt] = [
            self._of_level(labelling, index),
            self._of_residual(place),
            self._of_views(place, beyond),
            self._of_score(place),
            odd,
        ]
        factor = float(np.prod([factor for factor, _ in doubts]))
        confidence = float(np.clip(factor * labelling.real[index] * trust, 0.0, 1.0))
        told = tuple(reason for _, reason in doubts if reason)
        return AnnotatedVertebra(level, (x, y, z), confidence, place.residual_mm, told, place.ap, place.lateral)

    def _of_level(self, labelling: Labelling, index: int) -> _Doubt:
        certainty = labelling.certainty(index)
        if certainty >= self._settings.certain:
            return certainty, ""
        rival = labelling.rival(index)
        chance = labelling.posterior[index, rival.order]
        return certainty, f"may be {rival} ({100 * chance:.0f} %, chosen {100 * certainty:.0f} %)"

    def _of_residual(self, place: Place) -> _Doubt:
        settings, residual = self._settings, place.residual_mm
        excess = max(residual - settings.residual_mm, 0.0) / settings.residual_fall_mm
        reason = f"pair residual {residual:.0f} mm" if residual >= settings.residual_told_mm else ""
        return float(np.exp(-0.5 * excess**2)), reason

    def _of_views(self, place: Place, beyond: float) -> _Doubt:
        if place.views == 2:
            return 1.0, ""
        view = "AP" if place.ap is not None else "lateral"
        depth = "depth continued from" if beyond > 0 else "depth from"
        factor = self._settings.single * self._settings.single_beyond**beyond
        return factor, f"found in the {view} view only, {depth} its neighbours"

    def _of_score(self, place: Place) -> _Doubt:
        score = place.score
        return score, f"faint (score {score:.2f})" if score < self._settings.score else ""

    def _odd_spacings(self, places: Sequence[Place], levels: Sequence[Level | None], scale: float) -> list[_Doubt]:
        """Factor and reason by how unusual the distance to the neighbours is, judged by the better one."""
        steps_mm = [float(np.linalg.norm(b.position_lps_mm - a.position_lps_mm)) for a, b in _adjacent(places)]
        usual = [scale * self._distances[a.order, b.order] for a, b in _adjacent(levels) if a and b]
        sds = [abs(np.log(d / u)) / self._settings.spacing_spread for d, u in zip(steps_mm, usual, strict=True)]
        found = []
        for n in range(len(places)):
            near = [k for k in (n - 1, n) if 0 <= k < len(sds)]
            best = min(near, key=lambda k: sds[k], default=None)
            if best is None or sds[best] < self._settings.spacing_sds:
                found.append((1.0, ""))
                continue
            excess = sds[best] - self._settings.spacing_sds
            other = levels[best] if best < n else levels[best + 1]
            reason = f"{steps_mm[best]:.0f} mm from {other}, about {usual[best]:.0f} mm is usual"
            found.append((float(np.exp(-0.5 * (1.0 + excess / 2.0) ** 2)), reason))
        return found


def _adjacent(row: Sequence[_T]) -> list[tuple[_T, _T]]:
    return list(itertools.pairwise(row))


def _beyond(places: Sequence[Place]) -> list[float]:
    """How many places each lies beyond the outermost one that both views, or a person, show; 0 between them."""
    known = [n for n, p in enumerate(places) if p.views == 2 or p.real]
    if not known:
        return [0.0] * len(places)
    return [float(max(known[0] - n, n - known[-1], 0)) for n in range(len(places))]


# --- warnings ------------------------------------------------------------------------------------


def level_warnings(places: Sequence[Place], labelling: Labelling) -> tuple[str, ...]:
    """Gaps, what was left out, and names that are no more than guesses."""
    return (*_gaps(labelling), *_left_out(places, labelling), *_guesses(places, labelling))


def _gaps(labelling: Labelling) -> list[str]:
    table = steps()
    named = [level for level in labelling.levels if level is not None]
    found = []
    for upper, lower in _adjacent(named):
        if table[upper.order, lower.order] > 1:
            between = [v.name for v in VERTEBRAE if upper < v < lower and v.name != "T13"]
            verb = "was" if len(between) == 1 else "were"
            found.append(f"{', '.join(between)} {verb} not found between {upper} and {lower}")
    return found


def _left_out(places: Sequence[Place], labelling: Labelling, score: float = 0.7) -> list[str]:
    found = []
    for n, level in enumerate(labelling.levels):
        if level is not None or places[n].score < score or places[n].views < 2:
            continue
        above = next((v for v in reversed(labelling.levels[:n]) if v), None)
        below = next((v for v in labelling.levels[n + 1 :] if v), None)
        where = (
            f"between {above} and {below}" if above and below else f"{'below' if above else 'above'} {above or below}"
        )
        found.append(f"A find {where} was left out: it does not fit the row of vertebrae")
    return found


def _guesses(places: Sequence[Place], labelling: Labelling) -> list[str]:
    free = [n for n, level in enumerate(labelling.levels) if level is not None and not places[n].real]
    if not free:
        return []
    if median_certainty(places, labelling) >= 0.6:
        return []
    if any(p.level is not None for p in places):
        return ["The levels are uncertain although some are given; check the gaps"]
    scores = [d.level_scores for n in free for d in (places[n].ap, places[n].lateral) if d and d.level_scores.size]
    if not scores or float(np.median([_information(s) for s in scores])) < 0.3:
        return ["The radiographs do not tell the levels; they are guessed from the spacing. Name one vertebra"]
    return [f"The levels are uncertain: {_other_row(labelling, free)}. Name one vertebra that you know"]


def _other_row(labelling: Labelling, free: Sequence[int]) -> str:
    """The most likely row besides the chosen one, in words: "L2 to L4 may be L1 to L3 (35 %)"."""
    usual = [v for v in VERTEBRAE if v.name != "T13"]
    chosen = [usual.index(level) if (level := labelling.levels[n]) in usual else -1 for n in free]
    rows: dict[int, float] = {}
    for shift in (s for s in range(-_FURTHEST, _FURTHEST + 1) if s):
        moved = [k + shift for k in chosen if k >= 0]
        if moved and min(moved) >= 0 and max(moved) < len(usual):
            shares = [
                labelling.posterior[n, usual[k + shift].order] for n, k in zip(free, chosen, strict=True) if k >= 0
            ]
            rows[shift] = float(np.median(shares))
    best = max(rows, key=lambda shift: rows[shift], default=0)
    if not best or rows[best] < 0.05:
        return "the whole row may be shifted"
    ends = [usual[k] for k in chosen if k >= 0]
    now, then = (_span(usual[usual.index(ends[0]) + s], usual[usual.index(ends[-1]) + s]) for s in (0, best))
    return f"{now} may be {then} ({100 * rows[best]:.0f} %)"


def _span(first: Level, last: Level) -> str:
    return f"{first}" if first == last else f"{first} to {last}"


def median_certainty(places: Sequence[Place], labelling: Labelling) -> float:
    """Median posterior of the names that no person gave; 1 without any."""
    free = [n for n, level in enumerate(labelling.levels) if level is not None and not places[n].real]
    return float(np.median([labelling.certainty(n) for n in free])) if free else 1.0


def _information(level_scores: Array) -> float:
    """How much the scores say, in nats: logarithm of their number minus their entropy."""
    share = np.exp(level_scores - np.max(level_scores))
    share /= share.sum()
    return float(np.log(share.size) + np.sum(share * np.log(np.maximum(share, 1e-12))))


def pairing_warnings(pairing: Pairing, seen: tuple[int, int], settings: JudgeSettings) -> tuple[tuple[str, ...], float]:
    """What contradicts between both views, and the factor on all confidences; `seen` counts detections by view."""
    found, trust = [], 1.0
    residuals = [p.residual_mm for p in pairing.pairs]
    if abs(pairing.offset_mm) >= 1.0:
        found.append(
            f"The lateral radiograph lies {abs(pairing.offset_mm):.0f} mm too "
            f"{'high' if pairing.offset_mm > 0 else 'low'} against the AP one; check their geometry"
        )
    left = np.median(np.abs(np.array(residuals) - abs(pairing.offset_mm))) if residuals else 0.0
    if left > settings.residual_told_mm:
        found.append(
            f"The rays of both views miss each other by {np.median(residuals):.0f} mm (median): the radiographs may "
            "not belong together, or their geometry is wrong"
        )
        trust *= settings.doubtful
    fewer = min(seen)
    if len(residuals) < 0.5 * fewer or (len(residuals) < 3 <= max(seen)):
        found.append(
            f"Only {len(residuals)} vertebrae were found in both views ({View.AP.value.upper()} alone shows {seen[0]}, "
            f"{View.LATERAL.value} {seen[1]}); check that both show the same part of one patient"
        )
        trust *= settings.doubtful
    return tuple(found), trust


def as_position(point: Array) -> Position:
    """Three plain floats."""
    x, y, z = (float(v) for v in point)
    return x, y, z
