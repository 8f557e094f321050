"""The evaluation of a whole benchmark: every system on the held-out spines, then tables and figures."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ReVerteRLib.benchmark.evaluation import SHIPPED, Entry, Evaluator, floor_entry, shipped_entry, trained_entry
from ReVerteRLib.benchmark.figures import figure6, figure7, figure8
from ReVerteRLib.benchmark.pictures import Tiles, compose_single, compose_spines, drawn_subjects
from ReVerteRLib.benchmark.plan import SHORT_RATE, BenchmarkSettings, Job, Regime, patches_of, training_config
from ReVerteRLib.benchmark.scores import SystemScores, common_vertebrae
from ReVerteRLib.benchmark.tables import Row, write_tables
from ReVerteRLib.datasets.verse import LoadedSubject, VerseSubject
from ReVerteRLib.errors import InputError
from ReVerteRLib.evaluation.comparison import SharedViews
from ReVerteRLib.files import ensure_writable_folder
from ReVerteRLib.networks.baselines.reverter import RECOMMENDED
from ReVerteRLib.networks.systems import System
from ReVerteRLib.offscreen import rendering_problem
from ReVerteRLib.progress import Progress

RESULTS, SCORES = "results", "scores"


@dataclass
class Report:
    """What came of it: the tables' rows, the files, and what the user should know."""

    rows: tuple[Row, ...] = ()
    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Reporter:
    """Makes the report of the trainings below `out`.

    run:     run.json as it stands, for the caption and figure 6.
    shipped: also evaluate the shipped recommended weights, as a row of their own.
    """

    def __init__(
        self,
        systems: Sequence[System],
        jobs: Sequence[Job],
        settings: BenchmarkSettings,
        out: Path,
        run: Mapping[str, Any],
        *,
        shipped: bool = True,
    ) -> None:
        self._systems, self._jobs, self._settings = tuple(systems), tuple(jobs), settings
        self._out, self._run, self._shipped = Path(out), run, shipped

    def make(
        self,
        subjects: Sequence[VerseSubject],
        views: SharedViews,
        progress: Progress | None = None,
        loaded: Sequence[LoadedSubject] = (),
    ) -> Report:
        """Evaluates what has been trained further since it was evaluated last, and writes everything anew.

        loaded: further held-out scans that are in memory already, with their CT.
        A system that cannot be evaluated is noted. Raises DatasetError without a subject, OutputError.
        """
        report = Report()
        folder = ensure_writable_folder(self._out / RESULTS)
        evaluator = Evaluator(subjects, views, self._out / SCORES, loaded)
        cases = evaluator.cases
        tiles = self._tiles(evaluator, cases, report)
        found = self._measured(evaluator, report, progress)
        report.rows = self._rows(found)
        machine = _machine(self._run)
        report.files += write_tables(report.rows, self._caption(cases, found), folder, machine=machine)
        self._draw(report, evaluator, cases, tiles, folder)
        return report

    # --- steps ---------------------------------------------------------------------------------

    def _tiles(self, evaluator: Evaluator, cases: Sequence[LoadedSubject], report: Report) -> Tiles | None:
        problem = rendering_problem()
        if problem:
            report.notes.append(f"Figure 9 was not drawn. {problem}")
            return None
        tiles = Tiles(self._out / SCORES / "tiles", drawn_subjects(cases))
        for case in cases:
            tiles.draw_truth(case)
        evaluator.seen = tiles
        return tiles

    def _measured(
        self, evaluator: Evaluator, report: Report, progress: Progress | None
    ) -> dict[str, list[SystemScores]]:
        """Scores by system key, one a seed that has begun."""
        found: dict[str, list[SystemScores]] = {}
        for entry in self._entries(report):
            try:
                found.setdefault(entry.key, []).append(evaluator.scores(entry, progress))
            except InputError as error:
                report.notes.append(f"{entry.file_name.removesuffix('.json')} was not evaluated: {error.message()}")
        scores = common_vertebrae([one for several in found.values() for one in several])
        again: dict[str, list[SystemScores]] = {}
        for one in scores:
            again.setdefault(one.key, []).append(one)
        return again

    def _entries(self, report: Report) -> list[Entry]:
        makers: list[tuple[str, Callable[[], Entry | None]]] = [
            (system.key, partial(floor_entry, system.key)) for system in self._systems if system.kind == "floor"
        ]
        makers += [(job.name, partial(trained_entry, job, self._settings, self._out)) for job in self._jobs]
        if self._shipped:
            makers.append((SHIPPED, partial(shipped_entry, self._settings.device)))
        entries = []
        for name, make in makers:
            try:
                entries.append(make())
            except InputError as error:
                report.notes.append(f"{name} was not evaluated: {error.message()}")
        return [entry for entry in entries if entry is not None]

    def _rows(self, found: Mapping[str, Sequence[SystemScores]]) -> tuple[Row, ...]:
        budget = self._settings.budget
        rows = [
            Row(
                system.key,
                system.title,
                system.kind,
                tuple(found.get(system.key, ())),
                sum(job.system.key == system.key for job in self._jobs),
                budget,
                system,
            )
            for system in self._systems
        ]
        if self._shipped and SHIPPED in found:
            rows.append(
                Row(SHIPPED, "ReVerteR (recommended), shipped weights", "shipped", tuple(found[SHIPPED]), 0, budget)
            )
        return tuple(rows)

    def _caption(self, cases: Sequence[LoadedSubject], found: Mapping[str, Sequence[SystemScores]]) -> str:
        settings, patches = self._settings, self._settings.patches
        levels = next((len(several[0].rows) for several in found.values()), 0)
        corpus = self._run.get("corpus") or {}
        what = "a corpus"
        if "samples" in corpus:
            what = f"{corpus['samples']:,} vertebrae of {corpus['patients']} patients"
        changed = "changed at random alike" if settings.augment else "unchanged"
        cubes = f"{patches.size} voxels of {patches.spacing_mm:g} mm"
        grid = f"{settings.grid} resolution ({cubes})"
        if settings.grid != "full":
            grid = f"{settings.grid} resolution ({cubes} instead of 120 of 1 mm, which needs a GPU)"
        own, stride = patches_of(RECOMMENDED, settings), training_config(Job(RECOMMENDED, 0), settings).generator.stride
        pixel, voxel = f"{own.spacing_mm:g}", f"{stride * own.spacing_mm:g}"
        recipes = _RECIPES.format(rates=_RATES[settings.regime], image=own.size, pixel=pixel, voxel=voxel)
        return (
            f"Every system was trained on {settings.budget:,} samples of {what}, the same in the same order and\n"
            f"{changed}, at {grid},\nwith its own loss.\n"
            f"{recipes}Systems that have seen fewer samples are marked *.\n\n"
            f"Measured on {levels} whole vertebrae of {len(cases)} held-out spine{'' if len(cases) == 1 else 's'}\n"
            f"({', '.join(case.subject.key for case in cases)}), radiographs simulated with parallel rays, reference\n"
            "centroids, every result resampled to 1 mm and judged in one cube that holds the cubes of all systems.\n"
            "No result is mirrored and averaged, but for the shipped weights, which run as they are shipped."
        )

    def _draw(
        self,
        report: Report,
        evaluator: Evaluator,
        cases: Sequence[LoadedSubject],
        tiles: Tiles | None,
        folder: Path,
    ) -> None:
        if importlib.util.find_spec("matplotlib") is None:
            report.notes.append("No figure was drawn: matplotlib is missing (pip install matplotlib)")
            return
        corpus = self._run.get("corpus") or {}
        figure6(corpus.get("levels", {}), cases, folder / "figure6_levels.png")
        figure7([(case, evaluator.pair(case)) for case in cases], folder / "figure7_radiographs.png")
        report.files += [folder / "figure6_levels.png", folder / "figure7_radiographs.png"]
        if figure8(report.rows, folder / "figure8_dice_by_level.png"):
            report.files.append(folder / "figure8_dice_by_level.png")
        if tiles is None:
            return
        titles = {row.key: row.title for row in report.rows if row.scores and row.kind != "ablation"}
        single, spines = folder / "figure9_vertebrae.png", folder / "figure9_spines.png"
        report.files += [
            path
            for path, drawn in (
                (single, compose_single(tiles, titles, single)),
                (spines, compose_spines(tiles, titles, spines)),
            )
            if drawn
        ]


_RECIPES = (
    "{rates}\n"
    "ReVerteR and its ablations follow the shipped configurations (`paper-half`, `paper-quarter`: a rate of 1e-3 that\n"
    "falls, because the published 1e-4 is meant for 100 epochs; `paper` at full resolution). The recommended network\n"
    "brings its own patches: images of {image} pixels of {pixel} mm, and a trunk of {voxel} mm voxels.\n"
)
_RATES: dict[Regime, str] = {
    "published": "The compared systems keep their published optimiser and learning rate.",
    "short": (
        "The training is short, a small part of the published ones: the compared systems keep their published\n"
        f"optimiser and loss, with a rate of {SHORT_RATE:g} that falls to nothing as ReVerteR's does, and\n"
        "the outputs of all systems start at the share of bone in a patch."
    ),
}


def _machine(run: Mapping[str, Any]) -> str:
    """The machine of the last call, in words."""
    calls = run.get("calls") or [{}]
    told = calls[-1].get("machine", {})
    if not told:
        return "an unknown machine"
    return (
        f"{told['processor']}, {told['cores']} cores{', ' + told['gpu'] if told['gpu'] else ', no GPU'}, "
        f"PyTorch {told['torch']}"
    )
