"""Spines to make synthetic patients of, prepared once and kept in the user's cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import logging
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib import __version__
from ReVerteRLib.anatomy import LEVELS, Level
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.datasets import bodies, verse, verse_centroids, verse_checks
from ReVerteRLib.datasets.sources import SourceSpine, prepare_source
from ReVerteRLib.datasets.verse import LoadedSubject, VerseSubject, load_subject
from ReVerteRLib.errors import OutputError
from ReVerteRLib.files import cache_folder, sha256_of, written_aside
from ReVerteRLib.progress import Progress

CACHE_LIMIT_BYTES = 4_000_000_000
"""About 400 spines of 10 MB; the ones that were not used for longest go first."""
_CODE = tuple(
    Path(inspect.getfile(item)) for item in (SourceSpine, verse, verse_checks, verse_centroids, bodies, Centroid)
)
"""Modules whose change may change a prepared spine."""


@dataclass(frozen=True)
class CorpusSource:
    """A spine to draw from and the levels of it that may become targets (whole ones)."""

    spine: SourceSpine
    targets: tuple[Level, ...]


def whole_targets(loaded: LoadedSubject) -> tuple[Level, ...]:
    """Whole levels with a centroid."""
    return tuple(c.level for c in loaded.centroids if c.level in loaded.whole_levels)


class SourceCache:
    """Prepared spines in a folder, one file each, named after all that they depend on.

    A spine read from it equals a fresh one bit for bit. Files are written aside, so processes may share the folder;
    one that cannot be read is made again, and a folder that cannot be written only costs the time.
    """

    def __init__(self, folder: Path | None = None, limit_bytes: int = CACHE_LIMIT_BYTES) -> None:
        """folder: `spines` in the user's cache folder by default."""
        self.folder = cache_folder() / "spines" if folder is None else folder
        self._limit = limit_bytes

    def source(self, subject: VerseSubject) -> CorpusSource:
        """The prepared spine of a scan. Raises DatasetError for an unusable one."""
        stored = self.folder / f"{source_key(subject)}.npz"
        known = _read(stored)
        if known is not None:
            return known
        loaded = load_subject(subject, with_ct=False)
        source = CorpusSource(prepare_source(loaded.labels, loaded.centroids, subject.name), whole_targets(loaded))
        try:
            with written_aside(stored) as aside, aside.open("wb") as stream:
                np.savez_compressed(stream, **_arrays(source))  # type: ignore[arg-type]
            self._drop_oldest(stored)
        except OutputError as error:
            logging.getLogger("ReVerteR").warning("prepared spines are not kept: %s", error.message())
        return source

    def _drop_oldest(self, newest: Path) -> None:
        """Another process may remove or replace files meanwhile."""
        found = []
        for file in self.folder.glob("*.npz"):
            with contextlib.suppress(OSError):
                status = file.stat()
                found.append((status.st_mtime, status.st_size, file))
        total = sum(size for _, size, _ in found)
        for _, size, file in sorted(found):
            if total <= self._limit:
                return
            if file != newest:
                with contextlib.suppress(OSError):
                    file.unlink()
                total -= size


def load_sources(subjects: Sequence[VerseSubject], progress: Progress, cache: SourceCache) -> list[CorpusSource]:
    """The prepared spines of these scans. Raises DatasetError for an unusable one."""
    sources = []
    for number, subject in enumerate(subjects):
        progress(number, len(subjects), f"reading {subject.name}")
        sources.append(cache.source(subject))
    return sources


def source_key(subject: VerseSubject) -> str:
    """Digest of the scan's mask, centroids and row in participants.tsv, and of the code that prepares it."""
    digest = hashlib.sha256(__version__.encode())
    for file in _CODE:
        digest.update(file.read_bytes())
    for part in (subject.mask_path, subject.centroid_path):
        digest.update(sha256_of(part).encode() if part is not None and part.is_file() else b"-")
    digest.update(repr((subject.key, subject.row)).encode())
    return digest.hexdigest()[:32]


def _arrays(source: CorpusSource) -> dict[str, NDArray[Any]]:
    spine = source.spine
    return {
        "name": np.array(spine.name),
        "labels": spine.labels,
        "distance_mm": spine.distance_mm,
        "origin_lps_mm": spine.origin_lps_mm,
        "levels": _orders(spine.levels),
        "targets": _orders(source.targets),
        "centroid_levels": _orders([c.level for c in spine.centroids]),
        "centroid_values": np.array([(*c.position_lps_mm, c.confidence, c.residual_mm) for c in spine.centroids]),
        "centroid_source": np.array(spine.centroids.source),
    }


def _orders(levels: Sequence[Level]) -> NDArray[np.int64]:
    return np.array([level.order for level in levels], dtype=np.int64)


def _read(stored: Path) -> CorpusSource | None:
    """None when it is not there or cannot be read; a file that was used becomes the newest."""
    try:
        with np.load(stored) as data:
            values = dict(data)
        stored.touch()
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
    rows = zip(values["centroid_levels"], values["centroid_values"], strict=True)
    items = [
        Centroid(LEVELS[order], (float(x), float(y), float(z)), float(confidence), float(residual))
        for order, (x, y, z, confidence, residual) in rows
    ]
    spine = SourceSpine(
        name=str(values["name"]),
        labels=values["labels"],
        distance_mm=values["distance_mm"],
        origin_lps_mm=values["origin_lps_mm"],
        centroids=CentroidSet(tuple(items), str(values["centroid_source"])),
        levels=tuple(LEVELS[order] for order in values["levels"]),
    )
    return CorpusSource(spine, tuple(LEVELS[order] for order in values["targets"]))
