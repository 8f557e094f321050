from __future__ import annotations

import numpy as np
import pytest
import scene_samples as samples

from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.errors import CentroidError
from ReVerteRLib.scene.frames import to_vtk_matrix
from ReVerteRLib.scene.markups import add_centroids, centroids_from_node, update_centroids


def test_points_stand_in_ras_with_level_names_from_the_head_down(a_scene):
    node = add_centroids(a_scene, samples.centroids())
    assert [node.GetNthControlPointLabel(i) for i in range(3)] == ["T12", "L1", "L2"]
    position = np.zeros(3)
    node.GetNthControlPointPosition(0, position)
    assert position.tolist() == [-12.0, 20.0, 65.0]
    assert "confidence 0.8" in node.GetNthControlPointDescription(1)
    assert node.GetDisplayNode().GetSliceProjection()


def test_centroids_come_back_with_confidence_and_residual(a_scene):
    restored = centroids_from_node(add_centroids(a_scene, samples.centroids()))
    for mine, theirs in zip(samples.centroids(), restored, strict=True):
        assert mine.level == theirs.level
        assert theirs.position_lps_mm == pytest.approx(mine.position_lps_mm, abs=1e-6)
        assert theirs.confidence == pytest.approx(mine.confidence)
        assert theirs.residual_mm == pytest.approx(mine.residual_mm)


def test_points_placed_by_hand_count_as_certain_and_unplaced_ones_do_not_count(a_scene):
    node = add_centroids(a_scene, CentroidSet(()))
    assert len(centroids_from_node(node)) == 0
    node.AddControlPoint([1.0, 2.0, 3.0], "c7")
    node.AddControlPoint([4.0, 5.0, 6.0], "T1")
    node.UnsetNthControlPointPosition(1)
    (only,) = centroids_from_node(node)
    assert (only.level.name, only.position_lps_mm, only.confidence) == ("C7", (-1.0, -2.0, 3.0), 1.0)


def test_a_transform_above_the_points_is_honoured(a_scene):
    node = add_centroids(a_scene, samples.centroids())
    transform = a_scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    shift = np.eye(4)
    shift[:3, 3] = (10.0, 0.0, 5.0)
    transform.SetMatrixTransformToParent(to_vtk_matrix(shift))
    node.SetAndObserveTransformNodeID(transform.GetID())
    assert centroids_from_node(node).items[0].position_lps_mm == pytest.approx((2.0, -20.0, 70.0))


def test_an_update_replaces_all_points(a_scene):
    node = add_centroids(a_scene, samples.centroids())
    update_centroids(node, samples.centroids().selected([samples.LEVELS[2]]))
    assert [c.level.name for c in centroids_from_node(node)] == ["L2"]


@pytest.mark.parametrize(("label", "message"), [("F-1", "'F-1' is not a vertebral level"), ("L1", "more than once")])
def test_labels_that_cannot_be_used_are_named(a_scene, label, message):
    node = add_centroids(a_scene, samples.centroids())
    node.AddControlPoint([0.0, 0.0, 0.0], label)
    with pytest.raises(CentroidError, match=message):
        centroids_from_node(node)
