"""Clients of the real worker and of one with odd jobs, and a case on disk with tiny weights."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from odd_launches import odd_launch
from toy_case import write_case

from ReVerteRLib.resources import RESOURCES_VARIABLE
from ReVerteRLib.worker import Launch, WorkerClient


@pytest.fixture
def odd() -> Iterator[WorkerClient]:
    with WorkerClient(odd_launch()) as client:
        yield client


@pytest.fixture(scope="session")
def toy_inputs(tmp_path_factory) -> Path:
    """Radiographs, centroids and Resources; read only."""
    return write_case(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="session")
def _shared_client(toy_inputs) -> Iterator[WorkerClient]:
    environment = {**os.environ, RESOURCES_VARIABLE: str(toy_inputs / "Resources")}
    with WorkerClient(Launch.of(sys.executable, environment)) as client:
        client.start()
        yield client


@pytest.fixture
def client(_shared_client) -> WorkerClient:
    """The real worker, warm after its first job."""
    return _shared_client


@pytest.fixture
def reconstruction(toy_inputs, tmp_path):
    """Arguments of a reconstruct request without pictures and scene; keyword arguments replace one of them."""

    def make(**changes: object) -> dict[str, object]:
        files = {"ap": "ap.nrrd", "lateral": "lateral.nrrd", "centroids": "centroids.mrk.json"}
        paths = {name: toy_inputs / file for name, file in files.items()}
        return {**paths, "out": tmp_path / "out", "pictures": False, "scene": False, "device": "cpu", **changes}

    return make
