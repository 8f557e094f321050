"""How the worker with odd jobs is started."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from ReVerteRLib.worker import Launch

ODD = Path(__file__).with_name("odd_worker.py")


def odd_launch(*arguments: str) -> Launch:
    return dataclasses.replace(Launch.of(sys.executable), command=(sys.executable, str(ODD), *arguments))
