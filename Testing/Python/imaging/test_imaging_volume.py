"""CT and label files: what is read is what was written, and what is unusable says why."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from ReVerteRLib.errors import OutputError, VolumeError
from ReVerteRLib.imaging import CtVolume, LabelVolume, Volume, read_ct, read_labels, write_volume


@pytest.fixture(params=[False, True], ids=["right-handed", "left-handed"])
def matrix(request, rng, random_frame) -> np.ndarray:
    """Random oblique 4x4."""
    return random_frame(rng, left_handed=request.param)


@pytest.fixture
def hu(rng) -> np.ndarray:
    return rng.integers(-1000, 1500, (9, 11, 13)).astype(np.int16)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha"])
def test_oblique_volumes_come_back_with_values_and_place(tmp_path, hu, suffix, matrix):
    path = tmp_path / f"ct{suffix}"
    write_volume(CtVolume(hu, matrix), path)
    back = read_ct(path)
    assert np.array_equal(back.array_kji, hu)
    assert back.array_kji.dtype == np.float32
    np.testing.assert_allclose(back.ijk_to_lps_mm, matrix, atol=2e-4)
    assert back.source == str(path)
    np.testing.assert_allclose(back.corners_lps_mm, CtVolume(hu, matrix).corners_lps_mm, atol=5e-3)


def test_corners_are_the_outer_faces_of_the_voxels():
    volume = Volume(np.zeros((2, 3, 4)), np.diag([2.0, 3.0, 5.0, 1.0]))
    np.testing.assert_allclose(volume.corners_lps_mm.min(axis=0), [-1.0, -1.5, -2.5])
    np.testing.assert_allclose(volume.corners_lps_mm.max(axis=0), [7.0, 7.5, 7.5])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(VolumeError, match=r"nowhere\.nii\.gz: no such file\. Check the path"):
        read_ct(tmp_path / "nowhere.nii.gz")


@pytest.mark.parametrize("kept", [0.5, 0.02])
def test_a_truncated_nifti_is_refused_with_the_remedy(tmp_path, rng, kept):
    path = tmp_path / "cut.nii.gz"
    write_volume(CtVolume(rng.integers(-1000, 1500, (30, 30, 30)).astype(np.int16), np.eye(4)), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(VolumeError, match=r"cut\.nii\.gz: .*copy it again"):
        read_ct(path)


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "notes.nii.gz"
    path.write_text("this is no image")
    with pytest.raises(VolumeError, match="cannot be read"):
        read_ct(path)


def test_an_empty_folder_is_no_series(tmp_path):
    with pytest.raises(VolumeError, match="0 DICOM series"):
        read_ct(tmp_path)


def _write_raw(array: np.ndarray, path):
    sitk.WriteImage(sitk.GetImageFromArray(array), str(path))
    return path


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (lambda a: a * 0 + 7.0, "is empty"),
        (lambda a: np.where(np.arange(a.size).reshape(a.shape) == 5, np.nan, a), "not numbers"),
        (lambda a: np.where(np.arange(a.size).reshape(a.shape) == 5, np.inf, a), "not numbers"),
        (lambda a: (a > 200).astype(np.float32), "not Hounsfield units"),
        (lambda a: a + 1024.0, "not Hounsfield units"),
        (lambda a: a * 0.0001, "is empty"),
    ],
)
def test_volumes_that_are_no_ct_are_refused(tmp_path, hu, fill, message):
    path = _write_raw(fill(hu.astype(np.float32)), tmp_path / "odd.nrrd")
    with pytest.raises(VolumeError, match=rf"odd\.nrrd: .*{message}"):
        read_ct(path)


def test_a_colour_volume_is_refused(tmp_path, hu):
    image = sitk.GetImageFromArray(np.stack([hu, hu, hu], -1), isVector=True)
    sitk.WriteImage(image, str(tmp_path / "rgb.nrrd"))
    with pytest.raises(VolumeError, match="3 components"):
        read_ct(tmp_path / "rgb.nrrd")


@pytest.mark.parametrize(("dtype", "top"), [(np.float32, 28), (np.uint8, 28), (np.int16, 300), (np.float64, 300)])
def test_labels_come_back_as_whole_numbers(tmp_path, rng, dtype, top):
    labels = rng.integers(0, top + 1, (7, 8, 9))
    labels[0, 0, 0] = top
    path = _write_raw(labels.astype(dtype), tmp_path / "mask.nii.gz")
    back = read_labels(path)
    assert isinstance(back, LabelVolume)
    assert np.array_equal(back.array_kji, labels)
    assert back.array_kji.dtype == (np.uint16 if top > 255 else np.uint8)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([[[0.0, 1.5]]]), "fractions"),
        (np.array([[[0.0, np.nan]]]), "fractions"),
        (np.array([[[-1, 2]]], dtype=np.int16), "impossible"),
        (np.array([[[0, 70000]]], dtype=np.int32), "impossible"),
    ],
)
def test_masks_that_hold_no_labels_are_refused(tmp_path, array, message):
    with pytest.raises(VolumeError, match=message):
        read_labels(_write_raw(array, tmp_path / "mask.nrrd"))


@pytest.mark.parametrize(
    "matrix", [np.zeros((4, 4)), np.diag([1.0, 1.0, np.nan, 1.0]), np.diag([1.0, 0.0, 1.0, 1.0]), np.eye(3)]
)
def test_impossible_orientations_are_refused(matrix):
    with pytest.raises(VolumeError, match="orientation"):
        Volume(np.zeros((2, 2, 2)), matrix)


def test_a_flat_array_is_no_volume():
    with pytest.raises(VolumeError, match="3-D"):
        Volume(np.zeros((4, 4)), np.eye(4))


def test_a_sheared_volume_is_not_written_and_the_old_file_stays(tmp_path, hu):
    path = tmp_path / "ct.nrrd"
    write_volume(CtVolume(hu, np.eye(4)), path)
    before = path.read_bytes()
    sheared = np.eye(4)
    sheared[0, 1] = 0.4
    with pytest.raises(VolumeError, match="sheared"):
        write_volume(CtVolume(hu, sheared), path)
    assert path.read_bytes() == before


def test_a_volume_cannot_be_written_into_a_file(tmp_path, hu):
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError):
        write_volume(CtVolume(hu, np.eye(4)), tmp_path / "taken" / "ct.nrrd")
