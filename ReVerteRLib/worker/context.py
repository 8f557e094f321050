"""What a job is given besides its arguments: how it tells of itself, whether it was cancelled, loaded networks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ReVerteRLib.errors import CancelledError
from ReVerteRLib.progress import Cancelled

if TYPE_CHECKING:
    from ReVerteRLib.inference import Reconstructor

Tell = Callable[[str, dict[str, Any]], None]
"""tell(event name, data)"""


class Estimate:
    """Seconds left, from the mean time of what is done so far."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()

    def restart(self) -> None:
        """Counts from now on."""
        self._started = self._clock()

    def seconds_left(self, done: int, total: int) -> float | None:
        """None while nothing is done."""
        if done < 1:
            return None
        return round((self._clock() - self._started) / done * max(total - done, 0), 2)


class ModelStore:
    """Networks that stay loaded between jobs: the last one used, because two may not fit the memory of a GPU."""

    def __init__(self) -> None:
        self._key: tuple[str, int, int, str] | None = None
        self._loaded: Reconstructor | None = None
        self._detector: tuple[str | None, Any] | None = None

    def detector(self, name: str | None) -> Any:
        """The detector of this name (see detection.opening), loaded once. Raises WeightsError."""
        from ReVerteRLib.detection.opening import open_detector

        if self._detector is None or self._detector[0] != name:
            self._detector = (name, open_detector(name))
        return self._detector[1]

    def reconstructor(self, weights: str, device: str) -> Reconstructor:
        """The network of these weights on this device; read again when its file changed. Raises WeightsError."""
        from ReVerteRLib.inference import Reconstructor, load_weights
        from ReVerteRLib.inference.weights import find_weights

        path, _ = find_weights(weights)
        state = path.stat()
        key = (str(path), state.st_mtime_ns, state.st_size, device)
        if self._loaded is None or self._key != key:
            self.forget()
            self._loaded, self._key = Reconstructor(load_weights(weights), device), key
        return self._loaded

    def forget(self) -> None:
        """Frees the network."""
        self._key = self._loaded = None


@dataclass(frozen=True)
class JobContext:
    """One job's surroundings.

    token: name for hidden folders (see cli.staging.staged_folder); the job's id.
    tell:  sends an event.
    """

    token: str
    tell: Tell
    cancelled: Cancelled
    models: ModelStore
    estimate: Estimate

    def begin(self, stage: str) -> None:
        """Tells that a stage begins. Raises CancelledError when the job was cancelled."""
        self.check()
        self.progress(0, 0, stage, stage=stage)

    def check(self) -> None:
        """Raises CancelledError when the job was cancelled."""
        if self.cancelled():
            raise CancelledError("cancelled", remedy="Earlier results are unchanged")

    def progress(
        self,
        done: int,
        total: int,
        text: str,
        *,
        stage: str,
        level: str | None = None,
        partial: Path | None = None,
    ) -> None:
        """Sends a progress event; total 0 means that the end of this stage is unknown."""
        left = self.estimate.seconds_left(done, total)
        data = {"done": done, "total": total, "text": text, "stage": stage, "seconds_left": left}
        self.tell("progress", {**data, "level": level, "partial": str(partial) if partial else None})
