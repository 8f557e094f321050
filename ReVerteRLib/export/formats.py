"""All export formats of one spine in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ReVerteRLib.anatomy import Level
from ReVerteRLib.datasets.bodies import levels_present
from ReVerteRLib.errors import ArgumentError, OutputError, VolumeError
from ReVerteRLib.export.dicom_seg import DicomPatient, write_dicom_seg
from ReVerteRLib.export.meshes import WHOLE, Frame, write_meshes
from ReVerteRLib.files import ensure_writable_folder
from ReVerteRLib.imaging.volume import LabelVolume, write_volume
from ReVerteRLib.inference.export import write_segmentation
from ReVerteRLib.measure.silhouettes import surfaces_of_labels

if TYPE_CHECKING:
    import vtk

MESHES = ("stl", "obj", "ply")
VOLUMES: Mapping[str, str] = {"nifti": "labels.nii.gz", "seg.nrrd": "spine.seg.nrrd", "dicom-seg": "spine.seg.dcm"}
"""File of each format that is no mesh."""
FORMATS = (*MESHES, *VOLUMES)


def export_spine(
    labels: LabelVolume,
    folder: Path,
    formats: Sequence[str] = FORMATS,
    *,
    surfaces: Mapping[Level, vtk.vtkPolyData] | None = None,
    frame: Frame = "LPS",
    overwrite: bool = False,
    patient: DicomPatient | None = None,
) -> dict[str, Path]:
    """Writes a label map (VerSe labels) in the chosen formats and returns the files by kind ("stl T12", "nifti").

    Meshes go to models/<LEVEL>.<format> and models/spine.<format>, the others to the names in VOLUMES.
    surfaces: vtkPolyData in LPS mm; made from the label map if None.
    frame:    of the meshes' points; NIfTI, NRRD and DICOM files carry a frame of their own.
    Raises ArgumentError for an unknown format, VolumeError for a map without vertebrae, and OutputError when a file is
    there already and `overwrite` is not asked for, before anything is written.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise ArgumentError(f"'{', '.join(unknown)}' is no export format", remedy=f"Choose among {', '.join(FORMATS)}")
    levels = levels_present(labels)
    if not levels:
        raise VolumeError("the label map holds no vertebra", where=labels.source, remedy="Give one with VerSe labels")
    folder = ensure_writable_folder(Path(folder))
    chosen = surfaces if surfaces is not None else {}
    if surfaces is None and any(name in MESHES for name in formats):
        chosen = surfaces_of_labels(labels)
    if not overwrite:
        _refuse_existing(folder, formats, sorted(chosen))
    files: dict[str, Path] = {}
    for name in formats:
        if name in MESHES:
            meshes = write_meshes(chosen, folder / "models", f".{name}", frame)
            files |= {f"{name} {part}": path for part, path in meshes.items()}
        else:
            files[name] = folder / VOLUMES[name]
            _write_volume(labels, levels, name, files[name], patient)
    return files


def _refuse_existing(folder: Path, formats: Sequence[str], levels: Sequence[Level]) -> None:
    names = [*(level.name for level in levels), WHOLE]
    targets = [folder / "models" / f"{name}.{mesh}" for mesh in MESHES if mesh in formats for name in names]
    targets += [folder / file for name, file in VOLUMES.items() if name in formats]
    there = [str(path.relative_to(folder)) for path in targets if path.exists()]
    if there:
        raise OutputError(
            f"{len(there)} of the files are there already, first {there[0]}",
            where=folder,
            remedy="Choose another folder, or ask to overwrite",
        )


def _write_volume(
    labels: LabelVolume, levels: tuple[Level, ...], name: str, path: Path, patient: DicomPatient | None
) -> None:
    if name == "nifti":
        write_volume(labels, path)
    elif name == "seg.nrrd":
        write_segmentation(labels, levels, path)
    else:
        write_dicom_seg(labels, path, patient)
