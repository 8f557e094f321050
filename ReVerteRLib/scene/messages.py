"""VTK reports errors by printing them; here they become text that can be shown and exceptions that can be caught."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ReVerteRLib.errors import ReVerteRError


@dataclass
class VtkMessages:
    """What VTK said while it was listened to; the lists grow until the listening ends."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """The first error without VTK's preamble of file and line, '' when there was none."""
        if not self.errors:
            return ""
        lines = [line.strip() for line in self.errors[0].splitlines() if line.strip()]
        return (lines[1] if len(lines) > 1 else lines[0]).rstrip(".")


@contextlib.contextmanager
def vtk_messages() -> Iterator[VtkMessages]:
    """Collects VTK's errors and warnings instead of letting them be printed, to the output window and to stderr.

    The earlier output window and verbosity come back at the end, also after an exception.
    """
    import vtk

    verbosity = vtk.vtkLogger.ConvertToVerbosity(vtk.vtkLogger.GetCurrentVerbosityCutoff())
    messages = VtkMessages()
    window, before = vtk.vtkStringOutputWindow(), vtk.vtkOutputWindow.GetInstance()
    window.SetDisplayModeToNever()
    window.AddObserver(vtk.vtkCommand.ErrorEvent, _listener(messages.errors))
    window.AddObserver(vtk.vtkCommand.WarningEvent, _listener(messages.warnings))
    vtk.vtkOutputWindow.SetInstance(window)
    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_OFF)
    try:
        yield messages
    finally:
        vtk.vtkLogger.SetStderrVerbosity(verbosity)
        vtk.vtkOutputWindow.SetInstance(before)


@contextlib.contextmanager
def vtk_errors_raised(kind: type[ReVerteRError] = ReVerteRError) -> Iterator[VtkMessages]:
    """As `vtk_messages`, and raises `kind` at the end when VTK reported an error (not for warnings).

    An exception of the body itself passes unchanged.
    """
    with vtk_messages() as messages:
        yield messages
    if messages.errors:
        more = f" (and {len(messages.errors) - 1} more)" if len(messages.errors) > 1 else ""
        raise kind(f"VTK reported: {messages.summary()}{more}")


def _listener(messages: list[str]) -> Any:
    import vtk

    def listen(_caller: Any, _event: str, text: str = "") -> None:
        messages.append(text)

    listen.CallDataType = vtk.VTK_STRING  # type: ignore[attr-defined]
    return listen
