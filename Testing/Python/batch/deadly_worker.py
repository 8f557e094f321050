"""Loaded by Dask workers of these tests: reconstructions obey files in the folder $REVERTER_TEST_ORDERS.

<case>.kill: the worker is killed in mid-case; the file holds how often. <case>.hold: the case begins (<case>.begun) and
lasts until it is cancelled.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from ReVerteRLib.cli.staging import staged_folder
from ReVerteRLib.worker import jobs, registry


def reconstruct(arguments, context):
    out = Path(arguments["out"])
    orders = Path(os.environ["REVERTER_TEST_ORDERS"])
    kill = orders / f"{out.name}.kill"
    if kill.is_file() and (left := int(kill.read_text())):
        kill.write_text(str(left - 1))
        with staged_folder(out, context.token) as folder:
            (folder / "half.txt").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    if (orders / f"{out.name}.hold").is_file():
        (orders / f"{out.name}.begun").touch()
        while True:
            context.check()
            time.sleep(0.05)
    return jobs.reconstruct(arguments, context)


def dask_setup(_worker):
    registry.JOB_FUNCTIONS["reconstruct"] = reconstruct
