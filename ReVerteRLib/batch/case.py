"""One case from its inputs to its report. All arguments and the outcome can be pickled, for schedulers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ReVerteRLib import __version__
from ReVerteRLib.batch.cases import BatchCase
from ReVerteRLib.batch.runners import JobRunner, WorkerDiedError
from ReVerteRLib.cli.staging import left_behind, recover_folder
from ReVerteRLib.errors import CancelledError, ReVerteRError, as_known
from ReVerteRLib.files import sha256_of, write_json
from ReVerteRLib.progress import Cancelled, Progress

RECORD_FILE = "case.json"
TRIES = 2
"""Workers that a case may cost."""


@dataclass(frozen=True)
class BatchOptions:
    """How all cases are processed.

    levels:          for cases that do not say which.
    detector:        for automatic centroids, see `reverter annotate --detector`.
    beam, spacing_mm: of radiographs simulated from CTs.
    measure:         whether to measure the result as well.
    """

    weights: str = "default"
    device: str = "auto"
    levels: tuple[str, ...] = ()
    detector: str | None = None
    beam: str = "parallel"
    spacing_mm: float = 1.0
    pictures: bool = True
    scene: bool = False
    measure: bool = True


@dataclass(frozen=True)
class CaseOutcome:
    """What became of a case: its line in index.csv.

    status: 'done', 'failed', 'cancelled', or 'waiting' when its turn did not come.
    resumed: whether it was finished before, with the same inputs and settings.
    found:  levels that were reconstructed, empty ones left out.
    tries:  workers that began it; more than one where some died.
    worker: host and process of the Dask worker that did it.
    """

    case: str
    status: str
    folder: str = ""
    resumed: bool = False
    found: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    centroids: str = ""
    weights: str = ""
    device: str = ""
    seconds: float = 0.0
    error_kind: str = ""
    error_what: str = ""
    error_where: str = ""
    error_remedy: str = ""
    exit_code: int = 0
    notes: tuple[str, ...] = ()
    tries: int = 1
    worker: str = ""


def process_case(
    case: BatchCase,
    folder: Path,
    options: BatchOptions,
    runner: JobRunner,
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    tries: int = TRIES,
) -> CaseOutcome:
    """Processes one case into `folder`, or finds it finished there; an error becomes the outcome, never an exception.

    The folder holds all that `reverter reconstruct` writes, radiographs/ for a CT, annotation/ for automatic
    centroids, measurements/, and case.json, which is written last: the case is finished when its fingerprint (content
    of all inputs, settings, weights, version) is that of the present inputs and the files are there. A worker that
    dies is restarted; the case has failed when `tries` of them died.
    """
    started = time.perf_counter()
    found = CaseOutcome(case.name, "failed", str(folder))
    try:
        case.check()
        fingerprint = case_fingerprint(case, options)
        finished = _finished(folder, fingerprint)
        if finished is not None:
            return replace(finished, folder=str(folder), resumed=True)
        _tidy(folder)
        (folder / RECORD_FILE).unlink(missing_ok=True)
        outcome = _with_tries(_Steps(case, folder, options, runner, progress, cancelled).run, tries)
        outcome = replace(outcome, seconds=round(time.perf_counter() - started, 2))
        write_json(folder / RECORD_FILE, {"fingerprint": fingerprint, "outcome": asdict(outcome)})
    except WorkerDiedError as death:
        return with_error(replace(found, tries=tries), death.reason, time.perf_counter() - started)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - one case must never stop the others
        return with_error(found, error, time.perf_counter() - started)
    return outcome


def _tidy(folder: Path) -> None:
    """Ends what a batch left here that was killed together with its worker."""
    for place in (folder, *(folder / name for name in ("radiographs", "annotation", "measurements"))):
        for token in left_behind(place):
            recover_folder(place, token)


def _with_tries(attempt: Callable[[], CaseOutcome], tries: int) -> CaseOutcome:
    for number in range(1, tries + 1):
        try:
            return replace(attempt(), tries=number)
        except WorkerDiedError:
            if number == tries:
                raise
    raise AssertionError


def with_error(outcome: CaseOutcome, error: BaseException, seconds: float = 0.0) -> CaseOutcome:
    """The outcome of a case that an error ended: 'cancelled' or 'failed'."""
    from ReVerteRLib.worker.protocol import error_event

    data = error_event("", error).data
    status = "cancelled" if isinstance(as_known(error), CancelledError) else "failed"
    return replace(
        outcome,
        status=status,
        seconds=round(seconds, 2),
        error_kind=str(data["kind"]),
        error_what=str(data["what"]),
        error_where=str(data["where"]),
        error_remedy=str(data["remedy"]),
        exit_code=int(data["exit_code"]),
    )


# --- finished before? ------------------------------------------------------------------------------


def case_fingerprint(case: BatchCase, options: BatchOptions) -> dict[str, Any]:
    """What the result depends on. Raises InputError for inputs that are missing."""
    from ReVerteRLib.inference.weights import find_weights

    weights, _ = find_weights(options.weights)
    settings = {key: value for key, value in asdict(options).items() if key not in ("device", "weights")}
    settings["levels"] = list(case.levels or options.levels)
    return {
        "reverter": __version__,
        "weights": sha256_of(weights),
        "inputs": {kind: _hash(path) for kind, path in sorted(case.inputs.items())},
        "anchors": list(case.anchors),
        "settings": settings,
    }


def _hash(path: Path) -> str:
    """SHA-256 of a file, or of names and contents of all files in a folder."""
    import hashlib

    from ReVerteRLib.errors import InputError

    if path.is_file():
        return sha256_of(path)
    if not path.is_dir():
        raise InputError("no such file", where=path, remedy="Check the path")
    files = sorted(p for p in path.rglob("*") if p.is_file())
    lines = [f"{p.relative_to(path).as_posix()} {sha256_of(p)}" for p in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _finished(folder: Path, fingerprint: dict[str, Any]) -> CaseOutcome | None:
    """The stored outcome when it belongs to this fingerprint and its files are there."""
    try:
        record = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        complete = all((folder / name).is_file() for name in report["files"].values())
        if record["fingerprint"] != fingerprint or not complete:
            return None
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in record["outcome"].items()}
        return CaseOutcome(**values)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


# --- the steps -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Steps:
    """Radiographs, centroids, reconstruction, measurements."""

    case: BatchCase
    folder: Path
    options: BatchOptions
    runner: JobRunner
    progress: Progress | None
    cancelled: Cancelled | None

    def run(self) -> CaseOutcome:
        ap, lateral = self._radiographs()
        centroids, how, notes = self._centroids(ap, lateral)
        record = self._job(
            "reconstruct",
            ap=ap,
            lateral=lateral,
            centroids=centroids,
            out=self.folder,
            levels=list(self.case.levels or self.options.levels),
            weights=self.options.weights,
            device=self.options.device,
            pictures=self.options.pictures,
            scene=self.options.scene,
        )
        notes += [*record["notes"], *self._measured(ap, lateral)]
        return CaseOutcome(
            self.case.name,
            "done",
            str(self.folder),
            found=tuple(v["level"] for v in record["vertebrae"] if not v["empty"]),
            empty=tuple(v["level"] for v in record["vertebrae"] if v["empty"]),
            centroids=how,
            weights=str(record["weights"]["name"]),
            device=str(record["device"]),
            notes=tuple(notes),
        )

    def _job(self, name: str, **arguments: Any) -> dict[str, Any]:
        if self.cancelled is not None and self.cancelled():
            raise CancelledError("cancelled", remedy="Run the batch again to go on")
        return self.runner.run(name, arguments, self.progress, self.cancelled)

    def _radiographs(self) -> tuple[Path, Path]:
        if self.case.ap is not None and self.case.lateral is not None:
            return self.case.ap, self.case.lateral
        options = self.options
        settings = {"beam": options.beam, "spacing_mm": options.spacing_mm, "device": options.device}
        told = self._job("simulate", ct=self.case.ct, out=self.folder / "radiographs", **settings)
        return Path(told["files"]["ap"]), Path(told["files"]["lateral"])

    def _centroids(self, ap: Path, lateral: Path) -> tuple[Path, str, list[str]]:
        if self.case.centroids is not None and not self.case.anchors:
            return self.case.centroids, "given", []
        told = self._job(
            "annotate",
            ap=ap,
            lateral=lateral,
            out=self.folder / "annotation",
            anchors=list(self.case.anchors),
            locked=self.case.centroids,
            detector=self.options.detector,
        )
        return Path(told["centroids"]), "automatic", [str(w) for w in told["warnings"]]

    def _measured(self, ap: Path, lateral: Path) -> list[str]:
        """Measurements are an extra: what stops them is a note, not a failure of the case."""
        if not self.options.measure:
            return []
        try:
            self._job("measure", result=self.folder, out=self.folder / "measurements", ap=ap, lateral=lateral)
        except CancelledError:
            raise
        except ReVerteRError as error:
            return [f"not measured: {error.message()}"]
        return []
