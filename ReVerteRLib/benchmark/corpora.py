"""The samples of a benchmark: one corpus for all systems, in one order."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ReVerteRLib.anatomy import LEVELS
from ReVerteRLib.benchmark.padding import PaddedSource
from ReVerteRLib.datasets.pack import CodedSamples, read_corpus
from ReVerteRLib.datasets.samples import Augmentation, CorpusDataset
from ReVerteRLib.errors import ArgumentError, DatasetError
from ReVerteRLib.training.stream import SampleSource

if TYPE_CHECKING:
    from ReVerteRLib.datasets.patches import PatchSettings
    from ReVerteRLib.training.config import TrainingConfig


class Corpora:
    """A corpus cut for the shared patches and, where there is one, the same cut for ReVerteR's recommended network.

    Both must hold the same vertebrae of the same patients in the same order, so that every system sees the same.
    Raises DatasetError when they do not, and for corpora that are empty or damaged.
    """

    def __init__(self, shared: Path, patches: PatchSettings, own: Path | None = None) -> None:
        """shared, own: folders or packed files as `reverter prepare` writes them; patches: of the shared one.

        The shared samples may be smaller cubes than `patches` says (PaddedSource).
        """
        self.shared, self.own, self._patches = Path(shared), own, patches
        self._samples = read_corpus(self.shared)
        self._own = None if own is None else read_corpus(own)
        if self._own is not None:
            _refuse_others(self._samples, self._own, Path(own or ""))

    def __len__(self) -> int:
        return len(self._samples)

    @property
    def origin(self) -> str:
        """What the samples were made of, in words."""
        return CorpusDataset(self.shared, self._cut_as(self._samples), samples=self._samples).origin

    def described(self) -> dict[str, Any]:
        """File names (without folders: the record is published), patients, and vertebrae by level."""
        orders, counts = np.unique(self._samples.arrays["level"], return_counts=True)
        return {
            "shared": self.shared.name,
            "recommended": None if self.own is None else Path(self.own).name,
            "patients": len(self._samples.patients),
            "samples": len(self._samples),
            "levels": {LEVELS[int(order)].name: int(count) for order, count in zip(orders, counts, strict=True)},
        }

    def source(self, config: TrainingConfig, seed: int) -> SampleSource:
        """The training samples of a system; the same for every system that shares the patches.

        Raises ArgumentError where a system needs patches that no corpus has.
        """
        augmentation = Augmentation.training() if config.data.augment else None
        if config.patches == self._patches and not config.generator.shape_prior:
            cut = self._cut_as(self._samples)
            data = CorpusDataset(self.shared, cut, augmentation=augmentation, seed=seed, samples=self._samples)
            return data if cut.size == config.patches.size else PaddedSource(data, cut.size, config.patches.size)
        if self._own is None or self.own is None:
            raise ArgumentError(
                f"'{config.name}' needs patches of its own",
                where="--corpus-recommended",
                remedy="Give the same patients cut with 'reverter prepare --config recommended', or leave it out",
            )
        from ReVerteRLib.shapes.usual import UsualShape

        usual = UsualShape() if config.generator.shape_prior else None
        return CorpusDataset(
            self.own,
            config.patches,
            augmentation=augmentation,
            seed=seed,
            samples=self._own,
            usual=usual,
            stride=config.generator.stride,
        )

    def _cut_as(self, samples: CodedSamples) -> PatchSettings:
        return dataclasses.replace(self._patches, size=min(samples.size, self._patches.size))


def _refuse_others(shared: CodedSamples, own: CodedSamples, where: Path) -> None:
    same = (
        shared.subjects == own.subjects
        and np.array_equal(shared.patient, own.patient)
        and np.array_equal(shared.arrays["level"], own.arrays["level"])
    )
    if not same:
        raise DatasetError(
            "the two corpora do not hold the same vertebrae in the same order",
            where=where,
            remedy="Prepare both with the same data, split, number of patients and seed",
        )
