"""The connection to Dask: a cluster of this machine's processes, or one that runs already."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeVar

from ReVerteRLib.batch.schedule import Schedule
from ReVerteRLib.errors import ResourceError

if TYPE_CHECKING:
    from distributed import Client, LocalCluster

Closable = TypeVar("Closable", bound="Client | LocalCluster")

_PROFILE = "distributed.worker.profile.enabled"
"""Off: a worker's profile of itself grows by 0.2 MB a second for an hour, and nobody looks at it."""


@contextlib.contextmanager
def connected(schedule: Schedule) -> Iterator[Client]:
    """A client of the schedule's cluster; a local cluster is started and ended with it.

    Raises ResourceError when a scheduler does not answer or local workers do not start.
    """
    from distributed import Client

    address = schedule.address
    if not address:
        with _local_cluster(schedule) as client:
            yield client
        return
    where = {"scheduler_file": address} if address.endswith(".json") else {"address": address}
    try:
        client = Client(**where, timeout=schedule.connect_s, set_as_default=False)
    except (OSError, ValueError) as error:  # ValueError: a file that is not a scheduler's
        raise ResourceError(
            f"no Dask scheduler answers ({_first_line(error)})",
            where=schedule.scheduler,
            remedy="Check that it runs and that its port can be reached from here (firewall, TLS settings)",
        ) from error
    with _closed(client):
        yield client


@contextlib.contextmanager
def _closed(thing: Closable) -> Iterator[Closable]:
    """Closes it in the end; on a busy machine that may take longer than Dask waits, which changes nothing any more."""
    try:
        yield thing
    finally:
        with contextlib.suppress(TimeoutError, OSError):
            thing.close()


@contextlib.contextmanager
def _local_cluster(schedule: Schedule) -> Iterator[Client]:
    """Worker processes on this machine, each with its share of memory and processors."""
    import dask
    from distributed import Client, LocalCluster
    from distributed.system import MEMORY_LIMIT

    workers = schedule.workers or 1
    with _environment_kept(), dask.config.set({_PROFILE: False}):
        try:
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                memory_limit=MEMORY_LIMIT // workers,
                dashboard_address=None,
                silence_logs=logging.ERROR,
            )
        except (OSError, RuntimeError, TimeoutError) as error:
            raise ResourceError(
                f"the {workers} worker processes do not start ({_first_line(error)})",
                where="--workers",
                remedy="Use fewer, or none",
            ) from error
        with _closed(cluster), _closed(Client(cluster, set_as_default=False)) as client:
            yield client


@contextlib.contextmanager
def _environment_kept() -> Iterator[None]:
    """Dask sets variables like OMP_NUM_THREADS in this process for the sake of its children."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]


def local_threads(schedule: Schedule) -> int | None:
    """Threads of each worker, None where the cluster decides."""
    if schedule.threads is not None or schedule.address:
        return schedule.threads
    from dask.system import CPU_COUNT

    return max(1, CPU_COUNT // (schedule.workers or 1))


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
