"""Where the steps of a case run: in a worker process, or in this one (a Dask worker is a process of its own)."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Mapping
from typing import Any, Protocol

from ReVerteRLib.errors import CancelledError, ReVerteRError
from ReVerteRLib.progress import Cancelled, Progress
from ReVerteRLib.worker.client import WorkerClient
from ReVerteRLib.worker.context import Estimate, JobContext, ModelStore

_PAUSE_S = 0.02


class WorkerDiedError(Exception):
    """The worker ended in the middle of a job; `reason` says why."""

    def __init__(self, reason: ReVerteRError) -> None:
        self.reason = reason
        super().__init__(reason.message())


class JobRunner(Protocol):
    """Runs one job of the worker to its end."""

    def run(
        self, name: str, arguments: Mapping[str, Any], progress: Progress | None, cancelled: Cancelled | None
    ) -> dict[str, Any]:
        """The job's result. Raises the job's error, CancelledError, and WorkerDiedError where there is a worker."""


class WorkerRunner:
    """Jobs in a worker process; it is restarted after it died."""

    def __init__(self, client: WorkerClient) -> None:
        self._client = client

    def run(
        self, name: str, arguments: Mapping[str, Any], progress: Progress | None, cancelled: Cancelled | None
    ) -> dict[str, Any]:
        """See JobRunner."""
        job = self._client.request(name, **arguments)
        asked = False
        while not job.finished:
            if not self._client.poll():
                time.sleep(_PAUSE_S)
            elif progress is not None and job.progress:
                progress(job.progress["done"], job.progress["total"], job.progress["text"])
            if not asked and cancelled is not None and cancelled():
                asked = True
                self._client.cancel()
        if job.error is None:
            return job.result
        if self._client.pid is None and not isinstance(job.error, CancelledError):
            raise WorkerDiedError(job.error)
        raise job.error

    def restart(self) -> None:
        """Ends the worker; the next job starts another, with fresh memory."""
        self._client.close()


class DirectRunner:
    """Jobs in this process; the network stays loaded."""

    def __init__(self) -> None:
        self._models = ModelStore()

    def run(
        self, name: str, arguments: Mapping[str, Any], progress: Progress | None, cancelled: Cancelled | None
    ) -> dict[str, Any]:
        """See JobRunner."""
        from ReVerteRLib.worker.client import plain
        from ReVerteRLib.worker.registry import JOB_FUNCTIONS

        def tell(event: str, data: Mapping[str, Any]) -> None:
            if event == "progress" and progress is not None:
                progress(data["done"], data["total"], data["text"])

        asked = cancelled or (lambda: False)
        context = JobContext(uuid.uuid4().hex, tell, asked, self._models, Estimate())
        values = {key: plain(value) for key, value in arguments.items() if value is not None}
        return JOB_FUNCTIONS[name](values, context)


@contextlib.contextmanager
def runner_of(worker: WorkerClient | JobRunner | None) -> Any:
    """A runner: of the client given, or with a worker that is started and ended for it."""
    if worker is None:
        with WorkerClient() as client:
            yield WorkerRunner(client)
    elif isinstance(worker, WorkerClient):
        yield WorkerRunner(worker)
    else:
        yield worker
