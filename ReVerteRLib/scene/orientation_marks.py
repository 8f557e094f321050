"""Letters at the edges of the radiograph views that say which side of the patient lies there.

They are read off the slice view itself (SliceToRAS), not off the radiograph's file, so they say what is on the screen,
however the image is stored, turned or mirrored. They are text actors in the view's renderer: nothing is added to the
scene, nothing is saved, and they stay at the edges when the picture is enlarged or moved.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ReVerteRLib.scene.frames import from_vtk_matrix
from ReVerteRLib.scene.observers import Observers

MARK_RGB = (0.47, 0.86, 1.0)
FONT_SIZE = 20
_ENDS_RAS = (("R", "L"), ("A", "P"), ("H", "F"))  # towards + and - along the RAS axes
_SECOND_SHARE = 0.38  # sine of 22.5 degrees: from there on a second letter says more than it disturbs
_NEAR, _FAR, _MIDDLE = 0.015, 0.985, 0.5


@dataclass(frozen=True)
class Letters:
    """Sides of the patient at the edges of a view, one letter each, two where the view is oblique ("LA")."""

    top: str
    bottom: str
    left: str
    right: str


def letters_of_view(slice_to_ras: ArrayLike) -> Letters:
    """For a slice view whose 4x4 matrix leads from its right, up and normal axes to RAS mm (vtkMRMLSliceNode)."""
    axes = np.asarray(slice_to_ras, dtype=np.float64)[:3, :2]
    right, up = (axes[:, column] / np.linalg.norm(axes[:, column]) for column in range(2))
    return Letters(top=letters_towards(up), bottom=letters_towards(-up), left=letters_towards(-right),
                   right=letters_towards(right))  # fmt: skip


def letters_towards(direction_ras: ArrayLike) -> str:
    """R, L, A, P, H or F for a unit direction (3,) in RAS; a second letter where it lies more than 22.5 degrees off."""
    direction = np.asarray(direction_ras, dtype=np.float64)
    first, second = np.argsort(-np.abs(direction), kind="stable")[:2]
    chosen = (first, second) if abs(direction[second]) > _SECOND_SHARE else (first,)
    return "".join(_ENDS_RAS[axis][0 if direction[axis] > 0 else 1] for axis in chosen)


class OrientationMarks:
    """The four letters of one slice view; they follow its node until `remove`.

    renderer:   of the view (vtkRenderer). slice_node: its vtkMRMLSliceNode.
    ask_redraw: called after the letters have changed. font_size: in points.
    """

    def __init__(
        self,
        renderer: Any,
        slice_node: Any,
        ask_redraw: Callable[[], object] = lambda: None,
        *,
        font_size: int = FONT_SIZE,
    ) -> None:
        self.renderer, self._slice_node, self._ask_redraw = renderer, slice_node, ask_redraw
        self._actors = {
            "top": _text_actor((_MIDDLE, _FAR), "Centered", "Top"),
            "bottom": _text_actor((_MIDDLE, _NEAR), "Centered", "Bottom"),
            "left": _text_actor((_NEAR, _MIDDLE), "Left", "Centered"),
            "right": _text_actor((_FAR, _MIDDLE), "Right", "Centered"),
        }
        for actor in self._actors.values():
            actor.GetTextProperty().SetFontSize(font_size)
            renderer.AddViewProp(actor)
        self._observers = Observers()
        self._observers.add(slice_node, ("ModifiedEvent",), lambda *_: self.update())
        self.update()

    @property
    def letters(self) -> Letters:
        """What is drawn now."""
        return Letters(**{edge: actor.GetInput() or "" for edge, actor in self._actors.items()})

    def update(self) -> None:
        """Brings the letters in line with the view."""
        wanted = letters_of_view(from_vtk_matrix(self._slice_node.GetSliceToRAS()))
        if wanted == self.letters:
            return
        for edge, actor in self._actors.items():
            actor.SetInput(getattr(wanted, edge))
        self._ask_redraw()

    def remove(self) -> None:
        """Takes the letters away; may be called twice."""
        self._observers.remove_all()
        for actor in self._actors.values():
            self.renderer.RemoveViewProp(actor)
        self._ask_redraw()


@dataclass(frozen=True)
class SliceView:
    """What the marks need of a slice view on the screen."""

    renderer: Any
    slice_node: Any
    ask_redraw: Callable[[], object]


def slice_view(layout_manager: Any, name: str) -> SliceView | None:
    """A slice view of Slicer's layout manager (qSlicerLayoutManager) by its layout name; None where it is not shown."""
    find = getattr(layout_manager, "sliceWidget", None)
    widget = find(name) if find is not None else None
    if widget is None:
        return None
    view = widget.sliceView()
    renderer = view.renderWindow().GetRenderers().GetItemAsObject(0)
    return None if renderer is None else SliceView(renderer, widget.mrmlSliceNode(), lambda: _redraw(view))


def _redraw(view: Any) -> None:
    with contextlib.suppress(ValueError):  # what PythonQt raises for a view that is gone, when Slicer quits
        view.scheduleRender()


class MarkedViews:
    """The marks of all views of the module; `show` may be called whenever the layout may have changed."""

    def __init__(self) -> None:
        self._marks: dict[str, OrientationMarks] = {}

    @property
    def marks(self) -> Mapping[str, OrientationMarks]:
        """By the view's layout name."""
        return dict(self._marks)

    def show(self, views: Mapping[str, SliceView | None]) -> None:
        """Marks these views, by layout name, and takes the marks of others away."""
        for name in [name for name in self._marks if views.get(name) is None]:
            self._marks.pop(name).remove()
        for name, view in views.items():
            known = self._marks.get(name)
            if view is None or (known is not None and known.renderer is view.renderer):
                continue
            if known is not None:
                known.remove()
            self._marks[name] = OrientationMarks(view.renderer, view.slice_node, view.ask_redraw)

    def remove(self) -> None:
        """Leaves all views as they were."""
        self.show({})


def _text_actor(place: tuple[float, float], across: str, along: str) -> Any:
    import vtk

    actor = vtk.vtkTextActor()
    actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
    actor.SetPosition(*place)
    actor.PickableOff()
    look = actor.GetTextProperty()
    look.SetFontFamilyToArial()
    look.SetColor(*MARK_RGB)
    look.BoldOn()
    look.ShadowOn()
    getattr(look, f"SetJustificationTo{across}")()
    getattr(look, f"SetVerticalJustificationTo{along}")()
    return actor
