"""Results appear whole or not at all: they are made in a hidden folder and moved into place at the end."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ReVerteRLib.errors import OutputError
from ReVerteRLib.files import ensure_writable_folder


@contextlib.contextmanager
def staged_folder(out: Path) -> Iterator[Path]:
    """Yields a hidden folder in `out`; on success its content replaces what has the same names in `out`.

    On any failure, also Ctrl+C, it is removed and everything in `out` stays as it was; an `out` that was made for it
    goes as well. Raises OutputError, before anything is done, when `out` cannot be written.
    """
    is_new = not Path(out).exists()
    out = ensure_writable_folder(Path(out))
    staging = Path(tempfile.mkdtemp(prefix=".partial-", dir=out))
    try:
        yield staging
        try:
            _move_into_place(staging, out)
        except OSError as error:
            raise OutputError(
                f"the results cannot be moved there ({error.strerror or error})",
                where=out,
                remedy="Close programs that use files in it, check permissions",
            ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        if is_new:
            with contextlib.suppress(OSError):  # it stays when it holds the results
                out.rmdir()


def _move_into_place(staging: Path, out: Path) -> None:
    """Renames entry by entry; what was there goes to a side folder first and comes back if a rename fails."""
    old = Path(tempfile.mkdtemp(prefix=".replaced-", dir=out))
    moved: list[str] = []
    entries = sorted(p.name for p in staging.iterdir())
    try:
        for name in entries:
            if (out / name).exists() or (out / name).is_symlink():
                (out / name).rename(old / name)
            (staging / name).rename(out / name)
            moved.append(name)
    except BaseException:
        for name in entries:
            if name in moved:
                (out / name).rename(staging / name)
            if (old / name).exists():
                (old / name).rename(out / name)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


class StageClock:
    """Seconds of named stages, in the order in which they were first entered."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds the time inside the block to `name`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - started)

    def add(self, name: str, seconds: float) -> None:
        """Adds a time measured elsewhere."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    def rounded(self) -> dict[str, float]:
        """For reports: hundredths of a second."""
        return {name: round(value, 2) for name, value in self.seconds.items()}
