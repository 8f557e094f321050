"""DICOM radiographs (DX, CR, XA, RF and the like): stored pixels and what the header states, without any decision."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.errors import ArgumentError, VolumeError
from ReVerteRLib.files import sha256_of
from ReVerteRLib.imaging.header import Pair, RadiographHeader, RawRadiograph, Tone
from ReVerteRLib.imaging.raster import as_gray

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_PROJECTION_MODALITIES = ("DX", "CR", "XA", "RF", "RG", "DR")
_COPIED_MODALITIES = ("OT", "SC", "XC", "")
_REMEDIES = {
    "CT": "This is a CT; give it to 'reverter simulate', which makes both radiographs from it",
    "MG": "Mammograms show no spine; give the AP and the lateral radiograph of the spine",
    "RTIMAGE": "Export the setup radiograph as DX or CR",
}


def looks_like_dicom(path: Path) -> bool:
    """Whether the file has the DICOM prefix, or DICOM's suffix without one."""
    try:
        with path.open("rb") as stream:
            head = stream.read(132)
    except OSError:
        return False
    return head[128:] == b"DICM" or path.suffix.lower() in (".dcm", ".dicom")


def read_dicom(path: Path, frame: int | None = None) -> RawRadiograph:
    """One frame of a DICOM radiograph.

    frame: of a multi-frame file, counted from 1; by default the Representative Frame (0028,6010), else the middle one.
    Pixels come from pydicom, or from SimpleITK for the JPEG kinds that pydicom cannot decode here.
    Raises VolumeError for what is no radiograph, is damaged, or cannot be decoded; ArgumentError for a frame that the
    file does not have.
    """
    dataset = _read_dataset(path)
    modality = str(dataset.get("Modality", "") or "").strip().upper()
    _check_modality(dataset, modality, path)
    frames = int(dataset.get("NumberOfFrames", 1) or 1)
    chosen = _choose_frame(dataset, frames, frame, path)
    stored, notes = _gray_frame(_decoded(dataset, path), dataset, frames, chosen, path)
    if modality in _COPIED_MODALITIES:
        notes.append("The file does not say that it is a radiograph (no modality DX, CR, XA or RF)")
    if frame is None and frames > 1:
        notes.append(f"Frame {chosen} of {frames} is used; choose another one if it is not the best")
    values, tone = _modality_values(stored, dataset, path)
    return RawRadiograph(
        pixels_hw=values,
        header=_header(_Lookup(dataset, chosen - 1), modality),
        source=str(path),
        kind="DICOM",
        tone_curve=tone,
        field_hw=_declared_field(dataset, stored, notes),
        frames=frames,
        frame=chosen,
        notes=tuple(notes),
        sha256=sha256_of(path),
    )


# --- file and pixels -----------------------------------------------------------------------------


def _read_dataset(path: Path) -> Dataset:
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        return pydicom.dcmread(path)
    except (InvalidDicomError, OSError, ValueError, EOFError, KeyError, AttributeError, TypeError) as error:
        raise VolumeError(
            f"the DICOM file cannot be read ({_first_line(error)})",
            where=path,
            remedy="It may be damaged or cut short; export it again",
        ) from error


def _check_modality(dataset: Dataset, modality: str, path: Path) -> None:
    kind = modality
    if "CT Image" in getattr(dataset.get("SOPClassUID", ""), "name", ""):
        kind = "CT"
    if kind not in _PROJECTION_MODALITIES + _COPIED_MODALITIES:
        raise VolumeError(
            f"this is an image of modality {kind}, not a radiograph",
            where=path,
            remedy=_REMEDIES.get(kind, "Give a DICOM file of modality DX, CR, XA or RF"),
        )
    if "Rows" not in dataset or "PixelData" not in dataset:
        raise VolumeError(
            "the DICOM file holds no image",
            where=path,
            remedy="It may be cut short, a report or a presentation state; export the image itself",
        )


def _choose_frame(dataset: Dataset, frames: int, frame: int | None, path: Path) -> int:
    if frame is not None:
        if not 1 <= frame <= frames:
            raise ArgumentError(f"there is no frame {frame}", where=path, remedy=f"The file has frames 1 to {frames}")
        return frame
    representative = int(dataset.get("RepresentativeFrameNumber", 0) or 0)
    return representative if 1 <= representative <= frames else (frames + 1) // 2


def _decoded(dataset: Dataset, path: Path) -> NDArray[Any]:
    """All stored pixels. pydicom names missing decoders by RuntimeError or NotImplementedError."""
    try:
        return np.asarray(dataset.pixel_array)
    except (RuntimeError, NotImplementedError) as error:
        if not _is_compressed(dataset):
            raise _broken(path, error) from error
        return _decoded_by_itk(dataset, path)
    except Exception as error:  # damaged streams raise whatever the decoder meets
        raise _broken(path, error) from error


def _is_compressed(dataset: Dataset) -> bool:
    syntax = getattr(dataset.file_meta, "TransferSyntaxUID", None)
    return syntax is not None and bool(syntax.is_compressed)


def _decoded_by_itk(dataset: Dataset, path: Path) -> NDArray[Any]:
    """GDCM inverts MONOCHROME1 and applies the rescale itself, so it is shown a copy that asks for neither."""
    import pydicom
    import SimpleITK as sitk  # noqa: N813

    plain = pydicom.dcmread(path)
    if plain.PhotometricInterpretation == "MONOCHROME1":
        plain.PhotometricInterpretation = "MONOCHROME2"
    for keyword in ("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence"):
        if keyword in plain:
            del plain[keyword]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.dcm"
        plain.save_as(copy)
        try:
            pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(copy)))
        except RuntimeError as error:
            raise VolumeError(
                f"pixels of the kind '{dataset.file_meta.TransferSyntaxUID.name}' cannot be decoded, or are damaged",
                where=path,
                remedy="Export it uncompressed (Explicit VR Little Endian), or convert it with dcmdjpeg or gdcmconv",
            ) from error
    return pixels[0] if pixels.shape[0] == 1 else pixels


def _broken(path: Path, error: Exception) -> VolumeError:
    return VolumeError(
        f"the pixels cannot be read ({_first_line(error)})",
        where=path,
        remedy="The file may be damaged or cut short; export or copy it again",
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _gray_frame(
    pixels: NDArray[Any], dataset: Dataset, frames: int, chosen: int, path: Path
) -> tuple[NDArray[Any], list[str]]:
    one = pixels[chosen - 1] if frames > 1 else pixels
    samples = int(dataset.get("SamplesPerPixel", 1) or 1)
    if str(dataset.PhotometricInterpretation).startswith("PALETTE"):
        raise VolumeError(
            "the pixels are colours of a palette", where=path, remedy="Export the radiograph itself, not a screenshot"
        )
    if one.ndim != (3 if samples > 1 else 2):
        raise VolumeError(f"pixels of the shape {one.shape} are no single image", where=path)
    return as_gray(one)


def _modality_values(
    stored: NDArray[Any], dataset: Dataset, path: Path
) -> tuple[NDArray[np.float32], tuple[float, NDArray[np.float64]] | None]:
    """After Modality LUT or Rescale Slope and Intercept; and the curve of the first VOI LUT, which stays unapplied."""
    values = stored.astype(np.float32)
    if modality := _curve(dataset, "ModalityLUTSequence"):
        values = apply_curve(values, modality)
    else:
        slope, intercept = (
            float(dataset.get("RescaleSlope", 1.0) or 1.0),
            float(dataset.get("RescaleIntercept", 0) or 0),
        )
        if not (np.isfinite([slope, intercept]).all() and slope):
            raise VolumeError(f"Rescale Slope {slope} or Intercept {intercept} is impossible", where=path)
        values = values * np.float32(slope) + np.float32(intercept)
    return values, _curve(dataset, "VOILUTSequence")


def _curve(dataset: Dataset, keyword: str) -> Tone | None:
    """First mapped value and outputs of a look-up table sequence (descriptor: entries, first value, bits)."""
    if not dataset.get(keyword):
        return None
    item = dataset[keyword].value[0]
    try:
        entries, first, _bits = (int(n) for n in item.LUTDescriptor)
        data = item.LUTData
    except (AttributeError, ValueError, TypeError):
        return None
    table = np.frombuffer(data, dtype="<u2") if isinstance(data, bytes) else np.asarray(data)
    if table.size != (entries or 65536) or table.size < 2:
        return None
    if first > 32767 and int(dataset.get("PixelRepresentation", 0)) == 1:
        first -= 65536
    return float(first), table.astype(np.float64)


def apply_curve(values: NDArray[np.float32], curve: Tone) -> NDArray[np.float32]:
    """Table look-up with linear interpolation; values beyond the ends take the end's output."""
    first, table = curve
    inputs = first + np.arange(table.size)
    return np.interp(values, inputs, table).astype(np.float32)


# --- header --------------------------------------------------------------------------------------


class _Lookup:
    """Finds an attribute at the top level or, for enhanced objects, in the functional groups of one frame."""

    def __init__(self, dataset: Dataset, frame: int) -> None:
        self.dataset = dataset
        self._places = [dataset, *_groups(dataset, frame)]

    def value(self, keyword: str) -> Any:
        """None where it is missing or empty."""
        for place in self._places:
            found = place.get(keyword)
            if found is not None and str(found).strip() not in ("", "[]"):
                return found
        return None

    def text(self, *keywords: str) -> str:
        """Non-empty values, joined by spaces."""
        return " ".join(str(v).strip() for k in keywords if (v := self.value(k)) is not None)

    def number(self, keyword: str) -> float | None:
        """A positive or negative finite number that is not zero by omission."""
        try:
            number = float(self.value(keyword))
        except (TypeError, ValueError):
            return None
        return number if np.isfinite(number) else None

    def positive(self, keyword: str) -> float | None:
        """Zero and negative numbers are what systems write that do not know."""
        number = self.number(keyword)
        return number if number is not None and number > 0 else None

    def pair(self, keyword: str) -> Pair | None:
        """Two positive numbers (row spacing first, as DICOM writes it)."""
        try:
            row, column = (float(v) for v in self.value(keyword))
        except (TypeError, ValueError):
            return None
        return (row, column) if np.isfinite([row, column]).all() and min(row, column) > 0 else None


def _groups(dataset: Dataset, frame: int) -> Iterator[Dataset]:
    per_frame = list(dataset.get("PerFrameFunctionalGroupsSequence") or [])
    shared = list(dataset.get("SharedFunctionalGroupsSequence") or [])
    for group in [*per_frame[frame : frame + 1], *shared]:
        for element in group:
            if element.VR == "SQ":
                yield from element.value


def _header(of: _Lookup, modality: str) -> RadiographHeader:
    return RadiographHeader(
        modality=modality,
        maker=of.text("Manufacturer", "ManufacturerModelName"),
        photometric=of.text("PhotometricInterpretation").upper(),
        lut_shape=of.text("PresentationLUTShape").upper(),
        intent=of.text("PresentationIntentType").upper(),
        intensity=of.text("PixelIntensityRelationship").upper(),
        intensity_sign=int(of.number("PixelIntensityRelationshipSign") or 0),
        pixel_spacing_mm=of.pair("PixelSpacing"),
        calibration=of.text("PixelSpacingCalibrationType").upper(),
        imager_spacing_mm=of.pair("ImagerPixelSpacing"),
        scanned_spacing_mm=of.pair("NominalScannedPixelSpacing"),
        magnification=of.positive("EstimatedRadiographicMagnificationFactor"),
        sdd_mm=of.positive("DistanceSourceToDetector"),
        sad_mm=of.positive("DistanceSourceToPatient"),
        detector_configuration=of.text("DetectorConfiguration").upper(),
        view_position=of.text("ViewPosition"),
        view_code=_code_meaning(of.value("ViewCodeSequence")),
        patient_orientation=_words(of.value("PatientOrientation")),
        laterality=of.text("ImageLaterality") or of.text("Laterality"),
        description=of.text("SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription"),
        positioner_angle_deg=of.number("PositionerPrimaryAngle"),
        patient_key=_digest(of.text("PatientID")),
        study_uid=of.text("StudyInstanceUID"),
        exposed_at=_exposure_time(of),
    )


def _code_meaning(sequence: Any) -> str:
    return str(sequence[0].get("CodeMeaning", "") or "") if sequence else ""


def _words(value: Any) -> tuple[str, ...]:
    """A multi-valued string; one that was written with a wrong separator is taken apart."""
    if value is None:
        return ()
    parts = value.replace("/", "\\").split("\\") if isinstance(value, str) else list(value)
    return tuple(str(part).strip().upper() for part in parts)


def _digest(patient_id: str) -> str:
    return hashlib.sha256(patient_id.encode()).hexdigest()[:16] if patient_id else ""


def _exposure_time(of: _Lookup) -> str:
    if together := of.text("AcquisitionDateTime"):
        return together.split(".")[0]
    date = of.text("AcquisitionDate") or of.text("ContentDate")
    time = of.text("AcquisitionTime") or of.text("ContentTime")
    return date + time.split(".")[0].split(" ")[0] if date and time else ""


# --- declared field ------------------------------------------------------------------------------


def _declared_field(dataset: Dataset, stored: NDArray[Any], notes: list[str]) -> NDArray[np.bool_] | None:
    """Exposed pixels by padding (0028,0120), shutter (0018,1600) and collimator (0018,1700), None if nothing is said.

    Shutters are given in rows and columns counted from 1. What would leave less than a tenth of the image is not
    believed.
    """
    parts = [_not_padding(dataset, stored)]
    parts += [_shape_mask(dataset, name, stored.shape) for name in ("Shutter", "Collimator")]
    declared = [part for part in parts if part is not None]
    if not declared:
        return None
    mask: NDArray[np.bool_] = np.logical_and.reduce(declared)
    if mask.mean() < 0.1:
        notes.append("The shutter or collimator in the header leaves almost nothing of the image and is not used")
        return None
    return None if mask.all() else mask


def _not_padding(dataset: Dataset, stored: NDArray[Any]) -> NDArray[np.bool_] | None:
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return None
    limit = dataset.get("PixelPaddingRangeLimit")
    low, high = sorted((int(value), int(value if limit is None else limit)))
    return (stored < low) | (stored > high)


def _shape_mask(dataset: Dataset, name: str, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
    kinds = dataset.get(f"{name}Shape")
    if not kinds:
        return None
    rows, columns = np.ogrid[1 : shape[0] + 1, 1 : shape[1] + 1]
    mask = np.ones(shape, dtype=bool)
    try:
        for kind in [kinds] if isinstance(kinds, str) else kinds:
            mask &= _one_shape(dataset, name, str(kind).upper(), rows, columns)
    except (AttributeError, TypeError, ValueError):
        return None
    return mask


def _one_shape(
    dataset: Dataset, name: str, kind: str, rows: NDArray[np.int_], columns: NDArray[np.int_]
) -> NDArray[np.bool_]:
    if kind == "RECTANGULAR":
        edges = [int(dataset[f"{name}{edge}Edge"].value) for edge in _EDGES]
        return (columns > edges[0]) & (columns < edges[1]) & (rows > edges[2]) & (rows < edges[3])
    if kind == "CIRCULAR":
        row, column = (int(v) for v in dataset[f"CenterOfCircular{name}"].value)
        return (rows - row) ** 2 + (columns - column) ** 2 <= int(dataset[f"RadiusOfCircular{name}"].value) ** 2
    from skimage.draw import polygon2mask

    corners = np.array([int(v) for v in dataset[f"VerticesOfThePolygonal{name}"].value]).reshape(-1, 2) - 1
    filled: NDArray[np.bool_] = polygon2mask((rows.size, columns.size), corners)
    return filled


_EDGES = ("LeftVertical", "RightVertical", "UpperHorizontal", "LowerHorizontal")
