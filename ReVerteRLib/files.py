"""Writing without half files: outputs get a temporary name and are renamed when complete."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ReVerteRLib.errors import OutputError
from ReVerteRLib.known_faults import os_reason


def all_suffixes(path: Path) -> str:
    """'.seg.nrrd', '.nii.gz', '.mrk.json' or the plain suffix; writers choose the format by it."""
    for known in (".seg.nrrd", ".nii.gz", ".mrk.json"):
        if path.name.lower().endswith(known):
            return path.name[-len(known) :]
    return path.suffix


@contextlib.contextmanager
def written_aside(target: Path) -> Iterator[Path]:
    """Yields a temporary path beside `target`, renamed to it on success and removed on failure.

    An existing `target` survives any failure. Raises OutputError when the folder cannot be written.
    """
    target = Path(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".partial-", suffix=all_suffixes(target), dir=target.parent)
        os.close(handle)
    except OSError as error:
        remedy = "Choose a folder that you may write to"
        if error.errno == errno.ENAMETOOLONG:
            remedy = "The path is too long; choose a shorter name or a folder nearer the top"
        raise OutputError(f"cannot be written ({os_reason(error)})", where=target, remedy=remedy) from error
    aside = Path(name)
    try:
        yield aside
        aside.chmod(0o644)
        aside.replace(target)
    except OSError as error:
        raise OutputError(
            f"cannot be written ({os_reason(error)})", where=target, remedy="Check free space and permissions"
        ) from error
    finally:
        aside.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Writes UTF-8 text in one step."""
    with written_aside(target) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(target: Path, value: Any) -> None:
    """Writes indented JSON in one step; NaN and infinity are refused because JSON has none."""
    write_text(target, json.dumps(value, indent=2, allow_nan=False) + "\n")


def ensure_writable_folder(folder: Path) -> Path:
    """Creates `folder` and proves that it can be written, before any long work starts. Raises OutputError."""
    try:
        with written_aside(Path(folder) / ".write-test"):
            pass
    except OutputError as error:
        raise OutputError(error.what, where=folder, remedy=error.remedy) from error
    (Path(folder) / ".write-test").unlink(missing_ok=True)
    return Path(folder)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, lower-case hex."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def cache_folder() -> Path:
    """The user's cache folder for ReVerteR: $REVERTER_CACHE, else the platform's usual place."""
    if chosen := os.environ.get("REVERTER_CACHE"):
        return Path(chosen)
    if local := os.environ.get("LOCALAPPDATA"):
        return Path(local) / "reverter" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reverter"
