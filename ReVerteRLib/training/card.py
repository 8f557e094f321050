"""What a weights file says about its training."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.networks.config import GeneratorConfig
from ReVerteRLib.training.config import TrainingConfig

if TYPE_CHECKING:
    from ReVerteRLib.inference.weights import LoadedWeights


def training_card(
    config: TrainingConfig, steps: int, metrics: dict[str, Any], origin: dict[str, Any] | None
) -> dict[str, Any]:
    """The card without `data` and `licence`; origin: name, sha256 and steps of the weights it started from."""
    plain = config.to_dict()
    card = {
        "name": config.name,
        "preset": config.generator.preset,
        "generator": plain["generator"],
        "patches": plain["patches"],
        "training": {key: plain[key] for key in ("loss", "optimiser", "run")},
        "seed": config.run.seed,
        "steps": steps,
        "metrics": metrics,
        "date": datetime.now(UTC).date().isoformat(),
    }
    return card if origin is None else {**card, "started_from": origin}


def refuse_other_network(config: TrainingConfig, weights: LoadedWeights) -> None:
    """Raises ArgumentError for weights whose generator or patches differ from the configuration's."""
    theirs = (GeneratorConfig.from_dict(dict(weights.card["generator"])).to_dict(), dict(weights.card["patches"]))
    plain = config.to_dict()
    for ours, other in zip((plain["generator"], plain["patches"]), theirs, strict=True):
        differing = sorted(key for key in ours if key != "preset" and ours[key] != other.get(key, ours[key]))
        if differing:
            raise ArgumentError(
                f"the weights '{weights.name}' differ from '{config.name}' in {', '.join(differing)}",
                where=weights.path,
                remedy="Train with the generator and the patches of their card",
            )
