"""Batches: resuming, failures, cancelling, killed workers."""

from __future__ import annotations

import csv
import dataclasses
import pickle
import shutil
import sys
from pathlib import Path

import pytest
from toy_case import toy_centroids

from ReVerteRLib.batch import BatchCase, process_batch, process_case
from ReVerteRLib.batch.runners import WorkerRunner
from ReVerteRLib.centroids import write_centroids
from ReVerteRLib.errors import CancelledError, InputError, OutputError, ResourceError
from ReVerteRLib.worker import Launch, WorkerClient

EACH = [("reconstruct", "a"), ("reconstruct", "b"), ("reconstruct", "c")]


def index(out):
    with (out / "index.csv").open(newline="") as stream:
        return {row["case"]: row for row in csv.DictReader(stream)}


def test_each_case_gets_a_folder_and_a_line(cases, quick, runner, tmp_path):
    told = []
    result = process_batch(
        cases, tmp_path / "out", options=quick, worker=runner, progress=lambda *state: told.append(state)
    )
    assert [(o.case, o.status, o.found) for o in result.outcomes] == [
        (name, "done", ("T12", "L1", "L2")) for name in "abc"
    ]
    rows = index(tmp_path / "out")
    assert rows["b"]["status"] == "done"
    assert (rows["b"]["found"], rows["b"]["weights"], rows["b"]["device"]) == ("T12 L1 L2", "tiny", "cpu")
    assert (rows["b"]["folder"], rows["b"]["centroids"]) == ("b", "given")
    assert (tmp_path / "out" / "b" / "report.json").is_file()
    assert told[-1] == (3, 3, "")
    assert (1, 3, "b: L1 (2 of 3)") in told


def test_finished_cases_are_not_done_again_and_changed_ones_are(cases, quick, runner, tmp_path):
    out = tmp_path / "out"
    process_batch(cases, out, options=quick, worker=runner)
    assert runner.jobs == EACH
    again = process_batch(cases, out, options=quick, worker=runner)
    assert runner.jobs == EACH
    assert all(o.resumed and o.status == "done" for o in again.outcomes)
    assert index(out)["a"]["resumed"] == "yes"
    # other input, lost file, other settings
    write_centroids(toy_centroids(L1=(1.0, 2.0, 1.0)), cases / "a" / "centroids.mrk.json")
    (out / "c" / "labels.nii.gz").unlink()
    process_batch(cases, out, options=quick, worker=runner)
    assert runner.jobs[3:] == [EACH[0], EACH[2]]
    process_batch(cases, out, options=dataclasses.replace(quick, levels=("L1",)), worker=runner)
    assert runner.jobs[5:] == EACH
    assert index(out)["a"]["found"] == "L1"


def test_a_bad_case_among_good_ones(cases, quick, runner, tmp_path):
    (cases / "b" / "ap.nrrd").write_text("this is no image")
    (cases / "half").mkdir()
    shutil.copy(cases / "a" / "ap.nrrd", cases / "half")
    result = process_batch(cases, tmp_path / "out", options=quick, worker=runner)
    assert [o.status for o in result.outcomes] == ["done", "failed", "done", "failed"]
    rows = index(tmp_path / "out")
    assert rows["b"]["error_kind"] == "VolumeError"
    assert rows["b"]["error_where"] == str(cases / "b" / "ap.nrrd")
    assert "copy it again" in rows["b"]["error_remedy"]
    assert rows["b"]["exit_code"] == "3"
    assert "only the AP radiograph" in rows["half"]["error_what"]
    assert [o.case for o in result.failed] == ["b", "half"]


def test_a_fault_in_the_program_is_a_failed_case_too(cases, quick, runner, tmp_path):
    def fail(_name, arguments):
        if arguments["out"].name == "a":
            raise ZeroDivisionError("by chance")

    runner.before = fail
    result = process_batch(cases, tmp_path / "out", options=quick, worker=runner)
    assert [o.status for o in result.outcomes] == ["failed", "done", "done"]
    assert "unexpected ZeroDivisionError: by chance" in result.outcomes[0].error_what
    runner.before = lambda *_: None
    again = process_batch(cases, tmp_path / "out", options=quick, worker=runner)
    assert [(o.status, o.resumed) for o in again.outcomes] == [("done", False), ("done", True), ("done", True)]


def test_cancelling_keeps_what_is_done_and_the_same_call_goes_on(cases, quick, runner, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(CancelledError, match="cancelled after 1 of 3 cases"):
        process_batch(cases, out, options=quick, worker=runner, cancelled=lambda: len(runner.jobs) == 2)
    assert {name: row["status"] for name, row in index(out).items()} == {
        "a": "done", "b": "cancelled", "c": "waiting",
    }  # fmt: skip
    assert [p.name for p in (out / "b").iterdir()] == [] if (out / "b").exists() else True
    result = process_batch(cases, out, options=quick, worker=runner)
    assert [(o.status, o.resumed) for o in result.outcomes] == [("done", True), ("done", False), ("done", False)]


def test_what_a_killed_batch_left_is_tidied_up(cases, quick, runner, tmp_path):
    left = tmp_path / "out" / "a" / ".partial-dead"
    left.mkdir(parents=True)
    (left / "half.txt").write_text("half")
    process_batch(cases, tmp_path / "out", options=quick, worker=runner)
    assert not left.exists()
    assert not (tmp_path / "out" / "a" / "half.txt").exists()


def test_levels_of_a_case_come_before_those_of_the_batch(cases, quick, runner, tmp_path):
    views = {"ap": cases / "a" / "ap.nrrd", "lateral": cases / "a" / "lateral.nrrd"}
    case = BatchCase("x", **views, centroids=cases / "a" / "centroids.mrk.json", levels=("T12",))
    options = dataclasses.replace(quick, levels=("L1", "L2"))
    assert process_batch([case], tmp_path / "out", options=options, worker=runner).outcomes[0].found == ("T12",)


def test_measurements_are_written_and_their_failure_is_only_a_note(cases, quick, runner, tmp_path):
    options = dataclasses.replace(quick, measure=True)
    folder = tmp_path / "out" / "a"
    views = {"ap": cases / "a" / "ap.nrrd", "lateral": cases / "a" / "lateral.nrrd"}
    case = BatchCase("a", **views, centroids=cases / "a" / "centroids.mrk.json")
    assert process_case(case, folder, options, runner).notes == ()
    assert (folder / "measurements" / "vertebrae.csv").is_file()

    def fail(name, _arguments):
        if name == "measure":
            raise InputError("no ruler")

    runner.before = fail
    shutil.rmtree(folder)
    outcome = process_case(case, folder, options, runner)
    assert (outcome.status, outcome.notes) == ("done", ("not measured: no ruler.",))


def test_cases_options_and_outcomes_can_be_sent_to_other_processes(cases, quick, runner, tmp_path):
    views = {"ap": cases / "a" / "ap.nrrd", "lateral": cases / "a" / "no.nrrd"}
    case, options = pickle.loads(pickle.dumps((BatchCase("a", **views), quick)))  # noqa: S301 - our own
    outcome = process_case(case, tmp_path / "out", options, runner)
    assert pickle.loads(pickle.dumps(outcome)) == outcome  # noqa: S301
    assert (outcome.status, outcome.error_kind, outcome.error_what) == ("failed", "InputError", "no such file")


def test_a_folder_that_cannot_be_written_is_told_at_once(cases, quick, runner):
    with pytest.raises(OutputError):
        process_batch(cases, cases / "a" / "ap.nrrd" / "out", options=quick, worker=runner)
    assert runner.jobs == []


def test_a_worker_that_is_killed_in_mid_case_is_restarted_and_the_case_fails_the_second_time(cases, quick, tmp_path):
    program = Path(__file__).with_name("mortal_worker.py")
    launch = dataclasses.replace(Launch.of(sys.executable), command=(sys.executable, str(program)))
    with WorkerClient(launch) as client:
        result = process_batch(cases, tmp_path / "out", options=quick, worker=client)
        assert client.starts == 3
    assert [o.status for o in result.outcomes] == ["done", "failed", "done"]
    assert "worker was killed" in result.outcomes[1].error_what
    assert (result.outcomes[1].error_kind, result.outcomes[1].exit_code) == ("ResourceError", 5)
    assert not list((tmp_path / "out" / "b").glob(".*"))


def test_a_worker_that_dies_once_costs_one_more_try(cases, quick, runner, tmp_path):
    from ReVerteRLib.batch.runners import WorkerDiedError

    deaths = []

    def die(_name, arguments):
        if arguments["out"].name == "b" and len(deaths) < 1:
            deaths.append(1)
            raise WorkerDiedError(ResourceError("the worker was killed"))

    runner.before = die
    result = process_batch(cases, tmp_path / "out", options=quick, worker=runner)
    assert [o.status for o in result.outcomes] == ["done", "done", "done"]
    assert [job for job in runner.jobs if job[1] == "b"] == [("reconstruct", "b")] * 2
    deaths.clear()
    runner.before = lambda name, arguments: (deaths.clear(), die(name, arguments))
    shutil.rmtree(tmp_path / "out")
    result = process_batch(cases, tmp_path / "out", options=quick, worker=runner)
    assert [o.status for o in result.outcomes] == ["done", "failed", "done"]
    assert result.outcomes[1].error_what == "the worker was killed"


def test_a_batch_in_a_worker_can_be_cancelled(cases, quick, client, tmp_path):
    seen = []
    with pytest.raises(CancelledError):
        process_batch(
            cases, tmp_path / "out", options=quick, worker=WorkerRunner(client),
            progress=lambda done, _total, text: seen.append((done, text)), cancelled=lambda: len(seen) > 3,
        )  # fmt: skip
    assert "cancelled" in {row["status"] for row in index(tmp_path / "out").values()}
    left = [p for p in (tmp_path / "out").rglob(".*") if p.name.startswith(".partial")]
    assert left == []
