"""A label map as a DICOM Segmentation object (PS3.3 A.51): one binary segment per level, SNOMED CT codes.

The result comes from two radiographs, not from a CT series, so there is no image that the segmentation could refer to.
The object therefore has a FrameOfReferenceUID, a series and, unless a study is given, a study of its own, and no
Referenced Series and no Derivation Image sequence; SegmentAlgorithmType is AUTOMATIC, and the series' description says
what it was derived from. Viewers show it in 3D by its own planes; it can be overlaid on a CT only after registration.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib import __version__
from ReVerteRLib.anatomy import CATEGORY_CODE, CATEGORY_MEANING, Level
from ReVerteRLib.datasets.bodies import levels_present
from ReVerteRLib.errors import VolumeError
from ReVerteRLib.files import written_aside
from ReVerteRLib.geometry import Array
from ReVerteRLib.imaging.volume import LabelVolume

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_SOP_CLASS = "1.2.840.10008.5.1.4.1.1.66.4"
_DESCRIPTION = "Vertebrae reconstructed from two radiographs"


@dataclass(frozen=True)
class DicomPatient:
    """Who and which study the object belongs to; the defaults name nobody.

    study_uid:          of the radiographs' study, so that the result is filed with them; a new one if "".
    frame_of_reference: of the patient space that the label map is in, if it has one; a new one if "".
    """

    name: str = "Anonymous"
    patient_id: str = "ReVerteR"
    birth_date: str = ""
    sex: str = ""
    study_uid: str = ""
    study_id: str = ""
    study_date: str = ""
    accession: str = ""
    frame_of_reference: str = ""


def write_dicom_seg(
    labels: LabelVolume, path: Path, patient: DicomPatient | None = None, series_description: str = _DESCRIPTION
) -> None:
    """Writes the vertebrae of a label map (VerSe labels) as a DICOM Segmentation file, in one step.

    Frames are planes of constant k of the label map; only those with bone are stored. Raises VolumeError for a label
    map without vertebrae or one that is sheared, OutputError.
    """
    levels = levels_present(labels)
    if not levels:
        raise VolumeError("the label map holds no vertebra", where=labels.source, remedy="Give one with VerSe labels")
    dataset = _dataset(labels, levels, patient or DicomPatient(), series_description)
    with written_aside(path) as aside:
        _save(dataset, aside)


def _save(dataset: Any, path: Path) -> None:
    """With preamble and complete file header; pydicom 2.4, which Slicer 5.10 has, names the option in its own way."""
    import pydicom

    if int(pydicom.__version__.split(".")[0]) >= 3:
        dataset.save_as(str(path), enforce_file_format=True)
    else:
        dataset.is_little_endian, dataset.is_implicit_VR = True, False
        dataset.save_as(str(path), write_like_original=False)


def _dataset(labels: LabelVolume, levels: tuple[Level, ...], patient: DicomPatient, description: str) -> Dataset:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = UID(_SOP_CLASS)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = _SOP_CLASS
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(None)
    _add_patient_and_study(dataset, patient, description)
    _add_frames(dataset, labels, levels)
    return dataset


def _add_patient_and_study(dataset: Any, patient: DicomPatient, description: str) -> None:
    from pydicom.uid import generate_uid

    now = dt.datetime.now(dt.UTC)
    day, time = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName, dataset.PatientID = patient.name, patient.patient_id
    dataset.PatientBirthDate, dataset.PatientSex = patient.birth_date, patient.sex
    dataset.StudyInstanceUID = patient.study_uid or generate_uid(None)
    dataset.StudyID, dataset.AccessionNumber, dataset.ReferringPhysicianName = patient.study_id, patient.accession, ""
    dataset.StudyDate, dataset.StudyTime = patient.study_date or day, "" if patient.study_date else time
    dataset.Modality = "SEG"
    dataset.SeriesInstanceUID = generate_uid(None)
    dataset.SeriesNumber, dataset.InstanceNumber = 300, 1
    dataset.SeriesDescription = description[:64]
    dataset.SeriesDate, dataset.SeriesTime = day, time
    dataset.ContentDate, dataset.ContentTime, dataset.TimezoneOffsetFromUTC = day, time, "+0000"
    dataset.FrameOfReferenceUID = patient.frame_of_reference or generate_uid(None)
    dataset.PositionReferenceIndicator = ""
    dataset.Manufacturer, dataset.ManufacturerModelName = "ReVerteR", "ReVerteR"
    dataset.DeviceSerialNumber, dataset.SoftwareVersions = "none", __version__
    dataset.ContentLabel, dataset.ContentDescription = "VERTEBRAE", "Research use only"
    dataset.ContentCreatorName = "ReVerteR"
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.LossyImageCompression = "00"


# --- segments and frames -------------------------------------------------------------------------


def _add_frames(dataset: Any, labels: LabelVolume, levels: tuple[Level, ...]) -> None:
    array, matrix = _right_handed(labels)
    frames = [
        (number, plane)
        for number, level in enumerate(levels, start=1)
        for plane in np.flatnonzero((array == level.verse_label).any(axis=(1, 2))).tolist()
    ]
    planes = sorted({plane for _, plane in frames})
    masks = np.stack([array[plane] == levels[number - 1].verse_label for number, plane in frames])
    dataset.Rows, dataset.Columns = int(array.shape[1]), int(array.shape[2])
    dataset.NumberOfFrames = len(frames)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 1, 1, 0, 0
    dataset.SegmentationType = "BINARY"
    dataset.SegmentsOverlap = "NO"
    dataset.SegmentSequence = [_segment(number, level) for number, level in enumerate(levels, start=1)]
    _add_dimensions(dataset)
    dataset.SharedFunctionalGroupsSequence = [_shared(matrix)]
    dataset.PerFrameFunctionalGroupsSequence = [
        _frame(number, planes.index(plane) + 1, matrix, plane) for number, plane in frames
    ]
    dataset.PixelData = _packed(masks)


def _right_handed(labels: LabelVolume) -> tuple[NDArray[Any], Array]:
    """The array and its index-to-LPS matrix with planes stacked along row direction x column direction."""
    array, matrix = labels.array_kji, labels.ijk_to_lps_mm.copy()
    unit = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    if not np.allclose(unit.T @ unit, np.eye(3), atol=1e-3):
        raise VolumeError("a sheared label map cannot be stored", where=labels.source, remedy="Resample it first")
    if np.linalg.det(unit) < 0:
        matrix[:3, 3] += matrix[:3, 2] * (array.shape[0] - 1)
        matrix[:3, 2] *= -1.0
        array = array[::-1]
    return array, matrix


def _code(value: str, meaning: str) -> Dataset:
    from pydicom.dataset import Dataset

    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "SCT", meaning
    return code


def _segment(number: int, level: Level) -> Dataset:
    from pydicom.dataset import Dataset

    segment = Dataset()
    segment.SegmentNumber, segment.SegmentLabel = number, level.name
    segment.SegmentDescription = level.snomed_meaning
    segment.SegmentAlgorithmType, segment.SegmentAlgorithmName = "AUTOMATIC", f"ReVerteR {__version__}"
    segment.SegmentedPropertyCategoryCodeSequence = [_code(CATEGORY_CODE, CATEGORY_MEANING)]
    segment.SegmentedPropertyTypeCodeSequence = [_code(level.snomed_code, level.snomed_meaning)]
    segment.RecommendedDisplayCIELabValue = _cielab(level.color_rgb)
    segment.TrackingID, segment.TrackingUID = level.name, _new_uid()
    return segment


def _new_uid() -> str:
    from pydicom.uid import generate_uid

    return str(generate_uid(None))


def _cielab(rgb: tuple[float, float, float]) -> list[int]:
    """An sRGB colour as DICOM's scaled CIELab (PS3.3 C.10.7.1.1), white point D65."""
    linear = np.where(np.array(rgb) <= 0.04045, np.array(rgb) / 12.92, ((np.array(rgb) + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ linear / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16.0 / 116.0)
    lab = 116.0 * f[1] - 16.0, 500.0 * (f[0] - f[1]), 200.0 * (f[1] - f[2])
    scaled = lab[0] / 100.0, (lab[1] + 128.0) / 255.0, (lab[2] + 128.0) / 255.0
    return [int(np.clip(round(65535.0 * value), 0, 65535)) for value in scaled]


def _add_dimensions(dataset: Any) -> None:
    from pydicom.dataset import Dataset
    from pydicom.tag import Tag

    organisation = Dataset()
    organisation.DimensionOrganizationUID = _new_uid()
    dataset.DimensionOrganizationSequence = [organisation]
    dataset.DimensionIndexSequence = []
    for pointer, group, label in (
        ("ReferencedSegmentNumber", "SegmentIdentificationSequence", "Segment Number"),
        ("ImagePositionPatient", "PlanePositionSequence", "Image Position"),
    ):
        index = Dataset()
        index.DimensionOrganizationUID = organisation.DimensionOrganizationUID
        index.DimensionIndexPointer, index.FunctionalGroupPointer = Tag(pointer), Tag(group)
        index.DimensionDescriptionLabel = label
        dataset.DimensionIndexSequence.append(index)


def _shared(matrix: Array) -> Dataset:
    from pydicom.dataset import Dataset

    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    measures, orientation, groups = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [_text(spacing[1]), _text(spacing[0])]
    measures.SliceThickness = measures.SpacingBetweenSlices = _text(spacing[2])
    unit = matrix[:3, :3] / spacing
    orientation.ImageOrientationPatient = [_text(v) for v in (*unit[:, 0], *unit[:, 1])]
    groups.PixelMeasuresSequence, groups.PlaneOrientationSequence = [measures], [orientation]
    return groups


def _frame(segment: int, position: int, matrix: Array, plane: int) -> Dataset:
    from pydicom.dataset import Dataset

    content, place, identity, groups = Dataset(), Dataset(), Dataset(), Dataset()
    content.DimensionIndexValues = [segment, position]
    place.ImagePositionPatient = [_text(v) for v in matrix[:3, 3] + plane * matrix[:3, 2]]
    identity.ReferencedSegmentNumber = segment
    groups.FrameContentSequence, groups.PlanePositionSequence = [content], [place]
    groups.SegmentIdentificationSequence = [identity]
    return groups


def _text(value: float) -> str:
    """A decimal string of at most 16 characters."""
    return f"{float(value) + 0.0:.9g}"[:16]


def _packed(masks: NDArray[np.bool_]) -> bytes:
    """Bits of all frames one after another, the first pixel in the lowest bit, of even length (PS3.5 8.1.1)."""
    data = np.packbits(masks.ravel(), bitorder="little").tobytes()
    return data + b"\x00" * (len(data) % 2)
