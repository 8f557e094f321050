"""Many cases one after another: resumable, and a bad one never stops the rest. See `process.process_batch`."""

from __future__ import annotations

from ReVerteRLib.batch.case import BatchOptions, CaseOutcome, process_case
from ReVerteRLib.batch.cases import BatchCase, read_cases
from ReVerteRLib.batch.process import BatchResult, process_batch
from ReVerteRLib.batch.runners import DirectRunner, JobRunner, WorkerRunner

__all__ = [
    "BatchCase",
    "BatchOptions",
    "BatchResult",
    "CaseOutcome",
    "DirectRunner",
    "JobRunner",
    "WorkerRunner",
    "process_batch",
    "process_case",
    "read_cases",
]
