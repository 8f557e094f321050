"""Evaluation: simulate the radiographs of known spines, reconstruct them, score every vertebra."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import Level
from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.datasets.masks import clipped_fraction, mask_on_grid
from ReVerteRLib.datasets.verse import LoadedSubject, VerseSubject, load_subject
from ReVerteRLib.errors import CancelledError, CentroidError, DatasetError, InputError
from ReVerteRLib.evaluation.clinical import compare_measures
from ReVerteRLib.evaluation.decomposition import decompose
from ReVerteRLib.evaluation.field_of_view import field_of_view
from ReVerteRLib.evaluation.metrics import MaskScores, diagonal_mm, score_in_domain, score_masks
from ReVerteRLib.evaluation.report import Details, VertebraScore, write_report
from ReVerteRLib.files import ensure_writable_folder
from ReVerteRLib.geometry import Beam, PatchGrid
from ReVerteRLib.imaging.radiograph import RadiographPair
from ReVerteRLib.imaging.volume import CtVolume, LabelVolume
from ReVerteRLib.progress import Cancelled, Progress

if TYPE_CHECKING:
    from ReVerteRLib.datasets.atlas import BodyAtlas
    from ReVerteRLib.inference.result import SpineReconstruction, VertebraResult

CentroidFinder = Callable[[LoadedSubject, RadiographPair], CentroidSet]
"""Gives the centroids to reconstruct from; the reference ones by default."""


class SpineReconstructor(Protocol):
    """What is evaluated; `inference.Reconstructor` is one."""

    def reconstruct(
        self,
        pair: RadiographPair,
        centroids: CentroidSet,
        levels: Sequence[Level] | None = None,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
    ) -> SpineReconstruction:
        """The spine of the chosen levels."""
        ...


@dataclass(frozen=True)
class SimulatedViews:
    """The radiographs of a subject and what they were made from: ct = 'real' or 'synthetic'."""

    pair: RadiographPair
    ct: str


@dataclass(frozen=True)
class ViewSettings:
    """How the radiographs are simulated.

    beam:   parallel rays as in the paper, or cone.
    seed:   of the synthetic CT where there is no real one.
    atlas:  surrounding bones of the synthetic CT.
    device: where the projector runs.
    """

    beam: Beam = Beam.PARALLEL
    spacing_mm: float = 1.0
    sad_mm: float = 1500.0
    sdd_mm: float = 1800.0
    device: str = "auto"
    seed: int = 0
    atlas: BodyAtlas | None = None

    def simulate(self, case: LoadedSubject) -> SimulatedViews:
        """Both radiographs, from the subject's CT, or from one synthesised from its mask where it has none."""
        from ReVerteRLib.drr import simulate_pair

        ct = case.ct or self._synthetic(case)
        pair = simulate_pair(
            ct,
            beam=self.beam,
            spacing_mm=self.spacing_mm,
            sad_mm=self.sad_mm,
            sdd_mm=self.sdd_mm,
            device=self.device,
        )
        return SimulatedViews(pair, "synthetic" if case.ct is None else "real")

    def _synthetic(self, case: LoadedSubject) -> CtVolume:
        from ReVerteRLib.datasets.synthesis import synthesise_ct

        return synthesise_ct(case.labels, case.centroids, self.seed, atlas=self.atlas)


# --- one subject ---------------------------------------------------------------------------------


def reference_centroids(case: LoadedSubject, _pair: RadiographPair) -> CentroidSet:
    """The data set's own centroids."""
    return case.centroids


def evaluate_subject(
    case: LoadedSubject,
    reconstructor: SpineReconstructor,
    *,
    views: ViewSettings | None = None,
    centroids: CentroidFinder = reference_centroids,
    details: bool = False,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> tuple[VertebraScore, ...]:
    """Simulates, reconstructs and scores every whole vertebra of one subject.

    details: also score inside the field of view, take the errors apart and measure; about a second a vertebra.

    Cut vertebrae are left out. A whole vertebra for which `centroids` finds no place counts as a failure and as not
    found; with other centroids than the reference ones that may be all of them.

    Raises DatasetError when no vertebra is whole, CancelledError, and what the reconstructor raises.
    """
    if not case.whole_levels:
        raise DatasetError(f"{case.subject.key} has no whole vertebra", where=case.subject.mask_path)
    simulated = (views or ViewSettings()).simulate(case)
    found = centroids(case, simulated.pair)
    levels = [level for level in case.whole_levels if found.get(level) is not None]
    if not levels and centroids is reference_centroids:
        raise CentroidError("no whole vertebra has a centroid", where=found.source)
    if not levels:
        return tuple(
            _missed(level, case.labels, case.centroids, case.subject.key, simulated.ct, details=details)
            for level in case.whole_levels
        )
    spine = reconstructor.reconstruct(simulated.pair, found, levels, progress, cancelled)
    return score_spine(
        spine,
        case.labels,
        case.whole_levels,
        case.centroids,
        subject=case.subject.key,
        ct=simulated.ct,
        details=details,
    )


def score_spine(
    spine: SpineReconstruction,
    labels: LabelVolume,
    levels: Iterable[Level],
    reference: CentroidSet,
    *,
    subject: str,
    ct: str,
    details: bool = False,
) -> tuple[VertebraScore, ...]:
    """Scores of these levels against a label map in the same patient space.

    reference: true centroids; they place the patch cube of a level that was not reconstructed at all.
    details:   see `evaluate_subject`.
    """
    rows = []
    for level in levels:
        result = spine.get(level)
        if result is not None:
            rows.append(score_vertebra(result, labels, subject=subject, ct=ct, details=details))
        else:
            rows.append(_missed(level, labels, reference, subject, ct, details=details))
    return tuple(rows)


def score_vertebra(
    result: VertebraResult, labels: LabelVolume, *, subject: str, ct: str, details: bool = False
) -> VertebraScore:
    """One vertebra on its own patch grid. Raises DatasetError when the label map does not hold the level."""
    value = result.level.verse_label
    if not np.any(labels.array_kji == value):
        raise DatasetError(f"{result.level} is not in the label map", where=labels.source)
    truth = mask_on_grid(labels, value, result.grid)
    spacing = (result.grid.spacing_mm,) * 3
    scores = _penalty(result.grid) if not truth.any() else score_masks(result.mask, truth, spacing)
    clipped = clipped_fraction(labels, value, result.grid)
    more = detail(result.mask, truth, result.grid, result.level, labels=labels, subject=subject) if details else None
    return VertebraScore(subject, result.level, ct, scores, clipped, result.seconds, more)


def detail(
    predicted: NDArray[np.bool_],
    true: NDArray[np.bool_],
    grid: PatchGrid,
    level: Level,
    *,
    labels: LabelVolume,
    subject: str,
) -> Details:
    """What `evaluate` tells beyond the scores, of two masks [z, y, x] on a patch grid.

    labels: the scan's label map; its box is the scan's field of view.
    """
    seen = field_of_view(labels, grid)
    outside = int(np.count_nonzero(predicted & ~seen)) / max(int(np.count_nonzero(predicted)), 1)
    return Details(
        in_fov=score_in_domain(predicted, true, (grid.spacing_mm,) * 3, seen),
        outside_fov=float(outside),
        parts=decompose(predicted, true, grid, level),
        clinical=compare_measures(predicted, true, grid, level, subject),
    )


def _missed(
    level: Level, labels: LabelVolume, reference: CentroidSet, subject: str, ct: str, *, details: bool
) -> VertebraScore:
    own = reference.get(level)
    if own is None:
        raise DatasetError(f"{level} of {subject} has no reference centroid")
    grid = PatchGrid(own.position_lps_mm)
    clipped = clipped_fraction(labels, level.verse_label, grid)
    more = None
    if details:
        truth = mask_on_grid(labels, level.verse_label, grid)
        more = detail(np.zeros_like(truth), truth, grid, level, labels=labels, subject=subject)
    return VertebraScore(subject, level, ct, _penalty(grid), clipped, 0.0, more, found=False)


def _penalty(grid: PatchGrid) -> MaskScores:
    diagonal = diagonal_mm((grid.size,) * 3, (grid.spacing_mm,) * 3)
    return MaskScores(0.0, diagonal, (0.0, 0.0, 0.0, 0.0), failed=True)


# --- a data set ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Evaluation:
    """All rows, what summary.json holds, and the subjects that could not be used with the reason."""

    rows: tuple[VertebraScore, ...]
    summary: dict[str, Any]
    skipped: tuple[tuple[str, str], ...]


def evaluate(
    subjects: Sequence[VerseSubject],
    reconstructor: SpineReconstructor,
    folder: Path,
    *,
    weights: str,
    sha256: str,
    views: ViewSettings | None = None,
    centroids: CentroidFinder = reference_centroids,
    details: bool = True,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Evaluation:
    """Evaluates subjects and writes metrics.csv, summary.json and report.md into `folder`.

    details: see `evaluate_subject`; they also give clinical.csv.
    A subject that cannot be used is skipped and named in the summary. progress counts subjects and tells of each
    vertebra; `cancelled` is asked between vertebrae. Raises DatasetError with all reasons when no subject could be
    used, CancelledError, ResourceError and OutputError.
    """
    folder = ensure_writable_folder(Path(folder))
    rows: list[VertebraScore] = []
    skipped: list[tuple[str, str]] = []
    for number, subject in enumerate(subjects):
        _stop_if(cancelled)
        _tell(progress, number, len(subjects), subject.key)
        try:
            case = load_subject(subject)
            rows += evaluate_subject(
                case,
                reconstructor,
                views=views,
                centroids=centroids,
                details=details,
                progress=_within(progress, number, len(subjects), subject.key),
                cancelled=cancelled,
            )
        except InputError as error:
            skipped.append((subject.key, error.message()))
    if not rows:
        reasons = "\n".join(reason for _, reason in skipped) or "no subject was given"
        raise DatasetError(f"nothing could be evaluated:\n{reasons}", problems=tuple(r for _, r in skipped))
    summary = write_report(rows, folder, weights=weights, sha256=sha256, skipped=skipped)
    _tell(progress, len(subjects), len(subjects), "done")
    return Evaluation(tuple(rows), summary, tuple(skipped))


def _stop_if(cancelled: Cancelled | None) -> None:
    if cancelled is not None and cancelled():
        raise CancelledError("the evaluation was cancelled")


def _tell(progress: Progress | None, done: int, total: int, text: str) -> None:
    if progress is not None:
        progress(done, total, text)


def _within(progress: Progress | None, number: int, total: int, name: str) -> Progress | None:
    """Progress of one subject's vertebrae, told as text while the count of subjects stands."""
    if progress is None:
        return None
    return lambda done, of, text: progress(number, total, f"{name} {done}/{of} {text}".strip())
