"""Where the cases of a batch run, and with how many workers."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from ReVerteRLib.errors import ArgumentError

LOCAL = "local"
_PREFIX = "dask://"
_PROTOCOLS = ("tcp://", "tls://", "ucx://", "ws://", "wss://")


@dataclass(frozen=True)
class Schedule:
    """How cases are spread; it changes nothing in the results.

    scheduler:     "local": this machine; "dask://HOST:PORT" or "dask://FILE.json" (the scheduler's own file): a Dask
                   cluster whose workers see the same files.
    workers:       local: so many worker processes under Dask; None: one process, without Dask. On a cluster: workers
                   to wait for before the first case (None: one); it may grow and shrink later.
    threads:       for the computations of each worker; None: the processors divided by the workers, on a cluster what
                   each worker was started with.
    tries:         workers that a case may cost before it has failed; None: 2 without Dask, 3 with it.
    restart_after: cases after which a worker is started afresh; 0: never.
    connect_s:     how long to try to reach the scheduler, in seconds.
    patience_s:    how long to go on without any worker, in seconds.
    """

    scheduler: str = LOCAL
    workers: int | None = None
    threads: int | None = None
    tries: int | None = None
    restart_after: int = 0
    connect_s: float = 20.0
    patience_s: float = 600.0

    @property
    def uses_dask(self) -> bool:
        """Whether Dask is needed at all."""
        return self.scheduler != LOCAL or self.workers is not None

    @property
    def address(self) -> str:
        """Of the scheduler as Dask writes it (tcp://HOST:PORT), or its file; "" for this machine.

        Raises ArgumentError for what is no address.
        """
        if self.scheduler == LOCAL:
            return ""
        place = self.scheduler.removeprefix(_PREFIX)
        if not self.scheduler.startswith(_PREFIX) or not place:
            raise ArgumentError(
                f"'{self.scheduler}' is no scheduler",
                where="--scheduler",
                remedy="Use local, dask://HOST:PORT or dask://FILE.json",
            )
        if place.endswith(".json") or place.startswith(_PROTOCOLS):
            return place
        host, _, port = place.rpartition(":")
        if not host or not port.isdecimal():
            raise ArgumentError(
                f"'{place}' has no port",
                where="--scheduler",
                remedy="Write it as dask://HOST:PORT; 8786 is the usual one",
            )
        return f"tcp://{place}"

    def check(self) -> None:
        """Raises ArgumentError for impossible values, a scheduler's file that is missing, or a missing Dask."""
        for name in ("workers", "threads", "tries"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ArgumentError(f"{value} is impossible", where=f"--{name}", remedy="Use 1 or more")
        address = self.address
        if self.uses_dask and importlib.util.find_spec("distributed") is None:
            raise ArgumentError(
                "Dask is not installed, and --workers and dask:// need it",
                where="--scheduler",
                remedy="Install it (pip install distributed), or leave both options out",
            )
        if address.endswith(".json") and not Path(address).is_file():
            raise ArgumentError(
                "the scheduler's file is not there", where=address, remedy="Start the scheduler with --scheduler-file"
            )
