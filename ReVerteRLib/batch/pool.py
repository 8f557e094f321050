"""Cases on the workers of a Dask cluster: one each, at once; what a dead worker leaves is given to another."""

from __future__ import annotations

import logging
import queue
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError as FutureCancelledError
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ReVerteRLib.batch.case import CaseOutcome, with_error
from ReVerteRLib.batch.cases import BatchCase
from ReVerteRLib.batch.remote import Done, Terms, leave, prepare, run_case, stop
from ReVerteRLib.batch.schedule import Schedule
from ReVerteRLib.errors import ResourceError
from ReVerteRLib.progress import Cancelled

if TYPE_CHECKING:
    from distributed import Client, Future

_LOG = logging.getLogger("ReVerteR")
_TRIES = 3
_PAUSE_S, _LOOK_S, _RESULT_S, _STOP_S = 0.1, 1.0, 30.0, 20.0
_GONE = (OSError, TimeoutError, FutureCancelledError)
"""What Dask raises for a worker or a scheduler that is not there any more (its CommClosedError is an OSError)."""

Finish = Callable[[int, CaseOutcome], None]
"""finish(number of the case, outcome)"""
Tell = Callable[[int, int], None]
"""tell(cases that run, workers)"""


@dataclass(frozen=True)
class _Task:
    number: int
    future: Future[Done]


class DaskPool:
    """Gives each worker one case at a time, so that memory does not depend on the number of cases and it is known
    which case a dead worker had.

    Workers that come later take part, those that go are missed by nobody: their cases go to the end of the queue and,
    after `tries` workers, have failed. A worker must have the client's versions and see its disk.
    """

    def __init__(self, client: Client, cases: Sequence[BatchCase], out: Path, terms: Terms, schedule: Schedule) -> None:
        self._client, self._cases, self._out, self._terms, self._schedule = client, cases, out, terms, schedule
        self._waiting = deque(range(len(cases)))
        self._tries: Counter[int] = Counter()
        self._workers: dict[str, _Task | None] = {}
        self._infos: dict[str, Any] = {}
        self._unfit: dict[str, str] = {}
        self._finished: queue.SimpleQueue[tuple[str, Future[Done]]] = queue.SimpleQueue()
        self._last_look = self._last_worker = 0.0
        self._stopping = False

    def run(self, finish: Finish, tell: Tell, cancelled: Cancelled) -> None:
        """Processes all cases; returns early, when the running ones have ended, once `cancelled` says so.

        Raises ResourceError when workers do not fit or do not come, or the scheduler is lost, and KeyboardInterrupt.
        """
        try:
            self._begin()
            while (self._waiting or self._busy) and not cancelled():
                self._look(finish)
                self._assign()
                tell(len(self._busy), len(self._workers))
                self._take(finish)
        finally:
            self._stop(finish)

    @property
    def _busy(self) -> list[str]:
        return [address for address, task in self._workers.items() if task is not None]

    # --- workers ---------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Waits for the workers and looks at them."""
        wanted, patience = self._schedule.workers or 1, self._schedule.patience_s
        try:
            self._client.wait_for_workers(wanted, timeout=patience)
        except TimeoutError as error:
            found = len(self._ask())
            raise ResourceError(
                f"{found} of {wanted} workers came within {patience:g} s",
                where=self._schedule.scheduler,
                remedy="Start workers, or wait for fewer (--workers) or longer (--patience)",
            ) from error
        self._last_worker = time.monotonic()
        self._look(lambda *_: None)
        if self._unfit:
            raise ResourceError(
                f"workers cannot take part: {'; '.join(sorted(self._unfit.values())[:5])}",
                where=self._schedule.scheduler,
                remedy="Give them the same ReVerteR, torch and weights, and the same shared folders, as here",
            )

    def _look(self, finish: Finish) -> None:
        """Which workers are there now; asked about once a second, less often where there are many."""
        now = time.monotonic()
        if now < self._last_look + max(_LOOK_S, len(self._infos) / 100):
            return
        try:
            self._infos = self._ask()
            self._last_look = now
            for address in set(self._workers) - set(self._infos):
                self._lost(address, finish)
            self._unfit = {a: why for a, why in self._unfit.items() if a in self._infos}
            self._prepare([a for a in self._infos if a not in self._workers and a not in self._unfit])
            self._refresh_paused()
        except _GONE as error:
            raise ResourceError(
                f"the connection to the scheduler was lost ({error})", where=self._schedule.scheduler, remedy=_GO_ON
            ) from error
        if self._workers:
            self._last_worker = now
        elif now - self._last_worker > self._schedule.patience_s:
            what = f"there has been no worker for {self._schedule.patience_s:g} s"
            raise ResourceError(what, where=self._schedule.scheduler, remedy=f"Start workers. {_GO_ON}")

    def _ask(self) -> dict[str, Any]:
        """What the scheduler knows of its workers, by address.

        Client.scheduler_info would do, but that answers from a cell which another thread of Dask's now and then
        overwrites with an answer without workers.
        """
        scheduler = self._client.scheduler
        if scheduler is None:
            raise OSError("the client is closed")
        return dict(self._client.sync(scheduler.identity, n_workers=-1)["workers"])

    def _prepare(self, addresses: list[str]) -> None:
        if not addresses:
            return
        answers = self._client.run(prepare, self._terms, workers=addresses, on_error="return")
        for address, answer in answers.items():
            if answer == "":
                self._workers[address] = None
            elif isinstance(answer, ModuleNotFoundError):
                self._unfit[address] = f"{address} has no {answer.name or 'ReVerteR'}"
            elif not isinstance(answer, OSError):  # that one has just gone
                self._unfit[address] = str(answer)
            if address in self._unfit and self._workers:
                _LOG.warning("a worker cannot take part: %s", self._unfit[address])

    def _refresh_paused(self) -> None:
        """A worker whose memory is nearly full takes no work any more: once it is idle it is started afresh."""
        for address, task in list(self._workers.items()):
            if task is None and self._infos[address]["status"] == "paused":
                self._restart(address)

    def _restart(self, address: str) -> None:
        """Ends a worker that has a nanny, which starts another at once, under another address."""
        if not self._infos.get(address, {}).get("nanny"):
            return
        del self._workers[address]
        self._unfit[address] = f"{address} is started afresh"
        self._client.run(leave, workers=[address], on_error="ignore")

    def _lost(self, address: str, finish: Finish) -> None:
        task = self._workers.pop(address)
        if task is not None:
            task.future.cancel()
            self._again(task.number, finish)

    # --- cases -----------------------------------------------------------------------------------

    def _assign(self) -> None:
        for address, task in self._workers.items():
            if not self._waiting:
                return
            if task is None and self._infos.get(address, {}).get("status") == "running":
                number = self._waiting.popleft()
                self._tries[number] += 1
                self._workers[address] = _Task(number, self._submit(number, address))

    def _submit(self, number: int, address: str) -> Future[Done]:
        case, tries = self._cases[number], self._tries[number]
        future: Future[Done] = self._client.submit(
            run_case,
            case,
            self._out / case.folder_name,
            self._terms,
            tries,
            key=(f"reverter-{self._terms.run}", number, tries),
            workers=[address],
            allow_other_workers=False,
            pure=False,
        )
        future.add_done_callback(lambda found: self._finished.put((address, found)))
        return future

    def _take(self, finish: Finish) -> None:
        """Takes in what has finished; waits a moment for the first."""
        timeout = _PAUSE_S
        while True:
            try:
                address, future = self._finished.get(timeout=timeout)
            except queue.Empty:
                return
            timeout = 0.0
            task = self._workers.get(address)
            if task is not None and task.future is future:
                self._workers[address] = None
                self._settle(task, address, finish)

    def _settle(self, task: _Task, address: str, finish: Finish) -> None:
        try:
            if task.future.status == "error":
                self._broken(task, finish)
                return
            done: Done = task.future.result(timeout=_RESULT_S)
        except _GONE:
            self._again(task.number, finish)
            return
        finally:
            task.future.release()
        finish(task.number, done.outcome)
        if 0 < self._schedule.restart_after <= done.cases and not self._stopping:
            self._restart(address)

    def _broken(self, task: _Task, finish: Finish) -> None:
        """A fault outside the case itself, for example arguments that a worker cannot read."""
        from distributed.scheduler import KilledWorker

        error = task.future.exception(timeout=_RESULT_S)
        if isinstance(error, KilledWorker):
            self._again(task.number, finish)
        else:
            finish(task.number, with_error(self._failed(task.number), error or RuntimeError("no reason given")))

    def _again(self, number: int, finish: Finish) -> None:
        """Its worker is gone: another try, or the end."""
        if self._stopping:
            return
        limit = self._schedule.tries or _TRIES
        if self._tries[number] < limit:
            self._waiting.append(number)
            return
        error = ResourceError(
            f"its worker was lost {limit} times, most likely because the memory did not suffice",
            where="worker",
            remedy="Give the workers more memory, and look at their logs",
        )
        finish(number, with_error(self._failed(number), error))

    def _failed(self, number: int) -> CaseOutcome:
        case = self._cases[number]
        found = CaseOutcome(case.name, "failed", str(self._out / case.folder_name))
        return replace(found, tries=self._tries[number])

    def _stop(self, finish: Finish) -> None:
        """Cancels what still runs and takes in how it ended, for a while."""
        self._stopping = True
        self._waiting.clear()
        if not self._busy:
            return
        try:
            self._client.run(stop, self._terms.run, workers=self._busy, on_error="ignore")
            end = time.monotonic() + _STOP_S
            while self._busy and time.monotonic() < end:
                self._take(finish)
        except _GONE:
            _LOG.warning("the cluster does not answer; what runs there ends by itself")
        for address in self._busy:
            task = self._workers[address]
            if task is not None:
                task.future.cancel()


_GO_ON = "What is finished is kept; run the same again to go on"
