"""What the user sees: results on standard output; progress, notes and errors on standard error."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ReVerteRLib.progress import Progress as ProgressCallback

if TYPE_CHECKING:
    from rich.progress import Progress


class Console:
    """Messages of one run; `quiet` leaves only errors and results that were asked for."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self._live: Progress | None = None

    def say(self, text: str = "") -> None:
        """A line of results on standard output."""
        if not self.quiet:
            print(text)

    def note(self, text: str) -> None:
        """A remark on standard error."""
        if not self.quiet:
            self._to_stderr(f"reverter: note: {text}")

    def error(self, text: str) -> None:
        """The reason why the run failed."""
        self._to_stderr(f"reverter: error: {text}")

    def table(self, title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """A table on standard output; the first column is text, the others are numbers."""
        if self.quiet:
            return
        from rich.console import Console as RichConsole
        from rich.table import Table

        table = Table(title=title, title_justify="left")
        for number, name in enumerate(head):
            table.add_column(name, justify="left" if number == 0 else "right")
        for row in rows:
            table.add_row(*(str(cell) for cell in row))
        RichConsole(file=sys.stdout).print(table)

    @contextlib.contextmanager
    def progress(self, title: str) -> Iterator[ProgressCallback]:
        """A bar with the current item and the time left; yields the callback (done, total, text)."""
        from rich.console import Console as RichConsole
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description:<12}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[item]}"),
        )
        with Progress(*columns, console=RichConsole(file=sys.stderr), disable=self.quiet) as live:
            task = live.add_task(title, total=None, item="")
            self._live = live
            try:
                yield lambda done, total, text: live.update(task, completed=done, total=total, item=text)
            finally:
                self._live = None

    @contextlib.contextmanager
    def log_notes(self) -> Iterator[None]:
        """Shows the library's warnings as notes."""
        logger, handler = logging.getLogger("ReVerteR"), _NoteHandler(self)
        propagated, logger.propagate = logger.propagate, False
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.propagate = propagated

    def _to_stderr(self, text: str) -> None:
        if self._live is not None:
            self._live.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            print(text, file=sys.stderr)


class _NoteHandler(logging.Handler):
    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        self._console.note(record.getMessage())
