from __future__ import annotations

import numpy as np
import pytest
import scene_samples as samples

from ReVerteRLib.errors import GeometryError
from ReVerteRLib.geometry import Beam, View
from ReVerteRLib.scene.epipolar import EpipolarGuide, line_in_other, moved_in_view, nearest_on_line

VIEWS = (View.AP, View.LATERAL)
HELD_AXIS = {View.AP: 1, View.LATERAL: 0}
PLACE = (18.0, -31.0, 61.0)


def _projections(beam):
    return {view: samples.projection(view, beam) for view in VIEWS}


def _model_lines_lps(node):
    """Every stroke of a model node as (2, 3) LPS mm."""
    from vtkmodules.util.numpy_support import vtk_to_numpy

    data = node.GetPolyData()
    points = vtk_to_numpy(data.GetPoints().GetData()) * np.array([-1.0, -1.0, 1.0])
    return points.reshape(-1, 2, 3)


@pytest.mark.parametrize("beam", list(Beam))
@pytest.mark.parametrize("view", VIEWS)
def test_a_move_in_one_view_keeps_the_depth_and_lands_exactly_under_the_pixel(beam, view):
    projection = samples.projection(view, beam)
    pixel = projection.project(PLACE)[0] + (7.0, -11.0)
    moved = moved_in_view(projection, PLACE, pixel)
    assert moved[HELD_AXIS[view]] == pytest.approx(PLACE[HELD_AXIS[view]], abs=1e-9)
    assert projection.project(moved)[0] == pytest.approx(pixel, abs=1e-9)


def test_parallel_moves_are_as_long_as_the_drag_and_the_other_view_follows_in_height_alone():
    ap, lateral = _projections(Beam.PARALLEL).values()
    moved = moved_in_view(ap, PLACE, ap.project(PLACE)[0] + (5.0, 3.0))
    assert moved == pytest.approx((21.0, -31.0, 56.0))
    assert lateral.project(moved)[0] - lateral.project(PLACE)[0] == pytest.approx((5.0, 0.0))


def test_under_a_cone_beam_a_pixel_is_less_than_a_millimetre_in_front_of_the_plane():
    ap = samples.projection(View.AP, Beam.CONE)
    depth = float(ap.depth_mm(PLACE)[0])
    moved = moved_in_view(ap, PLACE, ap.project(PLACE)[0] + (0.0, 10.0))
    assert moved[0] - PLACE[0] == pytest.approx(10.0 * (1500.0 + depth) / 1500.0)


@pytest.mark.parametrize("beam", list(Beam))
@pytest.mark.parametrize("view", VIEWS)
def test_the_line_in_the_other_view_holds_the_shadow_and_ends_at_the_borders(beam, view):
    projections = _projections(beam)
    other = projections[View.LATERAL if view is View.AP else View.AP]
    line = line_in_other(projections[view], projections[view].project(PLACE)[0], other)
    shadow = other.project(PLACE)[0]
    assert nearest_on_line(line, shadow) == pytest.approx(shadow, abs=1e-6)
    assert sorted(line[:, 1]) == pytest.approx([-0.5, other.image_hw[1] - 0.5])


def test_the_line_is_level_for_parallel_rays_and_tilted_for_diverging_ones():
    for beam, tilted in ((Beam.PARALLEL, False), (Beam.SLOT, False), (Beam.CONE, True)):
        ap, lateral = _projections(beam).values()
        line = line_in_other(ap, ap.project((0.0, 0.0, 95.0))[0], lateral)
        assert bool(abs(line[1, 0] - line[0, 0]) > 1.0) is tilted


def test_a_ray_that_passes_by_the_other_image_is_reported():
    ap, lateral = _projections(Beam.PARALLEL).values()
    with pytest.raises(GeometryError, match="does not cross the lateral radiograph"):
        line_in_other(ap, (-50.0, 10.0), lateral)


@pytest.mark.parametrize("beam", list(Beam))
def test_the_guide_draws_line_and_height_in_the_plane_of_the_other_radiograph(a_scene, beam):
    projections = _projections(beam)
    guide = EpipolarGuide(a_scene, projections)
    guide.show(View.AP, PLACE)
    line, tick = sorted(guide.nodes, key=lambda node: node.GetName())
    lateral = projections[View.LATERAL]
    ends = _model_lines_lps(line)[0]
    assert np.abs(lateral.depth_mm(ends)).max() < 1e-3
    shadow_on_plane = lateral.plane_point(lateral.project(PLACE))[0]
    across, *edges = _model_lines_lps(tick)
    assert across.mean(axis=0) == pytest.approx(shadow_on_plane, abs=1e-3)
    assert np.linalg.norm(across[1] - across[0]) == pytest.approx(10.0, abs=1e-3)
    assert [np.linalg.norm(e[1] - e[0]) for e in edges] == pytest.approx([10.0, 10.0], abs=1e-3)
    assert line.GetDisplayNode().GetViewNodeIDs() == ("vtkMRMLSliceNodeReVerteRLateral",)


def test_helpers_are_neither_saved_nor_listed_and_go_without_a_trace(a_scene):
    before = a_scene.GetNumberOfNodes()
    guide = EpipolarGuide(a_scene, _projections(Beam.PARALLEL))
    for view in VIEWS:
        guide.show(view, PLACE)
    assert len(guide.nodes) == 4
    for node in guide.nodes:
        assert not node.GetSaveWithScene()
        assert not node.GetDisplayNode().GetSaveWithScene()
        assert node.GetHideFromEditors()
    guide.hide(View.AP)
    assert [n.GetDisplayNode().GetVisibility() for n in guide.nodes] == [0, 0, 1, 1]
    guide.remove()
    assert a_scene.GetNumberOfNodes() == before


def test_a_helper_that_was_deleted_by_someone_comes_back_when_it_is_needed(a_scene):
    guide = EpipolarGuide(a_scene, _projections(Beam.PARALLEL))
    guide.show(View.AP, PLACE)
    a_scene.RemoveNode(guide.nodes[0])
    assert len(guide.nodes) == 1
    guide.show(View.AP, PLACE)
    assert len(guide.nodes) == 2
    guide.remove()


def test_a_click_without_partner_has_a_line_and_no_height(a_scene):
    projections = _projections(Beam.CONE)
    guide = EpipolarGuide(a_scene, projections)
    guide.show_ray(View.LATERAL, projections[View.LATERAL].project(PLACE)[0])
    visible = {n.GetName(): n.GetDisplayNode().GetVisibility() for n in guide.nodes}
    assert visible == {"Epipolar line ap": 1, "Epipolar tick ap": 0}
    guide.remove()
