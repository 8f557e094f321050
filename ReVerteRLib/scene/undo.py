"""Undo and redo of whole states."""

from __future__ import annotations

from typing import Generic, TypeVar

from ReVerteRLib.errors import ArgumentError

State = TypeVar("State")
STEPS = 100


class UndoStack(Generic[State]):
    """Earlier and later states around the present one, which the caller holds; the oldest go when there are too many.

    Slicer's own scene undo is not used: it is off in the application, and it would take other nodes back, too.
    """

    def __init__(self, limit: int = STEPS) -> None:
        if limit < 1:
            raise ArgumentError(f"{limit} steps of undo are impossible", remedy="Use 1 or more")
        self._limit = limit
        self._earlier: list[State] = []
        self._later: list[State] = []

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier state."""
        return bool(self._earlier)

    @property
    def can_redo(self) -> bool:
        """Whether there is a state that was undone."""
        return bool(self._later)

    def push(self, before: State) -> None:
        """Remembers the state before a step; what was undone can no longer be redone."""
        self._earlier.append(before)
        del self._earlier[: -self._limit]
        self._later.clear()

    def undo(self, present: State) -> State | None:
        """The state before the last step, None when there is none."""
        return self._swap(self._earlier, self._later, present)

    def redo(self, present: State) -> State | None:
        """The state that was undone last, None when there is none."""
        return self._swap(self._later, self._earlier, present)

    def clear(self) -> None:
        """Forgets everything."""
        self._earlier.clear()
        self._later.clear()

    @staticmethod
    def _swap(source: list[State], target: list[State], present: State) -> State | None:
        if not source:
            return None
        target.append(present)
        return source.pop()
