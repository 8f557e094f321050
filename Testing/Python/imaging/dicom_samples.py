"""DICOM radiographs made for tests, and the pictures in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    RLELossless,
    generate_uid,
)

from ReVerteRLib.geometry import View
from ReVerteRLib.imaging.orientation import Turn

LETTER_F = np.array([[c == "#" for c in row] for row in ("#####", "#....", "####.", "#....", "#....")])
ALL_TURNS = [Turn(a, b, c) for a in (False, True) for b in (False, True) for c in (False, True)]
_MEDIA = {"CT": CTImageStorage}


def letter_image(seed: int = 0, cell: int = 24) -> np.ndarray:
    """uint16 [rows, columns] of the standard picture: a dark, noisy ground with a bright F, higher than wide."""
    rng = np.random.default_rng(seed)
    picture = 500 + 2500 * np.kron(np.pad(LETTER_F, 1), np.ones((cell, cell), dtype=int))
    picture = np.pad(picture, ((16, 16), (0, 0)), constant_values=500)
    return (picture + rng.integers(0, 40, picture.shape)).astype(np.uint16)


def stored_as(turn: Turn, picture: np.ndarray) -> np.ndarray:
    """What must be stored so that `turn` brings it back to `picture`."""
    undone = picture[:: -1 if turn.flip_rows else 1, :: -1 if turn.flip_columns else 1]
    return np.ascontiguousarray(undone.T if turn.transpose else undone)


def orientation_of(turn: Turn, view: View) -> tuple[str, str]:
    """Patient Orientation (columns run to, rows run to) of pixels that `turn` brings into the standard order."""
    across = ("L", "R") if view is View.AP else ("P", "A")
    column = across[1] if turn.flip_columns else across[0]
    row = "H" if turn.flip_rows else "F"
    return (row, column) if turn.transpose else (column, row)


def write_dicom(path: Path, pixels: np.ndarray, **tags: Any) -> Path:
    """A DX file of uint16 or uint8 pixels [rows, columns], [frames, rows, columns] with NumberOfFrames; tags by
    keyword, None leaves one out; `rle=True` compresses."""
    rle = tags.pop("rle", False)
    modality = tags.get("Modality", "DX")
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = _MEDIA.get(modality, DigitalXRayImageStorageForPresentation)
    meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    values = {
        "Modality": "DX",
        "PatientID": "P1",
        "PatientName": "Test^Person",
        "StudyInstanceUID": "1.2.3",
        "StudyDate": "20260102",
        "PhotometricInterpretation": "MONOCHROME2",
        "SamplesPerPixel": 1,
        "PixelRepresentation": 0,
        **tags,
    }
    for keyword, value in values.items():
        if value is not None:
            setattr(dataset, keyword, value)
    bits = 8 * pixels.dtype.itemsize
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    has_frames = "NumberOfFrames" in values
    dataset.Rows, dataset.Columns = pixels.shape[1:3] if has_frames else pixels.shape[:2]
    dataset.PixelData = pixels.tobytes()
    if rle:
        dataset.compress(RLELossless)
    dataset.save_as(path, enforce_file_format=True)
    return path


def reads_as_f(image: np.ndarray, cell: int = 24) -> bool:
    """Whether the picture is that of `letter_image`, not one of its seven turns."""
    bright = image > (image.min() + image.max()) / 2
    expected = letter_image(cell=cell) > 1500
    return bright.shape == expected.shape and float((bright == expected).mean()) > 0.999
