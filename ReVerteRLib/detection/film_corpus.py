"""The films of a corpus: whole radiographs of synthetic patients with their vertebrae, for the detector."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ReVerteRLib.detection.films import frames_of
from ReVerteRLib.detection.landmarks import LANDMARKS, corners_in_view
from ReVerteRLib.errors import DatasetError
from ReVerteRLib.geometry import Array, Projection
from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair

_SMOOTHING_PX = 0.5


def film_arrays(
    pair: RadiographPair,
    *,
    levels: NDArray[np.int64],
    centroids_lps: Array,
    landmarks_lps: Array,
    targets: NDArray[np.int64],
    subject: str,
) -> dict[str, NDArray[Any]]:
    """What one film file holds: 8-bit images with range and geometry, and all vertebrae.

    levels, centroids_lps: (N,), (N, 3) all centres; landmarks_lps: (N, 8, 3), NaN where unknown (landmarks_of);
    targets: orders of the levels that the scan shows whole.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for radiograph in pair:
        name, image = radiograph.view.value, radiograph.image_hw
        low, high = float(image.min()), float(image.max())
        arrays[name] = np.round((image - low) * (255.0 / max(high - low, 1e-6))).astype(np.uint8)
        arrays[f"{name}_range"] = np.array([low, high], dtype=np.float32)
        arrays[f"{name}_projection"] = np.array(json.dumps(radiograph.projection.to_dict()))
    return {
        **arrays,
        "levels": levels,
        "centroids_lps": centroids_lps,
        "landmarks_lps": landmarks_lps.astype(np.float32),
        "targets": targets,
        "subject": np.array(subject),
    }


@dataclass(frozen=True)
class ViewFilm:
    """One view: image uint8 [rows, columns] with the values of 0 and 255; centres (N, 2) and corners (N, 4, 2) pixels.

    row_axis: row = row_axis[0] + row_axis[1] * mm below the top of the pair's common rows. pixel_mm: column spacing.
    """

    image: NDArray[np.uint8]
    value_range: tuple[float, float]
    centres: Array
    corners: Array
    row_axis: tuple[float, float]
    pixel_mm: float


@dataclass(frozen=True)
class PatientFilms:
    """Both views of a patient with its N vertebrae.

    levels: (N,) orders; whole: (N,) whether the scan shows the vertebra whole; centroids_lps: (N, 3) mm.
    """

    name: str
    subject: str
    ap: ViewFilm
    lateral: ViewFilm
    levels: NDArray[np.int64]
    whole: NDArray[np.bool_]
    centroids_lps: Array
    projections: tuple[Projection, Projection]

    def pair(self) -> RadiographPair:
        """The radiographs, as a detector gets them."""
        ap, lateral = (
            Radiograph(_values(view), projection, self.name)
            for view, projection in zip((self.ap, self.lateral), self.projections, strict=True)
        )
        return RadiographPair(ap, lateral)


def _values(view: ViewFilm) -> NDArray[np.float32]:
    low, high = view.value_range
    values: NDArray[np.float32] = view.image.astype(np.float32) * np.float32((high - low) / 255.0) + np.float32(low)
    return values


def read_films(folder: Path, landmarks: Path | None = None) -> list[PatientFilms]:
    """All films of a folder (made by 'reverter prepare --films'), in the order of their names.

    landmarks: packed landmarks (file name without suffix: (N, 8, 3) LPS mm) of films that carry none.
    Raises DatasetError for folders without films and for damaged ones.
    """
    files = sorted(Path(folder).glob("*.npz"))
    if not files:
        raise DatasetError("there are no films", where=folder, remedy="Make them with 'reverter prepare --films'")
    beside: Mapping[str, Any] = dict(np.load(landmarks)) if landmarks is not None else {}
    return [_read(file, beside) for file in files]


def _read(file: Path, beside: Mapping[str, Any]) -> PatientFilms:
    try:
        with np.load(file) as arrays:
            values = {name: arrays[name] for name in arrays.files}
        return _patient(file.stem, values, beside.get(file.stem))
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise DatasetError(
            f"the films cannot be read ({error})", where=file, remedy="Delete and make it again"
        ) from error


def _patient(name: str, values: Mapping[str, Any], beside: Array | None) -> PatientFilms:
    projections = [Projection.from_dict(json.loads(str(values[f"{view}_projection"]))) for view in ("ap", "lateral")]
    levels = values["levels"].astype(np.int64)
    landmarks = values.get("landmarks_lps", beside)
    if landmarks is None:
        landmarks = np.full((len(levels), LANDMARKS, 3), np.nan)
    frames = frames_of(projections[0], projections[1], 1.0)
    views = []
    for view, projection, frame in zip(("ap", "lateral"), projections, frames, strict=True):
        image = ndimage.gaussian_filter(values[view].astype(np.float32), _SMOOTHING_PX)
        views.append(
            ViewFilm(
                np.round(image).astype(np.uint8),
                (float(values[f"{view}_range"][0]), float(values[f"{view}_range"][1])),
                projection.project(values["centroids_lps"]),
                corners_in_view(landmarks, projection),
                (frame.start_rc[0], frame.step_rc[0]),
                projection.spacing_mm[1],
            )
        )
    whole = np.isin(levels, values["targets"])
    both = projections[0], projections[1]
    return PatientFilms(
        name=name, subject=str(values["subject"]), ap=views[0], lateral=views[1], levels=levels, whole=whole,
        centroids_lps=values["centroids_lps"], projections=both,
    )  # fmt: skip


def held_out(patients: Iterable[PatientFilms], count: int) -> tuple[list[PatientFilms], list[PatientFilms]]:
    """Training and held-out patients: the last of each spine in turn, so that every region is held out.

    The spines of both are the same; only postures, shapes and radiographs differ.
    """
    by_subject: dict[str, list[PatientFilms]] = {}
    for patient in patients:
        by_subject.setdefault(patient.subject, []).append(patient)
    kept: list[PatientFilms] = []
    while len(kept) < count and any(len(group) > 1 for group in by_subject.values()):
        for name in sorted(by_subject):
            if len(kept) < count and len(by_subject[name]) > 1:
                kept.append(by_subject[name].pop())
    return [patient for group in by_subject.values() for patient in group], kept
