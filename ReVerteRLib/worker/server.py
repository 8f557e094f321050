"""The worker's side of the protocol: one thread listens, the main thread works."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import platform
import queue
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO

from ReVerteRLib import __version__
from ReVerteRLib.cli.staging import recover_folder
from ReVerteRLib.errors import ArgumentError, CancelledError, ReVerteRError
from ReVerteRLib.worker.context import Estimate, JobContext, ModelStore
from ReVerteRLib.worker.jobs import JobFunction
from ReVerteRLib.worker.protocol import (
    MAX_LINE,
    PROTOCOL,
    Event,
    ProtocolError,
    Request,
    decode_request,
    encode_event,
    error_event,
)

_LOG = logging.getLogger("ReVerteR")
GRACE_S = 2.0
"""How long a job may take to end by itself after the parent has gone."""


@dataclass(frozen=True)
class _Running:
    """The job in progress."""

    request: Request
    cancelled: threading.Event = field(default_factory=threading.Event)


class Server:
    """Reads requests from one stream and writes events to another.

    jobs:  functions by name of the request.
    leave: ends the process when a job does not end by itself; for tests.
    """

    def __init__(
        self,
        requests: BinaryIO,
        events: BinaryIO,
        jobs: Mapping[str, JobFunction],
        leave: Callable[[int], Any] = os._exit,
        grace_s: float = GRACE_S,
    ) -> None:
        self._requests = requests
        self._events = events
        self._jobs = jobs
        self._leave = leave
        self._grace_s = grace_s
        self._models = ModelStore()
        self._write_lock = threading.Lock()
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._closing = False
        self._ended = threading.Event()
        self._todo: queue.SimpleQueue[_Running | None] = queue.SimpleQueue()

    def run(self) -> int:
        """Works until shutdown or the end of the requests; returns the exit code."""
        versions = {"protocol": PROTOCOL, "reverter": __version__, "python": platform.python_version()}
        self._send(Event("ready", "", {**versions, "pid": os.getpid()}))
        threading.Thread(target=self._listen, name="requests", daemon=True).start()
        try:
            while (running := self._todo.get()) is not None:
                self._work(running)
                if self._closing:
                    break
        except KeyboardInterrupt:  # a polite kill between jobs
            _LOG.info("terminated")
        self._ended.set()
        return 0

    # --- working -----------------------------------------------------------------------------

    def _work(self, running: _Running) -> None:
        request = running.request
        context = JobContext(
            request.id,
            lambda name, data: self._send(Event(name, request.id, data)),
            running.cancelled.is_set,
            self._models,
            Estimate(),
        )
        with _warnings_told(context):
            try:
                last = Event("result", request.id, {"result": self._jobs[request.name](request.arguments, context)})
            except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last line of defence
                last = error_event(request.id, error)
                if last.data["exit_code"] == 1:
                    _LOG.exception("%s failed", request.name)
                self._closing = self._closing or isinstance(error, KeyboardInterrupt)
        with self._lock:
            self._running = None
        self._send(last)

    # --- listening ---------------------------------------------------------------------------

    def _listen(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while line := self._requests.readline(MAX_LINE):
                if not line.endswith(b"\n") and len(line) >= MAX_LINE:
                    self._skip_line()
                    self._send(error_event("", ProtocolError(f"the line is longer than {MAX_LINE} bytes")))
                elif line.strip():
                    self._handle(line)
                if self._closing:
                    break
        self._close()

    def _skip_line(self) -> None:
        while (rest := self._requests.readline(MAX_LINE)) and not rest.endswith(b"\n"):
            pass

    def _handle(self, line: bytes) -> None:
        try:
            request = decode_request(line)
        except ProtocolError as error:
            self._send(error_event(error.request_id, error))
            return
        if request.name == "cancel":
            self._cancel(request.id)
        elif request.name == "shutdown":
            self._closing = True
            self._send(Event("result", request.id, {"result": {}}))
        else:
            self._begin(request)

    def _begin(self, request: Request) -> None:
        if request.name not in self._jobs:
            self._send(error_event(request.id, ReVerteRError("not available in this worker", where=request.name)))
            return
        running = _Running(request)
        with self._lock:
            busy = self._running is not None
            self._running = self._running or running
        if busy:
            remedy = "Wait for its result, or cancel it"
            self._send(error_event(request.id, ArgumentError("another job is running", remedy=remedy)))
        else:
            self._todo.put(running)

    def _cancel(self, request_id: str) -> None:
        with self._lock:
            if self._running is not None and request_id in ("", self._running.request.id):
                self._running.cancelled.set()

    def _close(self) -> None:
        """No more requests: the job is cancelled; when it does not end by itself, the process ends."""
        self._closing = True
        self._cancel("")
        self._todo.put(None)
        if self._ended.wait(self._grace_s):
            return
        with self._lock:
            running = self._running
        if running is not None:
            out = running.request.arguments.get("out")
            if isinstance(out, str):
                recover_folder(Path(out), running.request.id)
            self._send(error_event(running.request.id, CancelledError("cancelled because the worker ended")))
        self._leave(4)

    def _send(self, event: Event) -> None:
        line = encode_event(event)
        with self._write_lock:
            try:
                self._events.write(line)
                self._events.flush()
            except (OSError, ValueError):  # nobody listens any more
                self._closing = True


@contextlib.contextmanager
def _warnings_told(context: JobContext) -> Any:
    """Sends the library's warnings as events while a job runs."""
    handler = _Warnings(context)
    _LOG.addHandler(handler)
    try:
        yield
    finally:
        _LOG.removeHandler(handler)


class _Warnings(logging.Handler):
    def __init__(self, context: JobContext) -> None:
        super().__init__(logging.WARNING)
        self._context = context

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.ERROR:
            self._context.tell("warning", {"text": record.getMessage()})


# --- the process -----------------------------------------------------------------------------------


def private_streams() -> tuple[BinaryIO, BinaryIO]:
    """The standard input and output, for the protocol alone.

    What anything else prints, also from C, goes to stderr, and what anything else reads is empty.
    """
    requests, events = os.dup(0), os.dup(1)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    sys.stdout.flush()
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return os.fdopen(requests, "rb"), os.fdopen(events, "wb")


def main() -> int:
    """`python -m ReVerteRLib.worker`."""
    from ReVerteRLib.worker.registry import JOB_FUNCTIONS

    requests, events = private_streams()
    with contextlib.suppress(Exception):  # a stderr without a descriptor has no need of it
        faulthandler.enable()  # where a crash in a C library happened is then among the last words
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    _LOG.setLevel(logging.INFO)
    signal.signal(signal.SIGTERM, _interrupt)
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in the parent's terminal is the parent's affair
    code = Server(requests, events, JOB_FUNCTIONS).run()
    sys.stderr.flush()
    os._exit(code)  # the listening thread may hang in a read, and interpreters that wait for it would as well


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
