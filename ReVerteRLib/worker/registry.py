"""Which function does which job."""

from __future__ import annotations

from ReVerteRLib.worker import jobs
from ReVerteRLib.worker.jobs import JobFunction

JOB_FUNCTIONS: dict[str, JobFunction] = {
    "hello": jobs.hello,
    "simulate": jobs.simulate,
    "reconstruct": jobs.reconstruct,
}
