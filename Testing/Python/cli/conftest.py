"""The phantom on disk, simulated once, and a store with tiny weights."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from phantom import phantom, phantom_centroids, save_tiny_weights

from ReVerteRLib.centroids import write_centroids
from ReVerteRLib.cli.main import main
from ReVerteRLib.imaging.volume import write_volume
from ReVerteRLib.resources import RESOURCES_VARIABLE


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def reverter(capsys) -> Callable[..., Outcome]:
    """Runs the command line in this process."""

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = main([str(a) for a in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def prepared(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("phantom")
    ct, labels = phantom()
    write_volume(ct, folder / "ct.nii.gz")
    write_volume(labels, folder / "mask.nii.gz")
    write_centroids(phantom_centroids(), folder / "centroids.mrk.json")
    save_tiny_weights(folder / "Resources")
    assert main(["--quiet", "simulate", "--ct", str(folder / "ct.nii.gz"), "--out", str(folder / "views")]) == 0
    return folder


@pytest.fixture
def case(prepared, tmp_path, monkeypatch) -> Path:
    """A private copy of everything; tiny weights are the shipped ones."""
    folder = tmp_path / "case"
    shutil.copytree(prepared, folder)
    monkeypatch.setenv(RESOURCES_VARIABLE, str(folder / "Resources"))
    monkeypatch.setenv("REVERTER_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def inputs(case) -> Callable[..., list[object]]:
    """Arguments of `reconstruct`; keyword arguments replace one of them."""

    def make(**changes: object) -> list[object]:
        values = {
            "ap": case / "views" / "ap.nrrd",
            "lateral": case / "views" / "lateral.nrrd",
            "centroids": case / "centroids.mrk.json",
            "out": case / "out",
            **changes,
        }
        return ["reconstruct", *(part for name, value in values.items() for part in (f"--{name}", value))]

    return make


@pytest.fixture
def data(case: Path) -> Path:
    """Two subjects in the VerSe layout: one with a CT to train on, one with a mask only to validate."""
    root = case / "data"
    ct, labels = phantom()
    for name in ("sub-toy1", "sub-toy2"):
        write_volume(labels, root / "derivatives" / name / f"{name}_seg-vert_msk.nii.gz")
    write_volume(ct, root / "rawdata" / "sub-toy1" / "sub-toy1_ct.nii.gz")
    (root / "participants.tsv").write_text("participant_id\tsplit\nsub-toy1\ttrain\nsub-toy2\tval\n")
    return root
