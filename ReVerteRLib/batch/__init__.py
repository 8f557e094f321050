"""Many cases, one by one or on a cluster: resumable, and a bad one never stops the rest. See `process_batch`."""

from __future__ import annotations

from ReVerteRLib.batch.case import BatchOptions, CaseOutcome, process_case
from ReVerteRLib.batch.cases import BatchCase, read_cases
from ReVerteRLib.batch.process import BatchResult, process_batch
from ReVerteRLib.batch.runners import DirectRunner, JobRunner, WorkerRunner
from ReVerteRLib.batch.schedule import Schedule

__all__ = [
    "BatchCase",
    "BatchOptions",
    "BatchResult",
    "CaseOutcome",
    "DirectRunner",
    "JobRunner",
    "Schedule",
    "WorkerRunner",
    "process_batch",
    "process_case",
    "read_cases",
]
