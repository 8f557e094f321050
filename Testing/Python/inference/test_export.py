from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from ReVerteRLib.anatomy import terminology_tag
from ReVerteRLib.errors import OutputError
from ReVerteRLib.inference.export import segmentation_fields, write_reconstruction
from ReVerteRLib.inference.reconstructor import Reconstructor


@pytest.fixture
def spine_result(make_weights, pair, spine):
    return Reconstructor(make_weights(), "cpu").reconstruct(pair, spine)


def test_all_files_are_written_and_agree(spine_result, tmp_path):
    files = write_reconstruction(spine_result, tmp_path)
    assert sorted(p.relative_to(tmp_path).as_posix() for p in files.values()) == [
        "labels.nii.gz", "models/L1.stl", "models/L2.stl", "models/T12.stl", "spine.seg.nrrd",
    ]  # fmt: skip
    for name in ("spine.seg.nrrd", "labels.nii.gz"):
        image = sitk.ReadImage(str(tmp_path / name))
        assert np.array_equal(sitk.GetArrayFromImage(image), spine_result.labels.array_kji)
        np.testing.assert_allclose(image.GetOrigin(), spine_result.labels.ijk_to_lps_mm[:3, 3], atol=1e-3)
        np.testing.assert_allclose(image.GetDirection(), np.eye(3).ravel(), atol=1e-6)
        assert image.GetPixelID() == sitk.sitkUInt8


def test_the_segmentation_header_names_colours_and_codes_each_level(spine_result, tmp_path):
    write_reconstruction(spine_result, tmp_path)
    image = sitk.ReadImage(str(tmp_path / "spine.seg.nrrd"))
    names = [image.GetMetaData(f"Segment{n}_Name") for n in range(3)]
    values = [image.GetMetaData(f"Segment{n}_LabelValue") for n in range(3)]
    assert names == ["T12", "L1", "L2"]
    assert values == ["19", "20", "21"]
    assert "SCT^23215003^T12 vertebra" in image.GetMetaData("Segment0_Tags")


def test_extents_enclose_exactly_the_voxels(spine_result):
    fields = segmentation_fields(spine_result.labels, spine_result.levels)
    i0, i1, j0, j1, k0, k1 = (int(v) for v in fields["Segment1_Extent"].split())
    own = spine_result.labels.array_kji == 20
    assert own[k0 : k1 + 1, j0 : j1 + 1, i0 : i1 + 1].sum() == own.sum()
    assert own[k0].any()
    assert own[:, :, i1].any()


def test_levels_without_own_concept_use_the_generic_one():
    from ReVerteRLib.anatomy import level_from_name

    assert "SCT^51282000^Vertebra" in terminology_tag(level_from_name("T13"))


def test_slicer_reads_the_segmentation(spine_result, tmp_path):
    slicer = pytest.importorskip("slicer")
    from ReVerteRLib.scene.bootstrap import SceneHost

    write_reconstruction(spine_result, tmp_path)
    host = SceneHost()
    try:
        node = host.scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
        storage = slicer.vtkMRMLSegmentationStorageNode()
        host.scene.AddNode(storage)
        storage.SetFileName(str(tmp_path / "spine.seg.nrrd"))
        assert storage.ReadData(node) == 1
        segmentation = node.GetSegmentation()
        segments = [segmentation.GetNthSegment(n) for n in range(segmentation.GetNumberOfSegments())]
        assert [s.GetName() for s in segments] == ["T12", "L1", "L2"]
        assert [s.GetLabelValue() for s in segments] == [19, 20, 21]
        np.testing.assert_allclose(segments[0].GetColor(), spine_result.levels[0].color_rgb, atol=2e-3)
        bounds = np.zeros(6)
        node.GetRASBounds(bounds)
        kji = np.argwhere(spine_result.labels.array_kji > 0)
        lps = spine_result.labels.to_lps(kji[:, ::-1])
        expected = np.sort(np.stack([lps.min(axis=0), lps.max(axis=0)]) * [-1, -1, 1], axis=0)
        np.testing.assert_allclose(bounds.reshape(3, 2).T, expected, atol=1.01)
    finally:
        host.close()


def test_an_unwritable_folder_is_an_output_error(spine_result, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="Choose a folder"):
        write_reconstruction(spine_result, tmp_path / "file" / "out")
