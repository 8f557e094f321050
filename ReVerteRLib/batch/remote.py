"""What runs in a Dask worker: one case at a time, with a network that stays loaded."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ReVerteRLib import __version__
from ReVerteRLib.batch.case import BatchOptions, CaseOutcome, process_case
from ReVerteRLib.batch.cases import BatchCase
from ReVerteRLib.batch.runners import DirectRunner
from ReVerteRLib.progress import Cancelled, Progress

if TYPE_CHECKING:
    from distributed import Worker


@dataclass(frozen=True)
class Facts:
    """What must be the same in the client and in all workers, so that it does not matter where a case runs.

    weights: SHA-256 of the weights; "" where they are not found.
    """

    reverter: str
    torch: str
    weights: str

    @classmethod
    def here(cls, weights: str) -> Facts:
        """Of this process; imports nothing heavy. The build of torch (+cpu, +cu130) may differ."""
        from importlib.metadata import PackageNotFoundError, version

        from ReVerteRLib.errors import ReVerteRError
        from ReVerteRLib.files import sha256_of
        from ReVerteRLib.inference.weights import find_weights

        try:
            torch = version("torch").split("+")[0]
        except PackageNotFoundError:
            torch = "missing"
        try:
            digest = sha256_of(find_weights(weights)[0])
        except ReVerteRError:
            digest = ""
        return cls(__version__, torch, digest)

    def difference(self, theirs: Facts) -> str:
        """What is different there, "" when nothing is."""
        pairs = [(f.name, getattr(self, f.name)[:12], getattr(theirs, f.name)[:12]) for f in fields(self)]
        return ", ".join(
            f"{name} {there or 'missing'} instead of {here}" for name, here, there in pairs if here != there
        )


@dataclass(frozen=True)
class Terms:
    """What all cases of a run have in common.

    run:     its name.
    witness: a file in the batch folder, by which a worker knows that it sees the same disk.
    threads: for computations; None: as many as the worker was started with.
    own:     whether the workers are the client's own, on its machine: Ctrl+C is the client's to handle then.
    """

    run: str
    facts: Facts
    witness: Path
    options: BatchOptions
    threads: int | None
    own: bool


@dataclass(frozen=True)
class Done:
    """A case's outcome, and how many cases this process has done."""

    outcome: CaseOutcome
    cases: int


class ThreadedRunner(DirectRunner):
    """Jobs in this process with a number of threads, which is set before the first one: a worker that only verifies
    finished cases never imports torch.
    """

    def __init__(self) -> None:
        super().__init__()
        self.threads = 1
        self._set = 0

    def run(
        self, name: str, arguments: Mapping[str, Any], progress: Progress | None, cancelled: Cancelled | None
    ) -> dict[str, Any]:
        """See JobRunner."""
        if self._set != self.threads:
            import SimpleITK
            import torch

            torch.set_num_threads(self.threads)
            SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(self.threads)
            self._set = self.threads
        return super().run(name, arguments, progress, cancelled)


class _Process:
    """What a worker's process keeps between cases."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.runner = ThreadedRunner()
        self.cases = 0
        self.stopped: set[str] = set()


_PROCESS = _Process()


def prepare(terms: Terms) -> str:
    """Makes a worker ready for a run; returns why it cannot take part, "" when it can."""
    if terms.own and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if different := terms.facts.difference(Facts.here(terms.options.weights)):
        return f"{_name()} has {different}"
    if not terms.witness.is_file():
        return f"{_name()} does not see {terms.witness.parent}"
    return ""


def run_case(case: BatchCase, folder: Path, terms: Terms, tries: int) -> Done:
    """Processes one case as `process_case` does; a second one in the same process waits for the first."""
    from distributed import get_worker

    with _PROCESS.lock:
        _PROCESS.runner.threads = terms.threads or get_worker().state.nthreads
        outcome = process_case(
            case, folder, terms.options, _PROCESS.runner, cancelled=lambda: terms.run in _PROCESS.stopped
        )
        _PROCESS.cases += 1
        if not outcome.resumed:
            outcome = replace(outcome, tries=tries, worker=_name())
        return Done(outcome, _PROCESS.cases)


def stop(run: str) -> None:
    """Cancels what runs here for this run."""
    _PROCESS.stopped.add(run)


def leave(dask_worker: Worker) -> None:
    """Ends this process once this call is answered; its nanny starts another.

    At once, because nothing in it is needed any more: a worker that closes politely may take minutes to end.
    """
    dask_worker.loop.call_later(0.2, os._exit, 0)


def _name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
