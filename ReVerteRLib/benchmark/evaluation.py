"""Evaluates every system on the same radiographs of the same held-out spines, from the reference centroids."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ReVerteRLib.benchmark.common_grid import CommonGridPredictor, LevelSeconds, TrainedPredictor
from ReVerteRLib.benchmark.plan import BenchmarkSettings, Job, training_config
from ReVerteRLib.benchmark.records import read_training
from ReVerteRLib.benchmark.scores import SpineSeconds, SystemScores, read_scores, write_scores
from ReVerteRLib.centroids import CentroidSet, read_centroids, write_centroids
from ReVerteRLib.datasets.verse import LoadedSubject, VerseSubject, load_subject
from ReVerteRLib.errors import DatasetError
from ReVerteRLib.evaluation.comparison import SharedViews
from ReVerteRLib.evaluation.report import VertebraScore
from ReVerteRLib.evaluation.runner import score_spine
from ReVerteRLib.imaging.radiograph import RadiographPair, read_radiograph, write_radiograph
from ReVerteRLib.progress import Progress

if TYPE_CHECKING:
    from ReVerteRLib.inference.predictor import VertebraPredictor
    from ReVerteRLib.inference.result import SpineReconstruction

SpineSeen = Callable[["Entry", LoadedSubject, "SpineReconstruction"], None]
"""Is given each reconstruction as it is made; for pictures."""
SHIPPED = "shipped-recommended"


@dataclass(frozen=True)
class Entry:
    """One thing to evaluate.

    key, seed, samples, sha256: as SystemScores has them.
    open:                       makes the predictor and counts its parameters; called when its turn comes.
    """

    key: str
    seed: int | None
    samples: int
    open: Callable[[], Opened]
    sha256: str = ""

    @property
    def file_name(self) -> str:
        """Of its scores."""
        return f"{self.key}.json" if self.seed is None else f"{self.key}-seed-{self.seed}.json"


@dataclass(frozen=True)
class Opened:
    """A predictor on the common grid that notes its times."""

    predictor: TrainedPredictor | CommonGridPredictor
    parameters: int
    threshold: float = 0.5


# --- what can be evaluated -----------------------------------------------------------------------


def trained_entry(job: Job, settings: BenchmarkSettings, out: Path) -> Entry | None:
    """A training so far; None where it has not begun. Raises InputError for damaged records."""
    record = read_training(job.folder(out))
    if record is None or not record.samples:
        return None

    def opened() -> Opened:
        from ReVerteRLib.benchmark.training import trained_network
        from ReVerteRLib.inference.runner import NetworkRunner, RunnerOptions

        config = training_config(job, settings)
        network = trained_network(job, settings, out)
        runner = NetworkRunner(network, RunnerOptions(settings.device, threads=settings.threads or None, mirror=False))
        stride = config.generator.stride if config.generator.shape_prior else 0
        return Opened(TrainedPredictor(job.system.key, runner, config.patches, stride), record.parameters)

    return Entry(job.system.key, job.seed, record.samples, opened)


def floor_entry(key: str) -> Entry:
    """The mean shape. Raises WeightsError where there are no shapes."""
    from ReVerteRLib.shapes.predictor import MeanShapePredictor

    inner = MeanShapePredictor.open()
    return Entry(key, None, 0, lambda: Opened(CommonGridPredictor(inner), inner.parameters), inner.sha256)


def shipped_entry(device: str, weights: str = "recommended") -> Entry:
    """The shipped weights as they come: with their threshold, mirrored once more. Raises WeightsError."""
    from ReVerteRLib.files import sha256_of
    from ReVerteRLib.inference.weights import find_weights

    path, _ = find_weights(weights)

    def opened() -> Opened:
        from ReVerteRLib.inference.predictor import NetworkPredictor
        from ReVerteRLib.inference.runner import NetworkRunner, RunnerOptions
        from ReVerteRLib.inference.weights import load_weights

        loaded = load_weights(weights)
        inner: VertebraPredictor = NetworkPredictor(
            loaded, NetworkRunner(loaded.network, RunnerOptions(device, mirror=loaded.mirror))
        )
        parameters = sum(p.numel() for p in loaded.network.parameters())
        return Opened(CommonGridPredictor(inner), parameters, loaded.threshold)

    return Entry(SHIPPED, None, 0, opened, sha256_of(path))


# --- evaluating ----------------------------------------------------------------------------------


class Evaluator:
    """Scores entries on subjects; what was scored before and has not been trained further is read from its file.

    folder: where the scores are kept.
    loaded: further scans that are in memory already, with their CT.
    seen:   is given each reconstruction that is made.
    """

    def __init__(
        self, subjects: Sequence[VerseSubject], views: SharedViews, folder: Path, loaded: Sequence[LoadedSubject] = ()
    ) -> None:
        if not subjects and not loaded:
            raise DatasetError("there is no held-out subject", remedy="Choose some with --subjects")
        self._subjects, self._views, self._folder = tuple(subjects), views, Path(folder)
        self._loaded = tuple(loaded)
        self.seen: SpineSeen | None = None
        self._cases: dict[str, LoadedSubject] = {}

    @property
    def cases(self) -> tuple[LoadedSubject, ...]:
        """The subjects without their CT, whose radiographs are made at the first use. Raises DatasetError."""
        for subject in self._subjects:
            if subject.key not in self._cases:
                self._views.simulate(load_subject(subject))
                self._cases[subject.key] = load_subject(subject, with_ct=False)
        for case in self._loaded:
            if case.subject.key not in self._cases:
                self._views.simulate(case)
                self._cases[case.subject.key] = dataclasses.replace(case, ct=None)
        return tuple(self._cases.values())

    def pair(self, case: LoadedSubject) -> RadiographPair:
        """The radiographs of one of the cases."""
        return self._views.simulate(case).pair

    def scores(self, entry: Entry, progress: Progress | None = None) -> SystemScores:
        """Of one entry. Raises what the reconstruction raises."""
        path = self._folder / entry.file_name
        keys = tuple(case.subject.key for case in self.cases)
        known = read_scores(path)
        if known is not None and (known.samples, known.sha256, known.subjects) == (entry.samples, entry.sha256, keys):
            return known
        found = self._measured(entry, keys, progress)
        write_scores(path, found)
        return found

    def _measured(self, entry: Entry, keys: tuple[str, ...], progress: Progress | None) -> SystemScores:
        opened = entry.open()
        self._warm_up(opened)
        rows: list[VertebraScore] = []
        seconds: list[SpineSeconds] = []
        for number, case in enumerate(self.cases):
            if progress is not None:
                progress(number, len(keys), f"{entry.key}: {case.subject.key}")
            one, spent = self._one(entry, opened, case)
            rows += one
            seconds.append(spent)
        return SystemScores(
            entry.key, entry.seed, entry.samples, opened.parameters, keys, tuple(rows), tuple(seconds), entry.sha256
        )

    def _warm_up(self, opened: Opened) -> None:
        """One vertebra whose time does not count: libraries load and kernels are chosen at the first call."""
        from ReVerteRLib.inference import Reconstructor

        case = self.cases[0]
        levels = [level for level in case.whole_levels if case.centroids.get(level) is not None][:1]
        Reconstructor(opened.predictor, threshold=opened.threshold).reconstruct(self.pair(case), case.centroids, levels)

    def _one(self, entry: Entry, opened: Opened, case: LoadedSubject) -> tuple[tuple[VertebraScore, ...], SpineSeconds]:
        from ReVerteRLib.inference import Reconstructor

        views = self._views.simulate(case)
        pair, centroids, read = _read_again(views.pair, case.centroids)
        levels = [level for level in case.whole_levels if centroids.get(level) is not None]
        before = len(opened.predictor.times)
        spine = Reconstructor(opened.predictor, threshold=opened.threshold).reconstruct(pair, centroids, levels)
        if self.seen is not None:
            self.seen(entry, case, spine)
        rows = score_spine(
            spine, case.labels, levels, case.centroids, subject=case.subject.key, ct=views.ct, details=False
        )
        return rows, _seconds(case.subject.key, read, opened.predictor.times[before:], spine)


def _read_again(pair: RadiographPair, centroids: CentroidSet) -> tuple[RadiographPair, CentroidSet, float]:
    """Both radiographs and the centroids through files, as a user's would come, and the seconds of reading them."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{image.view.value}.nrrd" for image in pair]
        for image, path in zip(pair, paths, strict=True):
            write_radiograph(image, path)
        write_centroids(centroids, Path(folder) / "centroids.mrk.json")
        started = time.perf_counter()
        ap, lateral = (read_radiograph(path, image.view) for image, path in zip(pair, paths, strict=True))
        read = read_centroids(Path(folder) / "centroids.mrk.json")
        return RadiographPair(ap, lateral), read, time.perf_counter() - started


def _seconds(subject: str, read: float, times: Sequence[LevelSeconds], spine: SpineReconstruction) -> SpineSeconds:
    crop, network = sum(t.crop for t in times), sum(t.network for t in times)
    stages = {
        "read": read,
        "crop": crop,
        "network": network,
        "clean": max(spine.timings_s["network"] - crop - network, 0.0),
        "assemble": spine.timings_s["assemble"],
        "surface": spine.timings_s["surfaces"],
    }
    levels = {t.level.name: round(t.crop + t.network, 4) for t in times}
    return SpineSeconds(subject, {key: round(value, 4) for key, value in stages.items()}, levels)
