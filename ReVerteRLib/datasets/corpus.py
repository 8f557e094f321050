"""A corpus of vertebrae: synthetic patients are made, real CTs read, projected and cut into samples, once, on disk.

One .npz a patient or scan (8-bit patches, bit-packed masks, compressed), written aside and renamed, so that an
interrupted run goes on where it stopped. The same seed gives the same corpus.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import Level
from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.datasets.atlas import BodyAtlas, atlas_of
from ReVerteRLib.datasets.cohorts import stored_cohort
from ReVerteRLib.datasets.deformation import DeformationSettings
from ReVerteRLib.datasets.masks import mask_on_grid
from ReVerteRLib.datasets.pack import REAL_PREFIX, RECORD, read_record
from ReVerteRLib.datasets.patches import PatchSettings, raw_patch
from ReVerteRLib.datasets.patient_settings import PatientSettings
from ReVerteRLib.datasets.posture import PostureStatistics, posture_of
from ReVerteRLib.datasets.source_cache import CorpusSource, SourceCache, load_sources, whole_targets
from ReVerteRLib.datasets.splits import Splits, draw_train_and_test, split_subjects
from ReVerteRLib.datasets.synthesis import SyntheticPatient
from ReVerteRLib.datasets.verse import LoadedSubject, VerseSubject, find_subjects, load_subject
from ReVerteRLib.errors import CancelledError, CentroidError, DatasetError, InputError
from ReVerteRLib.files import write_json, written_aside
from ReVerteRLib.geometry import Beam, PatchGrid
from ReVerteRLib.imaging.radiograph import RadiographPair
from ReVerteRLib.imaging.volume import CtVolume, LabelVolume
from ReVerteRLib.progress import Cancelled, Progress

COHORT_RECORD = "cohort.json"
FILM_FOLDER = "films"
"""Folder of the whole radiographs beside the samples."""
NEIGHBOURS = 6
_MASK_MINIMUM_MM3 = 400.0
_COARSE_MM = 3.0
"""Voxels from this size on are filled by the share of bone in them: a sample at their middle misses thin arches."""


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
    patient:             postures, shapes, ailments and foreign bodies on top of it; None for plain patients.
    cohort:              'verse-full' or 'verse-small', drawn 4:1 into train and test; "" for the data set's splits.
    split_seed:          of the cohort's draw.
    exclude:             subjects or scans that are left out of the cohort by hand.
    """

    patients: int = 600
    seed: int = 1
    split: str = "train"
    spacing_mm: float = 1.5
    patches: PatchSettings = dataclasses.field(default_factory=PatchSettings)
    annotation_error_mm: float = 1.5
    cone_share: float = 0.2
    deformation: DeformationSettings = dataclasses.field(default_factory=DeformationSettings)
    patient: PatientSettings | None = None
    cohort: str = ""
    split_seed: int = 0
    exclude: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready record, stored beside the samples."""
        record: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return record

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> CorpusSettings:
        """The settings of a record; what an older one lacks has its default. Raises DatasetError for unknown ones."""
        values = dict(record)
        try:
            for name, kind in (("patches", PatchSettings), ("deformation", DeformationSettings)):
                if name in values:
                    values[name] = kind(**values[name])
            if values.get("patient") is not None:
                values["patient"] = PatientSettings.from_dict(values["patient"])
            return cls(**{**values, "exclude": tuple(values.get("exclude", ()))})
        except (TypeError, KeyError) as error:
            raise DatasetError(f"the record of the corpus is not known ({error})", remedy="Update reverter") from error


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
    return _part_of(split_subjects(find_subjects(data_root)), split, data_root)


def subjects_of_corpus(
    data_root: Path, out: Path, settings: CorpusSettings, progress: Progress | None, cancelled: Cancelled | None
) -> list[VerseSubject]:
    """The scans that a corpus is made of: a split of the data set, or of a cohort that is recorded in `out`.

    Raises DatasetError when there is none; see cohorts.stored_cohort.
    """
    if not settings.cohort:
        return subjects_of_split(data_root, settings.split)
    cohort = stored_cohort(
        find_subjects(data_root),
        settings.cohort,
        out / COHORT_RECORD,
        split_seed=settings.split_seed,
        exclude=settings.exclude,
        progress=progress,
        cancelled=cancelled,
    )
    return _part_of(draw_train_and_test(cohort.scans, seed=settings.split_seed), settings.split, out / COHORT_RECORD)


def _part_of(splits: Splits, split: str, where: Path) -> list[VerseSubject]:
    subjects = list(getattr(splits, split))
    if not subjects:
        remedy = "Check participants.tsv" if splits.given else "Use another split"
        raise DatasetError(f"there is no subject of split '{split}'", where=where, remedy=remedy)
    return subjects


class CorpusBuilder:
    """Makes the samples of one patient after the other."""

    def __init__(
        self,
        settings: CorpusSettings,
        sources: list[CorpusSource],
        atlas: BodyAtlas | None,
        postures: PostureStatistics | None = None,
    ) -> None:
        """postures: to draw from where the settings' patients have drawn postures."""
        self.settings = settings
        self._postures = postures
        self._sources = sources
        self._atlas = atlas

    def patient(self, number: int, films: Path | None = None) -> dict[str, NDArray[Any]]:
        """Arrays of all samples of patient `number`; see CorpusDataset for their meaning.

        films: file for the whole radiographs with their vertebrae (detection.film_corpus), none by default.
        """
        s = self.settings
        rng = np.random.default_rng([s.seed, number])
        share = np.sqrt([len(source.targets) for source in self._sources])
        source = self._sources[int(rng.choice(len(self._sources), p=share / share.sum()))]
        patient = SyntheticPatient(
            source.spine,
            seed=s.seed * 1_000_003 + number,
            deformation=s.deformation,
            atlas=self._atlas,
            settings=s.patient,
            statistics=self._postures,
        )
        pair = self._radiographs(patient.ct(s.spacing_mm), rng)
        if films is not None:
            self._write_films(films, patient, source.targets, pair, source.spine.name)
        return self._samples(patient, source.targets, pair, rng, source.spine.name)

    def real(self, loaded: LoadedSubject, films: Path | None = None) -> dict[str, NDArray[Any]]:
        """The same of a real scan with its CT."""
        assert loaded.ct is not None  # noqa: S101 - narrows the type; prepare() chose it for its CT
        rng = np.random.default_rng([self.settings.seed, *loaded.subject.key.encode()])
        pair = self._radiographs(loaded.ct, rng)
        patient = RealPatient(loaded.labels, loaded.centroids)
        if films is not None:
            self._write_films(films, patient, whole_targets(loaded), pair, loaded.subject.name)
        return self._samples(patient, whole_targets(loaded), pair, rng, loaded.subject.name)

    def _write_films(
        self, target: Path, patient: Anatomy, whole: tuple[Level, ...], pair: RadiographPair, name: str
    ) -> None:
        from ReVerteRLib.detection.film_corpus import film_arrays
        from ReVerteRLib.detection.landmarks import LANDMARKS, landmarks_of

        points = np.full((len(patient.centroids), LANDMARKS, 3), np.nan)
        for row, centroid in enumerate(patient.centroids):
            if centroid.level in whole:
                grid = self.settings.patches.grid(centroid.position_lps_mm)
                points[row] = landmarks_of(patient.mask(centroid.level, grid), grid, centroid.level)
        arrays = film_arrays(
            pair,
            levels=np.array([c.level.order for c in patient.centroids], dtype=np.int64),
            centroids_lps=np.array([c.position_lps_mm for c in patient.centroids], dtype=np.float64),
            landmarks_lps=points,
            targets=np.array([level.order for level in whole], dtype=np.int64),
            subject=name,
        )
        _write_arrays(target, arrays)

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
        mask = _mask_on(patient, level, grid)
        if mask.sum() * grid.spacing_mm**3 < _MASK_MINIMUM_MM3:
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
            "marked_lps": marked,
            "centroid_zyx": grid.centroid_zyx.astype(np.float32),
            "neighbours_zyx": near,
            "perspective": np.stack([grid.perspective(r.projection) for r in pair]).astype(np.float32),
        }


def _mask_on(patient: Anatomy, level: Level, grid: PatchGrid) -> NDArray[np.bool_]:
    """One vertebra, bool [z, y, x]; coarse voxels are bone where most of their 27 parts are."""
    if grid.spacing_mm < _COARSE_MM:
        return patient.mask(level, grid)
    finer = dataclasses.replace(grid, size=3 * grid.size, spacing_mm=grid.spacing_mm / 3)  # odd, so that nothing ties
    parts = _mask_on(patient, level, finer).reshape(grid.size, 3, grid.size, 3, grid.size, 3)
    filled: NDArray[np.bool_] = parts.sum(axis=(1, 3, 5)) >= 14
    return filled


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
    films: bool = False,
) -> Path:
    """Makes the corpus in folder `out`, keeping what is there already: synthetic patients, and the split's real CTs.

    share: (part, parts) lets several processes work on one corpus. films: whole radiographs for the detector, too, in
    the folder `films`; patients that lack them are made again. A real CT that cannot be used is named in a
    warning and left out. Returns `out`.
    Raises DatasetError for an unusable data set or a folder made with other settings, CancelledError on request.
    """
    tell = progress or (lambda _done, _total, _text: None)
    _claim(out, settings)
    subjects = subjects_of_corpus(Path(data_root), out, settings, progress, cancelled)
    part, parts = share
    real = [s for s in subjects if s.ct_path is not None][part::parts]
    missing = [s for s in real if not _made(_real_file(out, s), films)]
    todo = [n for n in range(part, settings.patients, parts) if not _made(_file(out, n), films)]
    if not todo and not missing:
        return out
    sources, atlas = load_corpus_sources(Path(data_root), subjects, tell) if todo else ([], None)
    drawn = settings.patient is not None and settings.patient.posture is not None
    builder = CorpusBuilder(settings, sources, atlas, posture_of(Path(data_root)) if todo and drawn else None)
    jobs = [(_real_file(out, s), s.key, lambda to, s=s: builder.real(load_subject(s), to)) for s in missing]
    jobs += [(_file(out, n), f"patient {n}", lambda to, n=n: builder.patient(n, to)) for n in todo]
    for done, (target, name, make) in enumerate(jobs):
        if cancelled is not None and cancelled():
            raise CancelledError("the corpus is unfinished", where=out, remedy="Run it again to go on")
        tell(done, len(jobs), name)
        try:
            samples = make(_film_file(target) if films else None)
        except InputError as error:
            if not target.name.startswith(REAL_PREFIX):
                raise
            logging.getLogger("ReVerteR").warning("the CT of %s is left out: %s", name, error.message())
            continue
        _write_arrays(target, samples)
    tell(len(jobs), len(jobs), "corpus complete")
    return out


def load_corpus_sources(
    data_root: Path, subjects: Sequence[VerseSubject], progress: Progress
) -> tuple[list[CorpusSource], BodyAtlas | None]:
    """The spines of these scans and the surrounding bones, from the cache folder where they are known.

    Raises DatasetError for an unusable scan.
    """
    sources = load_sources(subjects, progress, SourceCache())
    return sources, atlas_of(data_root, lambda text: progress(0, 1, text))


def settings_of(folder: Path) -> CorpusSettings | None:
    """How a corpus folder was made, None where it has no record. Raises DatasetError for a damaged one."""
    record = read_record(folder)
    return CorpusSettings.from_dict(record) if record else None


def missing_patients(folder: Path) -> int:
    """Synthetic patients that the record promises and the folder lacks; 0 without a record."""
    settings = settings_of(folder)
    return sum(not _file(folder, n).is_file() for n in range(settings.patients)) if settings else 0


def _real_file(out: Path, subject: VerseSubject) -> Path:
    return out / f"{REAL_PREFIX}{subject.key}.npz"


def _file(out: Path, number: int) -> Path:
    return out / f"patient-{number:05d}.npz"


def _film_file(samples: Path) -> Path:
    return samples.parent / FILM_FOLDER / samples.name


def _made(samples: Path, films: bool) -> bool:
    return samples.is_file() and (not films or _film_file(samples).is_file())


def _write_arrays(target: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    with written_aside(target) as aside, aside.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]


def _claim(out: Path, settings: CorpusSettings) -> None:
    """Records the settings; a corpus may grow, but nothing else may change."""
    found = settings_of(out)
    patients = settings.patients
    if found is not None:
        before, now = found.to_dict(), settings.to_dict()
        other = sorted(key for key in now if key != "patients" and before[key] != now[key])
        if other:
            raise DatasetError(
                f"the folder holds a corpus made with other settings ({', '.join(other)})",
                where=out,
                remedy="Use a new one",
            )
        if found.patients >= patients:
            return
    write_json(out / RECORD, dataclasses.replace(settings, patients=patients).to_dict())
