"""Jobs before and after the reconstruction: automatic centroids, measurements, files for other programs."""

from __future__ import annotations

import argparse
import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ReVerteRLib.cli.staging import staged_folder
from ReVerteRLib.errors import ArgumentError, InputError, ResourceError
from ReVerteRLib.worker.arguments import parse_arguments
from ReVerteRLib.worker.context import JobContext

if TYPE_CHECKING:
    import vtk

    from ReVerteRLib.anatomy import Level
    from ReVerteRLib.centroids import CentroidSet
    from ReVerteRLib.detection.types import AnnotatedVertebra, Annotation, Detection
    from ReVerteRLib.imaging.volume import LabelVolume

CENTROIDS_FILE = "centroids.mrk.json"
ANNOTATION_FILE = "annotation.json"
FORMATS = ("stl", "obj", "ply", "nifti", "seg.nrrd", "dicom")


@dataclass(frozen=True)
class AnnotateRequest:
    """Centroids from two radiographs: centroids.mrk.json and annotation.json in `out`; see detection.annotator.

    anchors:  "L1=x,y,z" (LPS mm), "L1=ap:row,column" or "L1=lateral:row,column".
    locked:   a centroid file whose points keep place and level (those locked in Slicer, or all when none is).
    removed:  "x,y,z" (LPS mm) where nothing is to be found again.
    detector: as `reverter annotate --detector`.
    """

    ap: Path
    lateral: Path
    out: Path
    anchors: tuple[str, ...] = ()
    locked: Path | None = None
    removed: tuple[str, ...] = ()
    detector: str | None = None


@dataclass(frozen=True)
class MeasureRequest:
    """Numbers of a reconstruction: vertebrae.csv, spine.csv and measurements.json in `out`.

    result:      folder of the reconstruction.
    ap, lateral: to measure how well it fits them; the silhouettes are left out without both.
    """

    result: Path
    out: Path
    ap: Path | None = None
    lateral: Path | None = None


@dataclass(frozen=True)
class ExportRequest:
    """Files of a reconstruction for other programs, in `out`.

    result:  folder of the reconstruction.
    formats: of FORMATS.
    levels:  names or ranges; all when empty.
    frame:   of the meshes' points, "LPS" or "RAS".
    """

    result: Path
    out: Path
    formats: tuple[str, ...] = ("stl",)
    levels: tuple[str, ...] = ()
    frame: str = "LPS"


def part(module: str) -> Any:
    """A part of ReVerteR that may not be there. Raises ResourceError that names it."""
    try:
        return importlib.import_module(f"ReVerteRLib.{module}")
    except ModuleNotFoundError as error:
        raise ResourceError(
            f"this installation lacks {error.name}", where=module, remedy="Install a complete ReVerteR"
        ) from error


# --- annotate ------------------------------------------------------------------------------------


def annotate(arguments: Mapping[str, Any], context: JobContext) -> dict[str, Any]:
    """See AnnotateRequest; the result is what annotation.json holds."""
    from ReVerteRLib.centroids import read_locked_centroids
    from ReVerteRLib.files import write_json
    from ReVerteRLib.worker.reconstruction import read_pair

    request = parse_arguments(AnnotateRequest, arguments)
    annotator, command = part("detection.annotator"), part("cli.annotate")
    anchors = [_anchor(command, text) for text in request.anchors]
    removed = [_position(text) for text in request.removed]
    with staged_folder(request.out, context.token) as folder:
        context.begin("read")
        pair = read_pair(request.ap, request.lateral)
        locked = read_locked_centroids(request.locked) if request.locked is not None else None
        context.begin("weights")
        detector = context.models.detector(request.detector)
        annotation = annotator.Annotator(detector).annotate(
            pair,
            anchors=anchors,
            locked=locked,
            removed=removed,
            progress=lambda done, total, text: context.progress(done, total, text, stage="annotate"),
            cancelled=context.cancelled,
        )
        context.check()
        _require_vertebrae(annotation, request)
        command.write_annotation(annotation, folder / CENTROIDS_FILE)
        record = _annotation_record(annotation, str(getattr(detector, "name", "")))
        write_json(folder / ANNOTATION_FILE, record)
    for warning in annotation.warnings:
        context.tell("warning", {"text": warning})
    return {**record, "out": str(request.out), "centroids": str(request.out / CENTROIDS_FILE)}


def _anchor(command: Any, text: str) -> Any:
    try:
        return command.anchor(text)
    except argparse.ArgumentTypeError as error:
        raise ArgumentError(str(error), where="anchors") from error


def _position(text: str) -> tuple[float, float, float]:
    try:
        x, y, z = (float(number) for number in text.split(","))
    except ValueError as error:
        raise ArgumentError(f"'{text}' is no position", where="removed", remedy="Use x,y,z in LPS mm") from error
    return x, y, z


def _require_vertebrae(annotation: Annotation, request: AnnotateRequest) -> None:
    if not annotation.vertebrae:
        raise InputError(
            "; ".join(["no vertebra was found", *annotation.warnings]),
            where=f"{request.ap}, {request.lateral}",
            remedy="Check the radiographs, or place the centroids by hand",
        )


def _annotation_record(annotation: Annotation, detector: str) -> dict[str, Any]:
    return {
        "detector": detector,
        "frame": "LPS",
        "unit": "mm",
        "vertebrae": [_vertebra_record(v) for v in annotation.vertebrae],
        "warnings": list(annotation.warnings),
        "removed": [[round(v, 3) for v in position] for position in annotation.removed],
    }


def _vertebra_record(vertebra: AnnotatedVertebra) -> dict[str, Any]:
    return {
        "level": vertebra.level.name,
        "position_lps_mm": [round(float(v), 3) for v in vertebra.position_lps_mm],
        "confidence": round(float(vertebra.confidence), 4),
        "residual_mm": round(float(vertebra.residual_mm), 3),
        "reasons": list(vertebra.reasons),
        "locked": vertebra.locked,
        "ap": _detection_record(vertebra.ap),
        "lateral": _detection_record(vertebra.lateral),
    }


def _detection_record(detection: Detection | None) -> dict[str, Any] | None:
    """Pixels (row, column); corners that are not known are null."""
    import numpy as np

    if detection is None:
        return None
    corners = [[round(float(v), 2) for v in c] if np.isfinite(c).all() else None for c in detection.corners_rc]
    return {
        "centre_rc": [round(float(v), 2) for v in detection.centre_rc],
        "corners_rc": corners,
        "score": round(float(detection.score), 4),
        "level_scores": [round(float(v), 4) for v in detection.level_scores],
    }


# --- measure and export ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Stored:
    """A reconstruction read back: labels, the centroids and surfaces (LPS mm) of the levels that are not empty."""

    labels: LabelVolume
    centroids: CentroidSet
    surfaces: dict[Level, vtk.vtkPolyData]


def _stored(result: Path) -> _Stored:
    from ReVerteRLib.anatomy import level_from_name
    from ReVerteRLib.centroids import Centroid, CentroidSet
    from ReVerteRLib.imaging.volume import read_labels

    labels = read_labels(result / "labels.nii.gz")
    try:
        record = json.loads((result / "report.json").read_text(encoding="utf-8"))
        found = [v for v in record["vertebrae"] if not v["empty"]]
        places = {level_from_name(v["level"]): tuple(float(c) for c in v["centroid_lps_mm"]) for v in found}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "the report of the reconstruction cannot be read", where=result / "report.json", remedy="Reconstruct again"
        ) from error
    centroids = CentroidSet(tuple(Centroid(level, (p[0], p[1], p[2])) for level, p in places.items()), str(result))
    surfaces = {level: _read_stl(result / "models" / f"{level.name}.stl") for level in sorted(places)}
    return _Stored(labels, centroids, surfaces)


def _read_stl(path: Path) -> vtk.vtkPolyData:
    import vtk

    if not path.is_file():
        raise InputError("no such file", where=path, remedy="Reconstruct again")
    reader = vtk.vtkSTLReader()
    reader.SetFileName(str(path))
    reader.Update()
    return reader.GetOutput()


def measure(arguments: Mapping[str, Any], context: JobContext) -> dict[str, Any]:
    """See MeasureRequest; the result is what measurements.json holds, with the files."""
    request = parse_arguments(MeasureRequest, arguments)
    spine, tables = part("measure.spine"), part("measure.tables")
    with staged_folder(request.out, context.token) as folder:
        context.begin("read")
        stored = _stored(request.result)
        context.estimate.restart()
        found = spine.measure_labels(
            stored.labels,
            stored.centroids,
            lambda done, total, text: context.progress(done, total, text, stage="measure"),
            context.cancelled,
        )
        quality = _quality(stored, request, context)
        files = tables.write_measurements(found, folder, quality)
    record = tables.measurements_record(found, quality)
    return {**record, "out": str(request.out), "files": _moved(files, folder, request.out)}


def _quality(stored: _Stored, request: MeasureRequest, context: JobContext) -> Sequence[Any]:
    from ReVerteRLib.worker.reconstruction import read_pair

    if request.ap is None or request.lateral is None:
        return ()
    context.begin("silhouettes")
    found: Sequence[Any] = part("measure.quality").silhouette_quality(
        stored.surfaces, stored.centroids, read_pair(request.ap, request.lateral)
    )
    context.check()
    return found


def _moved(files: Mapping[str, Path], folder: Path, out: Path) -> dict[str, str]:
    """Where the files of a staged folder lie at last."""
    return {kind: str(out / path.relative_to(folder)) for kind, path in files.items()}


def export(arguments: Mapping[str, Any], context: JobContext) -> dict[str, Any]:
    """See ExportRequest; the result names the files."""
    from ReVerteRLib.anatomy import parse_levels

    request = parse_arguments(ExportRequest, arguments)
    unknown = [name for name in request.formats if name not in FORMATS]
    if unknown or not request.formats:
        raise ArgumentError(f"the formats {list(request.formats)} are impossible", remedy=f"Use {', '.join(FORMATS)}")
    with staged_folder(request.out, context.token) as folder:
        context.begin("read")
        stored = _chosen(_stored(request.result), parse_levels(",".join(request.levels)))
        files: dict[str, Path] = {}
        for number, name in enumerate(request.formats):
            context.check()
            context.progress(number, len(request.formats), name, stage="files")
            files |= _write_format(name, stored, folder, request.frame)
    return {"out": str(request.out), "files": _moved(files, folder, request.out)}


def _chosen(stored: _Stored, levels: Sequence[Level]) -> _Stored:
    """Only these levels. Raises CentroidError for one that was not reconstructed."""
    import numpy as np

    from ReVerteRLib.imaging.volume import LabelVolume

    if not levels:
        return stored
    centroids = stored.centroids.selected(list(levels))
    array = stored.labels.array_kji
    kept = np.where(np.isin(array, [c.level.verse_label for c in centroids]), array, 0).astype(array.dtype)
    labels = LabelVolume(kept, stored.labels.ijk_to_lps_mm, stored.labels.source)
    return _Stored(labels, centroids, {c.level: stored.surfaces[c.level] for c in centroids})


def _write_format(name: str, stored: _Stored, folder: Path, frame: str) -> dict[str, Path]:
    """The files of one format by kind; meshes in a folder of the format's name."""
    if name in ("stl", "obj", "ply"):
        meshes = part("export.meshes").write_meshes(stored.surfaces, folder / name, f".{name}", frame)
        return {f"{name} {kind}": path for kind, path in meshes.items()}
    from ReVerteRLib.imaging.volume import write_volume
    from ReVerteRLib.inference.export import write_segmentation

    path = folder / {"nifti": "labels.nii.gz", "seg.nrrd": "spine.seg.nrrd", "dicom": "spine.dcm"}[name]
    if name == "nifti":
        write_volume(stored.labels, path)
    elif name == "seg.nrrd":
        write_segmentation(stored.labels, tuple(stored.surfaces), path)
    else:
        part("export.dicom_seg").write_dicom_seg(stored.labels, path)
    return {name: path}
