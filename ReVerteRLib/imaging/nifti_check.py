"""Whether a NIfTI file is complete: ITK reads a file that was cut short without complaint, the rest being zeros."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from ReVerteRLib.errors import VolumeError

_HEADER_BYTES = 352
_REMEDY = "The file was cut short or damaged, for example by a broken download or a full disk; copy it again"


def check_nifti_complete(path: Path) -> None:
    """Compares the voxel data of a .nii or .nii.gz with what its header announces; other files pass.

    Raises VolumeError for a file that is shorter or whose compressed stream is damaged.
    """
    path = Path(path)
    name = path.name.lower()
    if not name.endswith((".nii", ".nii.gz")):
        return
    try:
        packed = path.open("rb").read(2) == b"\x1f\x8b"
        opener: Callable[[Path, str], Any] = gzip.open if packed else open
        with opener(path, "rb") as stream:
            wanted = _announced_bytes(stream.read(_HEADER_BYTES))
            if wanted is None or (packed and _gzip_size(path) == wanted % 2**32):
                return
            found = _HEADER_BYTES + _remaining(stream) if packed else path.stat().st_size
    except (OSError, EOFError, zlib.error) as error:
        raise VolumeError(f"the file cannot be read ({error})", where=path, remedy=_REMEDY) from error
    if found < wanted:
        raise VolumeError(f"the file holds {found} of {wanted} bytes", where=path, remedy=_REMEDY)


def _announced_bytes(header: bytes) -> int | None:
    """Size of header and voxels of a NIfTI-1 file, None for what is none (ITK then says what is wrong)."""
    if len(header) < _HEADER_BYTES:
        return None
    order = next((o for o in "<>" if struct.unpack(f"{o}i", header[:4])[0] == 348), None)
    if order is None:
        return None
    dimensions = struct.unpack(f"{order}8h", header[40:56])
    (bits,) = struct.unpack(f"{order}h", header[72:74])
    (offset,) = struct.unpack(f"{order}f", header[108:112])
    voxels = 1
    for length in dimensions[1 : 1 + max(0, min(dimensions[0], 7))]:
        voxels *= max(1, length)
    return int(offset) + voxels * bits // 8


def _gzip_size(path: Path) -> int:
    """The uncompressed size that the last four bytes of a gzip file state (modulo 2^32)."""
    with path.open("rb") as stream:
        stream.seek(-4, 2)
        return int(struct.unpack("<I", stream.read(4))[0])


def _remaining(stream: IO[bytes]) -> int:
    count = 0
    while block := stream.read(1 << 20):
        count += len(block)
    return count
