"""Samples that were cut smaller than a network wants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.errors import DatasetError
from ReVerteRLib.training.stream import SampleSource


class PaddedSource:
    """Samples of a smaller cube as if it had been cut with more voxels on every side.

    The images continue with their border pixels, the marks and the mask with nothing, and the geometry follows.
    Raises DatasetError when the cube cannot be centred in the larger one.
    """

    def __init__(self, source: SampleSource, size: int, padded: int) -> None:
        """size, padded: voxels an edge of the samples, and of what comes out."""
        if padded < size or (padded - size) % 2:
            raise DatasetError(
                f"samples of {size} voxels cannot be centred in {padded}",
                remedy="Prepare a corpus with the size of the configuration's patches",
            )
        self._source, self._border = source, (padded - size) // 2

    def __len__(self) -> int:
        return len(self._source)

    def set_epoch(self, epoch: int) -> None:
        """Passed on, where the source knows epochs."""
        announce = getattr(self._source, "set_epoch", None)
        if announce is not None:
            announce(epoch)

    def __getitem__(self, index: int) -> dict[str, Any]:
        sample, border = self._source[index], self._border
        if "prior" in sample:
            raise DatasetError("the usual shape of a sample cannot be padded", remedy="Prepare a corpus of this size")
        return {
            **sample,
            "ap": _padded_view(sample["ap"], border),
            "lateral": _padded_view(sample["lateral"], border),
            "mask": np.pad(np.asarray(sample["mask"]), ((0, 0), *((border, border),) * 3)),
            "centroid_zyx": np.asarray(sample["centroid_zyx"]) + np.float32(border),
            "perspective": _padded_rays(sample, border),
        }


def _padded_view(view: NDArray[np.float32], border: int) -> NDArray[np.float32]:
    image, mark = view
    return np.stack([np.pad(image, border, mode="edge"), np.pad(mark, border)])


def _padded_rays(sample: Mapping[str, Any], border: int) -> NDArray[np.float64]:
    """The principal pixel moves with the corner; parallel rays (zeros) have none."""
    rays = np.array(sample["perspective"])
    cone = rays.any(axis=1)
    rays[cone, :2] += border
    return rays
