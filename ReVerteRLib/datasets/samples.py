"""Training samples read from a corpus, with random changes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.datasets.augmentation import Augmentation, disturb
from ReVerteRLib.datasets.pack import REAL_PREFIX, CodedSamples, read_corpus
from ReVerteRLib.datasets.patches import PatchSettings, draw_marks, mirror_geometry
from ReVerteRLib.errors import DatasetError
from ReVerteRLib.geometry import Array, PatchGrid

__all__ = ["Augmentation", "CorpusDataset"]

if TYPE_CHECKING:
    from ReVerteRLib.shapes.usual import UsualShape


class CorpusDataset:
    """Training samples of a prepared corpus, held in memory in their small form (pack.CodedSamples).

    __getitem__ returns ap, lateral float32 [2, S, S]; mask uint8 [1, S, S, S]; level int; centroid_zyx float32 [3];
    perspective float32 [2, 4]; with a usual shape also prior float32 [1, S/t, S/t, S/t]. With augmentation a sample
    differs each time: call set_epoch for reproducible draws. Without a usual shape it needs numpy alone.
    """

    def __init__(
        self,
        path: Path,
        patches: PatchSettings,
        *,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        files: list[Path] | None = None,
        samples: CodedSamples | None = None,
        usual: UsualShape | None = None,
        stride: int = 2,
    ) -> None:
        """path: a corpus folder or a packed file; files: some files of the folder; samples: read already.

        usual, stride: for networks with `shape_prior`, and their t above.

        Raises DatasetError for an empty or damaged corpus, and for one whose patches were cut in another way.
        """
        self.samples = read_corpus(path, files) if samples is None else samples
        _refuse_other_patches(self.samples, patches, path)
        self._data = self.samples.arrays
        self.settings = patches
        self._augmentation = augmentation or Augmentation()
        self._seed = seed
        self._epoch = 0
        self._usual, self._stride = usual, stride

    def __len__(self) -> int:
        return len(self._data["level"])

    @property
    def levels(self) -> NDArray[np.int64]:
        """Level.order of every sample."""
        return self._data["level"]

    @property
    def origin(self) -> str:
        """What the samples were made of, in words."""
        names = self.samples.patients
        real = sum(name.startswith(REAL_PREFIX) for name in names)
        subjects = ", ".join(sorted(set(self.samples.subjects)))
        return f"{len(names) - real} synthetic patients and {real} real CTs, made from the spines of {subjects}"

    def normalised(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Both images [2, S, S] in network units without augmentation, and where they lie inside the radiographs."""
        coded, _ = self.samples.decode(index)
        return np.stack([self._grey(coded[view], index, view) for view in (0, 1)]), coded > 0

    def set_epoch(self, epoch: int) -> None:
        """Changes the augmentation's draws."""
        self._epoch = epoch

    def __getitem__(self, index: int) -> dict[str, Any]:
        d, size = self._data, self.samples.size
        rng = np.random.default_rng([self._seed, self._epoch, int(index)])
        coded, mask = self.samples.decode(index)
        own, near = d["centroid_zyx"][index], self._neighbours(index, rng)
        perspective, level = d["perspective"][index], int(d["level"][index])
        images = [self._disturbed(coded[view], index, view, rng) for view in (0, 1)]
        marks = [self._mark(own, near[np.isfinite(near[:, 1])], axes) for axes in ((0, 2), (0, 1))]
        ap, lateral = (np.stack(pair).astype(np.float32) for pair in zip(images, marks, strict=True))
        flip = rng.random() < self._augmentation.flip
        if rng.random() < self._augmentation.level_error:
            level = int(np.clip(level + rng.choice([-1, 1]), 0, 25))
        prior = self._prior(level, own, near)
        if flip:
            ap, mask = ap[:, :, ::-1].copy(), mask[:, :, ::-1].copy()
            prior = {key: value[..., ::-1].copy() for key, value in prior.items()}
            own, perspective = mirror_geometry(own, perspective, size)
        return {
            **prior,
            "ap": ap,
            "lateral": lateral,
            "mask": mask[None],
            "level": level,
            "centroid_zyx": np.asarray(own, dtype=np.float32),
            "perspective": perspective,
        }

    def _neighbours(self, index: int, rng: np.random.Generator) -> Array:
        """(N, 3) with NaN for y and x of hidden ones."""
        near = self._data["neighbours_zyx"][index].astype(np.float64)
        near = near[np.isfinite(near[:, 0])]
        drop = self._augmentation.neighbour_dropout
        if rng.random() < 2.0 * drop:
            return near[:0]
        near[rng.random(len(near)) < drop, 1:] = np.nan
        return near

    def _prior(self, level: int, own: NDArray[np.float32], near: Array) -> dict[str, NDArray[np.float32]]:
        if self._usual is None:
            return {}
        s = self.settings
        grid = PatchGrid((0.0, 0.0, 0.0), s.size, s.spacing_mm, s.posterior_offset_mm)
        return {"prior": self._usual.in_patch(level, own, near, grid, self._stride)[None]}

    def _mark(self, own: NDArray[np.float32], near: Array, axes: tuple[int, int]) -> NDArray[np.float32]:
        return draw_marks(own[list(axes)], near[:, list(axes)], self.settings)

    def _disturbed(
        self, coded: NDArray[np.uint8], index: int, view: int, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        values = disturb(self._grey(coded, index, view), self._augmentation, rng)
        return np.where(coded > 0, values, 0.0).astype(np.float32)

    def _grey(self, coded: NDArray[np.uint8], index: int, view: int) -> NDArray[np.float32]:
        """Normalised values; meaningless outside the radiograph."""
        low, high = self._data["scale"][index, view]
        inside = coded > 0
        values = low + (coded.astype(np.float32) - 1.0) * ((high - low) / 254.0)
        if self.settings.normalisation == "image_percentile":
            first, last = self._data["percentiles"][index, view]
            return (values - first) / max(float(last - first), 1e-6)
        return (values - values[inside].mean()) / max(float(values[inside].std()), 1e-6)


def _refuse_other_patches(samples: CodedSamples, patches: PatchSettings, path: Path) -> None:
    made = {"size": samples.size, **samples.settings.get("patches", {})}
    other = [
        f"{name} {made[name]:g} instead of {getattr(patches, name):g}"
        for name in ("size", "spacing_mm", "posterior_offset_mm")
        if name in made and made[name] != getattr(patches, name)
    ]
    if other:
        raise DatasetError(
            f"the patches of the corpus were cut with {', '.join(other)}",
            where=path,
            remedy="Change [patches] of the configuration, or prepare a corpus with it",
        )
