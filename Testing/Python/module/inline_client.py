"""A WorkerClient whose jobs run in this process at the first poll and are told one event at a time."""

from __future__ import annotations

import tempfile
from collections import deque
from pathlib import Path
from typing import ClassVar

from ReVerteRLib.errors import CancelledError
from ReVerteRLib.worker.client import Job, plain
from ReVerteRLib.worker.context import Estimate, JobContext, ModelStore
from ReVerteRLib.worker.protocol import Event, Request, error_event
from ReVerteRLib.worker.registry import JOB_FUNCTIONS


class InlineClient:
    calls: ClassVar[list] = []
    """Name and arguments of all requests to all clients."""

    def __init__(self, command=None, on_event=None) -> None:
        self.command = command
        self._folder = tempfile.TemporaryDirectory(prefix="reverter-inline-")
        self._models = ModelStore()
        self._events: deque[Event] = deque()
        self._waiting: Job | None = None
        self._job: Job | None = None
        self._number = 0
        self.closed = False

    def scratch_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._folder.name))

    def request(self, name: str, **arguments) -> Job:
        values = {key: plain(value) for key, value in arguments.items() if value is not None}
        type(self).calls.append((name, values))
        self._number += 1
        self._waiting = self._job = Job(self, Request(f"job{self._number}", name, values))
        return self._job

    def poll(self) -> list[Event]:
        if self._waiting is not None:
            job, self._waiting = self._waiting, None
            self._run(job)
        if not self._events:
            return []
        event = self._events.popleft()
        if self._job is not None and event.id == self._job.id:
            self._job.take(event)
        return [event]

    def _run(self, job: Job) -> None:
        def tell(name, data) -> None:
            self._events.append(Event(name, job.id, data))

        context = JobContext(job.id, tell, lambda: False, self._models, Estimate())
        try:
            result = JOB_FUNCTIONS[job.request.name](dict(job.request.arguments), context)
            self._events.append(Event("result", job.id, {"result": result}))
        except Exception as error:  # noqa: BLE001 - as the worker does
            self._events.append(error_event(job.id, error))

    def cancel(self, timeout: float = 2.0, *, wait: bool = False) -> None:
        if self._job is not None and not self._job.finished:
            self._waiting = None
            self._events.clear()
            self._events.append(error_event(self._job.id, CancelledError("cancelled")))

    def close(self, timeout: float = 2.0) -> None:
        self.closed = True
        self._folder.cleanup()
