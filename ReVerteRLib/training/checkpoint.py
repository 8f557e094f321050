"""Checkpoints: everything that a training needs to go on exactly where it stopped."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from ReVerteRLib.errors import InputError
from ReVerteRLib.files import written_aside

_KEYS = {"config", "network", "average", "optimiser", "discriminator", "discriminator_optimiser", "step", "seconds"}


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Writes tensors and plain values in one step, with torch's random state. Raises OutputError."""
    random = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        random["cuda"] = torch.cuda.get_rng_state()
    with written_aside(Path(path)) as aside:
        torch.save({**state, "random": random}, aside)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Reads a checkpoint and restores torch's random state; arbitrary objects are never unpickled.

    Raises InputError where the file is missing, damaged or something else.
    """
    remedy = "Start again without --resume"
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError("there is no checkpoint to resume from", where=path, remedy=remedy) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise InputError("the checkpoint is damaged", where=path, remedy=remedy) from error
    if not isinstance(state, dict) or not set(state) >= _KEYS:
        raise InputError("is not a training checkpoint", where=path, remedy=remedy)
    torch.set_rng_state(state["random"]["cpu"])
    if torch.cuda.is_available() and "cuda" in state["random"]:
        torch.cuda.set_rng_state(state["random"]["cuda"])
    return state


def refuse_other_config(path: Path, saved: dict[str, Any], current: dict[str, Any]) -> None:
    """Only limits, intervals, threads and device may differ between a run and its continuation.

    Settings that the saved run did not know yet count as their defaults. Raises InputError.
    """
    from ReVerteRLib.training.config import config_from_dict

    saved = config_from_dict(saved).to_dict()
    free = {"epochs", "steps", "time_limit_minutes", "checkpoint_every", "validation_every", "validation_samples",
            "threads", "device"}  # fmt: skip

    def fixed(config: dict[str, Any]) -> dict[str, Any]:
        return {**config, "run": {key: value for key, value in config["run"].items() if key not in free}}

    before, now = fixed(saved), fixed(current)
    changed = sorted(key for key in now if before.get(key) != now[key])
    if changed:
        raise InputError(
            f"the checkpoint was made with other settings ({', '.join(changed)})",
            where=path,
            remedy="Resume with the same configuration, or start in a new folder",
        )
