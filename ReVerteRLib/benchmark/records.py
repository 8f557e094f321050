"""What a benchmark notes of its trainings and of the machine, so that a run goes on and its tables can be judged."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ReVerteRLib.errors import InputError
from ReVerteRLib.files import write_json

TRAINING, RUN = "training.json", "run.json"


@dataclass(frozen=True)
class TrainingRecord:
    """How far one training is; kept beside its checkpoint.

    samples:    seen so far.
    seconds:    spent on steps, on the machine of `run`.
    parameters: trainable values of the network.
    """

    system: str
    seed: int
    samples: int
    steps: int
    batch: int
    seconds: float
    parameters: int

    @property
    def seconds_per_sample(self) -> float:
        """0 before the first sample."""
        return self.seconds / self.samples if self.samples else 0.0


def write_training(folder: Path, record: TrainingRecord) -> None:
    """Writes training.json. Raises OutputError."""
    write_json(Path(folder) / TRAINING, dataclasses.asdict(record))


def read_training(folder: Path) -> TrainingRecord | None:
    """The record of a training, None where it has none yet. Raises InputError for a damaged one."""
    path = Path(folder) / TRAINING
    if not path.is_file():
        return None
    try:
        return TrainingRecord(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InputError(f"is damaged ({error})", where=path, remedy="Delete this folder and train again") from error


def write_run(out: Path, record: Mapping[str, Any]) -> None:
    """Writes run.json. Raises OutputError."""
    write_json(Path(out) / RUN, dict(record))


def read_run(out: Path) -> dict[str, Any]:
    """run.json, {} where there is none. Raises InputError."""
    path = Path(out) / RUN
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InputError(f"is damaged ({error})", where=path, remedy="Delete it; it is written again") from error


# --- where it ran --------------------------------------------------------------------------------


def machine() -> dict[str, Any]:
    """Processor, cores, memory, GPU, versions of Python and torch."""
    import torch

    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": _memory_gb(),
        "gpu": gpu,
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="ignore").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (AttributeError, ValueError, OSError):
        return None


def commit() -> str:
    """The commit of the program's checkout, marked where files differ from it; 'unknown' outside one."""
    folder = Path(__file__).resolve().parent
    try:
        head = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return f"{head} with changes" if changed else head


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - fixed words
        ["git", "-C", str(folder), *arguments],  # noqa: S607
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    return done.stdout.strip()
