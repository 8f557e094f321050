"""The batch folder: its lock, its index, and what a schedule says about where cases run."""

from __future__ import annotations

import csv
import importlib.util
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from ReVerteRLib.batch import CaseOutcome, Schedule, process_batch
from ReVerteRLib.batch import index as index_module
from ReVerteRLib.batch.index import BatchIndex
from ReVerteRLib.batch.lock import folder_lock
from ReVerteRLib.errors import ArgumentError, OutputError

HOLD = "from ReVerteRLib.batch.lock import folder_lock; import pathlib, sys, time\n"
HOLD += "with folder_lock(pathlib.Path(sys.argv[1])): print('held', flush=True); time.sleep(600)"


@pytest.fixture
def holder(tmp_path):
    """Another process that holds tmp_path."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def rows(folder):
    with (folder / "index.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_a_folder_in_which_a_batch_runs_is_refused(holder, cases, quick, runner, tmp_path):
    with pytest.raises(OutputError, match=f"another batch writes to this folder .process {holder.pid} on ") as caught:
        process_batch(cases, tmp_path, options=quick, worker=runner)
    assert caught.value.where == str(tmp_path)
    assert runner.jobs == []
    assert not (tmp_path / "index.csv").exists()


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_the_folder_of_a_killed_batch_is_taken_over_with_a_message(holder, tmp_path):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with folder_lock(tmp_path) as message:
        assert f"taken over from one that ended early (process {holder.pid} on" in message
    with folder_lock(tmp_path) as message:
        assert message == ""


def test_one_process_does_not_hold_a_folder_twice(tmp_path):
    with folder_lock(tmp_path):
        with pytest.raises(OutputError, match=r"another batch writes|cannot be locked"), folder_lock(tmp_path):
            pass
        with pytest.raises(OutputError), folder_lock(tmp_path):  # the refused one has not let it go
            pass
    with folder_lock(tmp_path):
        pass


def test_a_damaged_record_of_a_dead_batch_does_not_stop_the_next(tmp_path):
    (tmp_path / ".batch.json").write_text('{"pid": ')
    with folder_lock(tmp_path) as message:
        assert "ended early (an unknown process)" in message
    assert not (tmp_path / ".batch.json").exists()


def test_the_index_is_whole_after_every_case_and_counts_the_finished(tmp_path):
    index = BatchIndex(tmp_path, ["a", "b", "c"])
    index.put(1, CaseOutcome("b", "done", str(tmp_path / "b"), found=("T12", "L1"), notes=("one", "two, three")))
    assert [(r["case"], r["status"]) for r in rows(tmp_path)] == [("a", "waiting"), ("b", "done"), ("c", "waiting")]
    second = rows(tmp_path)[1]
    assert (second["folder"], second["found"], second["notes"]) == ("b", "T12 L1", "one | two, three")
    index.put(1, CaseOutcome("b", "failed", error_what='said "no"\nand left'))
    index.put(0, CaseOutcome("a", "cancelled"))
    index.write()
    assert rows(tmp_path)[1]["error_what"] == 'said "no"\nand left'
    assert index.finished == 1


def test_a_slow_index_is_written_less_often_and_at_the_end(tmp_path, monkeypatch):
    clock = iter([0.0, 10.0, 11.0, 12.0, 400.0, 400.0, 401.0])  # the first writing takes ten seconds
    monkeypatch.setattr(index_module.time, "monotonic", lambda: next(clock))
    index = BatchIndex(tmp_path, ["a", "b", "c"])
    index.write()
    for number, name in enumerate("ab"):
        index.put(number, CaseOutcome(name, "done"))
        assert rows(tmp_path)[0]["status"] == "waiting"
    index.put(2, CaseOutcome("c", "done"))
    assert [r["status"] for r in rows(tmp_path)] == ["done"] * 3


def test_the_parquet_index_has_the_same_lines_with_types(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    index = BatchIndex(tmp_path, ["a", "b"])
    index.put(0, CaseOutcome("a", "done", str(tmp_path / "a"), True, ("L1",), seconds=1.5))
    index.write()
    first, second = parquet.read_table(tmp_path / "index.parquet").to_pylist()
    assert list(first) == list(rows(tmp_path)[0])
    assert (first["case"], first["resumed"], first["found"], first["seconds"]) == ("a", True, ["L1"], 1.5)
    assert (second["status"], second["found"], second["tries"]) == ("waiting", [], 1)


def test_an_old_parquet_index_does_not_contradict_the_new_one(tmp_path, monkeypatch):
    (tmp_path / "index.parquet").write_bytes(b"old")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    BatchIndex(tmp_path, ["a"]).write()
    assert [p.name for p in tmp_path.iterdir()] == ["index.csv"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("local", ""),
        ("dask://node7:8786", "tcp://node7:8786"),
        ("dask://tls://node7:8786", "tls://node7:8786"),
        ("dask:///scratch/scheduler.json", "/scratch/scheduler.json"),
    ],
)
def test_addresses_of_schedulers(text, address):
    assert Schedule(text).address == address


@pytest.mark.parametrize(
    ("schedule", "what"),
    [
        (Schedule("slurm"), "'slurm' is no scheduler"),
        (Schedule("dask://"), "is no scheduler"),
        (Schedule("dask://node7"), "'node7' has no port"),
        (Schedule(threads=0), "0 is impossible"),
    ],
)
def test_an_impossible_schedule_is_refused(schedule, what):
    with pytest.raises(ArgumentError, match=what):
        schedule.check()


def test_a_missing_file_of_a_scheduler_is_told(tmp_path):
    pytest.importorskip("distributed", reason="Dask is not installed")
    with pytest.raises(ArgumentError, match="the scheduler's file is not there"):
        Schedule(f"dask://{tmp_path / 'scheduler.json'}").check()


def test_where_dask_is_missing_the_remedy_is_told_and_nothing_is_begun(cases, quick, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ArgumentError, match=r"Dask is not installed.*pip install distributed"):
        process_batch(cases, tmp_path / "out", options=quick, schedule=Schedule(workers=2))
    assert not (tmp_path / "out").exists()


def test_one_process_needs_no_dask(tmp_path):
    program = """
        import pathlib, sys
        from ReVerteRLib.batch import BatchCase, process_batch
        result = process_batch([BatchCase("lost", ap=pathlib.Path("no.nrrd"), lateral=pathlib.Path("no.nrrd"))], "out")
        assert [o.status for o in result.failed] == ["failed"]
        raise SystemExit(str({"dask", "distributed", "pyarrow"} & set(sys.modules)))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stderr.strip() in ("set()", "{'pyarrow'}")
