"""The whole batch: one case after another, or many at once on Dask; the index after each of them."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ReVerteRLib.batch.case import TRIES, BatchOptions, CaseOutcome, process_case
from ReVerteRLib.batch.cases import BatchCase, read_cases
from ReVerteRLib.batch.index import INDEX_FILE, BatchIndex
from ReVerteRLib.batch.lock import HOLDER_FILE, folder_lock
from ReVerteRLib.batch.runners import JobRunner, WorkerRunner, runner_of
from ReVerteRLib.batch.schedule import Schedule
from ReVerteRLib.errors import ArgumentError, CancelledError
from ReVerteRLib.files import ensure_writable_folder
from ReVerteRLib.progress import Cancelled, Progress
from ReVerteRLib.worker.client import WorkerClient
from ReVerteRLib.worker.launch import default_launch

_LOG = logging.getLogger("ReVerteR")


@dataclass(frozen=True)
class BatchResult:
    """All outcomes in the order of the cases, and the index."""

    outcomes: tuple[CaseOutcome, ...]
    index: Path

    @property
    def failed(self) -> tuple[CaseOutcome, ...]:
        """Cases with an error."""
        return tuple(o for o in self.outcomes if o.status == "failed")


def process_batch(
    cases: Path | str | Sequence[BatchCase],
    out_dir: Path | str,
    *,
    options: BatchOptions | None = None,
    worker: WorkerClient | JobRunner | None = None,
    schedule: Schedule | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    on_case: Callable[[CaseOutcome], None] | None = None,
) -> BatchResult:
    """Processes all cases into subfolders of `out_dir` (see case.process_case) and writes index.csv there.

    cases:    a CSV file or a folder (see cases.read_cases), or cases.
    worker:   what runs the jobs, without Dask; None: a worker process of its own.
    schedule: how many workers there are and where; None: one here, without Dask.
    progress: (finished cases, all cases, what happens now).
    on_case:  called with each outcome.
    A case that fails is a line of the index with its error, nothing more. Finished cases are not done again, so the
    same call goes on after any interruption. The folder is locked; what a dead process held is taken over.
    Raises InputError when there are no cases, OutputError when `out_dir` or the index cannot be written or another
    batch writes there, ArgumentError and ResourceError for a schedule that is impossible or a cluster that is not
    there, and CancelledError, after the index was written, when `cancelled` or Ctrl+C said so.
    """
    schedule = schedule or Schedule()
    schedule.check()
    if worker is not None and schedule.uses_dask:
        raise ArgumentError("a worker and a cluster are given", remedy="Give only one of them")
    found = read_cases(Path(cases)) if isinstance(cases, str | Path) else list(cases)
    out = ensure_writable_folder(Path(out_dir).absolute())
    with folder_lock(out) as taken_over:
        if taken_over:
            _LOG.warning(taken_over)
        batch = _Batch(
            found, out, options or BatchOptions(), schedule, BatchIndex(out, [case.name for case in found]),
            progress, cancelled or (lambda: False), on_case,
        )  # fmt: skip
        return batch.run(worker)


@dataclass(frozen=True)
class _Batch:
    cases: Sequence[BatchCase]
    out: Path
    options: BatchOptions
    schedule: Schedule
    index: BatchIndex
    progress: Progress | None
    cancelled: Cancelled
    on_case: Callable[[CaseOutcome], None] | None

    def run(self, worker: WorkerClient | JobRunner | None) -> BatchResult:
        try:
            with contextlib.suppress(KeyboardInterrupt):
                if self.schedule.uses_dask:
                    self._on_dask()
                else:
                    with _with_threads(worker, self.schedule.threads) as chosen, runner_of(chosen) as runner:
                        self._one_by_one(runner)
        finally:
            self.index.write()
        total, finished = len(self.cases), self.index.finished
        if finished < total:
            what = f"cancelled after {finished} of {total} cases"
            raise CancelledError(what, where=self.out, remedy="What is finished is kept; run the same again to go on")
        if self.progress is not None:
            self.progress(total, total, "")
        return BatchResult(tuple(self.index.outcomes), self.out / INDEX_FILE)

    def _finish(self, number: int, outcome: CaseOutcome) -> None:
        self.index.put(number, outcome)
        if self.on_case is not None:
            self.on_case(outcome)

    def _one_by_one(self, runner: JobRunner) -> None:
        for number, case in enumerate(self.cases):
            if self.cancelled():
                return
            outcome = process_case(
                case,
                self.out / case.folder_name,
                self.options,
                runner,
                progress=_told(self.progress, number, len(self.cases), case.name),
                cancelled=self.cancelled,
                tries=self.schedule.tries or TRIES,
            )
            self._finish(number, outcome)
            if outcome.status == "cancelled":
                return
            if self.schedule.restart_after and (number + 1) % self.schedule.restart_after == 0:
                _restart(runner)

    def _on_dask(self) -> None:
        from ReVerteRLib.batch.connection import connected, local_threads
        from ReVerteRLib.batch.pool import DaskPool
        from ReVerteRLib.batch.remote import Facts, Terms

        def tell(running: int, workers: int) -> None:
            if self.progress is not None:
                self.progress(self.index.finished, len(self.cases), f"{running} running on {workers} workers")

        threads, own = local_threads(self.schedule), not self.schedule.address
        facts = Facts.here(self.options.weights)
        terms = Terms(uuid.uuid4().hex, facts, self.out / HOLDER_FILE, self.options, threads, own)
        with connected(self.schedule) as client:
            DaskPool(client, self.cases, self.out, terms, self.schedule).run(self._finish, tell, self.cancelled)


def _told(progress: Progress | None, number: int, total: int, name: str) -> Progress | None:
    if progress is None:
        return None

    def tell(done: int, parts: int, text: str) -> None:
        share = f" ({done} of {parts})" if parts else ""
        progress(number, total, f"{name}: {text}{share}")

    tell(0, 0, "begins")
    return tell


@contextlib.contextmanager
def _with_threads(
    worker: WorkerClient | JobRunner | None, threads: int | None
) -> Iterator[WorkerClient | JobRunner | None]:
    """A worker process with so many threads, where that is asked for."""
    if worker is not None or threads is None:
        yield worker
        return
    launch = default_launch()
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")
    environment = {**launch.environment, **dict.fromkeys(names, str(threads))}
    with WorkerClient(dataclasses.replace(launch, environment=environment)) as client:
        yield client


def _restart(runner: JobRunner) -> None:
    """Ends the worker process; the next job starts another."""
    if isinstance(runner, WorkerRunner):
        runner.restart()
