"""A headless scene for each test, and no test passes in which VTK reports an error."""

from __future__ import annotations

import pytest

from ReVerteRLib.errors import ResourceError
from ReVerteRLib.scene.bootstrap import SceneHost
from ReVerteRLib.scene.messages import vtk_errors_raised
from ReVerteRLib.scene.windows import _window_class


@pytest.fixture(autouse=True)
def no_vtk_errors():
    """Fails the test at its end when VTK has reported an error that nobody expected."""
    pytest.importorskip("slicer", reason="slicer-core is not installed")
    with vtk_errors_raised() as messages:
        yield messages


@pytest.fixture
def a_scene():
    """A fresh vtkMRMLScene with its logics, emptied after the test."""
    with SceneHost() as host:
        yield host.scene


@pytest.fixture
def graphics():
    """Skips where no picture can be drawn."""
    try:
        _window_class()
    except ResourceError as error:
        pytest.skip(error.message())
