"""Long work in a process of its own: it can be cancelled, may run out of memory, and never blocks a window.

`python -m ReVerteRLib.worker` is the worker; `WorkerClient` starts it, sends it jobs and restarts it after a crash.
"""

from __future__ import annotations

from ReVerteRLib.worker.client import Job, JobState, WorkerClient
from ReVerteRLib.worker.launch import Launch, default_launch
from ReVerteRLib.worker.protocol import PROTOCOL, Event

__all__ = ["PROTOCOL", "Event", "Job", "JobState", "Launch", "WorkerClient", "default_launch"]
