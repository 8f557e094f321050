"""DICOM segmentations read back by pydicom and ITK, and by highdicom where it is installed."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.errors import VolumeError
from ReVerteRLib.export.dicom_seg import DicomPatient, write_dicom_seg
from ReVerteRLib.imaging.volume import LabelVolume

T12, L1 = level_from_name("T12"), level_from_name("L1")


def label_map(*, left_handed=False) -> LabelVolume:
    """Two blocks of odd sizes on an oblique, anisotropic grid; rows x columns is no multiple of 8."""
    array = np.zeros((9, 7, 5), dtype=np.uint8)
    array[1:4, 2:5, 1:3] = T12.verse_label
    array[3:8, 4:6, 3:5] = L1.verse_label
    cos, sin = np.cos(0.3), np.sin(0.3)
    axes = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, -1.0 if left_handed else 1.0]])
    matrix = np.eye(4)
    matrix[:3, :3] = axes * [0.8, 1.1, 1.7]
    matrix[:3, 3] = (-31.0, 17.5, 120.25)
    return LabelVolume(array, matrix, "blocks")


def points_of(labels, level):
    kji = np.argwhere(labels.array_kji == level.verse_label)
    return {tuple(p) for p in np.round(labels.to_lps(kji[:, ::-1]), 2) + 0.0}


def points_in(dataset, segment):
    """LPS positions of a segment's pixels by the file's own geometry."""
    shared = dataset.SharedFunctionalGroupsSequence[0]
    across, down = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float).reshape(2, 3)
    row_mm, column_mm = (float(v) for v in shared.PixelMeasuresSequence[0].PixelSpacing)
    found = set()
    for frame, groups in zip(dataset.pixel_array, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        if groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber != segment:
            continue
        origin = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        for row, column in np.argwhere(frame):
            found.add(tuple(np.round(origin + row * row_mm * down + column * column_mm * across, 2) + 0.0))
    return found


@pytest.mark.parametrize("left_handed", [False, True])
def test_every_voxel_comes_back_at_its_place_under_its_level(tmp_path, left_handed):
    labels = label_map(left_handed=left_handed)
    write_dicom_seg(labels, tmp_path / "spine.dcm")
    dataset = pydicom.dcmread(tmp_path / "spine.dcm")
    assert [s.SegmentLabel for s in dataset.SegmentSequence] == ["T12", "L1"]
    for number, level in ((1, T12), (2, L1)):
        assert points_in(dataset, number) == points_of(labels, level)


def test_segments_are_coded_in_snomed_and_the_object_refers_to_no_series(tmp_path):
    write_dicom_seg(label_map(), tmp_path / "spine.dcm")
    dataset = pydicom.dcmread(tmp_path / "spine.dcm")
    assert dataset.SOPClassUID.name == "Segmentation Storage"
    kinds = [s.SegmentedPropertyTypeCodeSequence[0] for s in dataset.SegmentSequence]
    assert [(k.CodeValue, k.CodingSchemeDesignator) for k in kinds] == [("23215003", "SCT"), ("66794005", "SCT")]
    assert dataset.NumberOfFrames == 3 + 5
    assert dataset.FrameOfReferenceUID
    assert "ReferencedSeriesSequence" not in dataset
    assert "two radiographs" in dataset.SeriesDescription


def test_the_study_of_the_radiographs_can_be_kept(tmp_path):
    patient = DicomPatient(name="Müller^Zoë", patient_id="P-7", study_uid="1.2.3.4", frame_of_reference="1.2.3.5")
    write_dicom_seg(label_map(), tmp_path / "spine.dcm", patient)
    dataset = pydicom.dcmread(tmp_path / "spine.dcm")
    assert (dataset.PatientName, dataset.PatientID) == ("Müller^Zoë", "P-7")
    assert (dataset.StudyInstanceUID, dataset.FrameOfReferenceUID) == ("1.2.3.4", "1.2.3.5")


def test_itk_reads_the_frames(tmp_path):
    write_dicom_seg(label_map(), tmp_path / "spine.dcm")
    array = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "spine.dcm")))
    labels = label_map().array_kji
    assert array.shape == (8, 7, 5)
    assert int((array > 0).sum()) == int((labels > 0).sum())


def test_highdicom_reads_it_as_a_segmentation(tmp_path):
    seg = pytest.importorskip("highdicom.seg", reason="highdicom is not installed")
    write_dicom_seg(label_map(), tmp_path / "spine.dcm")
    found = seg.segread(tmp_path / "spine.dcm")
    assert found.number_of_segments == 2
    volume = found.get_volume(combine_segments=True)
    assert int((np.asarray(volume.array) > 0).sum()) == int((label_map().array_kji > 0).sum())


def test_a_map_without_vertebrae_is_refused_and_nothing_is_written(tmp_path):
    empty = LabelVolume(np.zeros((3, 3, 3), np.uint8), np.eye(4), "empty")
    with pytest.raises(VolumeError, match="no vertebra"):
        write_dicom_seg(empty, tmp_path / "spine.dcm")
    assert list(tmp_path.iterdir()) == []
