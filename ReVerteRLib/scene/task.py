"""What the panel has done for it in the worker: the inputs as files, the request, and the result back in the scene."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ReVerteRLib.errors import ReVerteRError
from ReVerteRLib.progress import Cancelled, Progress


@dataclass(frozen=True)
class Call:
    """A request to the worker: its name and its arguments (see worker.protocol)."""

    name: str
    arguments: Mapping[str, Any]


class Task(ABC):
    """One piece of work with nodes of a scene as input and output; `prepare`, then the worker, then `finish`.

    Between the two the user may change everything: the inputs were read before. A task adds nothing to the scene that
    stays before `finish`, and `abandon` is called instead of it after an error or when it was cancelled.
    """

    title = ""
    """What is going on, for the status line."""

    places: Mapping[str, str] = {}
    """Names in the scene of files that the worker reads, for messages; `prepare` fills it in."""

    @abstractmethod
    def prepare(self, folder: Path) -> Call:
        """Writes what the worker reads into an empty folder. Raises ReVerteRError for inputs that cannot be used."""

    @abstractmethod
    def finish(self, result: Mapping[str, Any]) -> Any:
        """Takes the worker's result into the scene. Raises ReVerteRError."""

    def show_part(self, level: str, path: Path) -> None:  # noqa: B027 - most tasks show nothing before the end
        """One vertebra is finished before the rest; its surface (LPS mm) lies there."""

    def in_the_scene(self, error: ReVerteRError) -> ReVerteRError:
        """The worker's error with nodes instead of the temporary files that were made of them."""
        where = error.where
        for path, name in self.places.items():
            where = where.replace(path, name)
        return error if where == error.where else type(error)(error.what, where=where, remedy=error.remedy)

    def abandon(self) -> None:  # noqa: B027
        """Takes away what `show_part` has shown."""


def run_now(task: Task, progress: Progress | None = None, cancelled: Cancelled | None = None) -> Any:
    """Does a task in this process and returns what `finish` returns: for scripts, which wait anyway.

    Raises what the task raises.
    """
    import tempfile

    from ReVerteRLib.batch.runners import DirectRunner

    with tempfile.TemporaryDirectory(prefix="reverter-") as folder:
        try:
            call = task.prepare(Path(folder))
            result = DirectRunner().run(call.name, call.arguments, progress, cancelled)
            return task.finish(result)
        except ReVerteRError as error:
            task.abandon()
            raise task.in_the_scene(error) from error
        except BaseException:
            task.abandon()
            raise
