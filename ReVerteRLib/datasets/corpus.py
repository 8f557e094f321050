"""A corpus of vertebrae: synthetic patients are made, real CTs read, projected and cut into samples, once, on disk.

One .npz a patient or scan (8-bit patches, bit-packed masks, compressed), written aside and renamed, so that an
interrupted run goes on where it stopped. The same seed gives the same corpus.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import Level
from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.datasets.atlas import BodyAtlas, atlas_of
from ReVerteRLib.datasets.deformation import DeformationSettings
from ReVerteRLib.datasets.masks import mask_on_grid
from ReVerteRLib.datasets.patches import PatchSettings, raw_patch
from ReVerteRLib.datasets.splits import split_subjects
from ReVerteRLib.datasets.synthesis import SourceSpine, SyntheticPatient, prepare_source
from ReVerteRLib.datasets.verse import LoadedSubject, VerseSubject, find_subjects, load_subject
from ReVerteRLib.errors import CancelledError, CentroidError, DatasetError
from ReVerteRLib.files import write_json, written_aside
from ReVerteRLib.geometry import Beam, PatchGrid
from ReVerteRLib.imaging.radiograph import RadiographPair
from ReVerteRLib.imaging.volume import CtVolume, LabelVolume
from ReVerteRLib.progress import Cancelled, Progress

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


class Anatomy(Protocol):
    """What samples are cut from: a synthetic patient or a real one."""

    @property
    def centroids(self) -> CentroidSet:
        """All labelled centres."""

    def mask(self, level: Level, grid: PatchGrid) -> NDArray[np.bool_]:
        """One vertebra on a patch grid, bool [z, y, x]."""


@dataclass(frozen=True)
class RealPatient:
    """The mask and centroids of a real scan."""

    labels: LabelVolume
    centroids: CentroidSet

    def mask(self, level: Level, grid: PatchGrid) -> NDArray[np.bool_]:
        """One vertebra on a patch grid, bool [z, y, x]."""
        return mask_on_grid(self.labels, level.verse_label, grid)


def subjects_of_split(data_root: Path, split: str) -> list[VerseSubject]:
    """The scans of a split (splits.split_subjects). Raises DatasetError when there is none."""
    subjects = list(getattr(split_subjects(find_subjects(data_root)), split))
    if not subjects:
        raise DatasetError(f"there is no subject of split '{split}'", where=data_root, remedy="Check participants.tsv")
    return subjects


def load_corpus_sources(data_root: Path, split: str, progress: Progress) -> tuple[list[CorpusSource], BodyAtlas | None]:
    """Reads the spines of a split and the surrounding bones. Raises DatasetError when the split is empty."""
    subjects = subjects_of_split(data_root, split)
    sources = []
    for number, subject in enumerate(subjects):
        progress(number, len(subjects), f"reading {subject.name}")
        loaded = load_subject(subject, with_ct=False)
        sources.append(CorpusSource(prepare_source(loaded.labels, loaded.centroids, subject.name), _targets(loaded)))
    return sources, atlas_of(data_root, lambda text: progress(0, 1, text))


def _targets(loaded: LoadedSubject) -> tuple[Level, ...]:
    """Whole levels with a centroid."""
    return tuple(c.level for c in loaded.centroids if c.level in loaded.whole_levels)


class CorpusBuilder:
    """Makes the samples of one patient after the other."""

    def __init__(self, settings: CorpusSettings, sources: list[CorpusSource], atlas: BodyAtlas | None) -> None:
        self.settings = settings
        self._sources = sources
        self._atlas = atlas

    def patient(self, number: int) -> dict[str, NDArray[Any]]:
        """Arrays of all samples of patient `number`; see CorpusDataset for their meaning."""
        s = self.settings
        rng = np.random.default_rng([s.seed, number])
        share = np.sqrt([len(source.targets) for source in self._sources])
        source = self._sources[int(rng.choice(len(self._sources), p=share / share.sum()))]
        patient = SyntheticPatient(
            source.spine, seed=s.seed * 1_000_003 + number, deformation=s.deformation, atlas=self._atlas
        )
        pair = self._radiographs(patient.ct(s.spacing_mm), rng)
        return self._samples(patient, source.targets, pair, rng, source.spine.name)

    def real(self, loaded: LoadedSubject) -> dict[str, NDArray[Any]]:
        """The same of a real scan with its CT."""
        assert loaded.ct is not None  # noqa: S101 - narrows the type; prepare() chose it for its CT
        rng = np.random.default_rng([self.settings.seed, *loaded.subject.key.encode()])
        pair = self._radiographs(loaded.ct, rng)
        patient = RealPatient(loaded.labels, loaded.centroids)
        return self._samples(patient, _targets(loaded), pair, rng, loaded.subject.name)

    def _samples(
        self, patient: Anatomy, levels: tuple[Level, ...], pair: RadiographPair, rng: np.random.Generator, name: str
    ) -> dict[str, NDArray[Any]]:
        found = [self._sample(patient, level, pair, rng) for level in levels]
        samples = [sample for sample in found if sample is not None]
        stacked = {key: np.stack([sample[key] for sample in samples]) for key in samples[0]} if samples else {}
        return {**stacked, "subject": np.array(name)}

    def _radiographs(self, ct: CtVolume, rng: np.random.Generator) -> RadiographPair:
        from ReVerteRLib.drr import simulate_pair

        cone = rng.random() < self.settings.cone_share
        sad = float(rng.uniform(900.0, 2500.0))
        return simulate_pair(
            ct,
            beam=Beam.CONE if cone else Beam.PARALLEL,
            spacing_mm=1.0,
            sad_mm=sad,
            sdd_mm=sad * float(rng.uniform(1.05, 1.4)),
            device="cpu",
        )

    def _sample(
        self, patient: Anatomy, level: Level, pair: RadiographPair, rng: np.random.Generator
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
    cancelled: Cancelled | None = None,
    *,
    share: tuple[int, int] = (0, 1),
) -> Path:
    """Makes the corpus in folder `out`, keeping what is there already: synthetic patients, and the split's real CTs.

    share: (part, parts) lets several processes work on one corpus. Returns `out`.
    Raises DatasetError for an unusable data set or a folder made with other settings, CancelledError on request.
    """
    tell = progress or (lambda _done, _total, _text: None)
    _claim(out, settings)
    real = [s for s in subjects_of_split(Path(data_root), settings.split) if s.ct_path is not None]
    missing = [s for s in real if not _real_file(out, s).is_file()] if share[0] == 0 else []
    todo = [n for n in range(settings.patients) if n % share[1] == share[0] and not _file(out, n).is_file()]
    if not todo and not missing:
        return out
    sources, atlas = load_corpus_sources(Path(data_root), settings.split, tell) if todo else ([], None)
    builder = CorpusBuilder(settings, sources, atlas)
    jobs = [(_real_file(out, s), s.key, lambda s=s: builder.real(load_subject(s))) for s in missing]
    jobs += [(_file(out, n), f"patient {n}", lambda n=n: builder.patient(n)) for n in todo]
    for done, (target, name, make) in enumerate(jobs):
        if cancelled is not None and cancelled():
            raise CancelledError("the corpus is unfinished", where=out, remedy="Run it again to go on")
        tell(done, len(jobs), name)
        with written_aside(target) as aside, aside.open("wb") as stream:
            np.savez_compressed(stream, **make())  # type: ignore[arg-type]
    tell(len(jobs), len(jobs), "corpus complete")
    return out


def _real_file(out: Path, subject: VerseSubject) -> Path:
    return out / f"real-{subject.key}.npz"


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
