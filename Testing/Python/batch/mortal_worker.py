"""The real worker, which is killed in the middle of every reconstruction into a folder called b."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from ReVerteRLib.cli.staging import staged_folder
from ReVerteRLib.worker import jobs, registry, server


def reconstruct(arguments, context):
    if Path(arguments["out"]).name == "b":
        with staged_folder(Path(arguments["out"]), context.token) as folder:
            (folder / "half.txt").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    return jobs.reconstruct(arguments, context)


if __name__ == "__main__":
    registry.JOB_FUNCTIONS["reconstruct"] = reconstruct
    sys.exit(server.main())
