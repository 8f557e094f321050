"""How reconstructions suffer when radiographs, centroids or levels are not what they should be.

Every combination of subject, disturbance and system is one cell. A finished cell is a file of its own, so a run that
was cut off goes on where it stopped; the tables are made from the cells alone.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ReVerteRLib import __version__
from ReVerteRLib.anatomy import Level, level_from_name
from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.datasets.verse import LoadedSubject, VerseSubject, load_subject
from ReVerteRLib.errors import CancelledError, DatasetError, InputError, ReVerteRError
from ReVerteRLib.evaluation.disturbances import UNDISTURBED, Disturbance, DisturbedInputs, SubjectInputs
from ReVerteRLib.evaluation.report import VertebraScore
from ReVerteRLib.evaluation.runner import SpineReconstructor, ViewSettings, score_spine
from ReVerteRLib.evaluation.systems import System
from ReVerteRLib.files import ensure_writable_folder, write_json
from ReVerteRLib.inference.result import SpineReconstruction, VertebraResult
from ReVerteRLib.progress import Cancelled, Progress

CELLS = "cells"
"""Folder of the finished cells inside the results."""


@dataclass(frozen=True)
class VertebraOutcome:
    """One vertebra under one disturbance.

    dice, hd95_mm, nsd_2mm: as MaskScores; of a failure the worst possible ones.
    failed:            nothing was reconstructed.
    centroid_error_mm: distance of the centroid told from the reference.
    """

    level: Level
    dice: float
    hd95_mm: float
    nsd_2mm: float
    failed: bool
    seconds: float
    centroid_error_mm: float

    def to_record(self) -> dict[str, Any]:
        """JSON-ready; `from_record` restores an equal object."""
        return {**dataclasses.asdict(self), "level": self.level.name}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> VertebraOutcome:
        """Inverse of `to_record`. Raises KeyError, TypeError and ArgumentError."""
        return cls(**{**record, "level": level_from_name(record["level"])})


@dataclass(frozen=True)
class Cell:
    """One subject under one disturbance, reconstructed by one system.

    ct:       'real' or 'synthetic'.
    outcomes: one a vertebra; () when the inputs were refused.
    reason:   why they were, else "".
    """

    subject: str
    disturbance: str
    system: str
    ct: str
    outcomes: tuple[VertebraOutcome, ...]
    reason: str = ""


@dataclass(frozen=True)
class RobustnessRun:
    """All cells of the chosen rows and systems, and the subjects that could not be used, with the reason."""

    disturbances: tuple[Disturbance, ...]
    systems: tuple[System, ...]
    cells: tuple[Cell, ...]
    skipped: tuple[tuple[str, str], ...]
    seed: int


# --- one cell ------------------------------------------------------------------------------------


def evaluate_cell(
    inputs: SubjectInputs, disturbance: Disturbance, system: System, cancelled: Cancelled | None = None
) -> Cell:
    """Makes the inputs, reconstructs and scores. Inputs that the reconstruction refuses give a cell with a reason.

    Raises CancelledError and ResourceError.
    """
    case = inputs.case
    blank = Cell(case.subject.key, disturbance.key, system.name, "", ())
    reconstructor = system.reconstructor if disturbance.level_known else system.without_level
    if reconstructor is None:
        return dataclasses.replace(blank, reason=f"{system.name} cannot do without the level")
    try:
        made = inputs.make(disturbance)
        results = _reconstructed(reconstructor, made, disturbance, cancelled)
    except InputError as error:
        return dataclasses.replace(blank, reason=error.message())
    if disturbance.wrong_geometry:
        results = [_in_own_frame(result, made.centroids, case.centroids) for result in results]
    spine = SpineReconstruction(case.labels, tuple(results), {})
    scores = score_spine(spine, case.labels, made.names, case.centroids, subject=case.subject.key, ct=made.ct)
    return dataclasses.replace(blank, ct=made.ct, outcomes=tuple(_outcome(s, made.centroids, case) for s in scores))


def _reconstructed(
    reconstructor: SpineReconstructor, made: DisturbedInputs, disturbance: Disturbance, cancelled: Cancelled | None
) -> list[VertebraResult]:
    """The vertebrae under their true names."""
    true_names = {told: level for level, told in made.names.items()}
    found: list[VertebraResult] = []
    for known, wanted in _calls(made, disturbance):
        spine = reconstructor.reconstruct(made.pair, known, wanted, None, cancelled)
        found += [dataclasses.replace(v, level=true_names[v.level]) for v in spine.vertebrae]
    return found


def _calls(made: DisturbedInputs, disturbance: Disturbance) -> Iterator[tuple[CentroidSet, list[Level]]]:
    """Known centroids and wanted levels, both under the names told: all in one call, or each vertebra alone."""
    known = _renamed(made.centroids, disturbance, made.names)
    wanted = list(made.names.values())
    if disturbance.neighbours:
        yield known, wanted
        return
    for level in wanted:
        yield known.selected([level]), [level]


def _renamed(centroids: CentroidSet, disturbance: Disturbance, names: dict[Level, Level]) -> CentroidSet:
    if not disturbance.level_shift:
        return centroids
    items = [dataclasses.replace(c, level=names[c.level]) for c in centroids if c.level in names]
    return CentroidSet(tuple(items), centroids.source)


def _in_own_frame(result: VertebraResult, told: CentroidSet, reference: CentroidSet) -> VertebraResult:
    """The vertebra moved back by its centroid's error."""
    known, true = told.get(result.level), reference.get(result.level)
    if known is None or true is None:
        return result
    moved = np.array(result.grid.centroid_lps_mm) + np.array(true.position_lps_mm) - np.array(known.position_lps_mm)
    x, y, z = (float(v) for v in moved)
    return dataclasses.replace(result, grid=dataclasses.replace(result.grid, centroid_lps_mm=(x, y, z)))


def _outcome(score: VertebraScore, told: CentroidSet, case: LoadedSubject) -> VertebraOutcome:
    known, true = told.get(score.level), case.centroids.get(score.level)
    apart = 0.0
    if known is not None and true is not None:
        apart = float(np.linalg.norm(np.array(known.position_lps_mm) - np.array(true.position_lps_mm)))
    return VertebraOutcome(
        level=score.level,
        dice=score.value("dice"),
        hd95_mm=score.value("hd95_mm"),
        nsd_2mm=score.value("nsd_2mm"),
        failed=score.failed,
        seconds=score.seconds,
        centroid_error_mm=apart,
    )


# --- the whole table -----------------------------------------------------------------------------


def evaluate_robustness(
    subjects: Sequence[VerseSubject],
    systems: Sequence[System],
    disturbances: Sequence[Disturbance],
    folder: Path,
    *,
    views: ViewSettings | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> RobustnessRun:
    """Evaluates all cells that are not in `folder` yet and keeps each there as soon as it is finished.

    A cell made with other weights, settings or data is made anew. The CT of a subject is read only when one of its
    cells is missing, and once. progress counts cells; `cancelled` is asked between them and between vertebrae.
    Raises DatasetError when no subject can be used, CancelledError, ResourceError and OutputError.
    """
    views = views or ViewSettings()
    store = _CellStore(ensure_writable_folder(Path(folder)) / CELLS, views)
    counter = _Counter(len(subjects) * len(disturbances) * len(systems), progress, cancelled)
    cells: list[Cell] = []
    skipped: list[tuple[str, str]] = []
    for subject in subjects:
        try:
            cells += _cells_of(subject, systems, disturbances, store, counter)
        except InputError as error:
            skipped.append((subject.key, error.message()))
    if not any(cell.outcomes for cell in cells):
        reasons = [reason for _, reason in skipped] + sorted({cell.reason for cell in cells})
        raise DatasetError("\n".join(["nothing could be evaluated:", *reasons]), problems=tuple(reasons))
    return RobustnessRun(tuple(disturbances), tuple(systems), tuple(cells), tuple(skipped), views.seed)


def _cells_of(
    subject: VerseSubject,
    systems: Sequence[System],
    disturbances: Sequence[Disturbance],
    store: _CellStore,
    counter: _Counter,
) -> list[Cell]:
    inputs: SubjectInputs | None = None
    cells = []
    for disturbance in disturbances:
        for system in systems:
            counter.enter(f"{subject.key}: {disturbance.text}, {system.name}")
            if disturbance.synthetic and subject.ct_path is None:
                continue  # all its rows are made from a synthetic CT
            cell = store.find(subject, disturbance, system)
            if cell is None:
                inputs = inputs or _read(subject, store.views)
                cell = evaluate_cell(inputs, disturbance, system, counter.cancelled)
                store.keep(cell, subject, disturbance, system)
            cells.append(cell)
    return cells


def _read(subject: VerseSubject, views: ViewSettings) -> SubjectInputs:
    case = load_subject(subject)
    if not case.whole_levels:
        raise DatasetError(f"{subject.key} has no whole vertebra", where=subject.mask_path)
    return SubjectInputs(case, views)


class _Counter:
    """Tells how far the work is and stops it when the user wants."""

    def __init__(self, total: int, progress: Progress | None, cancelled: Cancelled | None) -> None:
        self.cancelled = cancelled
        self._total, self._progress, self._done = total, progress, 0

    def enter(self, text: str) -> None:
        if self.cancelled is not None and self.cancelled():
            raise CancelledError(
                f"cancelled after {self._done} of {self._total} cells", remedy="The same call goes on from there"
            )
        if self._progress is not None:
            self._progress(self._done, self._total, text)
        self._done += 1


class _CellStore:
    """Finished cells as JSON files, each with what it was made from."""

    def __init__(self, folder: Path, views: ViewSettings) -> None:
        self.views = views
        self._folder = folder

    def find(self, subject: VerseSubject, disturbance: Disturbance, system: System) -> Cell | None:
        """The cell kept earlier; None when there is none, it is damaged, or it was made from something else."""
        path = self._path(subject, disturbance, system)
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["made_from"] != self._made_from(subject, disturbance, system):
                return None
            outcomes = tuple(VertebraOutcome.from_record(r) for r in record["outcomes"])
            names = subject.key, disturbance.key, system.name
            return Cell(*names, record["ct"], outcomes, record["reason"])
        except (OSError, ValueError, KeyError, TypeError, ReVerteRError):
            return None

    def keep(self, cell: Cell, subject: VerseSubject, disturbance: Disturbance, system: System) -> None:
        """Writes the cell in one step. Raises OutputError."""
        record = {
            "made_from": self._made_from(subject, disturbance, system),
            "ct": cell.ct,
            "reason": cell.reason,
            "outcomes": [outcome.to_record() for outcome in cell.outcomes],
        }
        write_json(self._path(subject, disturbance, system), record)

    def _path(self, subject: VerseSubject, disturbance: Disturbance, system: System) -> Path:
        parts = (subject.key, disturbance.key, system.name)
        return self._folder / ("__".join(re.sub(r"[^\w.-]+", "-", part) for part in parts) + ".json")

    def _made_from(self, subject: VerseSubject, disturbance: Disturbance, system: System) -> dict[str, Any]:
        views = self.views
        is_synthetic = disturbance.synthetic or subject.ct_path is None
        record = {
            "version": __version__,
            "sha256": system.sha256,
            "disturbance": _physics(disturbance),
            "views": [views.spacing_mm, views.sad_mm, views.sdd_mm, views.seed],
            "atlas": is_synthetic and views.atlas is not None,
            "files": [_state(path) for path in (subject.mask_path, subject.ct_path, subject.centroid_path)],
        }
        return dict(json.loads(json.dumps(record)))


def _physics(disturbance: Disturbance) -> dict[str, Any]:
    """What is done, without the wording."""
    record = {**dataclasses.asdict(disturbance), "beam": disturbance.beam.value}
    return {name: value for name, value in record.items() if name not in ("key", "text", "detail")}


def _state(path: Path | None) -> list[Any] | None:
    """Name, size and time of change, which tell whether a file is still the same."""
    if path is None or not path.is_file():
        return None
    known = path.stat()
    return [path.name, known.st_size, known.st_mtime_ns]


# --- rows of the table ---------------------------------------------------------------------------


@dataclass(frozen=True)
class RobustnessRow:
    """Means over the vertebrae of one system under one disturbance.

    n, failures:       vertebrae scored, and those among them of which nothing was reconstructed; failures are part
                       of the means with their penalty values.
    *_change:          mean over the same vertebrae of the value less the undisturbed one (0 for the first row).
    centroid_error_mm: mean distance of the centroids told from the reference.
    """

    disturbance: Disturbance
    system: str
    n: int
    failures: int
    dice: float
    hd95_mm: float
    nsd_2mm: float
    dice_change: float
    hd95_change_mm: float
    nsd_2mm_change: float
    centroid_error_mm: float


def summarise_rows(run: RobustnessRun) -> tuple[RobustnessRow, ...]:
    """One row a disturbance and system, in the order of both; those without a vertebra are left out."""
    rows = []
    for disturbance in run.disturbances:
        for system in run.systems:
            found = _by_vertebra(run.cells, disturbance.key, system.name)
            base = _by_vertebra(run.cells, UNDISTURBED.key, system.name)
            if pairs := [(found[key], base[key]) for key in found if key in base]:
                rows.append(_row(disturbance, system.name, pairs))
    return tuple(rows)


def _by_vertebra(cells: Sequence[Cell], disturbance: str, system: str) -> dict[tuple[str, Level], VertebraOutcome]:
    chosen = [cell for cell in cells if (cell.disturbance, cell.system) == (disturbance, system)]
    return {(cell.subject, outcome.level): outcome for cell in chosen for outcome in cell.outcomes}


def _row(
    disturbance: Disturbance, system: str, pairs: Sequence[tuple[VertebraOutcome, VertebraOutcome]]
) -> RobustnessRow:
    def mean(value: Callable[[VertebraOutcome, VertebraOutcome], float]) -> float:
        return float(np.mean([value(found, base) for found, base in pairs]))

    return RobustnessRow(
        disturbance=disturbance,
        system=system,
        n=len(pairs),
        failures=sum(found.failed for found, _ in pairs),
        dice=mean(lambda found, _: found.dice),
        hd95_mm=mean(lambda found, _: found.hd95_mm),
        nsd_2mm=mean(lambda found, _: found.nsd_2mm),
        dice_change=mean(lambda found, base: found.dice - base.dice),
        hd95_change_mm=mean(lambda found, base: found.hd95_mm - base.hd95_mm),
        nsd_2mm_change=mean(lambda found, base: found.nsd_2mm - base.nsd_2mm),
        centroid_error_mm=mean(lambda found, _: found.centroid_error_mm),
    )
