"""The language of the worker: one JSON object a line, UTF-8, requests on its stdin, events on its stdout.

Requests
    {"protocol": 1, "id": "a1", "request": "reconstruct", "arguments": {...}}
    id:        letters, digits, '-' and '_', at most 64; chosen by the client, unique among its requests.
    protocol:  may be left out.
    request:   one of
        hello        {"device"}: versions, device, weights, what is installed
        simulate     radiographs from a CT           (jobs.SimulateRequest)
        annotate     automatic centroids             (more_jobs.AnnotateRequest)
        reconstruct  vertebrae from two radiographs  (jobs.ReconstructRequest)
        measure      a table of posture              (more_jobs.MeasureRequest)
        export       surfaces and labels as files    (more_jobs.ExportRequest)
        cancel       ends the job with this `id` (any job, when the id is ""): it answers with an error of kind
                     CancelledError; there is no answer when no such job runs
        shutdown     cancels the job, answers with a result, and ends the worker
    One job runs at a time; a request that comes while one runs is answered with an error. Paths are absolute; large
    data go through files.

Events; every one has "event" and "id" (that of the job, "" when it concerns none)
    ready     protocol, reverter, python, pid: the first line
    progress  done, total, text, stage, seconds_left (null while unknown), level and partial (null unless a vertebra
              was finished: its level and, where the request asked for them, the path of its surface)
    warning   text
    result    result: an object; the last event of a job
    error     kind, what, where, remedy, exit_code: the last event of a job (id ""): of a line that is no request
    exit_code 1: a fault in ReVerteR; 2, 3, 4, 5: as the exit codes of `reverter`.

The worker ends after shutdown and when its stdin is closed, which happens when its parent dies. A running job is
cancelled; if it does not end within two seconds it is abandoned, without a trace in its `out` (exit code 4, else 0).
Everything else that is printed in the worker, also by C libraries, goes to its stderr together with the log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ReVerteRLib import errors
from ReVerteRLib.errors import ArgumentError, ReVerteRError, as_any

PROTOCOL = 1
MAX_LINE = 1 << 20
"""Bytes; longer lines are refused."""

JOBS = ("hello", "simulate", "annotate", "reconstruct", "measure", "export")
CONTROLS = ("cancel", "shutdown")
LAST_EVENTS = ("result", "error")

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Request:
    """One line to the worker."""

    id: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Event:
    """One line from the worker; `data` is all but `event` and `id`."""

    name: str
    id: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_last(self) -> bool:
        """Whether no further event of its job follows."""
        return self.name in LAST_EVENTS


class ProtocolError(ArgumentError):
    """A line that is no request; `request_id` is its id where it could be read."""

    def __init__(self, what: str, request_id: str = "", remedy: str = "") -> None:
        self.request_id = request_id
        super().__init__(what, where="request", remedy=remedy)


def encode_request(request: Request) -> bytes:
    """The line of a request. Raises ArgumentError for arguments that JSON cannot carry."""
    record = {"protocol": PROTOCOL, "id": request.id, "request": request.name, "arguments": dict(request.arguments)}
    try:
        return _line(record)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"the arguments cannot be sent ({error})", where=request.name) from error


def decode_request(line: bytes) -> Request:
    """The request of a line. Raises ProtocolError."""
    record = _record(line)
    name, arguments, found = record.get("request"), record.get("arguments", {}), record.get("id", "")
    known = found if isinstance(found, str) and (_ID.fullmatch(found) or not found) else None
    if known is None or (known == "" and name not in CONTROLS):
        raise ProtocolError("the id is missing or impossible", remedy="Use up to 64 letters, digits, '-' and '_'")
    if record.get("protocol", PROTOCOL) != PROTOCOL:
        raise ProtocolError(
            f"protocol {record['protocol']} is unknown, this worker speaks {PROTOCOL}",
            known,
            "Use a client and a worker of one version of ReVerteR",
        )
    if name not in (*JOBS, *CONTROLS):
        raise ProtocolError(f"'{name}' is no request", known, f"Use one of {', '.join((*JOBS, *CONTROLS))}")
    if not isinstance(arguments, dict):
        raise ProtocolError("the arguments are no object", known)
    return Request(known, str(name), arguments)


def encode_event(event: Event) -> bytes:
    """The line of an event; what JSON cannot carry becomes text."""
    return _line({"event": event.name, "id": event.id, **event.data}, default=str)


def decode_event(line: bytes) -> Event:
    """The event of a line. Raises ProtocolError."""
    record = _record(line)
    name, job = record.pop("event", None), record.pop("id", "")
    if not isinstance(name, str) or not isinstance(job, str):
        raise ProtocolError("the line is no event")
    return Event(name, job, record)


def error_event(request_id: str, error: BaseException) -> Event:
    """The event that tells an error; a fault in the program becomes one with exit code 1."""
    known = as_any(error)
    data = {"what": known.what, "where": known.where, "remedy": known.remedy, "exit_code": known.exit_code}
    kind = next(c.__name__ for c in type(known).__mro__ if c.__module__ == errors.__name__)
    return Event("error", request_id, {"kind": kind, **data})


def error_from(event: Event) -> ReVerteRError:
    """The error that an event tells, of its class where this version knows it."""
    kind = getattr(errors, str(event.data.get("kind")), ReVerteRError)
    if not (isinstance(kind, type) and issubclass(kind, ReVerteRError)):
        kind = ReVerteRError
    what, where, remedy = (str(event.data.get(key, "")) for key in ("what", "where", "remedy"))
    return kind(what, where=where, remedy=remedy)


def _line(record: Mapping[str, Any], default: Any = None) -> bytes:
    return json.dumps(record, allow_nan=False, ensure_ascii=True, default=default).encode("ascii") + b"\n"


def _record(line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"the line is not JSON ({type(error).__name__})") from error
    if not isinstance(record, dict):
        raise ProtocolError("the line is no JSON object")
    return record
