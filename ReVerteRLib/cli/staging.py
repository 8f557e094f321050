"""Results appear whole or not at all: they are made in a hidden folder and moved into place at the end."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from ReVerteRLib.errors import ArgumentError, OutputError
from ReVerteRLib.files import ensure_writable_folder

_STAGING, _REPLACED = ".partial-", ".replaced-"


@contextlib.contextmanager
def staged_folder(out: Path, token: str | None = None) -> Iterator[Path]:
    """Yields a hidden folder in `out`; on success its content replaces what has the same names in `out`.

    token: name of the hidden folder, by which `recover_folder` finds it when this process is killed.
    On any failure, also Ctrl+C, it is removed and everything in `out` stays as it was; an `out` that was made for it
    goes as well. Raises OutputError, before anything is done, when `out` cannot be written.
    """
    is_new = not Path(out).exists()
    out = ensure_writable_folder(Path(out))
    token = token or secrets.token_hex(6)
    staging = out / f"{_STAGING}{token}"
    staging.mkdir()
    try:
        yield staging
        try:
            _move_into_place(staging, out, out / f"{_REPLACED}{token}")
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


def recover_folder(out: Path, token: str) -> None:
    """Ends what a killed process left behind: its finished results are moved into place, unfinished ones removed.

    token: as given to `staged_folder`. Call it only when that process is gone; files that resist stay.
    """
    staging, old = Path(out) / f"{_STAGING}{token}", Path(out) / f"{_REPLACED}{token}"
    if old.is_dir() and staging.is_dir():  # results are only moved when they are complete
        with contextlib.suppress(OSError):
            for entry in sorted(staging.iterdir()):
                target = Path(out) / entry.name
                if target.exists() or target.is_symlink():
                    target.rename(old / entry.name)
                entry.rename(target)
    shutil.rmtree(staging, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def left_behind(out: Path) -> list[str]:
    """Tokens of staged folders in `out`, of processes that still run or that were killed."""
    if not Path(out).is_dir():
        return []
    return sorted(p.name[len(_STAGING) :] for p in Path(out).iterdir() if p.name.startswith(_STAGING) and p.is_dir())


def _move_into_place(staging: Path, out: Path, old: Path) -> None:
    """Renames entry by entry; what was there goes to a side folder first and comes back if a rename fails."""
    old.mkdir()
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


def refuse_overwriting(out: Path, resume: bool) -> None:
    """An earlier training is hours of work; it is never overwritten by a forgotten --resume. Raises ArgumentError."""
    found = (out / "checkpoint.pt").is_file()
    if found and not resume:
        raise ArgumentError(
            "the folder holds a training already", where=out, remedy="Add --resume to go on with it, or choose another"
        )
    if resume and not found:
        raise ArgumentError("there is no checkpoint to resume", where=out, remedy="Leave --resume out")
