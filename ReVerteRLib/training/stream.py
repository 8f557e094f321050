"""Batches in an order that depends on seed and position alone, so that a resumed run goes on where it stopped."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import torch
from torch import Tensor

from ReVerteRLib.errors import DatasetError

Batch = dict[str, Tensor]


class SampleSource(Protocol):
    """A map-style data set of samples: ap, lateral, mask, level, centroid_zyx, perspective.

    It may have `set_epoch(epoch)`; augmentation must then depend on epoch and index only, or resuming is not exact.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Mapping[str, Any]: ...


class BatchStream:
    """Endless batches; one thread loads the next while the network works on the current one."""

    def __init__(
        self, source: SampleSource, batch: int, seed: int, rank: int = 0, size: int = 1, *, limit: int = 0
    ) -> None:
        """The part of process `rank` of `size`, each with its own batch; all parts together follow one order.

        limit: samples in all; the last batch is cut, and past it the stream repeats its last sample. 0 for no limit.
        Raises DatasetError for an empty source.
        """
        if len(source) == 0:
            raise DatasetError("there are no training samples", remedy="Check the data folder and the split")
        self._source, self._batch, self._seed = source, batch, seed
        self._rank, self._size, self._limit = rank, size, limit
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.int64)

    def batches(self, start: int) -> Generator[Batch, None, None]:
        """Batch number `start` and all that follow."""
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches") as pool:
            position = start
            following: Future[Batch] = pool.submit(self._load, position)
            try:
                while True:
                    current = following.result()
                    position += 1
                    following = pool.submit(self._load, position)
                    yield current
            finally:
                following.cancel()

    def _load(self, number: int) -> Batch:
        first = (number * self._size + self._rank) * self._batch
        last = first + self._batch
        if self._limit:
            first, last = min(first, self._limit - 1), min(last, self._limit)
        return collate([self._sample(position) for position in range(first, max(last, first + 1))])

    def _sample(self, position: int) -> Mapping[str, Any]:
        epoch, place = divmod(position, len(self._source))
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(self._seed * 1_000_003 + epoch)
            self._epoch, self._order = epoch, torch.randperm(len(self._source), generator=generator)
            announce = getattr(self._source, "set_epoch", None)
            if announce is not None:
                announce(epoch)
        return self._source[int(self._order[place])]


def collate(samples: list[Mapping[str, Any]]) -> Batch:
    """Stacks samples: float32 images, bool mask, int64 level, float32 centroid, perspective and, if given, prior."""
    kinds = {
        "ap": torch.float32,
        "lateral": torch.float32,
        "mask": torch.bool,
        "level": torch.int64,
        "centroid_zyx": torch.float32,
        "perspective": torch.float32,
        "prior": torch.float32,
    }
    return {
        key: torch.stack([torch.as_tensor(sample[key]).to(kind) for sample in samples])
        for key, kind in kinds.items()
        if key in samples[0]
    }
