"""Makes the reference values in Testing/Python/data/rtk with ITK-RTK's Joseph forward projector.

RTK and its ITK wheels take about 1.8 GB on disk, too much for the test extra, so the tests compare with stored
values. To make them again, in an environment of its own (Python 3.11, numpy):

    pip install itk-rtk==2.7.0.post1
    PYTHONPATH=. python Testing/Benchmarks/rtk_reference.py [--data ../shared/data] [--out Testing/Python/data/rtk]

The script reads the CT with ITK itself and uses nothing of ReVerteRLib but the description of the geometry
(ReVerteRLib.geometry, which needs numpy only). The input of both projectors is max(HU, -1000) + 1000 and the result
is in HU mm: the energy model is tested elsewhere. RTK ends a volume at the centres of its outermost voxels, where
ours fades out over one voxel; RTK therefore gets the volume with one layer of air around it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Python" / "drr"))

from drr_phantoms import REFERENCE_CT, reference_phantom, reference_projections


def joseph(array_kji: np.ndarray, ijk_to_lps_mm: np.ndarray, projection) -> np.ndarray:
    """Line integrals [rows, columns] in mm times the unit of the voxels, by RTK."""
    import itk
    from itk import RTK as rtk  # noqa: N811

    image_type = itk.Image[itk.F, 3]
    volume = itk.image_from_array(np.ascontiguousarray(array_kji, dtype=np.float32))
    spacing = np.linalg.norm(ijk_to_lps_mm[:3, :3], axis=0)
    volume.SetSpacing(spacing.tolist())
    volume.SetOrigin(ijk_to_lps_mm[:3, 3].tolist())
    volume.SetDirection(itk.matrix_from_array(ijk_to_lps_mm[:3, :3] / spacing))

    geometry = rtk.ThreeDCircularProjectionGeometry.New()
    source = projection.source_lps_mm
    centre = source + projection.sdd_mm * np.array(projection.beam_direction)
    added = geometry.AddProjection(
        source.tolist(), centre.tolist(), list(projection.column_direction), list(projection.row_direction)
    )
    assert added is not False, "RTK refused the geometry"

    rows, columns = projection.image_hw
    row_mm, column_mm = projection.detector_spacing_mm
    empty = rtk.ConstantImageSource[image_type].New()
    empty.SetSize([columns, rows, 1])
    empty.SetSpacing([column_mm, row_mm, 1.0])
    empty.SetOrigin([-column_mm * (columns - 1) / 2.0, -row_mm * (rows - 1) / 2.0, 0.0])
    empty.SetConstant(0.0)
    projector = rtk.JosephForwardProjectionImageFilter[image_type, image_type].New()
    projector.SetGeometry(geometry)
    projector.SetInput(0, empty.GetOutput())
    projector.SetInput(1, volume)
    projector.Update()
    return itk.array_from_image(projector.GetOutput())[0].copy()


def read_ct(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """HU [k, j, i] and its 4x4 to LPS, by ITK."""
    import itk

    image = itk.imread(str(path), itk.F)
    matrix = np.eye(4)
    matrix[:3, :3] = itk.array_from_matrix(image.GetDirection()) * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return itk.array_from_image(image).copy(), matrix


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    repository = Path(__file__).resolve().parents[2]
    parser.add_argument("--data", type=Path, default=repository.parent / "shared" / "data")
    parser.add_argument("--out", type=Path, default=repository / "Testing" / "Python" / "data" / "rtk")
    arguments = parser.parse_args()
    cases = {"phantom": reference_phantom()}
    if (path := arguments.data / REFERENCE_CT).is_file():
        cases["ct"] = read_ct(path)
    for name, (hu, matrix) in cases.items():
        above_air = np.maximum(hu.astype(np.float32), -1000.0) + 1000.0
        padded = np.pad(above_air, 1)
        moved = matrix.copy()
        moved[:3, 3] -= matrix[:3, :3].sum(axis=1)
        views = {p.view.value: joseph(padded, moved, p) for p in reference_projections(hu.shape, matrix)}
        target = arguments.out / f"joseph_{name}.npz"
        np.savez_compressed(target, **{view: image.astype(np.float32) for view, image in views.items()})
        print(target, {view: (image.shape, float(image.max())) for view, image in views.items()})


if __name__ == "__main__":
    main()
