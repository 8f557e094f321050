"""Training samples read from a corpus, with random changes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.datasets.pack import REAL_PREFIX, CodedSamples, read_corpus
from ReVerteRLib.datasets.patches import PatchSettings, draw_marks, mirror_geometry
from ReVerteRLib.errors import DatasetError
from ReVerteRLib.geometry import Array


@dataclass(frozen=True)
class Augmentation:
    """Random changes of a sample when it is read, all off by default.

    flip:               chance to mirror the patient left to right.
    contrast, noise, blur_px, gradient: strengths of grey-value changes (in units of the normalised patch).
    level_error:        chance that the level is wrong by one.
    neighbour_dropout:  chance that a neighbour's mark is missing; twice this drops all of them.
    """

    flip: float = 0.0
    contrast: float = 0.0
    noise: float = 0.0
    blur_px: float = 0.0
    gradient: float = 0.0
    level_error: float = 0.0
    neighbour_dropout: float = 0.0

    @classmethod
    def training(cls) -> Augmentation:
        """What measured well for synthetic-to-real transfer."""
        return cls(
            flip=0.5, contrast=0.3, noise=0.12, blur_px=1.2, gradient=0.4, level_error=0.08, neighbour_dropout=0.08
        )


class CorpusDataset:
    """Training samples of a prepared corpus, held in memory in their small form (pack.CodedSamples).

    __getitem__ returns ap, lateral float32 [2, S, S]; mask uint8 [1, S, S, S]; level int; centroid_zyx float32 [3];
    perspective float32 [2, 4]. With augmentation a sample differs each time: call set_epoch for reproducible draws.
    Needs numpy alone.
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
    ) -> None:
        """path: a corpus folder or a packed file; files: some files of the folder; samples: read already.

        Raises DatasetError for an empty or damaged corpus, and for one whose patches were cut in another way.
        """
        self.samples = read_corpus(path, files) if samples is None else samples
        _refuse_other_patches(self.samples, patches, path)
        self._data = self.samples.arrays
        self.settings = patches
        self._augmentation = augmentation or Augmentation()
        self._seed = seed
        self._epoch = 0

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
        marks = [self._mark(own, near, axes) for axes in ((0, 2), (0, 1))]
        ap, lateral = (np.stack(pair).astype(np.float32) for pair in zip(images, marks, strict=True))
        if rng.random() < self._augmentation.flip:
            ap, mask = ap[:, :, ::-1].copy(), mask[:, :, ::-1].copy()
            own, perspective = mirror_geometry(own, perspective, size)
        if rng.random() < self._augmentation.level_error:
            level = int(np.clip(level + rng.choice([-1, 1]), 0, 25))
        return {
            "ap": ap,
            "lateral": lateral,
            "mask": mask[None],
            "level": level,
            "centroid_zyx": np.asarray(own, dtype=np.float32),
            "perspective": perspective,
        }

    def _neighbours(self, index: int, rng: np.random.Generator) -> Array:
        near = self._data["neighbours_zyx"][index].astype(np.float64)
        near = near[np.isfinite(near[:, 0])]
        drop = self._augmentation.neighbour_dropout
        if rng.random() < 2.0 * drop:
            return near[:0]
        return near[rng.random(len(near)) >= drop]

    def _mark(self, own: NDArray[np.float32], near: Array, axes: tuple[int, int]) -> NDArray[np.float32]:
        return draw_marks(own[list(axes)], near[:, list(axes)], self.settings)

    def _disturbed(
        self, coded: NDArray[np.uint8], index: int, view: int, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        values = _disturb(self._grey(coded, index, view), self._augmentation, rng)
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


def blurred(values: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    """An image [h, w] after a Gaussian of this width, mirrored at its edges; equals scipy.ndimage.gaussian_filter.

    Its own code, because a training machine may have no scipy.
    """
    reach = int(4.0 * sigma_px + 0.5)
    if not reach:
        return values
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / sigma_px) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    for _ in range(2):  # along the rows, turned, along the columns, turned back
        padded = np.pad(values, ((reach, reach), (0, 0)), mode="symmetric")
        windows = np.lib.stride_tricks.sliding_window_view(padded, len(weights), axis=0)
        values = np.ascontiguousarray((windows @ weights).T)
    return values


def _disturb(values: NDArray[np.float32], a: Augmentation, rng: np.random.Generator) -> NDArray[np.float32]:
    """Grey-value changes: blur, non-linear contrast, a tilt of brightness, noise."""
    if a.blur_px and rng.random() < 0.5:
        values = blurred(values, rng.uniform(0.0, a.blur_px))
    if a.contrast:
        values = values + rng.normal(0.0, 0.15 * a.contrast) * (values**2 - 1.0)
        values = values * np.exp(rng.normal(0.0, a.contrast)) + rng.normal(0.0, 0.3 * a.contrast)
    if a.gradient:
        rows, columns = np.linspace(-1, 1, values.shape[0]), np.linspace(-1, 1, values.shape[1])
        tilt = rng.normal(0.0, a.gradient, 2)
        values = values + (tilt[0] * rows[:, None] + tilt[1] * columns[None]).astype(np.float32)
    if a.noise:
        values = values + rng.normal(0.0, rng.uniform(0.0, a.noise), values.shape).astype(np.float32)
    return values
