"""The real worker with jobs that misbehave; started by tests as a program."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from pathlib import Path

from ReVerteRLib.cli.staging import staged_folder
from ReVerteRLib.worker import registry, server


def chatty(_arguments, _context):
    """Prints from Python and from C, and tries to read what is not meant for it."""
    print("a stray print")
    os.write(1, b"written to descriptor 1\n")
    libc = ctypes.CDLL(None)
    libc.puts(b"printed by C")
    libc.fflush(None)
    return {"stdin": sys.stdin.read()}


def stubborn(arguments, context):
    """Does not look whether it was cancelled, has a child, and has half a result in its staged folder."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    with staged_folder(Path(arguments["out"]), context.token) as folder:
        (folder / "half.txt").write_text("half")
        context.tell("progress", {"done": 0, "total": 1, "text": str(child.pid)})
        time.sleep(120)
    return {}


def patient(arguments, context):
    """Looks between its units of work."""
    with staged_folder(Path(arguments["out"]), context.token) as folder:
        (folder / "half.txt").write_text("half")
        for number in range(10_000):
            context.progress(number, 10_000, "unit", stage="units")
            context.check()
            time.sleep(0.01)
    return {}


def dying(_arguments, _context):
    print("the last words", file=sys.stderr, flush=True)
    os._exit(23)


def faulty(_arguments, _context):
    return {}["missing"]


def full(_arguments, _context):
    raise MemoryError


if __name__ == "__main__":
    odd = {"simulate": chatty, "annotate": stubborn, "reconstruct": patient, "measure": dying, "export": faulty}
    registry.JOB_FUNCTIONS.update(odd)
    if "full" in sys.argv:
        registry.JOB_FUNCTIONS["export"] = full
    sys.exit(server.main())
