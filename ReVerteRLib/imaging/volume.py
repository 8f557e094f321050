"""Voxel volumes with their place in the patient, read and written through SimpleITK."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ReVerteRLib.errors import OutputError, VolumeError
from ReVerteRLib.files import written_aside
from ReVerteRLib.geometry import Array
from ReVerteRLib.imaging.nifti_check import check_nifti_complete

if TYPE_CHECKING:
    import SimpleITK as sitk  # noqa: N813

READABLE = "NIfTI (.nii, .nii.gz), NRRD, MetaImage or a folder with one DICOM series"


@dataclass(frozen=True)
class Volume:
    """A voxel array and its place.

    array_kji:    3-D array, index order [k, j, i] as SimpleITK and Slicer give it.
    ijk_to_lps_mm: 4x4 from voxel index (i, j, k, 1) to LPS mm; may be oblique or left-handed.
    source:       where it came from, for messages.
    """

    array_kji: NDArray[Any]
    ijk_to_lps_mm: Array
    source: str = ""

    def __post_init__(self) -> None:
        if self.array_kji.ndim != 3 or min(self.array_kji.shape) < 1:
            raise VolumeError(f"a 3-D volume is needed, this has the shape {self.array_kji.shape}", where=self.source)
        matrix = np.asarray(self.ijk_to_lps_mm, dtype=np.float64)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:3, :3])) < 1e-9:
            raise VolumeError("the image orientation or spacing is impossible", where=self.source)

    @property
    def spacing_mm(self) -> Array:
        """Voxel size along i, j, k."""
        spacing: Array = np.linalg.norm(self.ijk_to_lps_mm[:3, :3], axis=0)
        return spacing

    @property
    def corners_lps_mm(self) -> Array:
        """(8, 3) outer corners of the voxel box."""
        size_ijk = np.array(self.array_kji.shape[::-1])
        ends = np.stack([np.full(3, -0.5), size_ijk - 0.5])
        index = np.array([[ends[a, 0], ends[b, 1], ends[c, 2]] for a in (0, 1) for b in (0, 1) for c in (0, 1)])
        return self.to_lps(index)

    def to_lps(self, ijk: ArrayLike) -> Array:
        """LPS positions (N, 3) of voxel coordinates (N, 3) in the order i, j, k."""
        return (
            np.atleast_2d(np.asarray(ijk, dtype=np.float64)) @ self.ijk_to_lps_mm[:3, :3].T + self.ijk_to_lps_mm[:3, 3]
        )

    def to_ijk(self, points_lps_mm: ArrayLike) -> Array:
        """Voxel coordinates (N, 3) in the order i, j, k of LPS positions (N, 3)."""
        points = np.atleast_2d(np.asarray(points_lps_mm, dtype=np.float64)) - self.ijk_to_lps_mm[:3, 3]
        return points @ np.linalg.inv(self.ijk_to_lps_mm[:3, :3]).T

    def to_sitk(self) -> sitk.Image:
        """The same volume as a SimpleITK image. Sheared matrices raise VolumeError: files cannot hold them."""
        import SimpleITK as sitk  # noqa: N813

        spacing = self.spacing_mm
        direction = self.ijk_to_lps_mm[:3, :3] / spacing
        if not np.allclose(direction.T @ direction, np.eye(3), atol=1e-3):
            raise VolumeError("a sheared volume cannot be stored", where=self.source, remedy="Resample it first")
        image = sitk.GetImageFromArray(self.array_kji)
        image.SetSpacing(spacing.tolist())
        image.SetDirection(direction.ravel().tolist())
        image.SetOrigin(self.ijk_to_lps_mm[:3, 3].tolist())
        return image


class CtVolume(Volume):
    """A CT in Hounsfield units (float32 or int16)."""


class LabelVolume(Volume):
    """A label map of integers; VerSe labels unless said otherwise (see anatomy.Level.verse_label)."""


def matrix_of(image: sitk.Image) -> Array:
    """4x4 index-to-LPS matrix of a 3-D SimpleITK image."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return matrix


def read_sitk(path: Path, *, where_from: str = READABLE) -> sitk.Image:
    """Reads an image file or a DICOM series folder. Raises VolumeError with the file, the fault and the remedy."""
    import SimpleITK as sitk  # noqa: N813

    path = Path(path)
    if not path.exists():
        raise VolumeError("no such file", where=path, remedy="Check the path")
    try:
        if path.is_dir():
            return _read_series(path)
        check_nifti_complete(path)
        return sitk.ReadImage(str(path))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise VolumeError(
            f"the file cannot be read ({reason})",
            where=path,
            remedy=f"It may be damaged or cut short; copy it again. Readable formats: {where_from}",
        ) from error


def _read_series(folder: Path) -> sitk.Image:
    import SimpleITK as sitk  # noqa: N813

    series = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    if len(series) != 1:
        raise VolumeError(
            f"the folder holds {len(series)} DICOM series, one is needed",
            where=folder,
            remedy="Give a folder with the files of one CT series",
        )
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), series[0]))
    return reader.Execute()


def _volume_array(path: Path) -> tuple[NDArray[Any], Array]:
    import SimpleITK as sitk  # noqa: N813

    image = read_sitk(path)
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise VolumeError(
            f"a 3-D scalar volume is needed, this has {image.GetDimension()} dimensions and "
            f"{image.GetNumberOfComponentsPerPixel()} components",
            where=path,
        )
    return sitk.GetArrayFromImage(image), matrix_of(image)


def read_ct(path: Path) -> CtVolume:
    """Reads a CT in Hounsfield units as float32 [k, j, i].

    Raises VolumeError for missing, damaged or flat files, for NaN, and for values that cannot be Hounsfield units.
    """
    array, matrix = _volume_array(Path(path))
    array = array.astype(np.float32, copy=False)
    check_hounsfield(array, str(path))
    return CtVolume(array, matrix, str(path))


def check_hounsfield(array_kji: NDArray[Any], source: str | Path) -> None:
    """Raises VolumeError for NaN, flat volumes and values that cannot be those of a CT."""
    if not np.isfinite(array_kji).all():
        raise VolumeError("the CT holds values that are not numbers", where=source, remedy="Export it again")
    low, high = float(array_kji.min()), float(array_kji.max())
    if high - low < 1.0:
        raise VolumeError(f"the CT is empty (all voxels are {low:g})", where=source)
    if low > -200.0 or high < 100.0:
        raise VolumeError(
            f"the values {low:g} to {high:g} are not Hounsfield units (air -1000, bone over 200)",
            where=source,
            remedy="Give a CT, not a mask, a radiograph or a rescaled image",
        )


def read_labels(path: Path) -> LabelVolume:
    """Reads a label map; masks stored as float are rounded when they hold whole numbers. Raises VolumeError."""
    array, matrix = _volume_array(Path(path))
    if not np.issubdtype(array.dtype, np.integer):
        rounded = np.rint(array)
        if not np.isfinite(array).all() or np.abs(array - rounded).max() > 1e-3:
            raise VolumeError("the mask holds fractions, labels are whole numbers", where=path)
        array = rounded
    if array.min() < 0 or array.max() > 65535:
        raise VolumeError(f"the labels {array.min():g} to {array.max():g} are impossible", where=path)
    return LabelVolume(array.astype(np.uint16 if array.max() > 255 else np.uint8), matrix, str(path))


def write_volume(volume: Volume, path: Path) -> None:
    """Writes a volume, compressed, in one step; the suffix chooses the format. Raises OutputError."""
    save_image(volume.to_sitk(), path)


def save_image(image: sitk.Image, path: Path, *, compressed: bool = True) -> None:
    """Writes an image of SimpleITK in one step and makes sure that it is complete. Raises OutputError.

    ITK's NIfTI writer reports a full disk to nobody, and what it leaves is a file that reads as mostly zeros.
    """
    import SimpleITK as sitk  # noqa: N813

    remedy = "Check free space and permissions"
    with written_aside(path) as aside:
        try:
            sitk.WriteImage(image, str(aside), useCompression=compressed)
            check_nifti_complete(aside)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1].strip()
            raise OutputError(f"cannot be written completely ({reason})", where=path, remedy=remedy) from error
        except VolumeError as error:
            raise OutputError(f"cannot be written completely ({error.what})", where=path, remedy=remedy) from error
