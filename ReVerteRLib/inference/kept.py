"""The vertebrae of a result in one file, so that a later run may redo some levels and keep the others.

A compressed .npz without pickles: the probabilities (float16) and masks of each level, cut to the box in which the
probability is over 1 % (all that assembly looks at), and one JSON text with their places and how they were made.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.boxes import Box, box_of
from ReVerteRLib.errors import InputError, ReVerteRError
from ReVerteRLib.files import written_aside
from ReVerteRLib.geometry import PatchGrid
from ReVerteRLib.inference.result import SpineReconstruction, VertebraResult

FILE_NAME = "vertebrae.npz"
_VERSION = 1
_NEGLIGIBLE = 0.01  # as in assembly
_MARGIN = 2


@dataclass(frozen=True)
class KeptVertebrae:
    """What was stored.

    vertebrae:      from the head down, in cubes of the original size.
    weights_sha256: of the weights that they were made with.
    radiographs:    SHA-256 of the images by view (see `radiograph_hash`).
    """

    vertebrae: tuple[VertebraResult, ...]
    weights_sha256: str
    radiographs: Mapping[str, str] = field(default_factory=dict)


def write_kept(spine: SpineReconstruction, radiographs: Mapping[str, str], path: Path) -> None:
    """Stores the vertebrae of a result in one step. Raises OutputError."""
    record: dict[str, Any] = {
        "version": _VERSION,
        "weights_sha256": spine.weights_sha256,
        "radiographs": dict(radiographs),
        "vertebrae": [],
    }
    arrays: dict[str, NDArray[Any]] = {}
    for vertebra in spine.vertebrae:
        box = _box(vertebra)
        name = vertebra.level.name
        arrays[f"probability_{name}"], arrays[f"mask_{name}"] = vertebra.probability[box], vertebra.mask[box]
        record["vertebrae"].append(_entry(vertebra, box))
    with written_aside(path) as aside, aside.open("wb") as stream:
        np.savez_compressed(stream, record=np.array(json.dumps(record)), **arrays)  # type: ignore[arg-type]


def _box(vertebra: VertebraResult) -> Box:
    over = (vertebra.probability > _NEGLIGIBLE) | vertebra.mask
    return box_of(over, _MARGIN) or (slice(0, 1),) * 3


def _entry(vertebra: VertebraResult, box: Box) -> dict[str, Any]:
    grid = vertebra.grid
    return {
        "level": vertebra.level.name,
        "first_zyx": [b.start for b in box],
        "centroid_lps_mm": [float(v) for v in grid.centroid_lps_mm],
        "size": grid.size,
        "spacing_mm": grid.spacing_mm,
        "posterior_offset_mm": grid.posterior_offset_mm,
        "seconds": vertebra.seconds,
        "confidence": vertebra.confidence,
    }


def read_kept(path: Path) -> KeptVertebrae:
    """Reads what `write_kept` wrote. Raises InputError for files that are missing, damaged or of another kind."""
    path = Path(path)
    remedy = "Reconstruct all levels once more"
    if not path.is_file():
        raise InputError("the earlier result does not keep its vertebrae", where=path, remedy=remedy)
    try:
        with np.load(path, allow_pickle=False) as store:
            record = json.loads(str(store["record"]))
            if record["version"] != _VERSION:
                raise InputError("the file was made by another version of ReVerteR", where=path, remedy=remedy)
            vertebrae = tuple(_vertebra(entry, store) for entry in record["vertebrae"])
    except (OSError, ValueError, KeyError, TypeError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"the file is damaged ({type(error).__name__}: {error})", where=path, remedy=remedy) from error
    except ReVerteRError as error:
        raise InputError(error.what, where=path, remedy=remedy) from error
    return KeptVertebrae(vertebrae, str(record["weights_sha256"]), dict(record["radiographs"]))


def _vertebra(entry: Mapping[str, Any], store: Mapping[str, NDArray[Any]]) -> VertebraResult:
    x, y, z = (float(v) for v in entry["centroid_lps_mm"])
    grid = PatchGrid((x, y, z), int(entry["size"]), float(entry["spacing_mm"]), float(entry["posterior_offset_mm"]))
    name, first = str(entry["level"]), entry["first_zyx"]
    probability = _filled(store[f"probability_{name}"].astype(np.float16), first, grid.size)
    mask = _filled(store[f"mask_{name}"].astype(bool), first, grid.size)
    return VertebraResult(
        level_from_name(name), mask, probability, grid, float(entry["seconds"]), float(entry["confidence"])
    )


def _filled(values: NDArray[Any], first_zyx: Sequence[int], size: int) -> NDArray[Any]:
    """The whole cube again, 0 where nothing was stored."""
    cube = np.zeros((size,) * 3, dtype=values.dtype)
    z, y, x = (slice(int(f), int(f) + n) for f, n in zip(first_zyx, values.shape, strict=True))
    cube[z, y, x] = values
    return cube


def radiograph_hash(image_hw: NDArray[np.float32]) -> str:
    """SHA-256 of the pixels, to recognise the images that a result was made from."""
    import hashlib

    return hashlib.sha256(np.ascontiguousarray(image_hw, dtype=np.float32).tobytes()).hexdigest()
