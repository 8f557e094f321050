"""Samples of a corpus in a small form: in memory, and as one file that is carried to another machine.

An image is stored as the difference of each pixel from its upper, left and upper-left neighbours, a mask as the bits
of its bounding box, both deflated: about 12 KB a vertebra of 120 voxels an edge. Reading needs numpy alone.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.errors import ArgumentError, DatasetError
from ReVerteRLib.files import written_aside

FORMAT = 1
RECORD = "corpus.json"
REAL_PREFIX = "real-"
"""Begins the names of files and patients that come from a real CT."""
_ARRAYS = ("level", "scale", "percentiles", "centroid_zyx", "neighbours_zyx", "perspective")
_DEFLATE_LEVEL = 6
"""9 takes eight times longer and saves three per cent."""
_HEADER_BYTES = 16384

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class CodedSamples:
    """Samples as they lie in a packed file.

    stream:   uint8, one deflated block a sample after the other; block i lies at starts[i]:starts[i + 1].
    boxes:    uint16 [N, 3, 2] first voxel of the mask along z, y, x and the one after the last.
    arrays:   of N rows each: level int64 (Level.order); scale float32 [N, 2, 2] grey values of 1 and 255 in AP and
              lateral; percentiles float32 [N, 2, 2] 1st and 99th of the whole radiographs; centroid_zyx float32 [N, 3];
              neighbours_zyx float32 [N, 6, 3], NaN for none; perspective float32 [N, 2, 4].
    patient:  int32 [N] row of `patients` and `subjects`.
    patients: name of each patient's file; real ones begin with REAL_PREFIX.
    subjects: the subject whose spine each patient has.
    size:     voxels an edge of the patch.
    settings: the record of the corpus (CorpusSettings.to_dict), {} where it has none.
    """

    stream: Bytes
    starts: NDArray[np.int64]
    boxes: NDArray[np.uint16]
    arrays: dict[str, NDArray[Any]]
    patient: NDArray[np.int32]
    patients: tuple[str, ...]
    subjects: tuple[str, ...]
    size: int
    settings: dict[str, Any]

    def __len__(self) -> int:
        return len(self.patient)

    @property
    def real(self) -> NDArray[np.bool_]:
        """[N] whether a sample was cut from a real CT."""
        return np.array([name.startswith(REAL_PREFIX) for name in self.patients], dtype=bool)[self.patient]

    def decode(self, index: int) -> tuple[Bytes, Bytes]:
        """Images [2, S, S] (0 = outside the radiograph) and mask [S, S, S] of 0 and 1."""
        raw, size = self._raw(index), self.size
        residual = raw[: 2 * size * size].reshape(2, size, size)
        images = residual.cumsum(axis=1, dtype=np.uint8).cumsum(axis=2, dtype=np.uint8)
        mask = np.zeros((size,) * 3, dtype=np.uint8)
        z, y, x = (slice(int(a), int(b)) for a, b in self.boxes[index])
        mask[z, y, x] = self._bits(raw, index)
        return images, mask

    def mask_voxels(self, index: int) -> int:
        """Size of the mask in voxels."""
        return int(self._bits(self._raw(index), index).sum())

    def _raw(self, index: int) -> Bytes:
        first, last = self.starts[index], self.starts[index + 1]
        return np.frombuffer(zlib.decompress(self.stream[first:last].tobytes()), dtype=np.uint8)

    def _bits(self, raw: Bytes, index: int) -> Bytes:
        depth, height, width = (int(b) - int(a) for a, b in self.boxes[index])
        rows = raw[2 * self.size**2 :].reshape(depth, height, -1)
        return np.unpackbits(rows, axis=2, count=width)

    def first(self, patients: int) -> CodedSamples:
        """The samples of the first so many patients."""
        count = int(np.count_nonzero(self.patient < patients))
        return replace(
            self,
            stream=self.stream[: self.starts[count]],
            starts=self.starts[: count + 1],
            boxes=self.boxes[:count],
            arrays={key: values[:count] for key, values in self.arrays.items()},
            patient=self.patient[:count],
            patients=self.patients[:patients],
            subjects=self.subjects[:patients],
        )


@dataclass(frozen=True)
class PackReport:
    """What a packed file holds of a corpus, and its size."""

    samples: int
    of_samples: int
    patients: int
    of_patients: int
    file_bytes: int

    @property
    def text(self) -> str:
        """One sentence for people."""
        each = self.file_bytes / 1000.0 / max(self.samples, 1)
        return (
            f"{self.samples} of {self.of_samples} vertebrae ({self.patients} of {self.of_patients} patients), "
            f"{self.file_bytes / 1e6:.1f} MB, {each:.1f} KB a vertebra"
        )


# --- reading -------------------------------------------------------------------------------------


def read_corpus(path: Path, files: Sequence[Path] | None = None) -> CodedSamples:
    """The samples of a corpus folder, of some of its `files`, or of a packed file.

    Raises DatasetError for an empty corpus and for files that are none.
    """
    path = Path(path)
    if path.is_file() and files is None:
        return _read_pack(path)
    chosen = list(files) if files is not None else corpus_files(path)
    parts = [part for part in map(_read_patient, chosen) if part is not None]
    if not parts:
        raise DatasetError("the corpus is empty", where=path, remedy="Prepare it first")
    sizes = {part.size for part in parts}
    if len(sizes) > 1:
        raise DatasetError(f"the patches have different sizes {sorted(sizes)}", where=path, remedy="Prepare it anew")
    return _joined(parts, read_record(path))


def corpus_files(folder: Path) -> list[Path]:
    """The files of a corpus folder: real CTs first, then the synthetic patients by number."""
    files = sorted(Path(folder).glob("*.npz"))
    return [f for kind in (True, False) for f in files if f.name.startswith(REAL_PREFIX) is kind]


def read_record(folder: Path) -> dict[str, Any]:
    """corpus.json of a folder without its statistics, {} where there is none. Raises DatasetError."""
    file = Path(folder) / RECORD
    if not file.is_file():
        return {}
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DatasetError(f"the record is damaged ({error})", where=file, remedy="Prepare the corpus anew") from error
    return {key: value for key, value in record.items() if key != "statistics"}


def _read_patient(file: Path) -> CodedSamples | None:
    """One patient or scan as the corpus builder wrote it; None when it has no sample."""
    try:
        with np.load(file) as data:
            if "level" not in data:
                return None
            images, masks = data["images"], data["mask"]
            arrays = {key: data[key] for key in _ARRAYS}
            subject = str(data["subject"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DatasetError(
            f"is no patient of a corpus ({error})", where=file, remedy="Remove it and prepare"
        ) from error
    size = images.shape[-1]
    cropped = [_cropped(mask, size) for mask in masks]
    blocks = [_encoded(pair, crop) for pair, (crop, _) in zip(images, cropped, strict=True)]
    return CodedSamples(
        stream=np.frombuffer(b"".join(blocks), dtype=np.uint8),
        starts=np.cumsum([0, *map(len, blocks)], dtype=np.int64),
        boxes=np.array([box for _, box in cropped], dtype=np.uint16),
        arrays=arrays,
        patient=np.zeros(len(images), dtype=np.int32),
        patients=(file.stem,),
        subjects=(subject,),
        size=size,
        settings={},
    )


def _cropped(bits: Bytes, size: int) -> tuple[Bytes, list[list[int]]]:
    """The mask's box [d, h, w] and its place, of the bits of a whole patch."""
    mask = np.unpackbits(bits, count=size**3).reshape(size, size, size)
    rows = np.flatnonzero(mask.any(axis=(1, 2)))
    slab = mask[rows[0] : rows[-1] + 1] if rows.size else mask[:0]
    flat = slab.max(axis=0, initial=0)
    spans = (rows, np.flatnonzero(flat.any(axis=1)), np.flatnonzero(flat.any(axis=0)))
    box = [[int(s[0]), int(s[-1]) + 1] if s.size else [0, 0] for s in spans]
    return slab[:, slice(*box[1]), slice(*box[2])], box


def _encoded(images: Bytes, crop: Bytes) -> bytes:
    residual = np.diff(np.diff(images, axis=1, prepend=np.uint8(0)), axis=2, prepend=np.uint8(0))
    return zlib.compress(residual.tobytes() + np.packbits(crop, axis=2).tobytes(), _DEFLATE_LEVEL)


def _joined(parts: Sequence[CodedSamples], settings: dict[str, Any]) -> CodedSamples:
    lengths = np.concatenate([np.diff(part.starts) for part in parts])
    return CodedSamples(
        stream=np.concatenate([part.stream for part in parts]),
        starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        boxes=np.concatenate([part.boxes for part in parts]),
        arrays={key: np.concatenate([part.arrays[key] for part in parts]) for key in _ARRAYS},
        patient=np.concatenate([part.patient + number for number, part in enumerate(parts)]).astype(np.int32),
        patients=_chain(part.patients for part in parts),
        subjects=_chain(part.subjects for part in parts),
        size=parts[0].size,
        settings=settings,
    )


def _chain(tuples: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(item for items in tuples for item in items)


def _read_pack(path: Path) -> CodedSamples:
    remedy = "Copy the file again, or pack the corpus again"
    try:
        with np.load(path) as data:
            about = json.loads(data["about"].tobytes().decode("utf-8"))
            if about["format"] != FORMAT:
                raise DatasetError(f"the format {about['format']} is unknown", where=path, remedy="Update reverter")
            samples = CodedSamples(
                **{key: data[key] for key in ("stream", "starts", "boxes", "patient")},
                arrays={key: data[key] for key in _ARRAYS},
                patients=tuple(about["patients"]),
                subjects=tuple(about["subjects"]),
                size=int(about["size"]),
                settings=about["settings"],
            )
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DatasetError(f"is no packed corpus, or a damaged one ({error})", where=path, remedy=remedy) from error
    if len(samples) == 0 or len(samples.starts) != len(samples) + 1:
        raise DatasetError("the packed corpus is empty or damaged", where=path, remedy=remedy)
    return samples


# --- writing -------------------------------------------------------------------------------------


def write_pack(samples: CodedSamples, target: Path, *, limit_mb: float = 50.0) -> PackReport:
    """Writes the patients that fit into `limit_mb` (10^6 bytes), whole ones, from the first on.

    The first patients of a corpus are a fair draw of it (corpus_files: real CTs come first). The file is an
    uncompressed zip of arrays (.npz). Raises ArgumentError when not even one patient fits, OutputError.
    """
    fitting = _patients_within(samples, limit_mb * 1e6)
    if not fitting:
        raise ArgumentError(
            f"not even one patient fits into {limit_mb:g} MB", where=target, remedy="Raise the limit of the pack"
        )
    kept = samples.first(fitting)
    with written_aside(Path(target)) as aside, aside.open("wb") as stream:
        np.savez(stream, **_file_arrays(kept))  # type: ignore[arg-type]
    size = Path(target).stat().st_size
    return PackReport(len(kept), len(samples), fitting, len(samples.patients), size)


def _patients_within(samples: CodedSamples, limit_bytes: float) -> int:
    """How many patients' blocks, rows and names stay below the limit."""
    rows = sum(values.nbytes for values in samples.arrays.values()) + samples.boxes.nbytes
    each = np.diff(samples.starts) + rows / len(samples) + samples.patient.itemsize + samples.starts.itemsize
    per_patient = np.bincount(samples.patient, weights=each, minlength=len(samples.patients))
    names = [len(json.dumps([a, b])) + 4 for a, b in zip(samples.patients, samples.subjects, strict=True)]
    total = _HEADER_BYTES + np.cumsum(per_patient + names)
    return int(np.count_nonzero(total <= limit_bytes))


def _file_arrays(samples: CodedSamples) -> dict[str, NDArray[Any]]:
    about = {
        "format": FORMAT,
        "size": samples.size,
        "patients": samples.patients,
        "subjects": samples.subjects,
        "settings": samples.settings,
    }
    return {
        "about": np.frombuffer(json.dumps(about).encode("utf-8"), dtype=np.uint8),
        "stream": samples.stream,
        "starts": samples.starts,
        "boxes": samples.boxes,
        "patient": samples.patient,
        **samples.arrays,
    }
