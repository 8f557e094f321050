"""The measured side: a process that holds one program with its prepared input and runs it when told to.

Standard library and numpy only: the peers' scripts load this file in their own environment.
Messages are lines of JSON on standard input and output; whatever the program prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np


class Engine(Protocol):
    """One program."""

    def load(self, job: dict[str, Any]) -> dict[str, Any]:
        """Prepares the input that `job` names (volume, geometry, threads, device); returns facts such as a version."""

    def run(self) -> Any:
        """The measured work: line integrals of all views, [views, rows, columns]."""


def peak_bytes() -> int:
    """Peak resident size of this process or, if that is larger, of a program that it started and waited for."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    status = Path("/proc/self/status")
    if status.is_file():  # ru_maxrss of a child starts with its parent's peak on Linux
        line = next(text for text in status.read_text().splitlines() if text.startswith("VmHWM"))
        return max(children, int(line.split()[1]) * 1024)
    return max(children, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def serve(start: Callable[[str], Engine], name: str) -> None:
    """Answers requests until the input ends; a failure is an answer too."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    engine, images = None, None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "load":
                engine = engine or start(name)
                answer = engine.load(request)
            elif request["do"] == "run":
                assert engine is not None  # noqa: S101
                began = time.perf_counter()
                images = engine.run()
                answer = {"seconds": time.perf_counter() - began, "peak": peak_bytes()}
            else:
                np.save(request["path"], np.asarray(images, dtype=np.float32))
                answer = {}
        except Exception as error:  # noqa: BLE001 - the other side decides what a failure means
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
