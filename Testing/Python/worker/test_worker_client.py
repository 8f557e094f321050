"""The client and the server over real pipes, with jobs that misbehave in every way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from odd_launches import ODD, odd_launch

from ReVerteRLib.errors import ArgumentError, CancelledError, ResourceError, ReVerteRError
from ReVerteRLib.worker import JobState, Launch, WorkerClient

LONG_S = 60.0


def poll_until(client, reached, timeout_s=LONG_S):
    end = time.monotonic() + timeout_s
    while not reached():
        assert time.monotonic() < end, "nothing happened"
        client.poll()
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_stray_prints_of_python_and_c_do_not_reach_the_protocol(odd):
    events = []
    client = odd
    client._on_event = events.append
    job = client.request("simulate")
    assert job.wait(LONG_S) == {"stdin": ""}
    assert [e.name for e in events] == ["ready", "result"]
    log = client._process.last_errors()
    assert {"a stray print", "written to descriptor 1", "printed by C"} <= set(log)


def test_a_job_that_looks_is_cancelled_without_ending_the_worker(odd, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    job = odd.request("reconstruct", out=tmp_path)
    poll_until(odd, lambda: job.progress)
    pid = odd.pid
    odd.cancel(30.0, wait=True)
    assert job.state is JobState.CANCELLED
    assert isinstance(job.error, CancelledError)
    assert names(tmp_path) == ["mine.txt"]
    assert odd.pid == pid
    assert odd.running


def test_a_job_that_does_not_look_is_ended_with_its_children_and_leaves_nothing(odd, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    job = odd.request("annotate", out=tmp_path)
    poll_until(odd, lambda: job.progress)
    child, worker = int(job.progress["text"]), odd.pid
    assert any(n.startswith(".partial-") for n in names(tmp_path))
    odd.cancel(1.0, wait=True)
    assert job.state is JobState.CANCELLED
    assert names(tmp_path) == ["mine.txt"]
    assert not is_alive(worker)
    assert not is_alive(child)
    assert odd.request("simulate").wait(LONG_S) == {"stdin": ""}
    assert odd.starts == 2


def test_cancelling_returns_at_once_and_takes_the_waiting_jobs_along(odd, tmp_path):
    first = odd.request("reconstruct", out=tmp_path / "a")
    second = odd.request("reconstruct", out=tmp_path / "b")
    poll_until(odd, lambda: first.progress)
    odd.cancel(30.0)
    assert not first.finished
    poll_until(odd, lambda: first.finished and second.finished)
    assert {first.state, second.state} == {JobState.CANCELLED}
    assert not odd.busy
    assert not (tmp_path / "b").exists()


def test_a_killed_worker_is_told_as_short_of_memory_and_replaced(odd, tmp_path):
    events = []
    odd._on_event = events.append
    job = odd.request("annotate", out=tmp_path)
    waiting = odd.request("simulate")
    poll_until(odd, lambda: job.progress)
    child = int(job.progress["text"])
    os.kill(odd.pid, signal.SIGKILL)
    with pytest.raises(ResourceError, match="memory did not suffice"):
        job.wait(LONG_S)
    os.kill(child, signal.SIGKILL)
    assert names(tmp_path) == []
    assert waiting.wait(LONG_S) == {"stdin": ""}
    assert odd.starts == 2
    assert [e.data["exit_code"] for e in events if e.name == "error"] == [5]


def test_the_last_words_of_a_worker_that_died_are_in_the_error(odd):
    job = odd.request("measure")
    with pytest.raises(ReVerteRError, match=r"exit code 23(.|\n)*the last words"):
        job.wait(LONG_S)
    assert job.state is JobState.FAILED


def test_a_fault_in_a_job_is_told_and_the_worker_goes_on(odd):
    job = odd.request("export")
    with pytest.raises(ReVerteRError, match="unexpected KeyError: 'missing'"):
        job.wait(LONG_S)
    assert job.error.exit_code == 1
    assert odd.request("simulate").wait(LONG_S) == {"stdin": ""}
    assert odd.starts == 1


def test_memory_that_does_not_suffice_is_told_by_the_worker_itself():
    with WorkerClient(odd_launch("full")) as client, pytest.raises(ResourceError, match="memory does not suffice"):
        client.request("export").wait(LONG_S)


def test_an_interpreter_that_does_not_exist():
    with WorkerClient(["/no/such/python", "-m", "x"]) as client:
        job = client.request("hello")
        with pytest.raises(ResourceError, match="cannot be started"):
            job.wait(LONG_S)


def test_an_interpreter_without_the_library_says_so():
    with WorkerClient([sys.executable, "-c", "import no_such_module"]) as client:
        job = client.request("hello")
        with pytest.raises(ReVerteRError, match="No module named 'no_such_module'"):
            job.wait(LONG_S)


def test_arguments_that_cannot_be_sent_are_refused_before_anything_starts():
    client = WorkerClient()
    with pytest.raises(ArgumentError, match="a dict cannot be sent"):
        client.request("hello", device={})
    assert client.starts == 0


def test_closing_ends_worker_and_scratch_folders(tmp_path):
    client = WorkerClient(odd_launch())
    job = client.request("reconstruct", out=tmp_path)
    folder = client.scratch_folder()
    poll_until(client, lambda: job.progress)
    pid = client.pid
    client.close()
    assert job.state is JobState.CANCELLED
    assert not is_alive(pid)
    assert not folder.exists()
    assert names(tmp_path) == []
    client.close()


# --- the bare process ------------------------------------------------------------------------------


@pytest.fixture
def bare():
    launch = odd_launch()
    process = subprocess.Popen(
        launch.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=launch.environment
    )
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def ask(process, line: bytes) -> None:
    process.stdin.write(line)
    process.stdin.flush()


def hear(process, name: str) -> dict:
    while True:
        event = json.loads(process.stdout.readline())
        if event["event"] == name:
            return event


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"garbage\n", "not JSON"),
        (b"\xff\xfe\x00\n", "not JSON"),
        (b"[1, 2]\n", "no JSON object"),
        (b'{"id": "a", "request": "dance"}\n', "'dance' is no request"),
        (b'{"id": "../a", "request": "hello"}\n', "id is missing or impossible"),
        (b'{"id": "a", "request": "hello", "protocol": 99}\n', "protocol 99 is unknown"),
        (b'{"id": "a", "request": "hello", "arguments": 3}\n', "arguments are no object"),
        (b"[" * 5000 + b"\n", "not JSON"),
        (b"x" * (3 << 20) + b"\n", "longer than"),
    ],
)
def test_a_broken_line_is_answered_and_the_worker_goes_on(bare, line, what):
    ask(bare, line)
    event = hear(bare, "error")
    assert what in event["what"]
    assert (event["kind"], event["exit_code"]) == ("ArgumentError", 2)
    ask(bare, b'\n{"id": "b", "request": "simulate"}\n')
    assert hear(bare, "result")["id"] == "b"


def test_a_second_job_is_refused_while_one_runs(bare, tmp_path):
    ask(bare, b'{"id": "a", "request": "reconstruct", "arguments": {"out": "%s"}}\n' % str(tmp_path).encode())
    hear(bare, "progress")
    ask(bare, b'{"id": "b", "request": "simulate"}\n')
    event = hear(bare, "error")
    assert (event["id"], event["what"]) == ("b", "another job is running")
    ask(bare, b'{"id": "", "request": "cancel"}\n')
    event = hear(bare, "error")
    assert (event["id"], event["kind"], event["exit_code"]) == ("a", "CancelledError", 4)


def test_the_first_line_says_who_speaks(bare):
    event = json.loads(bare.stdout.readline())
    assert (event["event"], event["protocol"], event["pid"]) == ("ready", 1, bare.pid)


@pytest.mark.parametrize(("job", "code"), [("reconstruct", 0), ("annotate", 4)])
def test_the_end_of_its_input_ends_the_worker_and_leaves_nothing(bare, tmp_path, job, code):
    request = {"id": "a", "request": job, "arguments": {"out": str(tmp_path)}}
    ask(bare, json.dumps(request).encode() + b"\n")
    text = hear(bare, "progress")["text"]
    bare.stdin.close()
    assert bare.wait(LONG_S) == code
    assert names(tmp_path) == []
    if job == "annotate":
        os.kill(int(text), signal.SIGKILL)


def test_shutdown_is_answered_and_ends_the_worker(bare):
    ask(bare, b'{"id": "z", "request": "shutdown"}\n')
    assert hear(bare, "result")["id"] == "z"
    assert bare.wait(LONG_S) == 0


def test_a_polite_kill_cleans_up(bare, tmp_path):
    request = {"id": "a", "request": "reconstruct", "arguments": {"out": str(tmp_path)}}
    ask(bare, json.dumps(request).encode() + b"\n")
    hear(bare, "progress")
    bare.terminate()
    assert bare.wait(LONG_S) == 0
    assert names(tmp_path) == []


def test_the_worker_dies_with_its_parent(tmp_path):
    code = (
        "import sys, time\nfrom ReVerteRLib.worker import Launch, WorkerClient\nimport dataclasses\n"
        f"launch = dataclasses.replace(Launch.of(sys.executable), command=(sys.executable, {str(ODD)!r}))\n"
        f"client = WorkerClient(launch)\njob = client.request('reconstruct', out={str(tmp_path)!r})\n"
        "while not job.progress:\n    client.poll(); time.sleep(0.01)\n"
        "print(client.pid, flush=True)\ntime.sleep(120)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=Launch.of("x").environment)
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + LONG_S
    while is_alive(worker):
        assert time.monotonic() < end
        time.sleep(0.02)
    assert names(tmp_path) == []
