"""A child process that speaks lines: threads read it, nothing here blocks, and its whole tree can be ended."""

from __future__ import annotations

import collections
import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from typing import IO, Any

from ReVerteRLib.errors import ResourceError
from ReVerteRLib.worker.launch import Launch

_KEPT_LINES = 200


class WorkerProcess:
    """One running worker.

    lines: (self, line) for each line of its stdout and (self, None) when it has ended; shared between restarts, so
           that late lines of an earlier process can be told apart.
    Raises ResourceError when it cannot be started.
    """

    def __init__(self, launch: Launch, lines: queue.SimpleQueue[tuple[WorkerProcess, bytes | None]]) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the command is the caller's choice of interpreter
                list(launch.command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(launch.environment),
                **_own_group(),
            )
        except OSError as error:
            raise ResourceError(
                f"the worker cannot be started ({error.strerror or error})",
                where=launch.command[0],
                remedy="Check the interpreter in the settings",
            ) from error
        self.program = launch.command[0]
        self._lines = lines
        self._errors: collections.deque[str] = collections.deque(maxlen=_KEPT_LINES)
        self.ended_by_us = False
        self._error_reader = self._reader(self._read_errors)
        self._reader(self._read_lines)

    @property
    def pid(self) -> int:
        """Of the process that was started (a launcher may have started another one)."""
        return self._process.pid

    @property
    def return_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.poll()

    def last_errors(self, count: int = 20) -> list[str]:
        """The last lines of its stderr."""
        return list(self._errors)[-count:]

    def send(self, line: bytes) -> bool:
        """False when it does not listen any more."""
        assert self._process.stdin is not None  # noqa: S101 - it was opened as a pipe
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except (OSError, ValueError):
            return False
        return True

    def wait(self, timeout_s: float) -> bool:
        """Whether it has ended, waiting for at most this long."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
        return self.return_code is not None

    def close_input(self) -> None:
        """Asks it to end."""
        with contextlib.suppress(OSError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.close()

    def kill_tree(self) -> None:
        """Ends it and all processes that it started, at once."""
        if self.return_code is not None:
            return
        self.ended_by_us = True
        if os.name == "nt":
            command = ["taskkill", "/PID", str(self.pid), "/T", "/F"]
            subprocess.run(command, capture_output=True, creationflags=_no_window(), timeout=10)  # noqa: S603
        else:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            self._process.kill()
        self.wait(5.0)

    def _reader(self, target: Any) -> threading.Thread:
        thread = threading.Thread(target=target, name=f"worker-{self.pid}", daemon=True)
        thread.start()
        return thread

    def _read_lines(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it was opened as a pipe
        with contextlib.suppress(OSError, ValueError):
            for line in self._process.stdout:
                self._lines.put((self, line))
        self._process.wait()
        self._error_reader.join(1.0)  # so that its last words are known
        self._lines.put((self, None))

    def _read_errors(self) -> None:
        stream: IO[bytes] | None = self._process.stderr
        assert stream is not None  # noqa: S101 - it was opened as a pipe
        with contextlib.suppress(OSError, ValueError):
            for line in stream:
                self._errors.append(line.decode("utf-8", errors="replace").rstrip())


def _own_group() -> dict[str, Any]:
    """A group of its own, so that the whole tree can be ended and Ctrl+C does not reach it."""
    if sys.platform == "win32":
        return {"creationflags": _no_window() | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _no_window() -> int:
    return int(getattr(subprocess, "CREATE_NO_WINDOW", 0))
