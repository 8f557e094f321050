"""Small made-up spines for the scene tests."""

from __future__ import annotations

import numpy as np
import vtk

from ReVerteRLib.anatomy import Level, level_from_name
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.geometry import Beam, Projection, View
from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair
from ReVerteRLib.imaging.volume import LabelVolume

LEVELS = [level_from_name(name) for name in ("T12", "L1", "L2")]
POSITIONS_LPS_MM = {
    LEVELS[0]: (12.0, -20.0, 65.0),
    LEVELS[1]: (3.0, -5.0, 30.0),
    LEVELS[2]: (-8.0, 8.0, -4.0),
}
CORNERS_LPS_MM = np.array([[x, y, z] for x in (-50, 60) for y in (-70, 45) for z in (-40, 100)], dtype=float)


def projection(view: View, beam: Beam = Beam.PARALLEL, spacing_mm: float = 1.0) -> Projection:
    return Projection.covering(view, CORNERS_LPS_MM, beam=beam, spacing_mm=spacing_mm)


def radiograph(view: View, beam: Beam = Beam.PARALLEL) -> Radiograph:
    """Faint seeded noise with a bright pixel at the shadow of each position."""
    geometry = projection(view, beam)
    pixels = np.random.default_rng(7).random(geometry.image_hw).astype(np.float32)
    for position in POSITIONS_LPS_MM.values():
        row, column = np.rint(geometry.project(position)[0]).astype(int)
        pixels[row, column] = 40.0
    return Radiograph(pixels, geometry, f"sample {view.value}")


def pair(beam: Beam = Beam.PARALLEL) -> RadiographPair:
    return RadiographPair(radiograph(View.AP, beam), radiograph(View.LATERAL, beam))


def centroids() -> CentroidSet:
    return CentroidSet(
        tuple(
            Centroid(level, position, confidence=0.9 - 0.1 * number, residual_mm=0.5 * number)
            for number, (level, position) in enumerate(POSITIONS_LPS_MM.items())
        )
    )


def oblique_matrix(*, left_handed: bool = False) -> np.ndarray:
    """Index-to-LPS, turned about all axes, anisotropic."""
    matrix = np.eye(4)
    for axis, angle in ((0, 0.4), (1, -0.7), (2, 1.1)):
        first, second = (number for number in range(3) if number != axis)
        turn = np.eye(4)
        turn[[first, second], [first, second]] = np.cos(angle)
        turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
        matrix = matrix @ turn
    matrix[:3, :3] = matrix[:3, :3] @ np.diag([0.8, -1.1 if left_handed else 1.1, 1.7])
    matrix[:3, 3] = (-31.0, 17.5, 120.25)
    return matrix


def labels(matrix: np.ndarray | None = None, values: tuple[int, ...] = (19, 20, 21)) -> LabelVolume:
    """Boxes of different sizes, one under the other."""
    array = np.zeros((8 * len(values) + 3, 18, 22), dtype=np.uint8)
    for number, value in enumerate(values):
        array[8 * number + 1 : 8 * number + 7, 3 : 9 + number, 4 : 15 - number] = value
    return LabelVolume(array, np.eye(4) if matrix is None else matrix, "sample labels")


def ball(centre_lps_mm: tuple[float, float, float], radius_mm: float = 10.0) -> vtk.vtkPolyData:
    source = vtk.vtkSphereSource()
    source.SetCenter(*centre_lps_mm)
    source.SetRadius(radius_mm)
    source.SetThetaResolution(24)
    source.SetPhiResolution(24)
    source.Update()
    return source.GetOutput()


def surfaces() -> dict[Level, vtk.vtkPolyData]:
    return {level: ball(position) for level, position in POSITIONS_LPS_MM.items()}
