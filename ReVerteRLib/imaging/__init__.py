"""CT volumes, label maps and radiographs: data classes, readers and writers."""

from __future__ import annotations

from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair, read_radiograph, write_radiograph
from ReVerteRLib.imaging.volume import CtVolume, LabelVolume, Volume, read_ct, read_labels, write_volume

__all__ = [
    "CtVolume",
    "LabelVolume",
    "Radiograph",
    "RadiographPair",
    "Volume",
    "read_ct",
    "read_labels",
    "read_radiograph",
    "write_radiograph",
    "write_volume",
]
