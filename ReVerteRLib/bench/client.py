"""The measuring side: starts programs in processes of their own and asks them to run."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ReVerteRLib.errors import ResourceError

REPOSITORY = Path(__file__).resolve().parents[2]
PEER_SCRIPT = REPOSITORY / "Testing" / "Benchmarks" / "peers" / "peer.py"
NOT_INSTALLED = "not installed"


@dataclass(frozen=True)
class System:
    """A program to measure.

    name:    in tables.
    command: starts its process (see `serve`).
    peer:    whether it is somebody else's.
    """

    name: str
    command: tuple[str, ...]
    peer: bool = True


OURS = System("ReVerteR", (sys.executable, "-m", "ReVerteRLib.bench.worker"), peer=False)
PEERS = ("itk-rtk", "plastimatch", "diffdrr siddon", "diffdrr trilinear", "nanodrr", "flashdrr")


def peer_systems(environment: Path) -> list[System]:
    """The peers, run by the Python of a virtual environment (`make bench-peers`)."""
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    return [System(name, (str(python), str(PEER_SCRIPT), name)) for name in PEERS]


class ProgramError(Exception):
    """The program could not do it; the text says why and becomes the row's note."""


class Program:
    """A running system. Use it as a context manager; it is killed at the end."""

    def __init__(self, system: System, threads: int) -> None:
        """Raises ProgramError where the system's interpreter or script is missing."""
        self.system = system
        if not Path(system.command[0]).is_file() or (system.peer and not Path(system.command[1]).is_file()):
            raise ProgramError(NOT_INSTALLED)
        counts = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"), threads)
        path = {} if system.peer else {"PYTHONPATH": str(REPOSITORY)}
        self._process = subprocess.Popen(  # noqa: S603 - our own list of programs
            system.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **path, **{key: str(value) for key, value in counts.items()}},
        )

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, request: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        """One request and its answer. Raises ProgramError when it fails, dies or takes longer."""
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise ResourceError("a process without pipes", where=self.system.name)
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
        except OSError as error:
            raise ProgramError("its process ended") from error
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if not selector.select(timeout_s):
                self.close()
                raise ProgramError(f"over {timeout_s:.0f} s")
        line = process.stdout.readline()
        if not line:
            raise ProgramError(f"its process ended ({process.wait()})")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ProgramError(NOT_INSTALLED if "ModuleNotFound" in answer["error"] else answer["error"])
        return answer

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue


@dataclass
class Measured:
    """What came out of one program."""

    seconds: list[float] = field(default_factory=list)
    peak_bytes: int = 0
    note: str = ""


def interleaved(programs: Sequence[Program], repeats: int, timeout_s: float, limit_s: float) -> dict[str, Measured]:
    """Each program by name, measured in turn after a warm-up of each.

    limit_s: for all repeats of one program; a slow one runs fewer times than the others. One whose warm-up takes
    longer than a quarter of it is not run again: its warm-up counts.
    """
    found = {p.system.name: Measured() for p in programs}
    for turn in range(-1, repeats):
        for program in programs:
            own = found[program.system.name]
            if own.note or sum(own.seconds) > limit_s:
                continue
            try:
                answer = program.ask({"do": "run"}, timeout_s)
            except ProgramError as error:
                own.note = str(error)
                continue
            own.peak_bytes = int(answer["peak"])
            if turn >= 0:
                own.seconds.append(float(answer["seconds"]))
            elif answer["seconds"] > limit_s / 4:
                own.seconds.append(float(answer["seconds"]))
                own.note = "one run, no warm-up"
    return found
