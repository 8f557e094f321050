"""Typed training configuration, read from TOML; unknown or impossible settings are refused by name."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from ReVerteRLib.datasets.patches import PatchSettings
from ReVerteRLib.errors import ArgumentError, InputError, ReVerteRError
from ReVerteRLib.networks.config import GeneratorConfig, preset

ABLATIONS = ("centroid", "nonlocal", "dice", "focal_hausdorff", "adversarial")
SHIPPED = ("paper", "paper-half", "paper-quarter", "fast", "recommended", "recommended-quarter")


@dataclass(frozen=True)
class LossConfig:
    """Weights of eq. 2 and the choices that the paper leaves open.

    w_dice, w_hd, w_focal, w_gan: lambda, alpha, beta, gamma of eq. 2.
    w_ce:           cross-entropy, not in the paper, off by default.
    dice_epsilon:   added above and below in eq. 5.
    hd_exponent:    power of the distances in eq. 6 (2, Karimi & Salcudean 2019).
    hd_reduction:   'mean' over the voxels as eq. 6, or 'sum'.
    hd_every:       distance fields are costly; the term is evaluated every this many steps.
    hd_start:       share of the training without the term; it matters once the rough shape is right.
    hd_cache:       number of distance fields of reference masks to keep in memory.
    focal_alpha, focal_gamma: eq. 7.
    focal_balance:  'uniform' multiplies by alpha as eq. 7 prints it; 'balanced' gives alpha to bone and 1 - alpha
                    to background as Lin et al. 2017 do.
    real_label:     target of the discriminator for real masks; below 1 smooths (option; 1 in the paper).
    """

    w_dice: float = 10.0
    w_hd: float = 1e-4
    w_focal: float = 10.0
    w_gan: float = 0.1
    w_ce: float = 0.0
    dice_epsilon: float = 1e-5
    hd_exponent: float = 2.0
    hd_reduction: Literal["mean", "sum"] = "mean"
    hd_every: int = 1
    hd_start: float = 0.0
    hd_cache: int = 0
    focal_alpha: float = 0.2
    focal_gamma: float = 5.0
    focal_balance: Literal["uniform", "balanced"] = "uniform"
    real_label: float = 1.0


@dataclass(frozen=True)
class OptimiserConfig:
    """Optimiser and learning-rate schedule of generator and discriminator.

    name:          'adam' (paper), 'adamw', or 'muon' (optimiser.MuonAdamW).
    schedule:      'step' multiplies by step_factor every step_epochs epochs; 'cosine' falls to zero with the share
                   of the training that is done, counted in steps or time, whichever is further.
    warmup_steps:  linear rise from zero.
    gradient_clip: largest gradient norm of the generator, 0 for none.
    """

    name: Literal["adam", "adamw", "muon"] = "adam"
    lr: float = 1e-4
    discriminator_lr: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    schedule: Literal["step", "cosine"] = "step"
    step_epochs: int = 20
    step_factor: float = 0.1
    warmup_steps: int = 0
    gradient_clip: float = 0.0


@dataclass(frozen=True)
class RunConfig:
    """How long, how precise, on what.

    epochs, steps, time_limit_minutes: 0 means no such limit; the first one reached ends the training.
    batch, accumulation: samples at once, and batches per optimiser step.
    coarse_loss:         compare at the trunk's own resolution (stride-2 networks), which saves time.
    level_dropout:       share of samples whose level is hidden, so that the network also works without it.
    ema_decay:           of the averaged weights that are validated and exported; 0 exports the last weights.
    checkpoint_every, validation_every: in steps; 0 for only at the end.
    validation_samples:  at most so many validation samples, evenly spread; 0 for all.
    threads:             torch threads on a processor, 0 for torch's choice.
    discriminator_width: first layer of the PatchGAN (ndf).
    """

    epochs: int = 100
    steps: int = 0
    time_limit_minutes: float = 0.0
    batch: int = 8
    accumulation: int = 1
    seed: int = 0
    precision: Literal["fp32", "bf16"] = "fp32"
    coarse_loss: bool = False
    level_dropout: float = 0.0
    ema_decay: float = 0.0
    checkpoint_every: int = 500
    validation_every: int = 500
    validation_samples: int = 0
    threads: int = 0
    discriminator_width: int = 64
    device: str = "auto"


@dataclass(frozen=True)
class DataConfig:
    """How the samples are made and read.

    cone_share:          share of patients seen by a cone beam; the others by parallel rays.
    annotation_error_mm: standard deviation of the marked centroids about the true ones, each axis.
    augment:             change grey values, mirror, and drop marks at random when a sample is read.
    patients:            'plain' or 'rich', the preset of the synthetic patients' anatomy and body.
    """

    cone_share: float = 0.0
    annotation_error_mm: float = 0.0
    augment: bool = False
    patients: Literal["plain", "rich"] = "plain"


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides a training; `load_config` reads it from TOML."""

    name: str = "paper"
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    patches: PatchSettings = field(default_factory=PatchSettings)
    loss: LossConfig = field(default_factory=LossConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    run: RunConfig = field(default_factory=RunConfig)
    data: DataConfig = field(default_factory=DataConfig)

    def __post_init__(self) -> None:
        _check(self)

    def without(self, *names: str) -> TrainingConfig:
        """The ablations of the paper's Table 3 by name (ABLATIONS). Raises ArgumentError."""
        config = self
        for name in names:
            config = _without(config, name)
        return config

    def to_dict(self) -> dict[str, Any]:
        """Plain values with the layout of the TOML file; `config_from_dict` restores an equal object."""
        sections = ("patches", "loss", "optimiser", "run", "data")
        plain = {key: _plain(dataclasses.asdict(getattr(self, key))) for key in sections}
        return {"name": self.name, "generator": self.generator.to_dict(), **plain}


def load_config(path_or_name: str | Path) -> TrainingConfig:
    """A TOML file, or the name of a shipped one (SHIPPED). Raises ArgumentError, InputError."""
    name = str(path_or_name)
    path: Any = resources.files("ReVerteRLib.training") / "configs" / f"{name}.toml" if name in SHIPPED else Path(name)
    try:
        record = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        remedy = f"Give a TOML file, or one of {', '.join(SHIPPED)}"
        raise InputError(f"cannot be read ({error.strerror})", where=name, remedy=remedy) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"is not valid TOML ({error})", where=name, remedy="Correct the file") from error
    try:
        return config_from_dict(record)
    except ReVerteRError as error:
        error.where = f"{name}, {error.where}" if error.where else name
        raise type(error)(error.what, where=error.where, remedy=error.remedy) from error


def config_from_dict(record: Mapping[str, Any]) -> TrainingConfig:
    """From name, the sections generator, patches, loss, optimiser, run, data and a list `without`.

    Raises ArgumentError.
    """
    known = {f.name for f in dataclasses.fields(TrainingConfig)} | {"without"}
    _refuse_unknown(record, known, "file")
    name = str(record.get("name", "custom"))
    settings = dict(record.get("generator", {}))
    base = preset(str(settings.get("preset", "paper"))).to_dict()
    config = TrainingConfig(
        name=name,
        generator=GeneratorConfig.from_dict({**base, **settings}),
        patches=_section(PatchSettings, record, "patches"),
        loss=_section(LossConfig, record, "loss"),
        optimiser=_section(OptimiserConfig, record, "optimiser"),
        run=_section(RunConfig, record, "run"),
        data=_section(DataConfig, record, "data"),
    )
    return config.without(*record.get("without", ()))


def _section(kind: Any, record: Mapping[str, Any], name: str) -> Any:
    """One dataclass from one table, each value of the type of its default."""
    table = record.get(name, {})
    if not isinstance(table, Mapping):
        raise ArgumentError(f"'{name}' must be a table", where=name, remedy=f"Write [{name}] and its settings below")
    fields = {f.name: f for f in dataclasses.fields(kind)}
    _refuse_unknown(table, set(fields), name)
    defaults = kind()
    return kind(**{key: _typed(getattr(defaults, key), value, f"{name}.{key}") for key, value in table.items()})


def _typed(default: Any, value: Any, where: str) -> Any:
    if isinstance(default, tuple) and isinstance(value, list | tuple) and len(value) == len(default):
        return tuple(_typed(d, v, where) for d, v in zip(default, value, strict=True))
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not type(default):
        raise ArgumentError(
            f"{value!r} is not a {type(default).__name__}", where=where, remedy=f"The default is {default!r}"
        )
    return value


def _refuse_unknown(table: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := sorted(set(table) - known):
        raise ArgumentError(
            f"unknown setting {', '.join(unknown)}", where=where, remedy=f"Known are: {', '.join(sorted(known))}"
        )


def _plain(table: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in table.items()}


def _without(config: TrainingConfig, name: str) -> TrainingConfig:
    replace = dataclasses.replace
    if name == "centroid":
        return replace(config, generator=replace(config.generator, use_centroid=False))
    if name == "nonlocal":
        return replace(config, generator=replace(config.generator, use_nonlocal=False))
    dropped = {"dice": {"w_dice": 0.0}, "focal_hausdorff": {"w_focal": 0.0, "w_hd": 0.0}, "adversarial": {"w_gan": 0.0}}
    if name not in dropped:
        raise ArgumentError(f"unknown ablation '{name}'", where="without", remedy=f"Use {', '.join(ABLATIONS)}")
    return replace(config, loss=replace(config.loss, **dropped[name]))


def _check(config: TrainingConfig) -> None:
    loss, optimiser, run = config.loss, config.optimiser, config.run
    choices = (
        ("loss.hd_reduction", loss.hd_reduction, ("mean", "sum")),
        ("loss.focal_balance", loss.focal_balance, ("uniform", "balanced")),
        ("optimiser.name", optimiser.name, ("adam", "adamw", "muon")),
        ("optimiser.schedule", optimiser.schedule, ("step", "cosine")),
        ("run.precision", run.precision, ("fp32", "bf16")),
        ("run.device", run.device.split(":")[0], ("auto", "cpu", "cuda")),
        ("data.patients", config.data.patients, ("plain", "rich")),
    )
    for where, value, allowed in choices:
        if value not in allowed:
            raise ArgumentError(f"'{value}' is unknown", where=where, remedy=f"Use one of {', '.join(allowed)}")
    divisor = config.generator.divisor
    edge = config.patches.size // (config.generator.stride if run.coarse_loss else 1)
    ranges = (
        ("loss weights", min(loss.w_dice, loss.w_hd, loss.w_focal, loss.w_gan, loss.w_ce) >= 0, "at least 0"),
        ("loss weights", loss.w_dice + loss.w_hd + loss.w_focal + loss.w_ce > 0, "one must be above 0"),
        ("loss.hd_every", loss.hd_every >= 1, "at least 1"),
        ("loss.hd_start", 0 <= loss.hd_start < 1, "from 0 to below 1"),
        ("optimiser.lr", optimiser.lr > 0 and optimiser.discriminator_lr > 0, "above 0"),
        ("optimiser.step_epochs", optimiser.step_epochs >= 1, "at least 1"),
        ("run.batch and run.accumulation", min(run.batch, run.accumulation) >= 1, "at least 1"),
        ("run", max(run.epochs, run.steps, run.time_limit_minutes) > 0, "epochs, steps or time_limit_minutes above 0"),
        ("run.ema_decay", 0 <= run.ema_decay < 1, "from 0 to below 1"),
        ("data.cone_share", 0 <= config.data.cone_share <= 1, "from 0 to 1"),
        ("data.annotation_error_mm", config.data.annotation_error_mm >= 0, "at least 0"),
        ("run.level_dropout", 0 <= run.level_dropout <= 1, "from 0 to 1"),
        ("patches.size", config.patches.size % divisor == 0, f"a multiple of {divisor}"),
        ("patches.size", not loss.w_gan or edge >= 24, "at least 24 voxels per edge for the discriminator"),
    )
    for where, fine, rule in ranges:
        if not fine:
            raise ArgumentError("impossible value", where=where, remedy=f"Must be: {rule}")
