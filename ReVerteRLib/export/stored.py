"""A result read back from disk: what `reverter reconstruct` wrote, or any label map."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.errors import InputError
from ReVerteRLib.imaging.volume import LabelVolume, read_labels

_LABEL_FILES = ("labels.nii.gz", "spine.seg.nrrd")


@dataclass(frozen=True)
class StoredResult:
    """A label map with what is known of its origin.

    centroids:   of the vertebrae, from report.json; None where it does not tell.
    radiographs: files of the AP and the lateral radiograph that exist, from report.json; None otherwise.
    """

    labels: LabelVolume
    centroids: CentroidSet | None = None
    radiographs: tuple[Path, Path] | None = None


def read_result(path: Path) -> StoredResult:
    """A folder with labels.nii.gz or spine.seg.nrrd (and report.json), or a label map file with VerSe labels.

    Raises InputError for a folder without a label map or with a broken report, and VolumeError.
    """
    path = Path(path)
    if not path.is_dir():
        return StoredResult(read_labels(path))
    file = next((path / name for name in _LABEL_FILES if (path / name).is_file()), None)
    if file is None:
        raise InputError(
            f"the folder holds neither {' nor '.join(_LABEL_FILES)}",
            where=path,
            remedy="Give the folder that 'reverter reconstruct' wrote, or a label map",
        )
    report = path / "report.json"
    if not report.is_file():
        return StoredResult(read_labels(file))
    try:
        record = json.loads(report.read_text(encoding="utf-8"))
        return StoredResult(read_labels(file), _centroids(record, report), _radiographs(record))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"the report cannot be read ({type(error).__name__}: {error})",
            where=report,
            remedy="Give the label map itself instead of the folder",
        ) from error


def _centroids(record: dict[str, Any], report: Path) -> CentroidSet | None:
    items = []
    for entry in record.get("vertebrae", []):
        x, y, z = (float(v) for v in entry["centroid_lps_mm"])
        items.append(Centroid(level_from_name(entry["level"]), (x, y, z)))
    return CentroidSet(tuple(items), str(report)) if items else None


def _radiographs(record: dict[str, Any]) -> tuple[Path, Path] | None:
    inputs = record.get("inputs", {})
    ap, lateral = (Path(str(inputs.get(key, ""))) for key in ("ap", "lateral"))
    return (ap, lateral) if ap.is_file() and lateral.is_file() else None
