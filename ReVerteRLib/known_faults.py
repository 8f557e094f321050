"""What other libraries and the system raise when the computer, not the program, is at fault, in plain words.

The texts are those of PyTorch, NumPy, ITK and the system loader; users search the web for exactly these lines, so the
first one of them stays in the message.
"""

from __future__ import annotations

import errno
import sys
from dataclasses import dataclass

from ReVerteRLib.errors import OutputError, ResourceError, ReVerteRError

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Also EFBIG: a file system, or a limit set by the administrator, that takes no larger file."""
_NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)
_NO_ANSWER = (errno.EIO, errno.ESTALE, errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ETIMEDOUT)
_WINDOWS_LONG_NAME = 206


@dataclass(frozen=True)
class _Fault:
    """what: said instead of the library's words. remedy: what to do. texts: parts of the words, in small letters."""

    what: str
    remedy: str
    texts: tuple[str, ...]


_UNSUPPORTED = _Fault(
    "this PyTorch does not support the graphics card",
    "Choose the CPU as device, or install a PyTorch that is made for this graphics card",
    ("no kernel image is available", "invalid device function", "is not compatible with the current pytorch"),
)
_MEMORY = _Fault(
    "the memory does not suffice",
    "Close other programs, choose fewer levels, or use a smaller input",
    ("out of memory", "can't allocate memory", "not enough memory", "cudnn_status_alloc_failed", "bad_alloc",
     "bad allocation", "failed to allocate memory"),
)  # fmt: skip
_FAULTS = (
    _UNSUPPORTED,
    _MEMORY,
    _Fault(
        "PyTorch and NumPy do not fit together",
        "Install both again in this Python, in versions made for each other (PyTorch before 2.3 needs NumPy 1)",
        ("numpy is not available", "compiled using numpy", "_array_api not found", "dtype size changed",
         "multiarray failed to import"),
    ),
    _Fault(
        "no usable graphics card was found",
        "Choose the CPU as device, or install a driver and a PyTorch with CUDA",
        ("not compiled with cuda enabled", "found no nvidia driver", "driver version is insufficient"),
    ),
    _Fault(
        "the graphics card has failed",
        "Choose the CPU as device, or restart and try again",
        ("cuda error", "cudnn error", "cublas_status", "cudnn_status"),
    ),
    _Fault("the disk is full", "Free some space", ("no space left on device", "wrote only")),
)  # fmt: skip


def known_fault(error: BaseException) -> ReVerteRError | None:
    """The error as ResourceError or OutputError with what, where and remedy; None when the program is at fault."""
    if isinstance(error, MemoryError):
        return ResourceError(_MEMORY.what, remedy=_MEMORY.remedy)
    if isinstance(error, ImportError):
        return _import_fault(error)
    if isinstance(error, OSError):
        return _system_fault(error)
    if isinstance(error, RuntimeError | ValueError | AttributeError):
        fault = next((f for f in _FAULTS if _says(error, f)), None)
        return ResourceError(f"{fault.what} ({first_line(error)})", remedy=fault.remedy) if fault else None
    return None


def is_unsupported_device(error: BaseException) -> bool:
    """Whether this build of PyTorch has no code for the graphics card, so that only another device helps."""
    return _says(error, _UNSUPPORTED)


def first_line(error: BaseException) -> str:
    """What an error says, in one line without a full stop."""
    return next((line.strip().rstrip(".") for line in str(error).splitlines() if line.strip()), type(error).__name__)


def os_reason(error: OSError) -> str:
    """Why the system refused, in a few words; libraries such as pydicom hide it in pages of text."""
    return error.strerror or first_line(error)


def _says(error: BaseException, fault: _Fault) -> bool:
    text = str(error).lower()
    return any(part in text for part in fault.texts)


def _import_fault(error: ImportError) -> ReVerteRError | None:
    """A package that is missing, or whose own libraries cannot be loaded, in the Python that runs this."""
    package = (error.name or "").split(".")[0]
    if package == "ReVerteRLib":
        return None
    again = "Install it in this Python (section Set-up in Slicer), or choose another Python there"
    if isinstance(error, ModuleNotFoundError):
        return ResourceError(f"the package {package} is not installed", where=sys.executable, remedy=again)
    what = f"the package {package} cannot be loaded" if package else "a package cannot be loaded"
    return ResourceError(f"{what} ({first_line(error)})", where=sys.executable, remedy=again)


def _system_fault(error: OSError) -> ReVerteRError | None:
    where, reason = error.filename or "", os_reason(error)
    if error.errno in DISK_FULL:
        return ResourceError(f"the disk is full ({reason})", where=where, remedy="Free some space")
    if error.errno == errno.ENAMETOOLONG or getattr(error, "winerror", None) == _WINDOWS_LONG_NAME:
        return OutputError(
            "the path is too long", where=where, remedy="Choose a shorter name or a folder nearer the top"
        )
    if error.errno in _NOT_ALLOWED:
        return OutputError(
            f"access is refused ({reason})", where=where, remedy="Choose another place or ask for access"
        )
    if error.errno in _NO_ANSWER:
        return ResourceError(f"the drive does not answer ({reason})", where=where, remedy="Check the connection to it")
    if "dll" in reason.lower() or "cannot open shared object" in reason.lower():
        return ResourceError(
            f"a library cannot be loaded ({reason})", where=where or sys.executable, remedy="Install PyTorch again"
        )
    return None
