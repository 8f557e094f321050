"""The floor: the mean shape of each level at its centroid, which nothing need be trained for."""

from __future__ import annotations

from torch import nn

from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.networks.baselines.contract import System


def build(size: int) -> nn.Module:
    """Raises ArgumentError: there is no network; `evaluation.systems.open_system("mean-shape")` gives what is run."""
    raise ArgumentError(
        f"the mean shape has no network for {size} voxels", remedy="Open it by evaluation.systems.open_system"
    )


SYSTEM = System(
    key="mean-shape",
    title="Mean shape (no radiograph)",
    citation="the floor of this comparison; not in the paper",
    kind="floor",
    build=build,
    recipe=None,
)
