"""Batches on Dask: killed workers, cancelling, versions, clusters that do not answer."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from ReVerteRLib.batch import BatchCase, Schedule, process_batch
from ReVerteRLib.errors import ArgumentError, CancelledError, ResourceError
from ReVerteRLib.imaging.volume import read_labels
from ReVerteRLib.resources import RESOURCES_VARIABLE

pytest.importorskip("distributed", reason="Dask is not installed (pip install distributed)")

PRELOAD = Path(__file__).with_name("deadly_worker.py")
LONG_S = 240.0


@pytest.fixture(scope="module")
def orders(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("orders")


@pytest.fixture(scope="module")
def cluster(toy, orders):
    """Two workers that run on their own, as far as the batch is concerned."""
    from distributed import LocalCluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(RESOURCES_VARIABLE, str(toy / "Resources"))
        patch.setenv("REVERTER_TEST_ORDERS", str(orders))
        options = {"threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50}
        found = LocalCluster(2, preload=[str(PRELOAD)], **options)
        yield found
        with contextlib.suppress(TimeoutError):  # a busy machine
            found.close()


@pytest.fixture
def schedule(cluster) -> Schedule:
    address = cluster.scheduler_address.removeprefix("tcp://")
    return Schedule(f"dask://{address}", workers=2, threads=1, patience_s=LONG_S)


@pytest.fixture
def many(cases) -> list[BatchCase]:
    """Six cases a to f with the same radiographs."""
    paths = {view: cases / "a" / f"{view}.nrrd" for view in ("ap", "lateral")}
    return [BatchCase(name, **paths, centroids=cases / "a" / "centroids.mrk.json") for name in "abcdef"]


def index(out):
    with (out / "index.csv").open(newline="") as stream:
        return {row["case"]: row for row in csv.DictReader(stream)}


def test_a_cluster_gives_what_one_process_gives_and_does_nothing_twice(cases, quick, runner, schedule, tmp_path):
    (cases / "c" / "ap.nrrd").write_text("this is no image")
    told = []
    plain = process_batch(cases, tmp_path / "plain", options=quick, worker=runner)
    spread = process_batch(
        cases, tmp_path / "spread", options=quick, schedule=schedule, progress=lambda *state: told.append(state)
    )

    def essence(result):
        return [(o.case, o.status, o.found, o.weights, o.error_what) for o in result.outcomes]

    assert essence(spread) == essence(plain)
    assert [o.status for o in spread.outcomes] == ["done", "done", "failed"]
    labels = [read_labels(tmp_path / name / "labels.nii.gz").array_kji for name in ("plain/a", "spread/a", "spread/b")]
    assert (labels[1] == labels[2]).all()
    assert (labels[0] == labels[1]).mean() > 0.99  # another number of threads rounds in another order
    assert all(str(os.getpid()) not in o.worker and ":" in o.worker for o in spread.outcomes)
    assert told[-1] == (3, 3, "")
    assert any("running on 2 workers" in text for _, _, text in told)
    again = process_batch(cases, tmp_path / "spread", options=quick, schedule=schedule)
    assert [o.resumed for o in again.outcomes] == [True, True, False]


def test_the_case_of_a_killed_worker_is_done_by_another_and_one_that_always_kills_has_failed(
    many, quick, orders, schedule, tmp_path
):
    (orders / "b.kill").write_text("1")
    (orders / "c.kill").write_text("99")
    calls = Counter()
    result = process_batch(
        many,
        tmp_path / "out",
        options=quick,
        schedule=dataclasses.replace(schedule, tries=2),
        on_case=lambda outcome: calls.update([outcome.case]),
    )
    (orders / "c.kill").unlink()
    assert {o.case: (o.status, o.tries) for o in result.outcomes} == {
        "a": ("done", 1), "b": ("done", 2), "c": ("failed", 2), "d": ("done", 1), "e": ("done", 1), "f": ("done", 1),
    }  # fmt: skip
    assert set(calls.values()) == {1}
    failed = index(tmp_path / "out")["c"]
    assert "its worker was lost 2 times" in failed["error_what"]
    assert (failed["error_kind"], failed["exit_code"]) == ("ResourceError", "5")
    assert (tmp_path / "out" / "b" / "report.json").is_file()
    assert not list((tmp_path / "out" / "b").glob(".*"))
    assert not (tmp_path / "out" / "b" / "half.txt").exists()


def test_a_cancelled_run_stops_its_workers_and_the_next_one_goes_on(many, quick, orders, schedule, tmp_path):
    (orders / "b.hold").touch()
    try:
        with pytest.raises(CancelledError, match=r"cancelled after \d of 6 cases"):
            process_batch(
                many, tmp_path / "out", options=quick, schedule=schedule, cancelled=(orders / "b.begun").exists
            )
    finally:
        (orders / "b.hold").unlink()
        (orders / "b.begun").unlink(missing_ok=True)
    rows = index(tmp_path / "out")
    assert rows["b"]["status"] == "cancelled"
    assert not list((tmp_path / "out").rglob(".partial-*"))
    before = {name for name, row in rows.items() if row["status"] == "done"}
    result = process_batch(many, tmp_path / "out", options=quick, schedule=schedule)
    assert [o.status for o in result.outcomes] == ["done"] * 6
    assert {o.case for o in result.outcomes if o.resumed} == before


def test_a_worker_can_be_started_afresh_after_each_case(quick, schedule, tmp_path):
    lost = [BatchCase(name, ct=tmp_path / "no.nii.gz") for name in "abc"]  # quick: torch is not even imported for them
    fresh = dataclasses.replace(schedule, restart_after=1)
    result = process_batch(lost, tmp_path / "out", options=quick, schedule=fresh)
    assert [(o.status, o.error_what, o.tries) for o in result.outcomes] == [("failed", "no such file", 1)] * 3
    assert len({o.worker for o in result.outcomes}) == 3


def test_workers_with_other_versions_are_refused_before_anything_is_done(many, quick, schedule, tmp_path, monkeypatch):
    from ReVerteRLib.batch.remote import Facts

    here = dataclasses.replace(Facts.here("default"), torch="1.0", weights="0" * 64)
    monkeypatch.setattr(Facts, "here", lambda _weights: here)
    text = r"workers cannot take part: .* has torch [2-9]\S+ instead of 1\.0, weights \w{12} instead of 0{12}"
    with pytest.raises(ResourceError, match=text):
        process_batch(many, tmp_path / "out", options=quick, schedule=schedule)
    assert [p for p in (tmp_path / "out").iterdir() if p.is_dir()] == []


def test_a_scheduler_that_does_not_answer(many, quick, tmp_path):
    nobody = Schedule("dask://127.0.0.1:1", connect_s=0.5)
    with pytest.raises(ResourceError, match="no Dask scheduler answers") as caught:
        process_batch(many, tmp_path / "out", options=quick, schedule=nobody)
    assert caught.value.where == "dask://127.0.0.1:1"
    assert {row["status"] for row in index(tmp_path / "out").values()} == {"waiting"}


def test_workers_that_do_not_come(many, quick, schedule, tmp_path):
    with pytest.raises(ResourceError, match=r"[0-2] of 3 workers came within 0\.5 s"):
        process_batch(
            many, tmp_path / "out", options=quick, schedule=dataclasses.replace(schedule, workers=3, patience_s=0.5)
        )


def test_a_worker_and_a_cluster_at_once_are_refused(many, runner, schedule, tmp_path):
    with pytest.raises(ArgumentError, match="a worker and a cluster"):
        process_batch(many, tmp_path / "out", worker=runner, schedule=schedule)


@pytest.mark.skipif(os.name == "nt", reason="signals to a process group")
def test_control_c_in_a_terminal_leaves_a_folder_that_can_be_resumed(cases, toy, orders, tmp_path):
    shutil.rmtree(cases / "c")
    (orders / "b.hold").touch()
    (orders / "b.begun").unlink(missing_ok=True)
    environment = {
        **os.environ,
        RESOURCES_VARIABLE: str(toy / "Resources"),
        "REVERTER_TEST_ORDERS": str(orders),
        "DASK_DISTRIBUTED__WORKER__PRELOAD": str(PRELOAD),
    }
    arguments = ("batch", cases, "--out", tmp_path / "out", "--workers", "1", "--device", "cpu", "--no-pictures")
    command = [sys.executable, "-m", "ReVerteRLib", *map(str, arguments), "--no-measure"]
    program = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # a shell's background job ignores Ctrl-C, and its children would inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - takes no lock
    )
    try:
        end = time.monotonic() + LONG_S
        while not (orders / "b.begun").exists() and program.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        os.killpg(program.pid, signal.SIGINT)  # a terminal sends it to the workers as well
        _, errors = program.communicate(timeout=LONG_S)
    finally:
        program.kill()
        (orders / "b.hold").unlink()
    assert program.returncode == 4, errors
    assert "cancelled after 1 of 2 cases" in errors
    assert "Traceback" not in errors
    assert {name: row["status"] for name, row in index(tmp_path / "out").items()} == {"a": "done", "b": "cancelled"}
    assert not list((tmp_path / "out").rglob(".partial-*"))
