"""Radiographs with their projection geometry."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.errors import GeometryError, InputError, VolumeError
from ReVerteRLib.geometry import Array, Projection, View
from ReVerteRLib.imaging.volume import read_sitk

PROJECTION_KEY = "ReVerteR_projection"
"""Key of the projection's JSON in the header of radiograph files."""
_MINIMUM_HW = 32


@dataclass(frozen=True)
class Radiograph:
    """One projection image.

    image_hw:   float32 [rows, columns]; line integrals of attenuation (no unit) for simulated ones, where
                larger means more material (bone bright).
    projection: its geometry.
    source:     where it came from, for messages.
    """

    image_hw: NDArray[np.float32]
    projection: Projection
    source: str = ""

    def __post_init__(self) -> None:
        if self.image_hw.shape != self.projection.image_hw:
            raise GeometryError(
                f"the image has {self.image_hw.shape} pixels but its geometry describes {self.projection.image_hw}",
                where=self.source,
                remedy="Use the geometry that belongs to this image",
            )

    @property
    def view(self) -> View:
        """AP or lateral."""
        return self.projection.view


@dataclass(frozen=True)
class RadiographPair:
    """The AP and the lateral radiograph of one patient in one frame."""

    ap: Radiograph
    lateral: Radiograph

    def __post_init__(self) -> None:
        _check_pair(self.ap, self.lateral)

    def __iter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204
        return iter((self.ap, self.lateral))


def _check_pair(ap: Radiograph, lateral: Radiograph) -> None:
    if ap.image_hw.shape == lateral.image_hw.shape and np.array_equal(ap.image_hw, lateral.image_hw):
        raise InputError(
            "both radiographs are the same image", where=lateral.source, remedy="Give one AP and one lateral radiograph"
        )
    if ap.view is not View.AP or lateral.view is not View.LATERAL:
        raise InputError(
            f"the AP radiograph is of view '{ap.view.value}' and the lateral one of view '{lateral.view.value}'",
            where=f"{ap.source}, {lateral.source}",
            remedy="Exchange the two files or correct their view",
        )
    cosine = abs(float(np.dot(ap.projection.beam_direction, lateral.projection.beam_direction)))
    if cosine > 0.5:
        raise GeometryError("the two views are less than 60 degrees apart", remedy="Give two orthogonal radiographs")


def read_radiograph(path: Path, view: View) -> Radiograph:
    """Reads a radiograph file (NRRD, NIfTI, MetaImage) of one slice with its geometry.

    The geometry is taken from the file's own header, else from geometry.json beside it, else the image is
    taken as a parallel projection lying in the plane that its orientation says. `view` is what the caller
    believes the image to be; an image that says otherwise raises InputError.
    Raises VolumeError for unreadable, empty or tiny images and GeometryError for impossible geometry.
    """
    path = Path(path)
    image = read_sitk(path, where_from="NRRD, NIfTI or MetaImage with one slice")
    pixels, matrix = _single_slice(image, path)
    _check_pixels(pixels, path)
    projection = _projection_of(image, matrix, pixels.shape, view, path)
    if projection.view is not view:
        raise InputError(
            f"this is the {projection.view.value} radiograph, given as the {view.value} one",
            where=path,
            remedy="Exchange --ap and --lateral",
        )
    return Radiograph(pixels, projection, str(path))


def _single_slice(image, path: Path) -> tuple[NDArray[np.float32], Array]:  # type: ignore[no-untyped-def]  # noqa: ANN001
    import SimpleITK as sitk  # noqa: N813

    from ReVerteRLib.imaging.volume import matrix_of

    if image.GetDimension() == 2:
        image = sitk.JoinSeries(image)
    if image.GetDimension() != 3 or image.GetSize()[2] != 1 or image.GetNumberOfComponentsPerPixel() != 1:
        raise VolumeError(
            f"a radiograph of one slice is needed, this has {image.GetSize()} pixels",
            where=path,
            remedy="For a CT use 'reverter simulate' first",
        )
    return sitk.GetArrayFromImage(image)[0].astype(np.float32), matrix_of(image)


def _check_pixels(pixels: NDArray[np.float32], path: Path) -> None:
    if min(pixels.shape) < _MINIMUM_HW:
        raise VolumeError(f"{pixels.shape} pixels are too few for a radiograph", where=path)
    if not np.isfinite(pixels).all():
        raise VolumeError("the radiograph holds values that are not numbers", where=path, remedy="Export it again")
    if float(np.ptp(pixels)) <= 0.0:
        raise VolumeError("the radiograph is blank (all pixels are equal)", where=path)


def _projection_of(image, matrix: Array, shape: tuple[int, ...], view: View, path: Path) -> Projection:  # type: ignore[no-untyped-def]  # noqa: ANN001
    record = None
    if image.HasMetaDataKey(PROJECTION_KEY):
        record = _parse(image.GetMetaData(PROJECTION_KEY), path)
    elif (beside := path.parent / "geometry.json").is_file():
        record = _parse(beside.read_text(encoding="utf-8"), beside).get(view.value)
    if record is None:
        return projection_from_matrix(view, matrix, (shape[0], shape[1]), path)
    projection = Projection.from_dict(record)
    if projection.image_hw != shape:
        raise GeometryError(
            f"the image has {shape} pixels but its stored geometry describes {projection.image_hw}",
            where=path,
            remedy="Keep the file and geometry.json of one simulation together",
        )
    return projection


def _parse(text: str, where: Path) -> dict:  # type: ignore[type-arg]
    try:
        record = json.loads(text)
    except json.JSONDecodeError as error:
        raise GeometryError(f"the projection geometry is not JSON ({error})", where=where) from error
    if not isinstance(record, dict):
        raise GeometryError("the projection geometry is not an object", where=where)
    return record


def projection_from_matrix(
    view: View, ijk_to_lps_mm: Array, image_hw: tuple[int, int], where: str | Path = ""
) -> Projection:
    """Projection.from_image_matrix with the image's name in the error."""
    try:
        return Projection.from_image_matrix(view, ijk_to_lps_mm, image_hw)
    except GeometryError as error:
        raise GeometryError(error.what, where=where, remedy=error.remedy) from error


def write_radiograph(radiograph: Radiograph, path: Path, *, compressed: bool = True) -> None:
    """Writes float32 NRRD with spacing, direction and the projection in the header, in one step. Raises OutputError.

    compressed: False for files that are read once and thrown away; compressing takes far longer than writing.
    """
    from ReVerteRLib.imaging.volume import Volume, save_image

    volume = Volume(radiograph.image_hw[None].astype(np.float32), radiograph.projection.ijk_to_lps_mm)
    image = volume.to_sitk()
    image.SetMetaData(PROJECTION_KEY, json.dumps(radiograph.projection.to_dict()))
    save_image(image, path, compressed=compressed)
