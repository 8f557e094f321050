"""What is known about a radiograph file before any decision: pixels as stored and the header's statements."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.geometry import Projection

Pair = tuple[float, float]
Tone = tuple[float, NDArray[np.float64]]


@dataclass(frozen=True)
class RadiographHeader:
    """The statements of a header that matter here; empty or None where the file is silent. Lengths in mm.

    Spacings are (rows, columns). DICOM sources:
    modality (0008,0060), maker (0008,0070) and (0008,1090), photometric (0028,0004), lut_shape (2050,0020), intent
    (0008,0068), intensity (0028,1040), intensity_sign (0028,1041), pixel_spacing (0028,0030), calibration (0028,0A02),
    imager_spacing (0018,1164), scanned_spacing (0018,2010), magnification (0018,1114), sdd (0018,1110), sad
    (0018,1111), detector_configuration (0018,7005), view_position (0018,5101), view_code (0054,0220),
    patient_orientation (0020,0020), laterality (0020,0062) or (0020,0060), description (0008,103E), (0018,1030) and
    (0008,1030), positioner_angle (0018,1510).
    patient_key:  digest of the patient's ID, so that two images can be compared without storing who it is.
    study_uid:    (0020,000D). exposed_at: date and time of the exposure, digits only.
    """

    modality: str = ""
    maker: str = ""
    photometric: str = ""
    lut_shape: str = ""
    intent: str = ""
    intensity: str = ""
    intensity_sign: int = 0
    pixel_spacing_mm: Pair | None = None
    calibration: str = ""
    imager_spacing_mm: Pair | None = None
    scanned_spacing_mm: Pair | None = None
    file_spacing_mm: Pair | None = None
    magnification: float | None = None
    sdd_mm: float | None = None
    sad_mm: float | None = None
    detector_configuration: str = ""
    view_position: str = ""
    view_code: str = ""
    patient_orientation: tuple[str, ...] = ()
    laterality: str = ""
    description: str = ""
    positioner_angle_deg: float | None = None
    patient_key: str = ""
    study_uid: str = ""
    exposed_at: str = ""


@dataclass(frozen=True)
class RawRadiograph:
    """A radiograph file as it was read: nothing is inverted, turned or scaled yet.

    pixels_hw:         float32 [rows, columns]; for DICOM after the modality's rescale, before any display curve.
    header:            what the file states.
    source:            path or name, for messages.
    kind:              'DICOM', 'picture', 'volume' or 'array'.
    tone_curve:        first input value and the outputs of a stored VOI LUT (0028,3010), None without one.
    field_hw:          bool, pixels that the header declares to be exposed (shutter, collimator, padding); None if it
                       says nothing.
    stored_projection: complete geometry in the file, written by ReVerteR or given by the image's own plane.
    frames, frame:     number of frames and the one that was taken, counted from 1.
    notes:             remarks of the reader for the user.
    sha256:            of the file, "" for arrays.
    """

    pixels_hw: NDArray[np.float32]
    header: RadiographHeader = field(default_factory=RadiographHeader)
    source: str = ""
    kind: str = "array"
    tone_curve: Tone | None = None
    field_hw: NDArray[np.bool_] | None = None
    stored_projection: Projection | None = None
    frames: int = 1
    frame: int = 1
    notes: tuple[str, ...] = ()
    sha256: str = ""

    @property
    def name(self) -> str:
        """Short name for tables."""
        return Path(self.source).name if self.source else "image"
