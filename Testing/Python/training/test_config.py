"""The typed configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from ReVerteRLib.errors import ArgumentError, InputError
from ReVerteRLib.networks.config import preset
from ReVerteRLib.training.config import ABLATIONS, SHIPPED, TrainingConfig, config_from_dict, load_config
from ReVerteRLib.training.schedule import Schedule


def test_paper_file_is_the_published_training() -> None:
    config = load_config("paper")
    assert config.generator == preset("paper")
    assert (config.run.epochs, config.run.batch, config.optimiser.name, config.optimiser.lr) == (100, 8, "adam", 1e-4)
    assert (config.optimiser.schedule, config.optimiser.step_epochs, config.optimiser.step_factor) == ("step", 20, 0.1)
    assert (config.loss.w_dice, config.loss.w_hd, config.loss.w_focal, config.loss.w_gan) == (10.0, 1e-4, 10.0, 0.1)
    assert (config.patches.size, config.patches.spacing_mm, config.patches.centroid_shape) == (120, 1.0, "disc")


@pytest.mark.parametrize("name", ["fast", "recommended"])
def test_files_for_processors_end_by_time(name: str) -> None:
    config = load_config(name)
    assert config.generator == preset(name)
    assert config.run.time_limit_minutes > 0
    assert (config.run.epochs, config.run.steps, config.run.coarse_loss) == (0, 0, True)


@pytest.mark.parametrize("name", SHIPPED)
def test_plain_values_restore_the_configuration(name: str) -> None:
    config = load_config(name)
    assert config_from_dict(config.to_dict()) == config


def test_a_file_overrides_single_settings(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\nwithout = ["nonlocal"]\n[generator]\npreset = "fast"\nlevel_embedding = 4\n'
                    "[optimiser]\nlr = 1\nbetas = [0.5, 0.999]\n")  # fmt: skip
    config = load_config(file)
    assert (config.name, config.generator.level_embedding, config.generator.use_nonlocal) == ("mine", 4, False)
    assert config.generator.stem_channels == preset("fast").stem_channels
    assert (config.optimiser.lr, config.optimiser.betas) == (1.0, (0.5, 0.999))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[loss]\nw_dise = 1.0", "loss: unknown setting w_dise. Known are: .*w_dice"),
        ("[losses]\nw_dice = 1.0", "unknown setting losses"),
        ("loss = 3", "'loss' must be a table"),
        ("[run]\nbatch = 2.5", "run.batch: 2.5 is not a int"),
        ("[run]\nbatch = true", "run.batch: True is not a int"),
        ("[run]\nbatch = 0", "at least 1"),
        ("[run]\nepochs = 0", "epochs, steps or time_limit_minutes above 0"),
        ('[run]\nprecision = "fp8"', "run.precision: 'fp8' is unknown. Use one of fp32, bf16"),
        ("[loss]\nw_dice = 0\nw_hd = 0\nw_focal = 0", "one must be above 0"),
        ("[patches]\nsize = 100", "a multiple of 8"),
        ("[patches]\nsize = 16", "at least 24 voxels per edge for the discriminator"),
        ('[generator]\npreset = "huge"', "no network preset 'huge'"),
        ("[generator]\nwidth = 3", "unknown generator setting width"),
        ('without = ["loss"]', "unknown ablation 'loss'"),
    ],
)
def test_wrong_settings_are_refused_with_file_name_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    with pytest.raises(ArgumentError, match=message) as caught:
        load_config(file)
    assert caught.value.where.startswith(str(file))
    assert caught.value.remedy


def test_missing_and_broken_files_are_input_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.toml: cannot be read"):
        load_config(tmp_path / "nothing.toml")
    (tmp_path / "broken.toml").write_text("[loss\n")
    with pytest.raises(InputError, match="not valid TOML"):
        load_config(tmp_path / "broken.toml")


def test_each_ablation_of_table_3_changes_its_part_only() -> None:
    full = TrainingConfig()
    changed = {name: full.without(name) for name in ABLATIONS}
    assert not changed["centroid"].generator.use_centroid
    assert not changed["nonlocal"].generator.use_nonlocal
    weights = {n: (c.loss.w_dice, c.loss.w_focal, c.loss.w_hd, c.loss.w_gan) for n, c in changed.items()}
    assert weights["dice"] == (0.0, 10.0, 1e-4, 0.1)
    assert weights["focal_hausdorff"] == (10.0, 0.0, 0.0, 0.1)
    assert weights["adversarial"] == (10.0, 10.0, 1e-4, 0.0)
    assert weights["centroid"] == weights["nonlocal"] == (10.0, 10.0, 1e-4, 0.1)
    assert changed["dice"].generator == full.generator


def test_paper_schedule_divides_by_ten_every_twenty_epochs() -> None:
    config = load_config("paper")
    schedule = Schedule(config.optimiser, config.run, steps_per_epoch=7.0)
    assert schedule.total_steps == 700
    factors = [schedule.factor(step, 0.0) for step in (0, 139, 140, 280, 699)]
    assert factors == pytest.approx([1.0, 1.0, 0.1, 0.01, 1e-4])


def test_cosine_follows_time_or_steps_whichever_is_further(make_config) -> None:
    config = make_config(run={"steps": 100, "time_limit_minutes": 10.0})
    schedule = Schedule(config.optimiser, config.run, steps_per_epoch=5.0)
    assert schedule.progress(20, 60.0) == pytest.approx(0.2)
    assert schedule.progress(20, 450.0) == pytest.approx(0.75)
    assert schedule.progress(20, 9999.0) == 1.0
    assert schedule.factor(0, 0.0) == pytest.approx(0.5)  # warm-up over two steps
    assert schedule.factor(50, 0.0) == pytest.approx(0.5)
    assert schedule.factor(5, 600.0) == pytest.approx(0.0)


def test_the_kind_of_patients_is_plain_unless_chosen_and_checked():
    assert config_from_dict({}).data.patients == "plain"
    assert config_from_dict({"data": {"patients": "rich"}}).data.patients == "rich"
    with pytest.raises(ArgumentError, match=r"data\.patients"):
        config_from_dict({"data": {"patients": "poor"}})
