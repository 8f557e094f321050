"""Toy spines of known shape on any voxel grid, and VerSe folders of both releases written from them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813

from ReVerteRLib.anatomy import Level, level_from_name
from ReVerteRLib.imaging.volume import CtVolume, LabelVolume, Volume, write_volume

STEP_MM = 34.0
MIDDLE = np.array([12.0, -35.0, 410.0])


def grid_matrix(direction: np.ndarray, spacing_mm, size_ijk) -> np.ndarray:
    """4x4 of a volume of this size whose middle is MIDDLE."""
    matrix = np.eye(4)
    matrix[:3, :3] = direction @ np.diag(spacing_mm)
    matrix[:3, 3] = MIDDLE - matrix[:3, :3] @ ((np.array(size_ijk) - 1) / 2)
    return matrix


def centre_of(number: int, count: int) -> np.ndarray:
    """True body centre of the toy vertebra `number` (0 = top) of `count`; the spine leans a little."""
    below = number - (count - 1) / 2
    return MIDDLE + np.array([1.5 * below, -2.0 * below - 12.0, -STEP_MM * below])


def toy_labels(names, matrix, size_ijk, *, shift=(0.0, 0.0, 0.0)) -> LabelVolume:
    """Each vertebra is a body (elliptic cylinder 44 x 32 x 24 mm) with an arch and a spinous process behind it."""
    k, j, i = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in size_ijk[::-1]), indexing="ij")
    points = np.stack([i, j, k], axis=-1) @ matrix[:3, :3].T.astype(np.float32) + matrix[:3, 3].astype(np.float32)
    array = np.zeros(i.shape, dtype=np.uint8)
    for number, name in enumerate(names):
        x, y, z = np.moveaxis(points - (centre_of(number, len(names)) + np.array(shift)).astype(np.float32), -1, 0)
        body = (x / 22) ** 2 + (y / 16) ** 2 <= 1
        body &= np.abs(z) <= 12
        arch = (np.abs(x) <= 18) & (y > 26) & (y < 32) & (np.abs(z) <= 7)
        pedicles = (np.abs(np.abs(x) - 14) <= 4) & (y > 0) & (y <= 27) & (np.abs(z) <= 5)
        process = (np.abs(x) <= 4) & (y >= 30) & (y <= 58) & (np.abs(z) <= 8)
        array[body | arch | pedicles | process] = level_from_name(name).verse_label
    return LabelVolume(array, matrix, "toy")


def upright_matrix(size_ijk=(80, 110, 130), spacing=(1.0, 1.0, 1.0)) -> np.ndarray:
    return grid_matrix(np.eye(3), spacing, size_ijk)


def upright(names=("T12", "L1", "L2"), size_ijk=(80, 110, 130), spacing=(1.0, 1.0, 1.0)) -> LabelVolume:
    return toy_labels(names, upright_matrix(size_ijk, spacing), size_ijk)


def toy_ct(labels: LabelVolume) -> CtVolume:
    """Air, water around the middle, bone in the labels."""
    hu = np.full(labels.array_kji.shape, 20.0, dtype=np.float32)
    hu[:2] = -1000.0
    hu[labels.array_kji > 0] = 600.0
    return CtVolume(hu, labels.ijk_to_lps_mm, "toy")


def true_centres(names) -> dict[Level, np.ndarray]:
    return {level_from_name(name): centre_of(n, len(names)) for n, name in enumerate(names)}


def reoriented_coordinates(labels: Volume, centres, codes: str, *, in_mm: bool) -> list[dict[str, float]]:
    """What VerSe files hold, computed by ITK: indices (or mm) in the image reoriented to these axis codes."""
    image = sitk.DICOMOrient(labels.to_sitk(), codes)
    rows = []
    for level, point in centres.items():
        index = np.array(image.TransformPhysicalPointToContinuousIndex([float(v) for v in point]))
        xyz = index * image.GetSpacing() if in_mm else index
        rows.append({"label": level.verse_label, **{a: float(v) for a, v in zip("XYZ", xyz, strict=True)}})
    return rows


def own_codes(labels: Volume) -> str:
    return sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(labels.to_sitk().GetDirection())


def write_mask(labels: LabelVolume, path: Path, dtype=np.float32) -> None:
    write_volume(Volume(labels.array_kji.astype(dtype), labels.ijk_to_lps_mm), path)


def write_bids(root: Path, labels: LabelVolume, centres, *, stem="sub-toy001", with_ct=False, codes=None) -> None:
    """rawdata and derivatives of one scan; the person is the stem's first part."""
    person = stem.split("_")[0]
    write_mask(labels, root / "derivatives" / person / f"{stem}_seg-vert_msk.nii.gz")
    codes = codes or own_codes(labels)
    content = [{"direction": list(codes)}, *reoriented_coordinates(labels, centres, codes, in_mm=False)]
    (root / "derivatives" / person / f"{stem}_seg-subreg_ctd.json").write_text(json.dumps(content))
    if with_ct:
        write_volume(toy_ct(labels), root / "rawdata" / person / f"{stem}_ct.nii.gz")


def write_participants(root: Path, *rows: dict[str, str]) -> None:
    columns = list(rows[0])
    lines = ["\t".join(columns), *("\t".join(row[c] for c in columns) for row in rows)]
    root.mkdir(parents=True, exist_ok=True)
    (root / "participants.tsv").write_text("\n".join(lines) + "\n")
