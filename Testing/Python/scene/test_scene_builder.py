from __future__ import annotations

import zipfile

import numpy as np
import pytest
import scene_samples as samples
import vtk
from vtkmodules.util.numpy_support import vtk_to_numpy

from ReVerteRLib.anatomy import terminology_tag
from ReVerteRLib.errors import InputError, OutputError, VolumeError
from ReVerteRLib.geometry import Beam
from ReVerteRLib.imaging.volume import LabelVolume
from ReVerteRLib.scene.bootstrap import SceneHost
from ReVerteRLib.scene.builder import build_scene, find_spine, read_mrb, save_mrb
from ReVerteRLib.scene.markups import centroids_from_node
from ReVerteRLib.scene.models import surface_from_node
from ReVerteRLib.scene.segmentation import labels_from_node
from ReVerteRLib.scene.volumes import display_range, radiograph_from_node


def _build(scene, name="Case 7", **changes):
    parts = {
        "radiographs": samples.pair(Beam.CONE),
        "centroids": samples.centroids(),
        "labels": samples.labels(samples.oblique_matrix(left_handed=True)),
        "surfaces": samples.surfaces(),
    }
    return build_scene(scene, name=name, **{**parts, **changes})


@pytest.fixture
def a_bundle(tmp_path):
    path = tmp_path / "spine scene.mrb"
    with SceneHost() as host:
        save_mrb(_build(host.scene), path)
    return path


@pytest.fixture
def a_spine(a_scene, a_bundle):
    return read_mrb(a_scene, a_bundle)


def test_radiographs_come_back_from_the_bundle_pixel_for_pixel_with_geometry_and_window(a_spine):
    for node, original in zip((a_spine.ap, a_spine.lateral), samples.pair(Beam.CONE), strict=True):
        restored = radiograph_from_node(node)
        assert np.array_equal(restored.image_hw, original.image_hw)
        assert restored.projection == original.projection
        display = node.GetDisplayNode()
        assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == pytest.approx(
            display_range(original.image_hw), rel=1e-4
        )


def test_centroids_come_back_from_the_bundle_with_labels(a_spine):
    restored = centroids_from_node(a_spine.centroids)
    assert [c.level for c in restored] == samples.LEVELS
    for mine, theirs in zip(samples.centroids(), restored, strict=True):
        assert theirs.position_lps_mm == pytest.approx(mine.position_lps_mm, abs=1e-3)
        assert theirs.confidence == pytest.approx(mine.confidence)
    assert a_spine.centroids.GetDisplayNode().GetSliceProjection()


def test_segments_come_back_from_the_bundle_with_names_colours_terminology_and_voxels(a_spine):
    original = samples.labels(samples.oblique_matrix(left_handed=True))
    restored = labels_from_node(a_spine.segmentation)
    assert np.array_equal(restored.array_kji, original.array_kji)
    assert np.allclose(restored.ijk_to_lps_mm, original.ijk_to_lps_mm, atol=1e-4)
    segmentation = a_spine.segmentation.GetSegmentation()
    assert segmentation.GetNumberOfSegments() == 3
    for number, level in enumerate(samples.LEVELS):
        segment = segmentation.GetNthSegment(number)
        assert segment.GetName() == level.name
        assert segment.GetColor() == pytest.approx(level.color_rgb, abs=1e-3)
        assert segment.GetTerminology() == terminology_tag(level)
        assert segment.GetLabelValue() == level.verse_label


def test_models_come_back_from_the_bundle_in_their_folder(a_spine):
    hierarchy = a_spine.scene.GetSubjectHierarchyNode()
    assert list(a_spine.models) == samples.LEVELS
    for level, node in a_spine.models.items():
        restored = vtk_to_numpy(surface_from_node(node).GetPoints().GetData())
        original = vtk_to_numpy(samples.surfaces()[level].GetPoints().GetData())
        assert np.allclose(restored, original, atol=1e-3)
        assert node.GetDisplayNode().GetColor() == pytest.approx(level.color_rgb, abs=1e-3)
        folder = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node))
        assert hierarchy.GetItemName(folder) == "Vertebrae"
        assert hierarchy.GetItemParent(folder) == a_spine.study_item


def test_everything_lies_under_one_study_with_the_name_of_the_case(a_spine):
    hierarchy = a_spine.scene.GetSubjectHierarchyNode()
    assert a_spine.name == "Case 7"
    assert hierarchy.GetItemLevel(a_spine.study_item) == "Study"
    for node in (a_spine.ap, a_spine.lateral, a_spine.centroids, a_spine.segmentation):
        assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) == a_spine.study_item


def test_the_bundle_is_an_ordinary_slicer_bundle(a_bundle):
    names = zipfile.ZipFile(a_bundle).namelist()
    assert "spine scene/spine scene.mrml" in names
    assert "spine scene/Data/Vertebrae.seg.nrrd" in names
    assert not [name for name in names if "partial" in name]
    assert list(a_bundle.parent.iterdir()) == [a_bundle]


def test_saving_again_replaces_and_the_result_can_still_be_read(a_spine, a_bundle):
    save_mrb(a_spine, a_bundle)
    with SceneHost() as host:
        assert len(read_mrb(host.scene, a_bundle).models) == 3


def test_a_scene_of_parts_is_possible(a_scene, tmp_path):
    spine = build_scene(a_scene, centroids=samples.centroids(), name="only points")
    save_mrb(spine, tmp_path / "points.mrb")
    with SceneHost() as host:
        again = read_mrb(host.scene, tmp_path / "points.mrb")
        assert (again.ap, again.segmentation, dict(again.models)) == (None, None, {})
        assert len(centroids_from_node(again.centroids)) == 3


def test_a_second_case_in_the_scene_does_not_mix_with_the_first(a_scene):
    _build(a_scene, "first")
    second = _build(a_scene, "second", surfaces={samples.LEVELS[1]: samples.ball((0.0, 0.0, 0.0))})
    found = find_spine(a_scene)
    assert found.name == "second"
    assert found.study_item == second.study_item
    assert [level.name for level in found.models] == ["L1"]
    assert found.ap is second.ap


def test_the_segmentation_is_not_cut_into_the_radiographs(a_scene):
    display = _build(a_scene).segmentation.GetDisplayNode()
    assert not display.GetVisibility2D()
    assert not display.GetVisibility3D()
    alone = build_scene(a_scene, labels=samples.labels()).segmentation.GetDisplayNode()
    assert alone.GetVisibility2D()
    assert alone.GetVisibility3D()


def test_a_failed_build_leaves_the_scene_as_it_was(a_scene):
    classes = ("vtkMRMLScalarVolumeNode", "vtkMRMLMarkupsFiducialNode", "vtkMRMLModelNode", "vtkMRMLSegmentationNode")
    with pytest.raises(VolumeError):
        _build(a_scene, labels=LabelVolume(np.zeros((3, 3, 3), np.uint8), np.eye(4)))
    assert [a_scene.GetNumberOfNodesByClass(name) for name in classes] == [0, 0, 0, 0]
    assert a_scene.GetSubjectHierarchyNode().GetNumberOfItems() == 0


def test_unreadable_bundles_are_named(a_scene, a_bundle, tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.mrb: no such file"):
        read_mrb(a_scene, tmp_path / "nowhere.mrb")
    cut = tmp_path / "cut.mrb"
    cut.write_bytes(a_bundle.read_bytes()[: a_bundle.stat().st_size // 2])
    with pytest.raises(InputError, match=r"cut\.mrb: the scene cannot be read"):
        read_mrb(a_scene, cut)


def test_a_scene_without_a_spine_is_reported(a_scene):
    a_scene.AddNewNodeByClass("vtkMRMLModelNode", "something else")
    with pytest.raises(InputError, match="holds no spine"):
        find_spine(a_scene)


def test_a_folder_that_cannot_be_written_is_reported(a_spine, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(OutputError, match="cannot be written"):
        save_mrb(a_spine, blocked / "scene.mrb")


def test_a_failure_while_saving_keeps_the_earlier_bundle(a_spine, a_bundle):
    class BrokenScene:
        def WriteToMRB(self, _path):  # noqa: N802
            vtk.vtkOutputWindow.GetInstance().DisplayErrorText("ERROR: In x.cxx, line 1\nscene (0x0): disk is full\n")
            return False

    import dataclasses

    before = a_bundle.read_bytes()
    with pytest.raises(OutputError, match="disk is full"):
        save_mrb(dataclasses.replace(a_spine, scene=BrokenScene()), a_bundle)
    assert a_bundle.read_bytes() == before
    assert list(a_bundle.parent.iterdir()) == [a_bundle]
