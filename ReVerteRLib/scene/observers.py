"""Observers of VTK objects that are counted and taken away together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Callback = Callable[[Any, str], None]


class Observers:
    """Keeps the tags of all observers that it has added; `remove_all` may be called twice."""

    def __init__(self) -> None:
        self._tags: list[tuple[Any, int]] = []

    def __len__(self) -> int:
        return len(self._tags)

    def add(self, subject: Any, events: Iterable[int | str], callback: Callback) -> None:
        """Calls `callback(subject, event)` on each of the events."""
        self._tags.extend((subject, subject.AddObserver(event, callback)) for event in events)

    def remove(self, subject: Any) -> None:
        """Takes away those of one object."""
        for owner, tag in self._tags:
            if owner is subject:
                owner.RemoveObserver(tag)
        self._tags = [(owner, tag) for owner, tag in self._tags if owner is not subject]

    def remove_all(self) -> None:
        """Takes away all."""
        for owner, tag in self._tags:
            owner.RemoveObserver(tag)
        self._tags.clear()
