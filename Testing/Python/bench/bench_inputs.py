"""Programs that stand for peers, and a toy spine."""

from __future__ import annotations

import sys
from pathlib import Path

from ReVerteRLib.bench import serve
from ReVerteRLib.bench.client import System

_SCRIPT = """
import importlib.util, json, sys, time, os
import numpy as np
specification = importlib.util.spec_from_file_location("serve", {serve!r})
module = importlib.util.module_from_spec(specification)
specification.loader.exec_module(module)
class Engine:
    def load(self, job):
        if "refuses" == sys.argv[1]: raise RuntimeError("no parallel rays")
        if "missing" == sys.argv[1]: import no_such_package
        self.views = json.load(open(job["geometry"]))["views"] if "geometry" in job else []
        return {{"version": "1"}}
    def run(self):
        print("chatter that is no answer")
        with open({log!r}, "a") as file: file.write(sys.argv[1] + " ")
        if "hangs" == sys.argv[1]: time.sleep(600)
        if "dies" == sys.argv[1]: os._exit(3)
        if "slow" == sys.argv[1]: time.sleep(0.3)
        return np.stack([np.ones(v["projection"]["image_hw"]) for v in self.views] or [np.ones((2, 2))])
module.serve(lambda name: Engine(), sys.argv[1])
"""


def stand_in(name: str, folder: Path) -> System:
    """A program that is quick, slow, hangs, dies, refuses or is missing, and writes its name to log.txt at each run."""
    script = folder / "program.py"
    script.write_text(_SCRIPT.format(serve=serve.__file__, log=str(folder / "log.txt")))
    return System(name, (sys.executable, str(script), name))
