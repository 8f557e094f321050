"""Two processes on half batches do what one does on whole ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from synthetic import Shapes

from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.training.journal import read_journal
from ReVerteRLib.training.loop import Trainer
from ReVerteRLib.training.parallel import Workers, torchrun_workers
from ReVerteRLib.training.stream import BatchStream

ROOT = Path(__file__).parents[3]


def torchrun(folder: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    script = Path(__file__).with_name("two_processes.py")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(script), str(folder)], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_two_processes_equal_one_with_the_whole_batch_and_resume(make_config, tmp_path: Path) -> None:
    settings = {"loss": {"w_gan": 0.0, "w_hd": 0.0}, "optimiser": {"lr": 1e-3, "warmup_steps": 0}}
    run = {"steps": 4, "level_dropout": 0.0, "validation_every": 0}
    halves = make_config(**settings, run={**run, "batch": 2})
    (tmp_path / "wanted.json").write_text(json.dumps(halves.to_dict()))
    torchrun(tmp_path)
    torchrun(tmp_path)  # two more steps from the checkpoint
    whole = Trainer(make_config(**settings, run={**run, "batch": 4}), Shapes(8), Shapes(3), tmp_path / "alone")
    whole.run()

    reports = [json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in (0, 1)]
    assert [(r["rank"], r["size"], r["step"]) for r in reports] == [(0, 2, 4), (1, 2, 4)]
    assert reports[0]["seconds"] == reports[1]["seconds"]
    assert reports[0]["dice"] == reports[1]["dice"] == pytest.approx(whole.validation_dice, abs=2e-3)
    together, alone = (read_journal(tmp_path / name / "log.csv") for name in ("together", "alone"))
    assert [row["step"] for row in together] == [row["step"] for row in alone]
    for one, two in zip(together, alone, strict=True):
        for term in ("total", "dice", "gradient_norm"):
            assert float(one[term]) == pytest.approx(float(two[term]), rel=2e-3)
    state = torch.load(tmp_path / "together" / "checkpoint.pt", weights_only=True)["network"]
    for name, values in whole.network.state_dict().items():
        torch.testing.assert_close(state[name], values, atol=2e-4, rtol=0)


def test_the_parts_of_a_batch_follow_one_order() -> None:
    class Numbers(Shapes):
        def __getitem__(self, index: int) -> dict[str, object]:
            return {**super().__getitem__(index), "level": index}

    def levels(stream: BatchStream, number: int) -> list[int]:
        return stream._load(number)["level"].tolist()

    source = Numbers(12)
    whole, *parts = BatchStream(source, 4, 5), BatchStream(source, 2, 5, 0, 2), BatchStream(source, 2, 5, 1, 2)
    for number in range(6):
        assert levels(whole, number) == [value for part in parts for value in levels(part, number)]


def test_alone_nothing_is_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    network = torch.nn.Linear(2, 1)
    network(torch.ones(1, 2)).sum().backward()
    before = network.weight.grad.clone()
    with torchrun_workers() as workers:
        workers.average_gradients(network)
        assert torch.equal(network.weight.grad, before)
        assert (workers.rank, workers.size, workers.first) == (0, 1, True)
        assert workers.share_first(2.5, torch.device("cpu")) == 2.5
    assert not Workers(1, 2).first


def test_impossible_variables_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "two")
    with pytest.raises(ArgumentError, match="no number"), torchrun_workers():
        pass
