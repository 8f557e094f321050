"""Keys of the centroid editor; the panel binds them while the module is open and no longer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from ReVerteRLib.anatomy import Level
from ReVerteRLib.scene.centroid_editor import CentroidEditor


class Action(Enum):
    """What a key does."""

    DELETE = "delete"
    LOCK = "lock"
    CHECK = "check"
    NEXT_LEVEL = "next level"
    PREVIOUS_LEVEL = "previous level"
    UNDO = "undo"
    REDO = "redo"
    ANCHOR = "anchor"
    CANCEL = "cancel"


@dataclass(frozen=True)
class Key:
    """A key in the portable text of QKeySequence (Ctrl is Command on a Mac), its action, and a text for the help."""

    sequence: str
    action: Action
    text: str


KEYS: tuple[Key, ...] = (
    Key("Del", Action.DELETE, "Delete the selected centroid"),
    Key("Shift+L", Action.LOCK, "Lock or unlock the selected centroid"),
    Key("Shift+X", Action.CHECK, "Take the selected level into the reconstruction or leave it out"),
    Key("Shift+Down", Action.NEXT_LEVEL, "Select the next level towards the feet"),
    Key("Shift+Up", Action.PREVIOUS_LEVEL, "Select the next level towards the head"),
    Key("Ctrl+Z", Action.UNDO, "Undo"),
    Key("Ctrl+Y", Action.REDO, "Redo"),
    Key("Ctrl+Shift+Z", Action.REDO, "Redo"),
    Key("Shift+A", Action.ANCHOR, "Say which level the selected centroid is; the others follow"),
    Key("Esc", Action.CANCEL, "Forget the first click, or the selection"),
)
"""No key is a plain letter: those belong to Slicer's views."""


def perform(
    action: Action, editor: CentroidEditor, ask_level: Callable[[Level | None], Level | str | None] | None = None
) -> bool:
    """Does what a key asks for; False when there was nothing to do it to.

    ask_level: for the anchor, gets the present level and returns the chosen one, or None when the user declines.
    Raises what the editor raises, for example for locked points.
    """
    if action in (Action.UNDO, Action.REDO):
        return editor.undo() if action is Action.UNDO else editor.redo()
    if action in (Action.NEXT_LEVEL, Action.PREVIOUS_LEVEL):
        return editor.select_next(1 if action is Action.NEXT_LEVEL else -1) is not None
    if action is Action.CANCEL:
        anything = editor.pending is not None or editor.selected is not None
        editor.select(None)
        return anything
    if editor.selected is None:
        return False
    return _to_selected(action, editor, editor.selected, ask_level)


def _to_selected(
    action: Action,
    editor: CentroidEditor,
    index: int,
    ask_level: Callable[[Level | None], Level | str | None] | None,
) -> bool:
    point = editor.points[index]
    if action is Action.DELETE:
        editor.delete(index)
    elif action is Action.LOCK:
        editor.set_locked(index, not point.locked)
    elif action is Action.CHECK:
        editor.set_checked(index, not point.checked)
    else:
        level = ask_level(point.level) if ask_level is not None else None
        if level is None:
            return False
        editor.anchor(index, level)
    return True
