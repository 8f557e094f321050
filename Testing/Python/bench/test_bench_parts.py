"""Reconstruction, training and limits with toy networks, and the command."""

from __future__ import annotations

import dataclasses
import json

import pytest
from toy_case import write_case

from ReVerteRLib.bench import machine, once, reconstruction, training
from ReVerteRLib.bench.record import read_record
from ReVerteRLib.cli.main import main
from ReVerteRLib.resources import RESOURCES_VARIABLE
from ReVerteRLib.training.config import load_config


@pytest.fixture
def inputs(tmp_path, monkeypatch) -> dict[str, str]:
    folder = write_case(tmp_path / "case")
    monkeypatch.setenv(RESOURCES_VARIABLE, str(folder / "Resources"))
    files = {"ap": "ap.nrrd", "lateral": "lateral.nrrd", "centroids": "centroids.mrk.json"}
    return {key: str(folder / name) for key, name in files.items()}


def test_a_run_is_told_by_stages_levels_and_first_result(inputs):
    job = {"weights": "tiny", "precision": "fp32", "device": "cpu", "threads": 1, "repeats": 1, "levels": ""}
    found = once.measure({**inputs, **job})
    assert set(found["start"]) == {"import", "weights"}
    assert len(found["runs"]) == 1
    for run in (found["cold"], *found["runs"]):
        assert set(run["levels"]) == {"T12", "L1", "L2"}
        assert {"read", "crop", "network", "assemble", "surface", "files"} <= set(run["stages"])
        assert all(seconds >= 0 for seconds in run["stages"].values())
        assert 0 < run["first"] < run["total"]
        assert sum(run["stages"].values()) <= run["total"] * 1.01
    assert found["peak_bytes"] > 5e7


def test_rows_come_from_fresh_processes_and_failures_are_rows(inputs, tmp_path):
    settings = reconstruction.ReconstructionSettings(
        ("tiny", "nobody"), ("fp32",), threads=1, rounds=1, repeats=0, levels="L1", detect=False
    )
    rows = reconstruction.measure_reconstruction(settings, inputs, tmp_path)
    by_key = {(r.name, r.system): r for r in rows}
    assert by_key["whole spine", "tiny fp32"].values["vertebrae"] == 1
    assert by_key["whole spine", "tiny fp32"].seconds > by_key["stage: network", "tiny fp32"].seconds > 0
    assert ("level: L1", "tiny fp32") in by_key
    assert ("level: L2", "tiny fp32") not in by_key
    assert by_key["whole spine", "nobody fp32"].seconds is None
    assert "nobody" in by_key["whole spine", "nobody fp32"].note


def _small(name: str, size: int, **loss: float):
    config = load_config(name)
    return dataclasses.replace(
        config,
        patches=dataclasses.replace(config.patches, size=size),
        run=dataclasses.replace(config.run, batch=1, discriminator_width=4),
        loss=dataclasses.replace(config.loss, **loss),
    )


def test_a_training_step_is_told_by_stages_and_the_slowest_is_named():
    config = _small("paper", 24)
    generator = dataclasses.replace(config.generator, trunk_channels=(4, 8), trunk_blocks=(1, 1))
    config = dataclasses.replace(config, generator=generator)
    whole, *stages = training.measure_config("toy", config, training.TrainingSettings(steps=2, threads=1))
    names = {row.name.removeprefix("stage: ") for row in stages}
    assert names == {"forward", "loss", "distance fields", "discriminator", "backward", "optimiser"}
    assert all(len(row.samples) == 2 for row in stages)
    assert whole.values["samples_per_s"] == pytest.approx(1 / whole.seconds)
    slowest = max(stages, key=lambda row: sum(row.samples) / (config.loss.hd_every if "distance" in row.name else 1))
    assert whole.note.startswith(f"slowest: {slowest.name.removeprefix('stage: ')};")


def test_the_steps_of_the_bench_train_the_network():
    config = _small("paper", 24)
    generator = dataclasses.replace(config.generator, trunk_channels=(4, 8), trunk_blocks=(1, 1))
    bench = training.StepBench(dataclasses.replace(config, generator=generator))
    before = [p.detach().clone() for p in bench.network.parameters()]
    assert bench.count_flops() > 1e6
    assert all((a == b).all() for a, b in zip(before, bench.network.parameters(), strict=True))
    bench.step()
    assert any((a != b).any() for a, b in zip(before, bench.network.parameters(), strict=True))


def test_the_limits_of_the_machine_are_rates():
    rows = {row.name: row for row in machine.measure_limits(1, 1, quick=True)}
    assert rows["read memory"].values["gb_per_s"] > 0.01
    assert rows["convolve fp32"].values["gflop_per_s"] > 0.01
    assert machine.describe(1)["threads"] == 1


def test_the_command_measures_one_part_and_writes_tables_into_a_document(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("<!-- bench:begin -->\n<!-- bench:end -->\n")
    out = tmp_path / "out"
    options = ["--quick", "--part", "drr", "--rows", "16 x 16, parallel; no such row", "--threads", "1"]
    options += ["--peers", str(tmp_path / "none")]
    assert main(["--quiet", "bench", "--out", str(out), *options]) == 0
    rows = read_record(out).of("drr")
    assert {row.system: row.note for row in rows if row.seconds is None}["nanodrr"] == "not installed"
    assert [row.system for row in rows if row.seconds] == ["ReVerteR"]
    assert main(["bench", "--out", str(out), "--part", "none", "--update", str(page)]) == 0
    assert "tiny, 16 x 16, parallel pair" in page.read_text()
    assert "Aims" in capsys.readouterr().out
    assert json.loads((out / "bench.json").read_text())["machines"]["drr"]["threads"] == 1
    assert {p.name for p in out.iterdir()} == {"bench.json", "bench.md", "drr.png"}


def test_openvino_finds_what_torch_finds(inputs):
    pytest.importorskip("openvino", reason="openvino is optional")
    from pathlib import Path

    from ReVerteRLib.bench.openvino_runner import OpenVinoRunner
    from ReVerteRLib.centroids import read_centroids
    from ReVerteRLib.inference import Reconstructor, load_weights
    from ReVerteRLib.worker.reconstruction import read_pair

    pair, centroids = read_pair(Path(inputs["ap"]), Path(inputs["lateral"])), read_centroids(Path(inputs["centroids"]))
    weights = load_weights("tiny")
    plain = Reconstructor(weights, "cpu", precision="fp32", mirror=True).reconstruct(pair, centroids)
    fast = Reconstructor(weights, "cpu", runner=OpenVinoRunner(weights, "bf16", 1)).reconstruct(pair, centroids)
    for a, b in zip(plain.vertebrae, fast.vertebrae, strict=True):
        assert abs(a.probability.astype(float) - b.probability.astype(float)).max() < 0.03
