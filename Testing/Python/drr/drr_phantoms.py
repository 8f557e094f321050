"""Seeded volumes with known content and the geometries in which they are looked at. Needs numpy only."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ReVerteRLib.geometry import Beam, Projection, View

REFERENCE_CT = Path("spines/rawdata/sub-totalseg01/sub-totalseg01_ct.nii.gz")
REFERENCE_HW = (128, 128)


def reference_phantom() -> tuple[np.ndarray, np.ndarray]:
    """A body of ellipsoids and boxes with texture in HU, int16 [k, j, i], on a left-handed anisotropic LPS grid."""
    size, spacing = np.array([96, 80, 72]), np.array([3.0, 2.5, 2.8])  # i, j, k
    k, j, i = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in size[::-1]), indexing="ij")
    x, y, z = i * spacing[0], j * spacing[1], k * spacing[2]
    hu = np.full(k.shape, -1000.0)
    hu[(x / 130) ** 2 + (y / 90) ** 2 < 1] = 30.0
    hu[((x - 60) / 45) ** 2 + (y / 60) ** 2 + ((z - 40) / 60) ** 2 < 1] = -850.0
    hu[((x + 55) / 50) ** 2 + ((y + 10) / 55) ** 2 + ((z + 30) / 50) ** 2 < 1] = 60.0
    for centre in range(-80, 81, 32):
        hu[(np.abs(x) < 22) & (np.abs(y - 40) < 16) & (np.abs(z - centre) < 12)] = 450.0
    texture = np.random.default_rng(7).normal(0.0, 25.0, k.shape)
    hu = np.where(hu > -1000, hu + texture, hu)
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag([spacing[0], -spacing[1], spacing[2]])
    matrix[:3, 3] = np.array([20.0, -35.0, 110.0]) - matrix[:3, :3] @ ((size - 1) / 2)
    return np.rint(hu).astype(np.int16), matrix


def reference_projections(shape_kji: tuple[int, ...], ijk_to_lps_mm: np.ndarray) -> tuple[Projection, Projection]:
    """Cone-beam AP and lateral view, 128 x 128 pixels, with the whole volume in sight and a distance of 1 m."""
    ends = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)]) * np.array(shape_kji[::-1]) - 0.5
    corners = ends @ ijk_to_lps_mm[:3, :3].T + ijk_to_lps_mm[:3, 3]
    return tuple(_fitted(view, corners) for view in (View.AP, View.LATERAL))


def _fitted(view: View, corners: np.ndarray) -> Projection:
    at_1_mm = Projection.covering(view, corners, beam=Beam.CONE, sad_mm=1000.0, sdd_mm=1300.0)
    spacing = [float(np.ceil(10 * n / m) / 10) for n, m in zip(at_1_mm.image_hw, REFERENCE_HW, strict=True)]
    axes = at_1_mm.axes_lps[:, :2]
    centre = (corners.min(axis=0) + corners.max(axis=0)) / 2.0
    origin = centre - axes @ (np.array(spacing) * (np.array(REFERENCE_HW) - 1) / 2.0)
    return Projection(
        view=view,
        beam=Beam.CONE,
        image_hw=REFERENCE_HW,
        spacing_mm=(spacing[0], spacing[1]),
        origin_lps_mm=tuple(origin.tolist()),
        column_direction=at_1_mm.column_direction,
        beam_direction=at_1_mm.beam_direction,
        sad_mm=1000.0,
        sdd_mm=1300.0,
    )


AIR, WATER = -1000.0, 0.0
LETTER_F = np.array([[c == "#" for c in row] for row in ("#####", "#....", "####.", "#....", "#....")])
LETTER_CELL = 7


def letter_f_volume(view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An F of water, 35 mm wide, that must be readable in this view: HU [k, j, i] on 1 mm axes along LPS, the 4x4,
    and the picture [rows, columns] to expect."""
    picture = np.kron(LETTER_F, np.ones((LETTER_CELL, LETTER_CELL), dtype=bool))
    upward = picture[::-1]  # k grows to the head, rows grow to the feet
    size = len(picture)
    extruded = np.repeat(upward[:, None, :] if view is View.AP else upward[:, :, None], size, 2 - (view is View.AP))
    matrix = np.eye(4)
    matrix[:3, 3] = [-31.0, 17.0, 240.0]
    return np.where(extruded, WATER, AIR).astype(np.float32), matrix, picture


def reoriented(hu: np.ndarray, matrix: np.ndarray, order: tuple[int, ...], flips: tuple[bool, ...]):
    """The same patient stored with other axes: new voxel axis n is old axis order[n], reversed where flips[n]."""
    axes_kji = [2 - order[2 - n] for n in range(3)]
    stored = hu.transpose(axes_kji)
    columns, origin = matrix[:3, list(order)].copy(), matrix[:3, 3].copy()
    for n, flip in enumerate(flips):
        if flip:
            stored = np.flip(stored, 2 - n)
            origin += columns[:, n] * (stored.shape[2 - n] - 1)
            columns[:, n] *= -1
    moved = np.eye(4)
    moved[:3, :3], moved[:3, 3] = columns, origin
    return stored, moved


def sampled(inside, matrix: np.ndarray, shape_kji: tuple[int, int, int], parts: int = 3) -> np.ndarray:
    """Share of each voxel [k, j, i] for which `inside(points (N, 3) in LPS mm)` holds, by parts^3 samples each."""
    fractions = (np.arange(parts) + 0.5) / parts - 0.5
    k, j, i = np.meshgrid(*(np.arange(n, dtype=np.float64) for n in shape_kji), indexing="ij")
    total = np.zeros(shape_kji)
    for a in fractions:
        for b in fractions:
            for c in fractions:
                ijk = np.stack([i + a, j + b, k + c], axis=-1).reshape(-1, 3)
                total += inside(ijk @ matrix[:3, :3].T + matrix[:3, 3]).reshape(shape_kji)
    return (total / parts**3).astype(np.float32)


def centred(linear: np.ndarray, shape_kji: tuple[int, int, int], middle_lps_mm: np.ndarray) -> np.ndarray:
    """4x4 of a volume with these voxel axes (3x3, mm) and this middle."""
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    matrix[:3, 3] = middle_lps_mm - linear @ ((np.array(shape_kji[::-1]) - 1) / 2)
    return matrix
