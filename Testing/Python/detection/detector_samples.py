"""Films of a made-up patient: a bright, soft square per vertebra, so that places can be checked in the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ReVerteRLib.detection.film_corpus import PatientFilms, film_arrays, read_films
from ReVerteRLib.geometry import Beam, Projection, View
from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair

HALF_MM = 9.0


def spine(count: int = 6, first: int = 18, spacing_mm: float = 30.0):
    """Levels (N,), centroids (N, 3) and landmarks (N, 8, 3) of a gently bent row of boxes."""
    levels = np.array([n for n in range(first, first + count + 1) if n != 19][:count])
    z = -spacing_mm * np.arange(count)
    centroids = np.stack([0.1 * z + 20.0, 0.02 * z - 35.0, z + 400.0], axis=1)
    signs = [(-1, 0, 1), (1, 0, 1), (-1, 0, -1), (1, 0, -1), (0, -1, 1), (0, 1, 1), (0, -1, -1), (0, 1, -1)]
    return levels, centroids, centroids[:, None] + HALF_MM * np.array(signs, dtype=float)


def pair_of(centroids: np.ndarray, beam: Beam = Beam.PARALLEL) -> RadiographPair:
    """Both views with a bright square of 8 mm at each centroid."""
    corners = np.array([centroids.min(axis=0) - 60, centroids.max(axis=0) + 60])
    box = np.array([[x, y, z] for x in corners[:, 0] for y in corners[:, 1] for z in corners[:, 2]])
    views = []
    for view in (View.AP, View.LATERAL):
        projection = Projection.covering(view, box, beam=beam, spacing_mm=1.0)
        image = np.full(projection.image_hw, 1.0, np.float32)
        image += np.linspace(0, 0.2, image.shape[1], dtype=np.float32)[None]
        for row, column in projection.project(centroids):
            r, c = np.ogrid[: image.shape[0], : image.shape[1]]
            image += (2.0 * np.exp(-((r - row) ** 2 + (c - column) ** 2) / 18.0)).astype(np.float32)
        views.append(Radiograph(image, projection, "made up"))
    return RadiographPair(*views)


def write_films(folder: Path, count: int = 2, beam: Beam = Beam.PARALLEL) -> Path:
    """A folder of film files; patients differ in their number of vertebrae."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        levels, centroids, landmarks = spine(5 + number)
        arrays = film_arrays(
            pair_of(centroids, beam),
            levels=levels,
            centroids_lps=centroids,
            landmarks_lps=landmarks,
            targets=levels[1:],
            subject=f"sub-{number % 2}",
        )
        np.savez_compressed(folder / f"patient-{number:05d}.npz", **arrays)
    return folder


def patient(folder: Path, beam: Beam = Beam.PARALLEL) -> PatientFilms:
    """One of them, as the training reads it."""
    return read_films(write_films(folder, 1, beam))[0]
