"""Runs the panel's tasks in the worker process, one at a time, without ever waiting for it. Knows no Qt."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ReVerteRLib.errors import ArgumentError, CancelledError, ReVerteRError, as_any
from ReVerteRLib.scene.task import Task
from ReVerteRLib.worker.client import Job, WorkerClient
from ReVerteRLib.worker.protocol import Event

_LOG = logging.getLogger("ReVerteR")


def _nothing(*_: Any) -> None:
    return None


@dataclass(frozen=True)
class State:
    """How far the work is.

    total: 0 while the end is unknown. seconds_left: None while unknown.
    """

    title: str
    text: str = ""
    done: int = 0
    total: int = 0
    seconds_left: float | None = None


@dataclass(frozen=True)
class Listener:
    """Who is told, always from within `Controller.poll` or `start`.

    started(state), progress(state), part(level) for a vertebra that can already be seen, warning(text),
    done(task, value of Task.finish), failed(task, error), cancelled(task).
    """

    started: Callable[[State], None] = _nothing
    progress: Callable[[State], None] = _nothing
    part: Callable[[str], None] = _nothing
    warning: Callable[[str], None] = _nothing
    done: Callable[[Task, Any], None] = _nothing
    failed: Callable[[Task, ReVerteRError], None] = _nothing
    cancelled: Callable[[Task], None] = _nothing


class Controller:
    """The worker and the task that it is busy with.

    >>> controller = Controller(Listener(done=lambda task, value: print(value)))
    >>> controller.start(ReconstructTask(scene, ...))
    >>> controller.poll()  # from a timer, ten times a second or so
    """

    def __init__(self, listener: Listener | None = None, client: WorkerClient | None = None) -> None:
        self._listener = listener or Listener()
        self._client = client or WorkerClient()
        self._task: Task | None = None
        self._job: Job | None = None

    @property
    def busy(self) -> bool:
        """Whether a task runs."""
        return self._task is not None

    @property
    def task(self) -> Task | None:
        """The task that runs."""
        return self._task

    @property
    def client(self) -> WorkerClient:
        """The worker."""
        return self._client

    def start(self, task: Task) -> None:
        """Begins a task. Raises ArgumentError while another one runs, and what its `prepare` raises."""
        if self.busy:
            raise ArgumentError("another task is still running", remedy="Wait for it or cancel it")
        try:
            call = task.prepare(self._client.scratch_folder())
            self._job = self._client.request(call.name, **call.arguments)
        except BaseException:
            task.abandon()
            raise
        self._task = task
        self._listener.started(State(task.title))

    def poll(self) -> None:
        """Takes in what the worker has said; returns at once."""
        for event in self._client.poll():
            if self._job is not None and event.id == self._job.id:
                self._take(event)

    def cancel(self) -> None:
        """Asks the worker to stop; it is ended when it has not done so within two seconds. `poll` tells the end."""
        if self.busy:
            self._client.cancel()

    def forget(self) -> None:
        """Stops the task, and its result will not be taken into the scene: for a scene that is being closed."""
        task, self._task, self._job = self._task, None, None
        if task is not None:
            self._client.cancel()
            task.abandon()
            self._listener.cancelled(task)

    def restart(self, client: WorkerClient) -> None:
        """Goes on with another worker, for example with another Python; the task is stopped."""
        self.close()
        self._client = client

    def close(self) -> None:
        """Ends the worker, and removes all that was written for it."""
        self.forget()
        self._client.close()

    # --- parts -----------------------------------------------------------------------------------

    def _take(self, event: Event) -> None:
        task, told = self._task, self._listener
        if task is None:
            return
        if event.name == "progress":
            self._show_part(task, event.data)
            told.progress(_state(task, event.data))
        elif event.name == "warning":
            told.warning(str(event.data.get("text", "")))
        elif event.is_last:
            self._end(task)

    def _show_part(self, task: Task, data: Mapping[str, Any]) -> None:
        level, partial = data.get("level"), data.get("partial")
        if not level or not partial:
            return
        with contextlib.suppress(ReVerteRError):  # a picture of unfinished work is not worth losing the work
            task.show_part(str(level), Path(str(partial)))
            self._listener.part(str(level))

    def _end(self, task: Task) -> None:
        job, self._task, self._job = self._job, None, None
        error = job.error if job is not None else None
        if error is not None:
            task.abandon()
            self._tell_error(task, error)
            return
        try:
            value = task.finish(job.result if job is not None else {})
        except Exception as fault:  # noqa: BLE001 - the panel must not be left waiting
            task.abandon()
            error = as_any(fault)
            if error.exit_code == 1:
                _LOG.exception("%s: the result could not be taken over", task.title)
            self._listener.failed(task, error)
            return
        self._listener.done(task, value)

    def _tell_error(self, task: Task, error: ReVerteRError) -> None:
        if isinstance(error, CancelledError):
            self._listener.cancelled(task)
        else:
            self._listener.failed(task, task.in_the_scene(error))


def _state(task: Task, data: Mapping[str, Any]) -> State:
    left = data.get("seconds_left")
    return State(
        task.title,
        str(data.get("text", "")),
        int(data.get("done") or 0),
        int(data.get("total") or 0),
        float(left) if left is not None else None,
    )


def time_left_text(seconds: float | None, _: Callable[[str], str] = str) -> str:
    """'about 12 s left', 'about 3 min left', '' when unknown."""
    if seconds is None:
        return ""
    if seconds < 90:
        return _("about {seconds} s left").format(seconds=max(round(seconds), 1))
    return _("about {minutes} min left").format(minutes=round(seconds / 60))
