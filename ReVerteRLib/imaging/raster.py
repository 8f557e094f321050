"""Radiographs from pictures (PNG, TIFF, JPEG, BMP) and one-slice volumes (NIfTI, NRRD, MetaImage), as stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.errors import GeometryError, VolumeError
from ReVerteRLib.files import all_suffixes, sha256_of
from ReVerteRLib.geometry import Array, Projection
from ReVerteRLib.imaging.header import RadiographHeader, RawRadiograph
from ReVerteRLib.imaging.radiograph import PROJECTION_KEY
from ReVerteRLib.imaging.volume import matrix_of, read_sitk

PICTURE_SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp")
VOLUME_SUFFIXES = (".nrrd", ".nhdr", ".mha", ".mhd", ".nii", ".nii.gz")
_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601
_MAX_SLICE_TILT = 0.9


def as_gray(image: NDArray[Any]) -> tuple[NDArray[Any], list[str]]:
    """[rows, columns] of a gray or colour image [rows, columns(, samples)], and notes.

    Equal colour channels are gray already; others give their luminance. An alpha channel is left out.
    """
    if image.ndim == 2:
        return image, []
    if image.shape[-1] in (1, 2):
        return image[..., 0], []
    red, green, blue = (image[..., n] for n in range(3))
    if np.array_equal(red, green) and np.array_equal(green, blue):
        return red, []
    gray = sum(
        weight * channel.astype(np.float32) for weight, channel in zip(_LUMINANCE, (red, green, blue), strict=True)
    )
    return np.asarray(gray), ["The picture is coloured; its luminance is used. Coloured writing on it stays visible"]


def read_picture(path: Path) -> RawRadiograph:
    """A PNG, TIFF, JPEG or BMP with 8 to 32 bits, gray or coloured. It has no spacing that could be trusted.

    Raises VolumeError for damaged files and for TIFF with several pages.
    """
    import SimpleITK as sitk  # noqa: N813

    image = read_sitk(path, where_from="PNG, TIFF, JPEG and BMP")
    if image.GetDimension() == 3 and image.GetSize()[2] == 1:
        image = image[:, :, 0]
    if image.GetDimension() != 2:
        raise VolumeError(
            f"the picture has {image.GetSize()[2]} pages", where=path, remedy="Save the page with the radiograph alone"
        )
    pixels, notes = as_gray(sitk.GetArrayFromImage(image))
    if path.suffix.lower() in (".jpg", ".jpeg"):
        notes.append("JPEG loses detail; DICOM, PNG or TIFF are better")
    return RawRadiograph(
        pixels_hw=pixels.astype(np.float32),
        source=str(path),
        kind="picture",
        notes=tuple(notes),
        sha256=sha256_of(path),
    )


def read_slice(path: Path) -> RawRadiograph:
    """A 2-D image, or a 3-D one with a single slice, with its spacing and, where it has one, its projection.

    The projection is taken from the header or from geometry.json beside the file, as ReVerteR writes them, else from
    an image plane that is coronal or sagittal. An axial plane is what files without orientation say, so it is no
    statement. Raises VolumeError, GeometryError.
    """
    import SimpleITK as sitk  # noqa: N813

    image = read_sitk(path, where_from="NRRD, NIfTI or MetaImage with one slice")
    flat = _flattened(image, path)
    pixels, notes = as_gray(sitk.GetArrayFromImage(flat))
    spacing = flat.GetSpacing()
    projection = _stored_projection(image, pixels.shape, path)
    header = RadiographHeader(file_spacing_mm=(float(spacing[1]), float(spacing[0])))
    if projection is None and image.GetDimension() == 3:
        header = RadiographHeader(
            file_spacing_mm=header.file_spacing_mm, patient_orientation=_plane_letters(matrix_of(image))
        )
    return RawRadiograph(
        pixels_hw=pixels.astype(np.float32),
        header=header,
        source=str(path),
        kind="volume",
        stored_projection=projection,
        notes=tuple(notes),
        sha256=sha256_of(path),
    )


def _flattened(image: Any, path: Path) -> Any:
    size = image.GetSize()
    if len(size) == 3 and sum(n > 1 for n in size) == 2:
        if size[2] == 1:
            return image[:, :, 0]
        raise VolumeError(
            f"the image of {size} voxels is one slice along its first or second axis",
            where=path,
            remedy="Store it with the slice as the third axis, or as PNG with its spacing",
        )
    if len(size) != 2:
        raise VolumeError(
            f"a radiograph of one slice is needed, this has {size} voxels",
            where=path,
            remedy="For a CT use 'reverter simulate' first",
        )
    return image


def _stored_projection(image: Any, shape: tuple[int, ...], path: Path) -> Projection | None:
    if not image.HasMetaDataKey(PROJECTION_KEY):
        return _projection_beside(path, shape)
    try:
        projection = Projection.from_dict(json.loads(image.GetMetaData(PROJECTION_KEY)))
    except (json.JSONDecodeError, AttributeError) as error:
        raise GeometryError(f"the projection geometry is not JSON ({error})", where=path) from error
    return _fitting(projection, shape, path)


def _projection_beside(path: Path, shape: tuple[int, ...]) -> Projection | None:
    """From geometry.json of 'reverter simulate', by the file's name (ap.*, lateral.*)."""
    beside = path.parent / "geometry.json"
    name = path.name[: -len(all_suffixes(path))] if path.suffix else path.name
    if not beside.is_file():
        return None
    try:
        record = json.loads(beside.read_text(encoding="utf-8")).get(name)
    except (OSError, ValueError, AttributeError) as error:
        raise GeometryError(f"the projection geometry cannot be read ({error})", where=beside) from error
    return _fitting(Projection.from_dict(record), shape, path) if isinstance(record, dict) else None


def _fitting(projection: Projection, shape: tuple[int, ...], path: Path) -> Projection:
    if projection.image_hw != shape:
        raise GeometryError(
            f"the image has {shape} pixels but its stored geometry describes {projection.image_hw}",
            where=path,
            remedy="Keep the file and geometry.json of one simulation together",
        )
    return projection


def _plane_letters(ijk_to_lps_mm: Array) -> tuple[str, ...]:
    """Letters of an image plane that holds the body's long axis, else () (an axial plane states nothing)."""
    letters = []
    for axis in (0, 1):
        unit = ijk_to_lps_mm[:3, axis] / np.linalg.norm(ijk_to_lps_mm[:3, axis])
        main = int(np.argmax(np.abs(unit)))
        if abs(unit[main]) < _MAX_SLICE_TILT:
            return ()
        letters.append(("LR", "PA", "HF")[main][0 if unit[main] > 0 else 1])
    return tuple(letters) if any(letter in "HF" for letter in letters) else ()
