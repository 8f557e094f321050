from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import scene_samples as samples
import vtk
from vtkmodules.util.numpy_support import vtk_to_numpy

from ReVerteRLib.errors import ResourceError, ReVerteRError
from ReVerteRLib.scene.bootstrap import SceneHost, headless_scene, inside_slicer
from ReVerteRLib.scene.messages import vtk_errors_raised, vtk_messages
from ReVerteRLib.scene.segmentation import add_segmentation, labels_from_node


def _provoke_vtk_error():
    reader = vtk.vtkXMLPolyDataReader()
    reader.SetFileName("/no/such/file.vtp")
    reader.Update()


def test_a_missing_slicer_core_is_reported_with_its_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "slicer", None)
    with pytest.raises(ResourceError, match=r"pip install .reverter-slicer\[slicer\]"), headless_scene():
        pass


def test_scenes_follow_each_other_and_leave_nothing_behind():
    import slicer

    for _ in range(3):
        with headless_scene() as scene:
            assert slicer.mrmlScene is scene
            assert slicer.modules.segmentations.logic().GetMRMLScene() is scene
            assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
            add_segmentation(scene, samples.labels())
        assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    assert not hasattr(slicer, "mrmlScene")
    assert not hasattr(slicer, "modules")


def test_closing_a_scene_takes_label_maps_from_the_segments_and_erases_no_voxel():
    host = SceneHost()
    segmentation = add_segmentation(host.scene, samples.labels()).GetSegmentation()
    image = segmentation.GetNthSegment(0).GetRepresentation("Binary labelmap")
    before = vtk_to_numpy(image.GetPointData().GetScalars()).copy()
    host.close()
    assert segmentation.GetNthSegment(0).GetRepresentation("Binary labelmap") is None
    del segmentation
    assert np.array_equal(vtk_to_numpy(image.GetPointData().GetScalars()), before)
    assert before.any()


def test_two_scenes_at_once_do_not_mix():
    with SceneHost() as first, SceneHost() as second:
        add_segmentation(first.scene, samples.labels(values=(1,)))
        node = add_segmentation(second.scene, samples.labels(values=(24,)))
        assert first.scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1
        assert set(np.unique(labels_from_node(node).array_kji)) == {0, 24}


def test_closing_twice_is_harmless():
    host = SceneHost()
    host.close()
    host.close()


def test_inside_slicer_its_own_scene_is_used_and_kept(monkeypatch):
    import slicer

    with SceneHost() as host:
        monkeypatch.setattr(slicer, "app", SimpleNamespace(), raising=False)
        assert inside_slicer()
        with headless_scene() as scene:
            assert scene is host.scene
            scene.AddNewNodeByClass("vtkMRMLModelNode", "of the user")
        assert scene.GetFirstNodeByName("of the user") is not None


def test_making_a_scene_prints_nothing(capfd):
    SceneHost().close()
    assert capfd.readouterr() == ("", "")


def test_vtk_errors_are_collected_and_not_printed(capfd):
    with vtk_messages() as messages:
        _provoke_vtk_error()
    assert "Error opening file /no/such/file.vtp" in messages.summary()
    assert capfd.readouterr() == ("", "")


def test_vtk_errors_become_exceptions_and_the_listener_goes_away(no_vtk_errors):
    with (
        pytest.raises(ReVerteRError, match=r"Error opening file /no/such/file.vtp \(and 1 more\)"),
        vtk_errors_raised(),
    ):
        _provoke_vtk_error()
    assert no_vtk_errors.errors == []
    _provoke_vtk_error()
    assert len(no_vtk_errors.errors) == 2
    no_vtk_errors.errors.clear()


def test_an_exception_of_the_body_is_not_hidden_by_vtk_errors():
    def body():
        with vtk_errors_raised():
            _provoke_vtk_error()
            raise KeyError

    with pytest.raises(KeyError):
        body()
