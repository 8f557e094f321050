"""One error tree. Every error says what is wrong, where, and what to do about it."""

from __future__ import annotations

from pathlib import Path


class ReVerteRError(Exception):
    """Base of all errors that a user can meet.

    what:   what is wrong, one sentence without a full stop.
    where:  the file, argument, level or field that it concerns ("" when there is none).
    remedy: what the user can do about it.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | Path = "", remedy: str = "") -> None:
        self.what = what
        self.where = str(where)
        self.remedy = remedy
        super().__init__(self.message())

    def message(self) -> str:
        """'where: what. remedy' with empty parts left out."""
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}. {self.remedy}" if self.remedy else f"{text}."


class ArgumentError(ReVerteRError):
    """An argument or option is impossible (exit code 2)."""

    exit_code = 2


class InputError(ReVerteRError):
    """A file or its content cannot be used (exit code 3)."""

    exit_code = 3


class VolumeError(InputError):
    """A CT, label map or radiograph file is missing, broken or of the wrong kind."""


class GeometryError(InputError):
    """A projection geometry or an image orientation is impossible."""


class CentroidError(InputError):
    """A centroid file or a centroid is unusable."""


class DatasetError(InputError):
    """A data set tree or a subject in it is unusable; `problems` lists everything found."""

    def __init__(self, what: str, *, where: str | Path = "", remedy: str = "", problems: tuple[str, ...] = ()) -> None:
        self.problems = problems
        super().__init__(what, where=where, remedy=remedy)


class WeightsError(InputError):
    """A weights file is missing, altered or does not fit the network."""


class OutputError(InputError):
    """A result cannot be written."""


class CancelledError(ReVerteRError):
    """The user cancelled (exit code 4)."""

    exit_code = 4


class ResourceError(ReVerteRError):
    """Memory, disk or device does not suffice (exit code 5)."""

    exit_code = 5


def as_known(error: BaseException) -> ReVerteRError | None:
    """The error as one of ours (see known_faults for those of other libraries), None when the program is at fault."""
    from ReVerteRLib.known_faults import known_fault

    if isinstance(error, ReVerteRError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return CancelledError("cancelled", remedy="Earlier results are unchanged")
    return known_fault(error)


def as_any(error: BaseException) -> ReVerteRError:
    """The error as one of ours; a fault in the program becomes one that asks to be reported (exit code 1)."""
    known = as_known(error)
    if known is not None:
        return known
    reason = next((line.strip() for line in str(error).splitlines() if line.strip()), "no reason given")
    remedy = "This is a fault in ReVerteR; report it with the log"
    return ReVerteRError(f"unexpected {type(error).__name__}: {reason}", remedy=remedy)
