"""One batch at a time in a folder."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from ReVerteRLib.errors import OutputError
from ReVerteRLib.files import write_json

LOCK_FILE = ".batch.lock"
HOLDER_FILE = ".batch.json"


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[str]:
    """Holds `folder` for this process; yields "" or a sentence about the dead process from which it was taken over.

    The system's own file lock decides, which ends with its process, however that ends; on a file system without such
    locks a marker file stands for it. A record beside it says who holds the folder. Raises OutputError when another
    batch does, or when the folder cannot be locked.
    """
    from filelock import FileLock, Timeout

    lock, holder = FileLock(folder / LOCK_FILE), folder / HOLDER_FILE
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise OutputError(
            f"another batch writes to this folder ({_describe(holder)})",
            where=folder,
            remedy=f"Wait for it or choose another folder; if that process is gone, remove {LOCK_FILE} in it",
        ) from error
    except (OSError, NotImplementedError, RuntimeError) as error:  # RuntimeError: this very process holds it
        raise OutputError(
            f"the folder cannot be locked ({error})", where=folder, remedy="Choose one that no other batch uses"
        ) from error
    try:
        left = _describe(holder) if holder.is_file() else ""
        write_json(holder, _record())
        yield f"the batch folder was taken over from one that ended early ({left})" if left else ""
    finally:
        with contextlib.suppress(OSError):
            holder.unlink(missing_ok=True)
        lock.release()


def _record() -> dict[str, str | int]:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": since}


def _describe(holder: Path) -> str:
    try:
        record = json.loads(holder.read_text(encoding="utf-8"))
        return f"process {record['pid']} on {record['host']}, since {record['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "an unknown process"
