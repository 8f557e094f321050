"""The loop: it learns, resumes exactly, and never loses what it had."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from synthetic import Shapes

from ReVerteRLib.devices import pick_device
from ReVerteRLib.errors import ArgumentError, CancelledError, DatasetError, InputError
from ReVerteRLib.training.journal import read_journal
from ReVerteRLib.training.loop import Trainer
from ReVerteRLib.training.stream import BatchStream


def make(config, folder: Path, count: int = 5) -> Trainer:
    return Trainer(config, Shapes(count, jitter=True), Shapes(2), folder)


def state_of(trainer: Trainer) -> dict[str, torch.Tensor]:
    state = {f"network {k}": v for k, v in trainer.network.state_dict().items()}
    state |= {f"average {k}": v for k, v in trainer.average.network.state_dict().items()}
    if trainer.discriminator is not None:
        state |= {f"discriminator {k}": v for k, v in trainer.discriminator.state_dict().items()}
    return state


VARIANTS = {
    "adversarial, accumulated": {"run": {"accumulation": 2}},
    "bf16, no discriminator": {"loss": {"w_gan": 0.0}, "run": {"precision": "bf16", "coarse_loss": True}},
    "recommended network, Muon, late Hausdorff term": {
        "generator": {
            "preset": "recommended",
            "stem_channels": [4, 8],
            "trunk_channels": [4, 8],
            "trunk_blocks": [0, 1],
            "region": [0, 16, 4, 20, 0, 24],
        },
        "optimiser": {"name": "muon", "betas": [0.95, 0.99]},
        "loss": {"w_gan": 0.0, "w_hd": 1.0, "hd_start": 0.4},
        "run": {"coarse_loss": True},
    },
    "paper network": {
        "generator": {
            "preset": "paper",
            "trunk_channels": [2, 4],
            "trunk_blocks": [1, 1],
            "stem_channels": [],
            "nonlocal_inter_channels": 1,
        },
    },
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_six_steps_equal_three_and_a_resume_bit_for_bit(make_config, tmp_path: Path, variant: str) -> None:
    config = make_config(**VARIANTS[variant])
    straight = make(config, tmp_path / "a")
    straight.run()
    make(config, tmp_path / "b").run(stop_after=3)
    torch.manual_seed(999)  # whatever happened in between
    resumed = make(config, tmp_path / "b")
    resumed.run(resume=True)
    assert straight.step == resumed.step == 6
    first, second = state_of(straight), state_of(resumed)
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []
    timeless = [
        [{k: v for k, v in row.items() if k != "seconds"} for row in read_journal(tmp_path / folder / "log.csv")]
        for folder in ("a", "b")
    ]
    assert timeless[0] == timeless[1]
    assert [int(row["step"]) for row in timeless[0]] == [1, 2, 3, 4, 5, 6]


def test_another_seed_gives_another_network(make_config, tmp_path: Path) -> None:
    one, two = (make(make_config(run={"seed": seed, "steps": 1}), tmp_path / str(seed)) for seed in (1, 2))
    assert not torch.equal(one.network.trunk.head.weight, two.network.trunk.head.weight)


def test_it_learns_shapes_it_has_not_seen(make_config, tmp_path: Path) -> None:
    config = make_config(
        generator={"stem_channels": [8, 8], "trunk_channels": [8, 16]},
        run={"steps": 60, "batch": 4, "validation_every": 0, "level_dropout": 0.0, "coarse_loss": True},
        loss={"w_gan": 0.0},
    )
    trainer = Trainer(config, Shapes(40), Shapes(6), tmp_path)
    before = trainer.validate()
    trainer.run()
    assert before is not None
    assert before < 0.5
    assert trainer.validation_dice is not None
    assert trainer.validation_dice > 0.75


def test_every_weighted_term_is_logged_and_plotted(make_config, tmp_path: Path) -> None:
    make(make_config(), tmp_path).run()
    rows = read_journal(tmp_path / "log.csv")
    for name in ("dice", "focal", "ce", "gan"):
        assert all(float(row[name]) >= 0 for row in rows)
    assert [bool(row["hausdorff"]) for row in rows] == [True, False] * 3
    assert [bool(row["validation_dice"]) for row in rows] == [False, False, True] * 2
    for row in rows:
        parts = [float(row[name]) for name in ("dice", "hausdorff", "focal", "ce", "gan") if row[name]]
        assert float(row["total"]) == pytest.approx(sum(parts), rel=1e-4)
    assert float(rows[0]["lr"]) == pytest.approx(0.5e-2)
    assert float(rows[-1]["progress"]) == 1.0
    assert (tmp_path / "losses.png").read_bytes().startswith(b"\x89PNG")


def test_generator_and_discriminator_both_move(make_config, tmp_path: Path) -> None:
    trainer = make(make_config(run={"steps": 2}), tmp_path)
    before = {name: value.clone() for name, value in state_of(trainer).items()}
    trainer.run()
    after = state_of(trainer)
    for owner in ("network ", "discriminator ", "average "):
        assert any(not torch.equal(before[n], after[n]) for n in before if n.startswith(owner))
    still = [n for n in before if n.startswith("network trunk") and torch.equal(before[n], after[n])]
    assert not [n for n in still if n.endswith("conv1.weight")]


def test_a_time_limit_ends_the_training(make_config, tmp_path: Path) -> None:
    trainer = make(make_config(run={"steps": 0, "time_limit_minutes": 1.5 / 60}), tmp_path)
    trainer.run()
    assert trainer.step >= 1
    assert 1.5 <= trainer.seconds < 60
    assert float(read_journal(tmp_path / "log.csv")[-1]["progress"]) == 1.0


def test_cancelling_keeps_the_state(make_config, tmp_path: Path) -> None:
    config = make_config()
    trainer = make(config, tmp_path)
    with pytest.raises(CancelledError, match="cancelled after 2 steps"):
        trainer.run(cancelled=lambda: trainer.step == 2)
    resumed = make(config, tmp_path)
    resumed.load()
    assert resumed.step == 2
    assert torch.equal(resumed.network.trunk.head.weight, trainer.network.trunk.head.weight)


def test_nan_stops_with_the_last_checkpoint_intact(make_config, tmp_path: Path) -> None:
    config = make_config(run={"checkpoint_every": 1})
    trainer = make(config, tmp_path)
    trainer.run(stop_after=2)
    good = trainer.checkpoint_path.read_bytes()
    with torch.no_grad():
        trainer.network.trunk.head.weight.fill_(float("nan"))
    with pytest.raises(InputError, match=r"NaN or infinite in step 3.*last checkpoint is kept"):
        trainer.run()
    assert trainer.checkpoint_path.read_bytes() == good
    assert len(read_journal(tmp_path / "log.csv")) == 2


def test_progress_reaches_its_total(make_config, tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    make(make_config(), tmp_path).run(progress=lambda *report: seen.append(report))
    assert [done for done, _, _ in seen] == [166, 333, 500, 666, 833, 1000]
    assert {total for _, total, _ in seen} == {1000}
    assert "step 6" in seen[-1][2]
    assert "validation Dice" in seen[-1][2]


def test_resume_refuses_what_does_not_fit(make_config, tmp_path: Path) -> None:
    config = make_config()
    with pytest.raises(InputError, match="no checkpoint to resume"):
        make(config, tmp_path / "none").run(resume=True)
    make(config, tmp_path).run(stop_after=1)
    with pytest.raises(InputError, match=r"other settings \(optimiser\)"):
        make(make_config(optimiser={"lr": 0.5}), tmp_path).run(resume=True)
    make(make_config(run={"steps": 7}), tmp_path).run(resume=True)
    checkpoint = tmp_path / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:2000])
    with pytest.raises(InputError, match="damaged"):
        make(config, tmp_path).run(resume=True)


class Harmful:
    """Unpickling this would write a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


def test_a_checkpoint_cannot_run_code(make_config, tmp_path: Path) -> None:
    trainer = make(make_config(), tmp_path)
    torch.save({"config": Harmful(tmp_path / "harm")}, trainer.checkpoint_path)
    with pytest.raises(InputError, match="damaged"):
        trainer.run(resume=True)
    trainer.checkpoint_path.write_bytes(pickle.dumps(Harmful(tmp_path / "harm")))
    with pytest.raises(InputError, match="damaged"):
        trainer.run(resume=True)
    assert not (tmp_path / "harm").exists()


def test_the_average_is_exported_and_loads_again(make_config, tmp_path: Path) -> None:
    from ReVerteRLib.inference.weights import load_weights

    trainer = make(make_config(), tmp_path)
    trainer.run()
    path = trainer.export(tmp_path / "tiny.safetensors", data="test shapes", licence="none", metrics={"dice": 0.5})
    loaded = load_weights(path)
    expected = trainer.average.network.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in loaded.network.state_dict().items())
    assert not torch.equal(expected["trunk.head.weight"], trainer.network.state_dict()["trunk.head.weight"])
    assert (loaded.card["name"], loaded.card["steps"], loaded.card["seed"]) == ("tiny", 6, 11)
    assert loaded.card["metrics"]["dice"] == 0.5
    assert loaded.patch_settings.size == 24


def test_empty_data_and_absent_devices_are_refused(make_config, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no training samples"):
        Trainer(make_config(), Shapes(0), None, tmp_path)
    if not torch.cuda.is_available():
        with pytest.raises(ArgumentError, match="no usable CUDA device"):
            pick_device("cuda")
    assert pick_device("cpu").type == "cpu"


def test_each_epoch_visits_every_sample_once_in_a_new_order() -> None:
    def levels(start: int, count: int) -> list[int]:
        batches = BatchStream(Shapes(6), 2, seed=4).batches(start)
        return [int(level) for _, batch in zip(range(count), batches, strict=False) for level in batch["level"]]

    seen = levels(0, 6)
    assert sorted(seen[:6]) == sorted(seen[6:]) == [0, 1, 2, 3, 4, 5]
    assert seen[:6] != seen[6:]
    assert levels(2, 4) == seen[4:]


def test_a_training_may_start_from_other_weights(make_config, tmp_path: Path) -> None:
    from ReVerteRLib.inference.weights import load_weights

    first = make(make_config(), tmp_path / "a")
    first.run()
    weights = load_weights(first.export(tmp_path / "a.safetensors", data="shapes", licence="none"))
    second = make(make_config(run={"seed": 3, "steps": 1}), tmp_path / "b")
    second.start_from(weights)
    for name, values in first.average.network.state_dict().items():
        torch.testing.assert_close(second.network.state_dict()[name], values)
    second.run()
    card = load_weights(second.export(tmp_path / "b.safetensors", data="shapes", licence="none")).card
    assert card["started_from"] == {"name": "tiny", "sha256": weights.sha256, "steps": 6}
    other = make(make_config(generator={"trunk_channels": [4, 16]}), tmp_path / "c")
    with pytest.raises(ArgumentError, match="differ from 'tiny' in trunk_channels"):
        other.start_from(weights)


def test_a_checkpoint_from_before_a_setting_existed_resumes(make_config, tmp_path: Path) -> None:
    make(make_config(), tmp_path).run(stop_after=2)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    del state["config"]["data"], state["config"]["loss"]["hd_start"]
    torch.save(state, tmp_path / "checkpoint.pt")
    resumed = make(make_config(), tmp_path)
    resumed.run(resume=True)
    assert resumed.step == 6
