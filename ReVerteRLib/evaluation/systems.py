"""What can be evaluated, by name: weights, and whatever else turns radiographs and centroids into a spine."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ReVerteRLib.errors import ArgumentError, WeightsError
from ReVerteRLib.evaluation.runner import SpineReconstructor

if TYPE_CHECKING:
    import torch

    from ReVerteRLib.inference.weights import LoadedWeights


@dataclass(frozen=True)
class System:
    """Something that reconstructs spines.

    name:          in tables and folder names, unique within a run.
    sha256:        of the file that it was read from.
    parameters:    numbers learned from data.
    reconstructor: what is run.
    without_level: the same without being told the level; None when it cannot do without.
    note:          "" or a sentence that the user should read.
    """

    name: str
    sha256: str
    parameters: int
    reconstructor: SpineReconstructor
    without_level: SpineReconstructor | None = None
    note: str = ""


SystemMaker = Callable[[str], System]
"""Makes a system that runs on a device ('auto', 'cpu' or 'cuda')."""


def mean_shape_system(device: str) -> System:
    """The floor: the mean shape of each level at its centroid, without a look at the radiographs."""
    from ReVerteRLib.inference import Reconstructor
    from ReVerteRLib.shapes.predictor import MeanShapePredictor

    predictor = MeanShapePredictor.open()
    return System(predictor.name, predictor.sha256, predictor.parameters, Reconstructor(predictor, device))


BUILT_IN: dict[str, SystemMaker] = {"mean-shape": mean_shape_system}
"""Systems that are no weights, by the name under which `open_system` finds them. Makers import what is heavy."""


def open_system(value: str, device: str = "auto", built_in: Mapping[str, SystemMaker] | None = None) -> System:
    """The system called `value`: one of BUILT_IN, or shipped weights by name, or a .safetensors file.

    This is the only place that knows what a value of the option --weights may mean. Raises WeightsError.
    """
    makers = BUILT_IN if built_in is None else built_in
    if value in makers:
        return makers[value](device)
    from ReVerteRLib.inference.weights import load_weights

    try:
        return system_of_weights(load_weights(value), device)
    except WeightsError as error:
        if not makers or value == "default" or "there are no weights called" not in error.what:
            raise
        known = f"{error.remedy}; or one of {', '.join(sorted(makers))}"
        raise WeightsError(error.what, where=error.where, remedy=known) from error


def open_systems(
    values: Sequence[str], device: str = "auto", built_in: Mapping[str, SystemMaker] | None = None
) -> tuple[System, ...]:
    """Several systems with names that differ. Raises WeightsError, and ArgumentError for one that is given twice."""
    opened: list[System] = []
    for value in values:
        system = open_system(value, device, built_in)
        if any(other.sha256 == system.sha256 for other in opened):
            raise ArgumentError(f"'{value}' is given twice", where="--weights", remedy="Name each system once")
        if any(other.name == system.name for other in opened):
            system = dataclasses.replace(system, name=f"{system.name}-{system.sha256[:8]}")
        opened.append(system)
    return tuple(opened)


def system_of_weights(weights: LoadedWeights, device: str = "auto") -> System:
    """The network of these weights on a device."""
    from ReVerteRLib.inference import Reconstructor

    return System(
        name=weights.name,
        sha256=weights.sha256,
        parameters=sum(p.numel() for p in weights.network.parameters()),
        reconstructor=Reconstructor(weights, device),
        without_level=Reconstructor(dataclasses.replace(weights, network=level_blind(weights.network)), device),
        note=weights.note,
    )


def level_blind(network: torch.nn.Module) -> torch.nn.Module:
    """The same network, which always takes the level for unknown; its tensors are shared."""
    import torch

    class LevelBlind(torch.nn.Module):
        """Swallows the level."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(
            self,
            ap: torch.Tensor,
            lateral: torch.Tensor,
            level: torch.Tensor | None = None,  # noqa: ARG002 - that is the point
            centroid_zyx: torch.Tensor | None = None,
            perspective: torch.Tensor | None = None,
            **others: Any,
        ) -> torch.Tensor:
            """As the network's own, without the level (a usual shape that it is given stays the level's)."""
            logits: torch.Tensor = self.network(
                ap, lateral, level=None, centroid_zyx=centroid_zyx, perspective=perspective, **others
            )
            return logits

    return LevelBlind().eval()
