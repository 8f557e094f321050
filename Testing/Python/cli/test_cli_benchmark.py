"""`reverter benchmark` as a user runs it, with tiny systems."""

from __future__ import annotations

import csv
import dataclasses
import json
import sys
from pathlib import Path

import pytest
from phantom import phantom

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmark"))

from toy_benchmark import FLOOR, TOYS, write_corpus

from ReVerteRLib.datasets import sample
from ReVerteRLib.datasets.sample import SampleCase
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


def rows_of(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return {row["system"]: row for row in csv.DictReader(stream)}


def test_tables_and_figures_hold_every_system_trained_or_not(reverter, data, tmp_path, monkeypatch) -> None:
    part = dataclasses.replace(TOYS[2], key="without-all", kind="ablation", paper_full=(0.5, 9.0, 0.3))
    whole = dataclasses.replace(TOYS[0], key="reverter-paper", kind="reverter")
    monkeypatch.setattr(systems, "SYSTEMS", (whole, TOYS[1], part, FLOOR))
    common = ["--out", tmp_path / "out", "--budget", 6, "--threads", 1, "--device", "cpu"]
    corpus = ["--corpus", write_corpus(tmp_path / "corpus")]
    assert reverter("benchmark", *common, *corpus, "--systems", "reverter-paper", "--train-only").code == 0
    done = reverter("benchmark", *common, "--seeds", 2, "--tables-only", "--data", data, "--subjects", "toy1")
    assert done.code == 0, done.err
    assert "shipped-recommended was not evaluated" in done.err  # the toy store has other weights

    results = tmp_path / "out" / "results"
    table = rows_of(results / "table2.csv")
    assert list(table) == ["reverter-paper", "wide", "mean-shape"]
    assert table["reverter-paper"]["status"] == "1 of 2 seeds"
    assert table["wide"]["status"] == "not trained yet"
    assert table["wide"]["dice"] == ""
    assert table["mean-shape"]["status"] == "nothing to train"
    assert 0.2 < float(table["mean-shape"]["dice"]) < 1.0
    assert int(table["mean-shape"]["n"]) == int(table["reverter-paper"]["n"]) == 3
    assert list(rows_of(results / "table3.csv")) == ["reverter-paper", "without-all"]
    for number in (2, 3):
        text = (results / f"table{number}.md").read_text()
        assert "measured by its authors on other data" in text
        assert "not trained yet" in text
        assert "| 0.7 | 5 | 0.6 |" in text
    seconds = (results / "table4.md").read_text()
    assert "| C5 |" in seconds
    assert "0.0954" in seconds
    for name in ("figure6_levels", "figure7_radiographs", "figure8_dice_by_level", "figure9_vertebrae"):
        assert (results / f"{name}.png").read_bytes().startswith(b"\x89PNG")

    scores = tmp_path / "out" / "scores" / "mean-shape.json"
    before = scores.stat().st_mtime_ns
    again = reverter("benchmark", *common, *corpus, "--data", data, "--subjects", "toy1", "--no-shipped")
    assert again.code == 0, again.err
    assert scores.stat().st_mtime_ns == before  # not measured again
    table = rows_of(results / "table2.csv")
    assert {row["status"] for row in table.values()} == {"trained", "nothing to train"}
    assert float(rows_of(results / "table3.csv")["without-all"]["dice_difference"]) == pytest.approx(
        float(rows_of(results / "table3.csv")["without-all"]["dice"]) - float(table["reverter-paper"]["dice"]), abs=2e-4
    )


def test_the_sample_ct_joins_the_held_out_spines(reverter, data, tmp_path, monkeypatch) -> None:
    ct, labels = phantom()
    case = SampleCase(ct, labels, "sample chest CT", "a phantom")
    monkeypatch.setattr(sample, "sample_ct", lambda: case)
    monkeypatch.setattr(systems, "SYSTEMS", (FLOOR,))
    common = ["--out", tmp_path / "out", "--budget", 6, "--threads", 1, "--device", "cpu", "--tables-only"]
    alone = reverter("benchmark", *common, "--sample", "--no-shipped")
    assert alone.code == 0, alone.err
    first = rows_of(tmp_path / "out" / "results" / "table2.csv")["mean-shape"]
    assert "dice, sample-chest" not in first  # one spine needs no column of its own
    both = reverter("benchmark", *common, "--sample", "--no-shipped", "--data", data, "--subjects", "toy1")
    assert both.code == 0, both.err
    table = rows_of(tmp_path / "out" / "results" / "table2.csv")["mean-shape"]
    assert int(table["n"]) == int(first["n"]) + 3
    assert float(table["dice, sample-chest"]) == pytest.approx(float(first["dice"]), abs=1e-3)
    mean = (int(first["n"]) * float(table["dice, sample-chest"]) + 3 * float(table["dice, sub-toy1"])) / int(table["n"])
    assert float(table["dice"]) == pytest.approx(mean, abs=1e-3)
    assert "| Dice, sample-chest |" in (tmp_path / "out" / "results" / "table2.md").read_text()
