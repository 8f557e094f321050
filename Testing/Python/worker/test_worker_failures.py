"""The real worker on computers with something wrong: full disk, no network, no PyTorch, crashes, odd paths."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

import pytest

from ReVerteRLib.errors import OutputError, ResourceError, ReVerteRError
from ReVerteRLib.resources import RESOURCES_VARIABLE
from ReVerteRLib.worker import Launch, WorkerClient

LONG_S = 240.0
LONG_NAME = "Größe_患者_Позвоночник_" * 4


@pytest.fixture
def failing(toy_inputs):
    """A function that gives a client of a worker in the given trouble."""
    clients = []

    def start(*mode: str) -> WorkerClient:
        launch = Launch.of(sys.executable, {**os.environ, RESOURCES_VARIABLE: str(toy_inputs / "Resources")})
        program = str(Path(__file__).with_name("failing_worker.py"))
        clients.append(WorkerClient(dataclasses.replace(launch, command=(sys.executable, program, *mode))))
        return clients[-1]

    yield start
    for client in clients:
        client.close()


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_full_disk_is_told_and_the_earlier_result_stays(client, failing, reconstruction, tmp_path):
    client.request("reconstruct", **reconstruction(levels=["L1"])).wait(LONG_S)
    before = content(tmp_path / "out")
    sizes = sorted(len(data) for data in before.values())
    starved = failing("small-disk", str(sizes[-2]))  # all but one file could be written
    with pytest.raises(OutputError, match=r"cannot be written(.|\n)*free space") as caught:
        starved.request("reconstruct", **reconstruction(levels=["L1"])).wait(LONG_S)
    assert str(tmp_path / "out") in caught.value.where
    assert content(tmp_path / "out") == before
    assert not [p.name for p in (tmp_path / "out").iterdir() if p.name.startswith(".")]
    assert starved.request("hello", device="cpu").wait(LONG_S)["device"] == "cpu"
    assert starved.starts == 1


def test_no_connection_is_needed(failing, reconstruction, toy_inputs, tmp_path):
    """Every attempt to open one fails in this worker."""
    offline = failing("offline")
    assert offline.request("hello").wait(LONG_S)["default_weights"] == "tiny"
    views = {"ap": toy_inputs / "ap.nrrd", "lateral": toy_inputs / "lateral.nrrd"}
    found = offline.request("annotate", **views, out=tmp_path / "found").wait(LONG_S)
    assert found["vertebrae"]
    offline.request("reconstruct", **reconstruction()).wait(LONG_S)
    measured = offline.request("measure", result=tmp_path / "out", out=tmp_path / "numbers", **views).wait(LONG_S)
    assert [v["level"] for v in measured["vertebrae"]] == ["T12", "L1", "L2"]
    formats = ["stl", "nifti", "dicom"]
    exported = offline.request("export", result=tmp_path / "out", out=tmp_path / "files", formats=formats)
    assert len(exported.wait(LONG_S)["files"]) == 6
    assert offline.starts == 1


def test_a_python_without_pytorch_is_named_and_everything_else_is_told(failing, reconstruction, tmp_path):
    bare = failing("no-torch")
    told = bare.request("hello").wait(LONG_S)
    assert "the package torch is not installed" in told["problem"]
    assert sys.executable in told["problem"]
    assert told["default_weights"] == "tiny"
    with pytest.raises(
        ResourceError, match=r"the package torch is not installed\. Install it in this Python"
    ) as caught:
        bare.request("reconstruct", **reconstruction()).wait(LONG_S)
    assert caught.value.where == sys.executable
    assert not (tmp_path / "out").exists()
    assert bare.starts == 1


def test_a_crash_is_told_with_the_workers_last_words_and_the_next_job_has_a_new_worker(failing, reconstruction):
    crashing = failing("crash")
    job = crashing.request("reconstruct", **reconstruction())
    with pytest.raises(ReVerteRError, match="the worker crashed") as caught:
        job.wait(LONG_S)
    text = caught.value.message()
    for word in ("SIGSEGV", "loading libbroken.so", "Segmentation fault", "_crash", "CPU as device"):
        assert word in text
    assert crashing.request("hello", device="cpu").wait(LONG_S)["device"] == "cpu"
    assert crashing.starts == 2


def test_long_paths_that_are_not_ascii_are_as_good_as_others(client, reconstruction, tmp_path):
    out = tmp_path / LONG_NAME / LONG_NAME
    assert len(str(out)) > 200
    record = client.request("reconstruct", **reconstruction(out=out)).wait(LONG_S)
    assert record["out"] == str(out)
    files = content(out)
    assert set(files) == {"labels.nii.gz", "report.json", "spine.seg.nrrd", "vertebrae.npz"} | {
        f"models/{level}.stl" for level in ("T12", "L1", "L2")
    }
    views = {"ap": out / "ap.nrrd", "lateral": out / "lateral.nrrd"}
    for view, path in views.items():
        path.write_bytes(reconstruction()[view].read_bytes())
    again = client.request("reconstruct", **reconstruction(**views, out=out, base=out, levels=["L1"])).wait(LONG_S)
    assert again["kept"] == ["T12", "L2"]
    formats = ["stl", "obj", "ply", "nifti", "seg.nrrd", "dicom"]
    told = client.request("export", result=out, out=out / "files", formats=formats).wait(LONG_S)
    assert all(Path(path).stat().st_size > 100 for path in told["files"].values())


def test_a_name_that_is_too_long_is_told(client, reconstruction, tmp_path):
    for out in (tmp_path / ("x" * 300), tmp_path / ("x" * 300) / "y"):
        with pytest.raises(OutputError, match="too long") as caught:
            client.request("reconstruct", **reconstruction(out=out)).wait(LONG_S)
        assert str(out) in caught.value.message()
        assert "horter name" in caught.value.remedy
    with pytest.raises(ReVerteRError, match="too long"):
        client.request("reconstruct", **reconstruction(ap=tmp_path / ("x" * 300 + ".nrrd"))).wait(LONG_S)
    assert list(tmp_path.iterdir()) == []
