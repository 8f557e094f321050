"""What a user may decide about a radiograph that is imported."""

from __future__ import annotations

from dataclasses import dataclass

from ReVerteRLib.geometry import Beam
from ReVerteRLib.imaging.greys import Grey
from ReVerteRLib.imaging.header import Pair
from ReVerteRLib.imaging.orientation import ViewPosition


@dataclass(frozen=True)
class Overrides:
    """What the user decides for one radiograph; None (or the default) leaves it to the file.

    spacing_mm:          (rows, columns) pixel size in the patient, as the file stores rows and columns.
    detector_spacing_mm: the same at the detector, to be divided by the magnification.
    magnification:       detector over patient.
    sad_mm, sdd_mm:      source to patient and source to detector.
    beam:                shape of the beam.
    position:            way of the beam; does not turn pixels.
    orientation:         where columns and rows of the stored image run, as Patient Orientation: ('L', 'F').
    rotate_deg:          clockwise turn of the picture as it was imported, 0, 90, 180 or 270; then
    flip_horizontal, flip_vertical: mirror it. The letters at the edges stay: the anatomy moves under them.
    grey:                meaning of the values.
    frame:               of multi-frame files, counted from 1.
    """

    spacing_mm: Pair | None = None
    detector_spacing_mm: Pair | None = None
    magnification: float | None = None
    sad_mm: float | None = None
    sdd_mm: float | None = None
    beam: Beam | None = None
    position: ViewPosition | None = None
    orientation: tuple[str, str] | None = None
    rotate_deg: int = 0
    flip_horizontal: bool = False
    flip_vertical: bool = False
    grey: Grey = Grey.AUTO
    frame: int | None = None

    @property
    def changes_geometry(self) -> bool:
        """Whether a projection that is stored in the file cannot be kept."""
        chosen = (self.spacing_mm, self.detector_spacing_mm, self.magnification, self.sad_mm, self.sdd_mm)
        others = (self.beam, self.position, self.orientation)
        return any(v is not None for v in chosen + others) or self.rotate_deg % 180 != 0
