"""All formats at once, and results read back from disk."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.errors import ArgumentError, InputError, OutputError, VolumeError
from ReVerteRLib.export.formats import FORMATS, export_spine
from ReVerteRLib.export.stored import read_result
from ReVerteRLib.imaging.volume import LabelVolume, read_labels, write_volume


@pytest.fixture
def labels() -> LabelVolume:
    array = np.zeros((30, 20, 20), np.uint8)
    array[2:12, 4:15, 3:14] = level_from_name("L1").verse_label
    array[16:27, 4:15, 3:14] = level_from_name("T12").verse_label
    return LabelVolume(array, np.diag([1.0, 1.0, 1.5, 1.0]), "blocks")


def test_every_format_is_written_and_the_label_map_comes_back(labels, tmp_path):
    files = export_spine(labels, tmp_path)
    assert {kind.split()[0] for kind in files} == set(FORMATS)
    assert all(path.is_file() for path in files.values())
    assert (tmp_path / "models" / "T12.obj").is_file()
    for kind in ("nifti", "seg.nrrd"):
        back = read_labels(files[kind])
        np.testing.assert_array_equal(back.array_kji, labels.array_kji)
        np.testing.assert_allclose(back.ijk_to_lps_mm, labels.ijk_to_lps_mm, atol=1e-5)


def test_files_that_are_there_stay_unless_overwriting_is_asked_for(labels, tmp_path):
    (tmp_path / "labels.nii.gz").write_text("mine")
    with pytest.raises(OutputError, match=r"labels\.nii\.gz"):
        export_spine(labels, tmp_path, ["stl", "nifti"])
    assert [p.name for p in tmp_path.iterdir()] == ["labels.nii.gz"]
    assert (tmp_path / "labels.nii.gz").read_text() == "mine"
    export_spine(labels, tmp_path, ["nifti"], overwrite=True)
    assert read_labels(tmp_path / "labels.nii.gz").array_kji.any()


def test_unknown_formats_and_empty_maps_are_refused(labels, tmp_path):
    with pytest.raises(ArgumentError, match="step"):
        export_spine(labels, tmp_path, ["step"])
    with pytest.raises(VolumeError, match="no vertebra"):
        export_spine(LabelVolume(np.zeros((3, 3, 3), np.uint8), np.eye(4)), tmp_path)


def test_a_result_folder_gives_labels_centroids_and_existing_radiographs(labels, tmp_path):
    write_volume(labels, tmp_path / "labels.nii.gz")
    assert read_result(tmp_path).centroids is None
    ap, lateral = tmp_path / "ap.nrrd", tmp_path / "lateral.nrrd"
    ap.touch()
    record = {
        "vertebrae": [{"level": "L1", "centroid_lps_mm": [8.0, 9.0, 10.0]}],
        "inputs": {"ap": str(ap), "lateral": str(lateral)},
    }
    (tmp_path / "report.json").write_text(json.dumps(record))
    stored = read_result(tmp_path)
    assert [c.level.name for c in stored.centroids] == ["L1"]
    assert stored.radiographs is None
    lateral.touch()
    assert read_result(tmp_path).radiographs == (ap, lateral)


def test_folders_without_a_result_and_broken_reports_are_told(labels, tmp_path):
    with pytest.raises(InputError, match="holds neither"):
        read_result(tmp_path)
    write_volume(labels, tmp_path / "labels.nii.gz")
    (tmp_path / "report.json").write_text("{broken")
    with pytest.raises(InputError, match="report cannot be read"):
        read_result(tmp_path)
