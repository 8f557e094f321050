from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bench_inputs import stand_in

from ReVerteRLib.bench import cases
from ReVerteRLib.bench.client import OURS, PEERS, Program, ProgramError, System, interleaved, peer_systems
from ReVerteRLib.bench.drr import DrrBench, DrrSettings


def test_programs_are_measured_in_turn_after_a_warm_up(tmp_path):
    with Program(stand_in("quick", tmp_path), 1) as first, Program(stand_in("slow", tmp_path), 1) as second:
        for program in (first, second):
            assert program.ask({"do": "load"}, 60)["version"] == "1"
        found = interleaved([first, second], 3, 60, 60)
    assert (tmp_path / "log.txt").read_text().split() == ["quick", "slow"] * 4
    assert {name: len(m.seconds) for name, m in found.items()} == {"quick": 3, "slow": 3}
    assert min(found["slow"].seconds) >= 0.3
    assert found["slow"].peak_bytes > 1e6


class Clockwork:
    """A program that takes as long as it is told to, without waiting."""

    def __init__(self, seconds: float) -> None:
        self.system, self._seconds = System("clockwork", ("none",)), seconds

    def ask(self, _request: object, _timeout_s: float) -> dict[str, float]:
        return {"seconds": self._seconds, "peak": 7}


def test_a_slow_program_runs_less_often_and_a_very_slow_one_once():
    few = interleaved([Clockwork(3.0)], 9, 60, 13.0)["clockwork"]
    assert few.seconds == [3.0] * 5
    assert few.note == ""
    once = interleaved([Clockwork(4.0)], 9, 60, 13.0)["clockwork"]
    assert once.seconds == [4.0]
    assert once.note == "one run, no warm-up"


@pytest.mark.parametrize(
    ("name", "note"),
    [("refuses", "RuntimeError: no parallel rays"), ("missing", "not installed"), ("dies", "its process ended (3)")],
)
def test_failures_of_a_program_are_told_and_stop_nothing(name, note, tmp_path):
    with Program(stand_in(name, tmp_path), 1) as program:
        if name == "dies":
            program.ask({"do": "load"}, 60)
            assert interleaved([program], 2, 60, 60)["dies"].note == note
            return
        with pytest.raises(ProgramError) as caught:
            program.ask({"do": "load"}, 60)
    assert str(caught.value) == note


def test_a_program_that_hangs_is_ended(tmp_path):
    with Program(stand_in("hangs", tmp_path), 1) as program:
        program.ask({"do": "load"}, 60)
        assert interleaved([program], 2, 1.0, 60)["hangs"].note == "over 1 s"


def test_peers_without_their_environment_are_not_installed(tmp_path):
    systems = peer_systems(tmp_path / "nowhere")
    assert tuple(s.name for s in systems) == PEERS
    assert all(s.peer for s in systems)
    with pytest.raises(ProgramError, match="not installed"):
        Program(systems[0], 1)
    assert Path(systems[0].command[1]).is_file()


def test_rows_hold_our_times_errors_and_why_others_have_none(tmp_path):
    gone = System("gone", (str(tmp_path / "python"), "x"))
    systems = [OURS, stand_in("quick", tmp_path), gone]
    bench = DrrBench(systems, DrrSettings(threads=1, repeats=2), tmp_path)
    case = cases.QUICK[1]
    ours, quick, missing = bench.rows(case)
    assert [ours.system, quick.system, missing.system] == ["ReVerteR", "quick", "gone"]
    assert len(ours.samples) == 2
    assert ours.seconds > 0
    assert ours.values["ratio"] == 1.0
    assert ours.values["volume_bytes"] == 2 * np.prod(cases.VOLUMES["tiny"].shape_kji)
    assert ours.values["error"] < 0.25  # 19 mm pixels of a body with 10 mm voxels: ours are means over pixels
    assert quick.values["error"] > 0.9  # its picture is all ones
    assert quick.values["ratio"] == pytest.approx(
        np.median([q / o for o, q in zip(ours.samples, quick.samples, strict=True)]), rel=1e-2
    )
    assert (missing.seconds, missing.note) == (None, "not installed")


def test_what_would_take_too_long_is_left_out_by_the_smaller_rows(tmp_path):
    bench = DrrBench([stand_in("quick", tmp_path)], DrrSettings(threads=1, repeats=1, timeout_s=20), tmp_path)
    bench._seconds_per_sample["quick"] = 1.0
    (row,) = bench.rows(cases.QUICK[0])
    assert row.seconds is None
    assert row.note.startswith("left out: the smaller rows let expect about")
