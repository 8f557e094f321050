"""Which function does which job."""

from __future__ import annotations

from ReVerteRLib.worker import jobs, more_jobs
from ReVerteRLib.worker.jobs import JobFunction

JOB_FUNCTIONS: dict[str, JobFunction] = {
    "hello": jobs.hello,
    "simulate": jobs.simulate,
    "annotate": more_jobs.annotate,
    "reconstruct": jobs.reconstruct,
    "measure": more_jobs.measure,
    "export": more_jobs.export,
}
