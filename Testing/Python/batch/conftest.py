"""Cases on disk, a runner in this process, and one that counts and fails on demand."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from toy_case import write_case

from ReVerteRLib.batch import BatchOptions, DirectRunner
from ReVerteRLib.resources import RESOURCES_VARIABLE
from ReVerteRLib.worker import Launch, WorkerClient

QUICK = BatchOptions(device="cpu", pictures=False, scene=False, measure=False)


class CountingRunner:
    """Passes jobs on to this process and remembers them; `before` may interfere."""

    def __init__(self) -> None:
        self._direct = DirectRunner()
        self.jobs: list[tuple[str, str]] = []
        self.before: Callable[[str, dict], None] = lambda _name, _arguments: None

    def run(self, name, arguments, progress, cancelled):
        self.jobs.append((name, Path(arguments["out"]).name))
        self.before(name, arguments)
        return self._direct.run(name, arguments, progress, cancelled)


@pytest.fixture(scope="session")
def toy(tmp_path_factory) -> Path:
    return write_case(tmp_path_factory.mktemp("toy"))


@pytest.fixture
def cases(toy, tmp_path, monkeypatch) -> Path:
    """A folder of three cases: a, b, c."""
    monkeypatch.setenv(RESOURCES_VARIABLE, str(toy / "Resources"))
    for name in ("a", "b", "c"):
        (tmp_path / "cases" / name).mkdir(parents=True)
        for file in ("ap.nrrd", "lateral.nrrd", "centroids.mrk.json"):
            shutil.copy(toy / file, tmp_path / "cases" / name / file)
    return tmp_path / "cases"


@pytest.fixture
def quick() -> BatchOptions:
    return QUICK


@pytest.fixture
def runner() -> CountingRunner:
    return CountingRunner()


@pytest.fixture
def client(toy) -> Iterator[WorkerClient]:
    environment = {**os.environ, RESOURCES_VARIABLE: str(toy / "Resources")}
    with WorkerClient(Launch.of(sys.executable, environment)) as client:
        yield client
