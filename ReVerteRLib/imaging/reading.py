"""Radiograph files of any kind as they are stored: DICOM, pictures, one-slice volumes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ReVerteRLib.errors import ArgumentError, VolumeError
from ReVerteRLib.files import all_suffixes
from ReVerteRLib.imaging.dicom import looks_like_dicom, read_dicom
from ReVerteRLib.imaging.header import RawRadiograph
from ReVerteRLib.imaging.overrides import Overrides
from ReVerteRLib.imaging.raster import PICTURE_SUFFIXES, VOLUME_SUFFIXES, read_picture, read_slice

MINIMUM_HW = 32


@dataclass(frozen=True)
class RadiographSource:
    """One radiograph to import: a file, or what `read_radiograph_file` made of it, and the user's decisions."""

    image: Path | RawRadiograph
    overrides: Overrides = field(default_factory=Overrides)

    def raw(self) -> RawRadiograph:
        """The file's content; read only when it is not given (or another frame is asked for)."""
        if not isinstance(self.image, RawRadiograph):
            return read_radiograph_file(self.image, frame=self.overrides.frame)
        wanted = self.overrides.frame
        if wanted is None or wanted == self.image.frame:
            return self.image
        return read_radiograph_file(Path(self.image.source), frame=wanted)


def read_radiograph_file(path: Path, *, frame: int | None = None) -> RawRadiograph:
    """Reads a DICOM radiograph, a picture or a one-slice volume as it is stored.

    A folder is accepted when it holds one file. Raises VolumeError with file, fault and remedy; ArgumentError for a
    frame that does not exist; GeometryError for an impossible stored projection.
    """
    path = _single_file(Path(path))
    suffix = all_suffixes(path).lower()
    if suffix in PICTURE_SUFFIXES:
        raw = read_picture(path)
    elif suffix in VOLUME_SUFFIXES:
        raw = read_slice(path)
    elif looks_like_dicom(path):
        raw = read_dicom(path, frame)
    else:
        raise VolumeError(
            "the kind of file is unknown",
            where=path,
            remedy="Give DICOM, PNG, TIFF, JPEG, NRRD, MetaImage or NIfTI",
        )
    if frame is not None and not 1 <= frame <= raw.frames:
        raise ArgumentError(f"there is no frame {frame}", where=path, remedy=f"The file has frames 1 to {raw.frames}")
    check_pixels(raw)
    return raw


def _single_file(path: Path) -> Path:
    if not path.exists():
        raise VolumeError("no such file", where=path, remedy="Check the path")
    if not path.is_dir():
        return path
    files = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
    if len(files) != 1:
        raise VolumeError(
            f"the folder holds {len(files)} files, one radiograph is needed",
            where=path,
            remedy="Give the file of the radiograph itself",
        )
    return files[0]


def check_pixels(raw: RawRadiograph) -> None:
    """Raises VolumeError for images that are tiny, blank or hold values that are not numbers."""
    pixels = raw.pixels_hw
    if pixels.ndim != 2 or min(pixels.shape) < MINIMUM_HW:
        raise VolumeError(f"{pixels.shape} pixels are too few for a radiograph", where=raw.source)
    if not np.isfinite(pixels).all():
        raise VolumeError(
            "the radiograph holds values that are not numbers", where=raw.source, remedy="Export it again"
        )
    if float(np.ptp(pixels)) <= 0.0:
        raise VolumeError("the radiograph is blank (all pixels are equal)", where=raw.source)
