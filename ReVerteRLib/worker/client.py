"""The parent's side of the worker: starts it, sends jobs, passes on events, survives its death. Knows no Qt.

>>> client = WorkerClient(on_event=print)
>>> job = client.request("reconstruct", ap=ap, lateral=lateral, centroids=centroids, out=out)
>>> # a panel calls client.poll() from a timer; a script calls job.wait()
>>> job.wait()["vertebrae"]
>>> client.close()
"""

from __future__ import annotations

import contextlib
import queue
import re
import shutil
import signal
import tempfile
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any

from ReVerteRLib.cli.staging import recover_folder
from ReVerteRLib.errors import ArgumentError, CancelledError, ResourceError, ReVerteRError
from ReVerteRLib.worker.launch import Launch, default_launch
from ReVerteRLib.worker.process import WorkerProcess
from ReVerteRLib.worker.protocol import (
    Event,
    ProtocolError,
    Request,
    decode_event,
    encode_request,
    error_event,
    error_from,
)

OnEvent = Callable[[Event], None]
_KILL_MARGIN_S = 1.0
_POLL_S = 0.02
_WINDOWS_FAULT = 0xC0000000
"""Exit codes of Windows from here on are faults, 0xC0000005 for example an access violation."""
_MISSING = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'\s*$")
_KILLED = (-9, 137)
"""How a process ends that the system kills when memory is short; 137 is how shells and launchers pass it on."""


class JobState(Enum):
    """Where a job stands; the last three are final."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Job:
    """One request and what became of it; it changes only while the client is polled.

    result:   of a job that is done.
    error:    of one that failed or was cancelled.
    progress: the last progress event's data.
    warnings: all texts.
    """

    def __init__(self, client: WorkerClient, request: Request) -> None:
        self._client = client
        self.request = request
        self.state = JobState.WAITING
        self.result: dict[str, Any] = {}
        self.error: ReVerteRError | None = None
        self.progress: dict[str, Any] = {}
        self.warnings: list[str] = []

    @property
    def id(self) -> str:
        """The request's id."""
        return self.request.id

    @property
    def finished(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)

    def wait(self, timeout_s: float | None = None) -> dict[str, Any]:
        """Polls until the job is finished; returns its result. For scripts: a panel would stand still.

        Raises the job's error, and TimeoutError.
        """
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while not self.finished:
            if not self._client.poll():
                time.sleep(_POLL_S)
            if end is not None and time.monotonic() > end and not self.finished:
                raise TimeoutError(f"{self.request.name} is not finished after {timeout_s:g} s")
        if self.error is not None:
            raise self.error
        return self.result

    def take(self, event: Event) -> None:
        """Notes what an event tells."""
        if event.name == "progress":
            self.progress = dict(event.data)
        elif event.name == "warning":
            self.warnings.append(str(event.data.get("text", "")))
        elif event.name == "result":
            self.state, self.result = JobState.DONE, dict(event.data.get("result") or {})
        elif event.name == "error":
            self.error = error_from(event)
            cancelled = isinstance(self.error, CancelledError)
            self.state = JobState.CANCELLED if cancelled else JobState.FAILED


class WorkerClient:
    """Runs jobs one after another in a worker process, which is started when it is needed and again after a crash.

    command:  how the worker is started (see launch.default_launch), or a command line.
    on_event: called from `poll`, in its thread, with every event; also with errors that the client itself finds.

    All methods are to be called from one thread and, but for `wait`, `close` and `cancel(wait=True)`, return at once.
    """

    def __init__(self, command: Launch | Sequence[str] | None = None, on_event: OnEvent | None = None) -> None:
        self._command = command
        self._on_event = on_event
        self._lines: queue.SimpleQueue[tuple[WorkerProcess, bytes | None]] = queue.SimpleQueue()
        self._process: WorkerProcess | None = None
        self._timer: threading.Timer | None = None
        self._waiting: deque[Job] = deque()
        self._current: Job | None = None
        self._own_events: deque[tuple[Job, Event]] = deque()
        self._scratch: Path | None = None
        self.starts = 0
        """How often a worker was started."""

    def __enter__(self) -> WorkerClient:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    @property
    def running(self) -> bool:
        """Whether a worker process is there."""
        return self._process is not None and self._process.return_code is None

    @property
    def pid(self) -> int | None:
        """Of the worker."""
        return self._process.pid if self._process is not None else None

    @property
    def job(self) -> Job | None:
        """The job in the worker."""
        return self._current

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits."""
        return self._current is not None or bool(self._waiting)

    def start(self) -> None:
        """Starts the worker now, so that the first job begins sooner. Raises ResourceError."""
        if not self.running:
            self._process = WorkerProcess(self._launch(), self._lines)
            self.starts += 1

    def request(self, name: str, **arguments: Any) -> Job:
        """Sends a job, or lets it wait for the one before it. Paths are made absolute, None is left out.

        Raises ArgumentError for arguments that cannot be sent. What goes wrong later is in the job.
        """
        values = {key: plain(value) for key, value in arguments.items() if value is not None}
        job = Job(self, Request(uuid.uuid4().hex, name, values))
        encode_request(job.request)
        self._waiting.append(job)
        self._send_next()
        return job

    def scratch_folder(self) -> Path:
        """A new folder for `partials` and the like; all of them go when the client is closed."""
        if self._scratch is None:
            self._scratch = Path(tempfile.mkdtemp(prefix="reverter-"))
        return Path(tempfile.mkdtemp(dir=self._scratch))

    def poll(self) -> list[Event]:
        """Takes in what the worker has said since the last call, without waiting; sends the next job if it is free."""
        events: list[Event] = []
        with contextlib.suppress(queue.Empty):
            while True:
                process, line = self._lines.get_nowait()
                if process is not self._process:
                    continue  # the last words of one that was replaced
                found = self._ended(process) if line is None else _event(line)
                if found is not None:
                    events.append(found)
                    self._take(found)
        while self._own_events:
            job, event = self._own_events.popleft()
            job.take(event)
            events.append(event)
        self._send_next()
        for event in events:
            if self._on_event is not None:
                self._on_event(event)
        return events

    def cancel(self, timeout: float = 2.0, *, wait: bool = False) -> None:
        """Cancels the running job and all that wait.

        The worker is asked first, and ended with all its processes when it has not answered shortly before `timeout`
        (s); either way the job ends with a CancelledError in `poll`, and nothing of it is left in its `out`.
        wait: return when that has happened.
        """
        while self._waiting:
            job = self._waiting.popleft()
            self._own_events.append((job, error_event(job.id, _cancelled())))
        job_now, process = self._current, self._process
        if job_now is not None and process is not None:
            process.send(encode_request(Request(job_now.id, "cancel")))
            self._stop_timer()
            self._timer = threading.Timer(max(timeout - _KILL_MARGIN_S, 0.0), process.kill_tree)
            self._timer.daemon = True
            self._timer.start()
        if wait and job_now is not None:
            with contextlib.suppress(ReVerteRError):
                job_now.wait(timeout + 10.0)

    def close(self, timeout: float = 2.0) -> None:
        """Ends the worker: politely, and after `timeout` s by force. Jobs that are not finished are cancelled."""
        self.cancel(timeout)
        process = self._process
        if process is not None:
            process.close_input()
            if not process.wait(timeout):
                process.kill_tree()
            self._drain_end(process)
        self.poll()
        self._process = None
        self._stop_timer()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    # --- inside ------------------------------------------------------------------------------

    def _launch(self) -> Launch:
        if self._command is None:
            return default_launch()
        if isinstance(self._command, Launch):
            return self._command
        command = tuple(str(part) for part in self._command)
        return Launch(command, Launch.of(command[0]).environment)

    def _send_next(self) -> None:
        while self._current is None and self._waiting:
            job = self._waiting.popleft()
            try:
                self.start()
            except ReVerteRError as error:
                self._own_events.append((job, error_event(job.id, error)))
                continue
            self._current, job.state = job, JobState.RUNNING
            if self._process is not None:
                self._process.send(encode_request(job.request))  # when it fails, its end is on its way to `poll`

    def _take(self, event: Event) -> None:
        job = self._current
        if job is None or event.id != job.id:
            return
        job.take(event)
        if job.finished:
            self._current = None
            self._stop_timer()

    def _ended(self, process: WorkerProcess) -> Event | None:
        """The worker is gone: an error for its job, None when it had none."""
        self._process = None
        job = self._current
        if job is None:
            return None
        out = job.request.arguments.get("out")
        if isinstance(out, str):
            recover_folder(Path(out), job.id)
        error = _cancelled() if process.ended_by_us else _crash(process)
        return error_event(job.id, error)

    def _drain_end(self, process: WorkerProcess) -> None:
        """Polls until the end of the process has been told."""
        end = time.monotonic() + 5.0
        while self._process is process and time.monotonic() < end:
            if not self.poll():
                time.sleep(_POLL_S)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _cancelled() -> CancelledError:
    return CancelledError("cancelled", remedy="Earlier results are unchanged")


def _crash(process: WorkerProcess) -> ReVerteRError:
    """Why the worker died, as well as one can tell from outside."""
    code = process.return_code
    log = "\n".join(process.last_errors())
    said = f"; its last words were:\n{log}" if log else " without a word"
    if (missing := _MISSING.search(log)) is not None:
        return ResourceError(
            f"the worker's Python lacks the package {missing.group(1)}{said}",
            where=process.program,
            remedy="Install it there, or choose another Python in the set-up",
        )
    if code in _KILLED or "MemoryError" in log:
        return ResourceError(
            f"the worker was killed, most likely because the memory did not suffice{said}",
            where="worker",
            remedy="Close other programs, choose fewer levels or the CPU, and try again",
        )
    if (crashed := _crash_name(code)) is not None:
        return ReVerteRError(
            f"the worker crashed ({crashed}){said}",
            where="worker",
            remedy="Try again with the CPU as device, or with another Python; if it happens again, report these lines",
        )
    return ReVerteRError(
        f"the worker ended unexpectedly (exit code {code}){said}",
        where="worker",
        remedy="Try again; if it happens again, report these lines",
    )


def _crash_name(code: int | None) -> str | None:
    """'SIGSEGV' and the like for a process that a signal or Windows' own fault has ended, None for others."""
    if code is None:
        return None
    number = -code if code < 0 else code - 128
    with contextlib.suppress(ValueError):
        if code < 0 or number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGILL, signal.SIGFPE):
            return signal.Signals(number).name
    return f"0x{code & 0xFFFFFFFF:08X}" if code & 0xFFFFFFFF >= _WINDOWS_FAULT else None


def _event(line: bytes) -> Event | None:
    try:
        return decode_event(line)
    except ProtocolError:
        return None  # a line cut short by a kill; what it would have told comes with the end of the process


def plain(value: Any) -> Any:
    """The value as JSON carries it; paths become absolute. Raises ArgumentError."""
    if isinstance(value, Path):
        return str(value.absolute())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise ArgumentError(f"a {type(value).__name__} cannot be sent", remedy="Use texts, numbers, paths and lists")
