"""How the worker is started, and what is left of processes that were killed."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace

import pytest

from ReVerteRLib.cli.staging import left_behind, recover_folder
from ReVerteRLib.errors import ResourceError, VolumeError
from ReVerteRLib.worker import Launch, default_launch
from ReVerteRLib.worker.context import Estimate
from ReVerteRLib.worker.protocol import Event, decode_event, encode_event, error_event, error_from


def slicer_application() -> SimpleNamespace:
    clean = {"PATH": "/usr/bin", "PYTHONPATH": "/mine"}
    return SimpleNamespace(app=object(), util=SimpleNamespace(startupEnvironment=lambda: clean))


def test_outside_slicer_it_is_this_python():
    for modules in ({}, {"slicer": SimpleNamespace()}):  # slicer-core has no application
        launch = default_launch(modules)
        assert launch.command == (sys.executable, "-m", "ReVerteRLib.worker")
        assert launch.environment["PATH"] == os.environ["PATH"]


def test_inside_slicer_it_is_pythonslicer_in_the_environment_from_before_slicer():
    launch = default_launch({"slicer": slicer_application()}, which={"PythonSlicer": "/slicer/PythonSlicer"}.get)
    assert launch.command[0] == "/slicer/PythonSlicer"
    assert launch.environment["PATH"] == "/usr/bin"
    library, mine = launch.environment["PYTHONPATH"].split(os.pathsep)
    assert os.path.isdir(os.path.join(library, "ReVerteRLib"))  # noqa: PTH112, PTH118 - texts of an environment
    assert mine == "/mine"
    assert launch.environment["PYTHONSAFEPATH"] == "1"


def test_a_slicer_without_pythonslicer_is_told():
    with pytest.raises(ResourceError, match="PythonSlicer was not found"):
        default_launch({"slicer": slicer_application()}, which=lambda _name: None)


def test_an_interpreter_of_the_users_choice():
    assert Launch.of("/opt/python3", {"A": "b"}).environment["A"] == "b"
    assert Launch.of("/opt/python3").command[0] == "/opt/python3"


def test_an_error_keeps_class_place_and_remedy_on_its_way():
    event = decode_event(encode_event(error_event("j1", VolumeError("broken ü", where="a.nrrd", remedy="Copy it"))))
    back = error_from(event)
    assert (type(back), back.what, back.where, back.remedy) == (VolumeError, "broken ü", "a.nrrd", "Copy it")
    assert (event.id, event.is_last) == ("j1", True)
    assert type(error_from(Event("error", "", {"kind": "Path"}))).__name__ == "ReVerteRError"


def test_time_left_is_the_mean_so_far_times_what_is_left():
    now = [100.0]
    estimate = Estimate(lambda: now[0])
    assert estimate.seconds_left(0, 8) is None
    now[0] = 106.0
    assert estimate.seconds_left(2, 8) == 18.0
    estimate.restart()
    now[0] = 107.0
    assert estimate.seconds_left(1, 3) == 2.0


def make(folder, **files):
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def test_unfinished_results_of_a_killed_process_go_and_earlier_ones_stay(tmp_path):
    make(tmp_path / "out", report="old")
    make(tmp_path / "out" / ".partial-x1", report="half")
    make(tmp_path / "out" / ".partial-other", report="of a process that still runs")
    assert left_behind(tmp_path / "out") == ["other", "x1"]
    recover_folder(tmp_path / "out", "x1")
    assert (tmp_path / "out" / "report").read_text() == "old"
    assert left_behind(tmp_path / "out") == ["other"]
    recover_folder(tmp_path / "nowhere", "x1")


def test_results_that_were_being_moved_into_place_are_moved_to_the_end(tmp_path):
    out = tmp_path / "out"
    make(out, labels="new", report="old")
    make(out / ".partial-x1", report="new", added="new")
    make(out / ".replaced-x1", labels="old")
    recover_folder(out, "x1")
    assert {p.name: p.read_text() for p in out.iterdir()} == {"labels": "new", "report": "new", "added": "new"}
