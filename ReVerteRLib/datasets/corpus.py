"""A corpus of synthetic vertebrae: patients are made, projected and cut into training samples, once, on disk.

One .npz a patient (8-bit patches, bit-packed masks, compressed), written aside and renamed, so that an interrupted
run goes on where it stopped. The same seed gives the same corpus.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import Level
from ReVerteRLib.datasets.atlas import BodyAtlas, load_atlas
from ReVerteRLib.datasets.deformation import DeformationSettings
from ReVerteRLib.datasets.patches import PatchSettings, draw_marks, raw_patch
from ReVerteRLib.datasets.synthesis import SourceSpine, SyntheticPatient, context_folder, prepare_source
from ReVerteRLib.errors import CancelledError, CentroidError, DatasetError
from ReVerteRLib.files import cache_folder, write_json, written_aside
from ReVerteRLib.geometry import Array, Beam
from ReVerteRLib.imaging.radiograph import RadiographPair

Progress = Callable[[int, int, str], None]
NEIGHBOURS = 6
_MASK_MINIMUM_VOXELS = 400


@dataclass(frozen=True)
class CorpusSettings:
    """What the corpus holds.

    patients:            number of synthetic patients.
    seed:                of the whole corpus.
    split:               subjects of which split the spines come from.
    spacing_mm:          voxel size of the synthetic CTs.
    patches:             how patches are cut; normalisation and marks are applied later, when a sample is read.
    annotation_error_mm: standard deviation of the marked centroid about the true one, each axis.
    cone_share:          share of patients with a cone beam.
    deformation:         strength of the anatomical changes.
    """

    patients: int = 600
    seed: int = 1
    split: str = "train"
    spacing_mm: float = 1.5
    patches: PatchSettings = dataclasses.field(default_factory=PatchSettings)
    annotation_error_mm: float = 1.5
    cone_share: float = 0.2
    deformation: DeformationSettings = dataclasses.field(default_factory=DeformationSettings)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready record, stored beside the samples."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class CorpusSource:
    """A spine to draw from and the levels of it that may become targets (whole ones)."""

    spine: SourceSpine
    targets: tuple[Level, ...]


def load_corpus_sources(data_root: Path, split: str, progress: Progress) -> tuple[list[CorpusSource], BodyAtlas | None]:
    """Reads the spines of a split and the surrounding bones. Raises DatasetError when the split is empty."""
    from ReVerteRLib.datasets.verse import find_subjects, load_subject

    root = data_root / "spines" if (data_root / "spines").is_dir() else data_root
    subjects = [s for s in find_subjects(root) if s.split == split]
    if not subjects:
        raise DatasetError(f"there is no subject of split '{split}'", where=root, remedy="Check participants.tsv")
    sources, loaded_by_name = [], {}
    for number, subject in enumerate(subjects):
        progress(number, len(subjects), f"reading {subject.name}")
        loaded = load_subject(subject, with_ct=False)
        loaded_by_name[subject.name] = loaded
        spine = prepare_source(loaded.labels, loaded.centroids, subject.name)
        whole = tuple(c.level for c in loaded.centroids if c.level not in loaded.cut)
        sources.append(CorpusSource(spine, whole))
    context = context_folder(root)
    reference = loaded_by_name.get("sub-bp3d01")
    atlas = None
    if context is not None and reference is not None:
        atlas = load_atlas(
            context, reference.labels, reference.centroids, cache_folder(), lambda text: progress(0, 1, text)
        )
    return sources, atlas


class CorpusBuilder:
    """Makes the samples of one patient after the other."""

    def __init__(self, settings: CorpusSettings, sources: list[CorpusSource], atlas: BodyAtlas | None) -> None:
        self.settings = settings
        self._sources = sources
        self._atlas = atlas
        weights = np.array([np.sqrt(len(s.targets)) for s in sources])
        self._weights = weights / weights.sum()

    def patient(self, number: int) -> dict[str, NDArray[Any]]:
        """Arrays of all samples of patient `number`; see CorpusDataset for their meaning."""
        s = self.settings
        rng = np.random.default_rng([s.seed, number])
        source = self._sources[int(rng.choice(len(self._sources), p=self._weights))]
        patient = SyntheticPatient(
            source.spine, seed=s.seed * 1_000_003 + number, deformation=s.deformation, atlas=self._atlas
        )
        pair = self._radiographs(patient, rng)
        samples = []
        for level in source.targets:
            sample = self._sample(patient, level, pair, rng)
            if sample is not None:
                samples.append(sample)
        stacked = {key: np.stack([sample[key] for sample in samples]) for key in samples[0]} if samples else {}
        stacked["subject"] = np.array(source.spine.name)
        return stacked

    def _radiographs(self, patient: SyntheticPatient, rng: np.random.Generator) -> RadiographPair:
        from ReVerteRLib.drr import simulate_pair

        cone = rng.random() < self.settings.cone_share
        sad = float(rng.uniform(900.0, 2500.0))
        return simulate_pair(
            patient.ct(self.settings.spacing_mm),
            beam=Beam.CONE if cone else Beam.PARALLEL,
            spacing_mm=1.0,
            sad_mm=sad,
            sdd_mm=sad * float(rng.uniform(1.05, 1.4)),
            device="cpu",
        )

    def _sample(
        self, patient: SyntheticPatient, level: Level, pair: RadiographPair, rng: np.random.Generator
    ) -> dict[str, NDArray[Any]] | None:
        true = patient.centroids.get(level)
        assert true is not None  # noqa: S101 - targets are levels with a centroid
        marked = np.array(true.position_lps_mm) + rng.normal(0.0, self.settings.annotation_error_mm, 3)
        grid = self.settings.patches.grid(marked)
        mask = patient.mask(level, grid)
        if mask.sum() < _MASK_MINIMUM_VOXELS:
            return None
        try:
            patches = [raw_patch(r, grid) for r in pair]
        except CentroidError:
            return None
        coded = [_to_bytes(values, inside) for values, inside in patches]
        others = [np.array(c.position_lps_mm) for c in patient.centroids if c.level != level]
        others.sort(key=lambda p: float(np.abs(p - marked).sum()))
        near = np.full((NEIGHBOURS, 3), np.nan, dtype=np.float32)
        for row, point in enumerate(others[:NEIGHBOURS]):
            shifted = point + rng.normal(0.0, self.settings.annotation_error_mm, 3)
            near[row] = np.linalg.solve(grid.zyx_to_lps_mm, np.append(shifted, 1.0))[:3]
        return {
            "images": np.stack([c[0] for c in coded]),
            "scale": np.array([c[1] for c in coded], dtype=np.float32),
            "percentiles": np.array([np.percentile(r.image_hw, [1.0, 99.0]) for r in pair], dtype=np.float32),
            "mask": np.packbits(mask),
            "level": np.array(level.order, dtype=np.int64),
            "centroid_zyx": grid.centroid_zyx.astype(np.float32),
            "neighbours_zyx": near,
            "perspective": np.stack([grid.perspective(r.projection) for r in pair]).astype(np.float32),
        }


def _to_bytes(values: NDArray[np.float32], inside: NDArray[np.bool_]) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """8-bit image: 0 is outside the radiograph, 1..255 the range from low to high."""
    low, high = float(values[inside].min()), float(values[inside].max())
    scaled = 1.0 + np.round((values - low) * (254.0 / max(high - low, 1e-6)))
    return np.where(inside, np.clip(scaled, 1, 255), 0).astype(np.uint8), (low, high)


def prepare(
    data_root: Path,
    out: Path,
    settings: CorpusSettings,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    *,
    share: tuple[int, int] = (0, 1),
) -> Path:
    """Makes the corpus in folder `out`, keeping patients that are there already.

    share: (part, parts) lets several processes work on one corpus. Returns `out`.
    Raises DatasetError for an unusable data set or a folder made with other settings, CancelledError on request.
    """
    tell = progress or (lambda _done, _total, _text: None)
    _claim(out, settings)
    todo = [n for n in range(settings.patients) if n % share[1] == share[0] and not _file(out, n).is_file()]
    if not todo:
        return out
    sources, atlas = load_corpus_sources(Path(data_root), settings.split, tell)
    builder = CorpusBuilder(settings, sources, atlas)
    for done, number in enumerate(todo):
        if cancelled is not None and cancelled():
            raise CancelledError("the corpus is unfinished", where=out, remedy="Run it again to go on")
        tell(done, len(todo), f"patient {number}")
        arrays = builder.patient(number)
        with written_aside(_file(out, number)) as aside, aside.open("wb") as stream:
            np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    tell(len(todo), len(todo), "corpus complete")
    return out


def _file(out: Path, number: int) -> Path:
    return out / f"patient-{number:05d}.npz"


def _claim(out: Path, settings: CorpusSettings) -> None:
    record = out / "corpus.json"
    wanted = json.loads(json.dumps(settings.to_dict()))
    if record.is_file():
        found = json.loads(record.read_text(encoding="utf-8"))
        if {**found, "patients": 0} != {**wanted, "patients": 0}:
            raise DatasetError("the folder holds a corpus made with other settings", where=out, remedy="Use a new one")
    write_json(record, wanted)


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
    """Training samples of a prepared corpus, held in memory.

    __getitem__ returns ap, lateral float32 [2, S, S]; mask uint8 [1, S, S, S]; level int; centroid_zyx float32 [3];
    perspective float32 [2, 4]. With augmentation a sample differs each time: call set_epoch for reproducible draws.
    """

    def __init__(
        self,
        path: Path,
        patches: PatchSettings,
        *,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        files: list[Path] | None = None,
    ) -> None:
        """files: a subset of the patients; all by default. Raises DatasetError for an empty corpus."""
        chosen = files if files is not None else sorted(Path(path).glob("patient-*.npz"))
        parts: dict[str, list[NDArray[Any]]] = {}
        for file in chosen:
            with np.load(file) as data:
                if "level" in data:
                    for key in data.files:
                        parts.setdefault(key, []).append(np.atleast_1d(data[key]))
        if not parts:
            raise DatasetError("the corpus is empty", where=path, remedy="Prepare it first")
        self._subjects = parts.pop("subject")
        self._data = {key: np.concatenate(value) for key, value in parts.items()}
        self._settings = patches
        self._augmentation = augmentation or Augmentation()
        self._seed = seed
        self._epoch = 0

    def __len__(self) -> int:
        return len(self._data["level"])

    @property
    def levels(self) -> NDArray[np.int64]:
        """Level.order of every sample."""
        return self._data["level"]

    def set_epoch(self, epoch: int) -> None:
        """Changes the augmentation's draws."""
        self._epoch = epoch

    def __getitem__(self, index: int) -> dict[str, Any]:
        d, size = self._data, self._settings.size
        rng = np.random.default_rng([self._seed, self._epoch, int(index)])
        mask = np.unpackbits(d["mask"][index], count=size**3).reshape(size, size, size)
        own, near = d["centroid_zyx"][index], self._neighbours(index, rng)
        perspective, level = d["perspective"][index].copy(), int(d["level"][index])
        images = [self._image(index, view, rng) for view in (0, 1)]
        marks = [self._mark(own, near, axes) for axes in ((0, 2), (0, 1))]
        ap, lateral = (np.stack(pair).astype(np.float32) for pair in zip(images, marks, strict=True))
        if rng.random() < self._augmentation.flip:
            ap, mask = ap[:, :, ::-1].copy(), mask[:, :, ::-1].copy()
            own = np.array([own[0], own[1], size - 1 - own[2]], dtype=np.float32)
            perspective[0, 1] = size - 1 - perspective[0, 1] if perspective[0].any() else 0.0
            perspective[1, 2:] *= -1.0  # the source now stands on the other side
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
        return draw_marks(own[list(axes)], near[:, list(axes)], self._settings)

    def _image(self, index: int, view: int, rng: np.random.Generator) -> NDArray[np.float32]:
        coded = self._data["images"][index, view]
        low, high = self._data["scale"][index, view]
        inside = coded > 0
        values = low + (coded.astype(np.float32) - 1.0) * ((high - low) / 254.0)
        if self._settings.normalisation == "image_percentile":
            first, last = self._data["percentiles"][index, view]
            values = (values - first) / max(float(last - first), 1e-6)
        else:
            values = (values - values[inside].mean()) / max(float(values[inside].std()), 1e-6)
        return np.where(inside, _disturb(values, self._augmentation, rng), 0.0).astype(np.float32)


def _disturb(values: NDArray[np.float32], a: Augmentation, rng: np.random.Generator) -> NDArray[np.float32]:
    """Grey-value changes: blur, non-linear contrast, a tilt of brightness, noise."""
    from scipy.ndimage import gaussian_filter

    if a.blur_px and rng.random() < 0.5:
        values = gaussian_filter(values, rng.uniform(0.0, a.blur_px))
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
