"""Table nodes of measurements; silhouettes as nodes in the radiographs' planes and as a picture."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scene_samples as samples
from vtkmodules.util.numpy_support import vtk_to_numpy

from ReVerteRLib.geometry import Beam, View
from ReVerteRLib.measure.posture import posture_of
from ReVerteRLib.measure.quality import SilhouetteQuality
from ReVerteRLib.measure.silhouettes import silhouettes_of
from ReVerteRLib.measure.spine import SpineMeasurements, VertebraMeasurements
from ReVerteRLib.scene import roles
from ReVerteRLib.scene.builder import build_scene, read_mrb, save_mrb
from ReVerteRLib.scene.measurements import add_measurements
from ReVerteRLib.scene.overlay import (
    FOLDER_NAME,
    SILHOUETTE_ROLE,
    add_silhouettes,
    overlay_picture,
    remove_silhouettes,
    set_silhouettes_visible,
)
from ReVerteRLib.scene.volumes import plane_to_ras


@pytest.fixture
def found() -> SpineMeasurements:
    values = {"height_anterior_mm": 21.53, "superior_coronal_deg": 4.0, "inferior_coronal_deg": -2.0}
    vertebrae = tuple(
        VertebraMeasurements(level, samples.POSITIONS_LPS_MM[level], values if number else {})
        for number, level in enumerate(samples.LEVELS)
    )
    centres = {v.level: np.array(v.centre_lps_mm) for v in vertebrae}
    return SpineMeasurements(vertebrae, posture_of({v.level: v.values for v in vertebrae}, centres))


@pytest.fixture
def quality() -> tuple[SilhouetteQuality, ...]:
    return (
        SilhouetteQuality(samples.LEVELS[0], 1.25, (1.0, 0.0, 0.5), ()),
        SilhouetteQuality(samples.LEVELS[1], 5.0, (0.0, 0.0, 5.0), ()),
        SilhouetteQuality(samples.LEVELS[2], None, (0.0, 0.0, 0.0), ()),
    )


def outlines(beam=Beam.PARALLEL):
    pair = samples.pair(beam)
    return [s for r in pair for s in silhouettes_of(samples.surfaces(), r.projection).values()]


def test_tables_have_heads_units_and_descriptions(a_scene, found, quality):
    vertebrae, spine = add_measurements(a_scene, found, quality)
    table = vertebrae.GetTable()
    assert [table.GetColumn(0).GetValue(i) for i in range(3)] == ["T12", "L1", "L2"]
    height = table.GetColumnByName("Body height, anterior (mm)")
    assert math.isnan(height.GetValue(0))
    assert height.GetValue(1) == pytest.approx(21.5)
    assert vertebrae.GetColumnUnitLabel("Body height, anterior (mm)") == "mm"
    assert "Genant" in vertebrae.GetColumnDescription("Body height, anterior (mm)")
    assert table.GetColumnByName("Silhouette distance (mm)").GetValue(1) == pytest.approx(5.0)
    assert spine.GetTable().GetNumberOfRows() == len(found.spine)
    assert spine.GetTable().GetColumnByName("Unit").GetValue(0) == "°"


def test_measuring_again_replaces_the_tables(a_scene, found):
    add_measurements(a_scene, found)
    add_measurements(a_scene, found)
    assert a_scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 2


@pytest.mark.parametrize("beam", [Beam.PARALLEL, Beam.CONE])
def test_silhouettes_lie_in_the_planes_of_their_radiographs_around_the_shadow(a_scene, beam):
    nodes = add_silhouettes(a_scene, outlines(beam))
    assert len(nodes) == 6
    for (view, level), node in nodes.items():
        projection = samples.projection(view, beam)
        points = vtk_to_numpy(node.GetPolyData().GetPoints().GetData())
        ijk = (np.c_[points, np.ones(len(points))] @ np.linalg.inv(plane_to_ras(projection)).T)[:, :3]
        assert np.abs(ijk[:, 2]).max() < 1e-3
        centre = projection.project(samples.POSITIONS_LPS_MM[level])[0]
        np.testing.assert_allclose((ijk.min(axis=0) + ijk.max(axis=0))[1::-1] / 2, centre, atol=0.6)
        assert node.GetPolyData().GetNumberOfLines() == 1


def test_names_tell_level_view_and_distance_and_doubtful_ones_are_thick(a_scene, quality):
    nodes = add_silhouettes(a_scene, outlines(), quality)
    names = [nodes[View.AP, level].GetName() for level in samples.LEVELS]
    assert names == ["T12 AP 1.2 mm", "L1 AP 5.0 mm", "L2 AP"]
    widths = [nodes[View.LATERAL, level].GetDisplayNode().GetLineWidth() for level in samples.LEVELS]
    assert widths[0] < widths[1] == widths[2]


def test_each_silhouette_can_be_kept_to_the_view_of_its_radiograph(a_scene):
    ids = {View.AP: ["vtkMRMLSliceNodeA", "vtkMRMLViewNode1"], View.LATERAL: ["vtkMRMLSliceNodeL"]}
    nodes = add_silhouettes(a_scene, outlines(), view_node_ids=ids)
    display = nodes[View.LATERAL, samples.LEVELS[0]].GetDisplayNode()
    assert display.IsDisplayableInView("vtkMRMLSliceNodeL")
    assert not display.IsDisplayableInView("vtkMRMLSliceNodeA")


def test_silhouettes_are_replaced_hidden_and_removed(a_scene):
    add_silhouettes(a_scene, outlines())
    nodes = add_silhouettes(a_scene, outlines())
    assert len(roles.nodes_with_role(a_scene, SILHOUETTE_ROLE)) == 6
    set_silhouettes_visible(a_scene, False)
    assert not any(node.GetDisplayNode().GetVisibility() for node in nodes.values())
    remove_silhouettes(a_scene)
    assert roles.nodes_with_role(a_scene, SILHOUETTE_ROLE) == []
    assert a_scene.GetSubjectHierarchyNode().GetItemByName(FOLDER_NAME) == 0


def test_tables_and_silhouettes_survive_saving_and_reading(a_scene, found, quality, tmp_path):
    from ReVerteRLib.scene.bootstrap import SceneHost

    spine = build_scene(a_scene, radiographs=samples.pair(), surfaces=samples.surfaces())
    add_silhouettes(a_scene, outlines(), quality, parent_item=spine.study_item)
    add_measurements(a_scene, found, quality, parent_item=spine.study_item)
    save_mrb(spine, tmp_path / "scene.mrb")
    with SceneHost() as host:
        back = read_mrb(host.scene, tmp_path / "scene.mrb")
        assert sorted(level.name for level in back.models) == ["L1", "L2", "T12"]
        lines = roles.nodes_with_role(host.scene, SILHOUETTE_ROLE)
        assert len(lines) == 6
        assert all(node.GetPolyData().GetNumberOfLines() == 1 for node in lines)
        tables = [host.scene.GetNthNodeByClass(i, "vtkMRMLTableNode") for i in range(2)]
        assert {t.GetTable().GetNumberOfRows() for t in tables} == {3, len(found.spine)}


def test_the_picture_shows_both_views_with_outlines_in_level_colours(quality, tmp_path):
    plain = overlay_picture(samples.pair(), {}, height_px=400)
    drawn = overlay_picture(samples.pair(), samples.surfaces(), tmp_path / "a.png", quality=quality, height_px=400)
    assert drawn.shape == plain.shape
    changed = (drawn != plain).any(axis=2)
    half = (
        drawn.shape[1]
        * samples.projection(View.AP).image_hw[1]
        // (samples.projection(View.AP).image_hw[1] + samples.projection(View.LATERAL).image_hw[1])
    )
    assert changed[:, :half].sum() > 300
    assert changed[:, half:].sum() > 300
    assert (tmp_path / "a.png").stat().st_size > 1000
