"""`reverter benchmark` as a user runs it, with tiny systems."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmark"))

from toy_benchmark import TOYS, write_corpus

from ReVerteRLib.networks import systems


@pytest.fixture
def train(reverter, tmp_path, monkeypatch):
    """Runs the training half on toys; more options may be added."""
    monkeypatch.setattr(systems, "SYSTEMS", TOYS)
    corpus = write_corpus(tmp_path / "corpus")

    def run(*more: object):
        options = ["--corpus", corpus, "--out", tmp_path / "out", "--threads", 1, "--device", "cpu", "--train-only"]
        return reverter("benchmark", *options, *more)

    return run


def test_it_trains_tells_the_state_and_goes_on(train, tmp_path: Path) -> None:
    first = train("--systems", "small,wide", "--budget", 4, "--seeds", "1,wide=2")
    assert first.code == 0, first.err
    assert "12 samples of 3 synthetic patients" in first.out
    before, after = first.out.split("Trainings:")[1:]
    assert before.count("not begun") == 3
    assert after.count("4 of 4 samples, finished") == 3
    assert "wide, seed 1" in after
    second = train("--systems", "small,wide", "--budget", 8)
    assert second.code == 0, second.err
    before, after = second.out.split("Trainings:")[1:]
    assert before.count("4 of 8 samples, under way") == 2
    assert after.count("8 of 8 samples, finished") == 2
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["settings"]["budget"] == 8
    assert record["corpus"]["shared"] == "corpus"
    assert sum(record["corpus"]["levels"].values()) == record["corpus"]["samples"] == 12
    assert record["trainings"]["small"]["0"]["samples"] == 8
    assert {seed: t["samples"] for seed, t in record["trainings"]["wide"].items()} == {"0": 8, "1": 4}
    assert record["calls"][0]["machine"]["cores"] >= 1
    assert str(tmp_path) not in json.dumps(record)


def test_what_is_missing_is_said_before_anything_starts(reverter, tmp_path: Path) -> None:
    out = ["--out", tmp_path / "out", "--budget", 4]
    no_samples = reverter("benchmark", *out, "--train-only")
    assert (no_samples.code, "there are no samples to train on" in no_samples.err) == (2, True)
    no_spines = reverter("benchmark", *out, "--corpus", tmp_path)
    assert (no_spines.code, "there are no spines to evaluate on" in no_spines.err) == (2, True)
    unknown = reverter("benchmark", *out, "--systems", "nobody", "--train-only")
    assert unknown.code == 2
    assert "reverter-paper" in unknown.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["0", "x", "a=", "=2", "a=0"])
def test_impossible_seeds_are_refused(reverter, tmp_path: Path, text: str) -> None:
    found = reverter("benchmark", "--out", tmp_path, "--budget", 4, "--seeds", text)
    assert found.code == 2
    assert "is no number of seeds" in found.err
