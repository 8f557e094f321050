from __future__ import annotations

import json
import logging
import re

import numpy as np
import pytest
import scene_samples as samples

from ReVerteRLib.anatomy import TERMINOLOGY_CONTEXT, VERTEBRAE, level_from_name, terminology_tag
from ReVerteRLib.errors import GeometryError, VolumeError
from ReVerteRLib.imaging.volume import LabelVolume
from ReVerteRLib.scene.frames import matrix_to_ras, to_vtk_matrix
from ReVerteRLib.scene.segmentation import add_segmentation, labels_from_node
from ReVerteRLib.scene.terminology import terminology_context, terminology_file, write_terminology

CODE = re.compile(r"^SCT\^\d+\^[A-Za-z0-9 ]+$")


@pytest.mark.parametrize("left_handed", [False, True])
def test_oblique_label_maps_come_back_voxel_for_voxel(a_scene, left_handed):
    original = samples.labels(samples.oblique_matrix(left_handed=left_handed))
    restored = labels_from_node(add_segmentation(a_scene, original))
    assert np.array_equal(restored.array_kji, original.array_kji)
    assert np.allclose(restored.ijk_to_lps_mm, original.ijk_to_lps_mm, atol=1e-5)


def test_segments_run_from_the_head_with_name_colour_label_and_terminology(a_scene):
    node = add_segmentation(a_scene, samples.labels(values=(20, 28, 19, 25, 1)))
    segmentation = node.GetSegmentation()
    segments = [segmentation.GetNthSegment(i) for i in range(segmentation.GetNumberOfSegments())]
    assert [segment.GetName() for segment in segments] == ["C1", "T12", "T13", "L1", "L6"]
    assert [segment.GetLabelValue() for segment in segments] == [1, 19, 28, 20, 25]
    for segment in segments:
        level = level_from_name(segment.GetName())
        assert segment.GetColor() == pytest.approx(level.color_rgb)
        assert segment.GetTerminology() == terminology_tag(level)


def test_a_segment_lies_where_its_voxels_lie_in_ras(a_scene):
    original = samples.labels(samples.oblique_matrix())
    node = add_segmentation(a_scene, original)
    centre = np.array(node.GetSegmentCenterRAS("L1"))
    voxels = np.argwhere(original.array_kji == 20)[:, ::-1]
    box = (voxels.min(axis=0) + voxels.max(axis=0)) / 2.0
    assert np.allclose(centre, original.to_lps(box)[0] * [-1, -1, 1], atol=1.0)


def _small_box(matrix_lps, extent):
    """A vtkOrientedImageData of ones that covers a part of a grid only, as the Segment Editor leaves it."""
    import slicer
    import vtk

    image = slicer.vtkOrientedImageData()
    image.SetExtent(*extent)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    image.GetPointData().GetScalars().Fill(1)
    image.SetImageToWorldMatrix(to_vtk_matrix(matrix_to_ras(matrix_lps)))
    return image


def test_labels_edited_in_slicer_come_back_on_the_same_grid(a_scene):
    original = samples.labels(samples.oblique_matrix())
    node = add_segmentation(a_scene, original)
    node.GetSegmentation().RemoveSegment("T12")
    box = _small_box(original.ijk_to_lps_mm, (16, 19, 11, 14, 2, 5))
    node.AddSegmentFromBinaryLabelmapRepresentation(box, "L3", [1.0, 0.0, 0.0])
    expected = np.where(original.array_kji == 19, 0, original.array_kji)
    expected[2:6, 11:15, 16:20] = 22
    restored = labels_from_node(node)
    assert np.array_equal(restored.array_kji, expected)
    assert np.allclose(restored.ijk_to_lps_mm, original.ijk_to_lps_mm, atol=1e-5)


def test_a_segmentation_without_reference_geometry_is_read_on_the_grid_of_its_segments(a_scene):
    matrix = samples.oblique_matrix(left_handed=True)
    node = a_scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "made elsewhere")
    node.AddSegmentFromBinaryLabelmapRepresentation(_small_box(matrix, (16, 19, 11, 14, 2, 5)), "L3", [1.0, 0.0, 0.0])
    restored = labels_from_node(node)
    voxels = np.argwhere(restored.array_kji == 22)[:, ::-1]
    assert len(voxels) == 4 * 4 * 4
    places = restored.to_lps(voxels)
    expected = LabelVolume(np.zeros((1, 1, 1), np.uint8), matrix).to_lps([[16, 11, 2], [19, 14, 5]])
    assert np.allclose(places.mean(axis=0), expected.mean(axis=0), atol=1e-4)


def test_a_surface_can_be_made_of_the_segments(a_scene):
    node = add_segmentation(a_scene, samples.labels(samples.oblique_matrix(left_handed=True)))
    assert node.CreateClosedSurfaceRepresentation()
    import vtk

    surface = vtk.vtkPolyData()
    node.GetClosedSurfaceRepresentation("L1", surface)
    assert surface.GetNumberOfCells() > 100


def test_unknown_labels_are_left_out_and_logged(a_scene, caplog):
    with caplog.at_level(logging.WARNING, logger="ReVerteR"):
        node = add_segmentation(a_scene, samples.labels(values=(20, 27)))
    assert node.GetSegmentation().GetNumberOfSegments() == 1
    assert "[27]" in caplog.text
    assert set(np.unique(labels_from_node(node).array_kji)) == {0, 20}


def test_label_maps_without_a_vertebra_or_with_shear_are_refused(a_scene):
    with pytest.raises(VolumeError, match="no vertebra"):
        add_segmentation(a_scene, LabelVolume(np.zeros((4, 4, 4), np.uint8), np.eye(4)))
    sheared = np.eye(4)
    sheared[0, 1] = 0.5
    with pytest.raises(GeometryError, match="sheared"):
        add_segmentation(a_scene, samples.labels(sheared))
    assert a_scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_segments_that_are_no_levels_are_named(a_scene):
    node = add_segmentation(a_scene, samples.labels())
    node.GetSegmentation().GetSegment("L1").SetName("tumour")
    with pytest.raises(VolumeError, match="'tumour' is not a vertebral level"):
        labels_from_node(node)


def test_terminology_tags_have_slicers_seven_parts():
    for level in VERTEBRAE:
        parts = terminology_tag(level).split("~")
        assert len(parts) == 7
        assert parts[0] == TERMINOLOGY_CONTEXT
        assert parts[1] == "SCT^123037004^Anatomical Structure"
        assert CODE.match(parts[2])
    assert terminology_tag(level_from_name("L1")).split("~")[2] == "SCT^66794005^L1 vertebra"


def test_the_terminology_file_agrees_with_the_table_of_levels(tmp_path):
    write_terminology(tmp_path / "fresh.json")
    assert terminology_file().read_text(encoding="utf-8") == (tmp_path / "fresh.json").read_text(encoding="utf-8")
    (category,) = json.loads(terminology_file().read_text(encoding="utf-8"))["SegmentationCodes"]["Category"]
    assert [kind["3dSlicerLabel"] for kind in category["Type"]] == [level.name for level in VERTEBRAE]
    assert len(category["Type"]) == 26


def test_the_terminology_file_has_only_keys_of_the_public_schema():
    """Keys of segment-context-common-schema.json of QIICR/dcmqi, which Slicer's term lists name."""
    common = {
        "CodeValue",
        "CodeMeaning",
        "CodingSchemeDesignator",
        "recommendedDisplayRGBValue",
        "3dSlicerLabel",
        "cid",
    }
    common |= {"contextGroupName", "UMLSConceptUID", "SNOMEDCTConceptID"}
    (category,) = terminology_context()["SegmentationCodes"]["Category"]
    assert set(category) <= common | {"showAnatomy", "Type"}
    for kind in category["Type"]:
        assert set(kind) <= common | {"Modifier"}
        assert len(kind["CodeValue"]) <= 16
        assert all(isinstance(part, int) and 0 <= part <= 255 for part in kind["recommendedDisplayRGBValue"])


@pytest.mark.usefixtures("a_scene")
def test_slicers_terminology_logic_reads_the_file_with_colours():
    import slicer

    logic = slicer.modules.terminologies.logic()
    assert logic.LoadTerminologyFromFile(str(terminology_file())) == TERMINOLOGY_CONTEXT
    category = slicer.vtkSlicerTerminologyCategory()
    assert logic.GetNthCategoryInTerminology(TERMINOLOGY_CONTEXT, 0, category)
    assert logic.GetNumberOfTypesInTerminologyCategory(TERMINOLOGY_CONTEXT, category) == 26
    kinds = [slicer.vtkSlicerTerminologyType() for _ in VERTEBRAE]
    for number, kind in enumerate(kinds):
        logic.GetNthTypeInTerminologyCategory(TERMINOLOGY_CONTEXT, category, number, kind)
    by_label = {kind.GetSlicerLabel(): kind for kind in kinds}
    level = level_from_name("T7")
    assert by_label["T7"].GetCodeValue() == level.snomed_code
    assert by_label["T7"].GetRecommendedDisplayRGBValue() == tuple(round(255 * part) for part in level.color_rgb)
    entry = slicer.vtkSlicerTerminologyEntry()
    assert logic.DeserializeTerminologyEntry(terminology_tag(level), entry)
    assert entry.GetTypeObject().GetCodeMeaning() == "T7 vertebra"
