from __future__ import annotations

import logging

import numpy as np
import pytest
import scene_samples as samples
import vtk

from ReVerteRLib.scene.models import FOLDER_NAME, add_models, level_of_model, surface_from_node
from ReVerteRLib.scene.roles import remove_branch


def test_models_stand_in_ras_named_coloured_and_smooth(a_scene):
    nodes = add_models(a_scene, dict(reversed(samples.surfaces().items())))
    assert [node.GetName() for node in nodes.values()] == ["T12", "L1", "L2"]
    for level, node in nodes.items():
        x, y, z = samples.POSITIONS_LPS_MM[level]
        assert node.GetPolyData().GetCenter() == pytest.approx((-x, -y, z), abs=0.1)
        assert node.GetDisplayNode().GetColor() == pytest.approx(level.color_rgb)
        assert node.GetDisplayNode().GetInterpolation() == vtk.VTK_GOURAUD
        assert surface_from_node(node).GetCenter() == pytest.approx((x, y, z), abs=0.1)
        assert level_of_model(node) == level


def test_models_lie_in_one_folder_of_the_subject_hierarchy(a_scene):
    nodes = add_models(a_scene, samples.surfaces())
    hierarchy = a_scene.GetSubjectHierarchyNode()
    folder = hierarchy.GetItemByName(FOLDER_NAME)
    children = vtk.vtkIdList()
    hierarchy.GetItemChildren(folder, children, False)
    inside = [hierarchy.GetItemDataNode(children.GetId(i)) for i in range(children.GetNumberOfIds())]
    assert inside == list(nodes.values())
    assert hierarchy.GetItemLevel(folder) == "Folder"


def test_a_renamed_model_keeps_its_level(a_scene):
    node = next(iter(add_models(a_scene, samples.surfaces()).values()))
    node.SetName("my favourite vertebra")
    assert level_of_model(node).name == "T12"


def test_an_empty_surface_is_left_out_and_logged(a_scene, caplog):
    surfaces = {**samples.surfaces(), samples.LEVELS[1]: vtk.vtkPolyData()}
    with caplog.at_level(logging.WARNING, logger="ReVerteR"):
        nodes = add_models(a_scene, surfaces)
    assert [level.name for level in nodes] == ["T12", "L2"]
    assert "L1: the surface is empty" in caplog.text


def test_the_node_does_not_share_its_points_with_the_given_surface(a_scene):
    surfaces = samples.surfaces()
    node = add_models(a_scene, surfaces)[samples.LEVELS[0]]
    before = np.array(node.GetPolyData().GetBounds())
    surfaces[samples.LEVELS[0]].GetPoints().SetPoint(0, 1e4, 1e4, 1e4)
    assert np.array_equal(node.GetPolyData().GetBounds(), before)


def test_a_branch_with_a_folder_in_it_can_be_removed_whole(a_scene):
    hierarchy = a_scene.GetSubjectHierarchyNode()
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "study")
    add_models(a_scene, samples.surfaces(), study)
    a_scene.AddNewNodeByClass("vtkMRMLModelNode", "of the user")
    remove_branch(a_scene, study)
    assert a_scene.GetNumberOfNodesByClass("vtkMRMLModelNode") == 1
    assert hierarchy.GetNumberOfItems() == 0
