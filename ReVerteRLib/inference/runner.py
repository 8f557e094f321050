"""Runs the network on patches: batches, precision, and what happens when memory runs out."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.devices import device_chain, unused_gpu_note, use_bf16
from ReVerteRLib.errors import ResourceError, ReVerteRError
from ReVerteRLib.known_faults import is_unsupported_device

if TYPE_CHECKING:
    import torch

    from ReVerteRLib.anatomy import Level
    from ReVerteRLib.datasets.patches import VertebraPatches

_LOG = logging.getLogger("ReVerteR")
_BATCH = {"cuda": 8, "cpu": 2}  # patches at once, mirrored ones among them; more give nothing on a CPU


@dataclass(frozen=True)
class RunnerOptions:
    """How the network is run.

    device:     'auto', 'cpu' or 'cuda'.
    batch_size: vertebrae at once; None: 8 on a GPU, on a CPU 2, or 1 and its mirror image.
    threads:    CPU threads; None leaves torch's setting.
    precision:  'auto', 'fp32' or 'bf16'; auto takes bfloat16 where the hardware multiplies it.
    mirror:     average with the result for the mirrored patient; twice the time, a little more accurate.
    """

    device: str = "auto"
    batch_size: int | None = None
    threads: int | None = None
    precision: str = "auto"
    mirror: bool = False


class PatchRunner(Protocol):
    """What the Reconstructor needs; tests may bring their own."""

    notes: list[str]
    device: str

    @property
    def batch_size(self) -> int:
        """Vertebrae that fit at once."""

    def probabilities(self, patches: Sequence[VertebraPatches], levels: Sequence[Level]) -> NDArray[np.float32]:
        """(N, S, S, S) probabilities [z, y, x]."""


class NetworkRunner:
    """A network on a device; falls back to smaller batches, then to the CPU, and notes that it did.

    devices: names to try in turn, by default from `options.device`.
    """

    def __init__(
        self, network: torch.nn.Module, options: RunnerOptions, devices: tuple[str, ...] | None = None
    ) -> None:
        self._network = network.eval()
        self._options = options
        self._devices = list(devices or device_chain(options.device))
        self.notes: list[str] = []
        if devices is None and (note := unused_gpu_note(options.device)):
            self._say(note)
        self._enter(self._devices.pop(0))

    @property
    def batch_size(self) -> int:
        """Vertebrae that fit at once; shrinks after an out-of-memory."""
        return self._batch

    def probabilities(self, patches: Sequence[VertebraPatches], levels: Sequence[Level]) -> NDArray[np.float32]:
        """(N, S, S, S) probabilities [z, y, x]. Raises ResourceError when the last device cannot hold one."""
        done: list[NDArray[np.float32]] = []
        while len(done) < len(patches):
            part = slice(len(done), len(done) + self._batch)
            try:
                done.extend(self._averaged(patches[part], levels[part]))
            except (RuntimeError, MemoryError) as error:
                if is_unsupported_device(error) and self._devices:
                    self._move_on(f"The {_named(self.device)} is not supported by this PyTorch")
                elif isinstance(error, ReVerteRError) or not _is_out_of_memory(error):
                    raise
                else:
                    self._shrink(error)
        return np.stack(done)

    def _enter(self, device: str) -> None:
        self.device = device
        self._bf16 = use_bf16(self._options.precision, device)
        kind = device.split(":", maxsplit=1)[0]
        self._joint = self._options.mirror and kind == "cpu"
        self._batch = max(1, self._options.batch_size or _BATCH[kind] // (2 if self._joint else 1))
        if self._bf16:
            from ReVerteRLib.networks.blocks import to_channels_last

            to_channels_last(self._network)  # measured: 16 % faster in bfloat16, no gain in float32
        try:
            self._network.to(device)
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise
            self._batch = 1
            self._shrink(error)

    def _shrink(self, error: BaseException) -> None:
        _free_cached(self.device)
        if self._batch > 1:
            self._batch //= 2
            self._say(f"The {_named(self.device)} ran out of memory; going on with {self._batch} vertebra(e) at once")
        elif self._joint:
            self._joint = False
            self._say(f"The {_named(self.device)} ran out of memory; going on with one patch at once")
        elif self._devices:
            self._move_on(f"The {_named(self.device)} ran out of memory")
        else:
            raise ResourceError(
                f"the memory of the {_named(self.device)} does not suffice for one vertebra",
                remedy="Close other programs, or use smaller weights",
            ) from error

    def _move_on(self, why: str) -> None:
        following = self._devices.pop(0)
        self._say(f"{why}; going on with the {_named(following)}, slower")
        self._enter(following)

    def _say(self, text: str) -> None:
        self.notes.append(text)
        _LOG.warning(text)

    def _averaged(self, patches: Sequence[VertebraPatches], levels: Sequence[Level]) -> NDArray[np.float32]:
        if not self._options.mirror:
            return self._run(patches, levels)
        mirrored = [p.mirrored() for p in patches]
        if self._joint:
            both = self._run([*patches, *mirrored], [*levels, *levels])
            found, other = both[: len(patches)], both[len(patches) :]
        else:
            found, other = self._run(patches, levels), self._run(mirrored, levels)
        found += other[..., ::-1]
        found *= np.float32(0.5)
        return found

    def _run(self, patches: Sequence[VertebraPatches], levels: Sequence[Level]) -> NDArray[np.float32]:
        import torch

        def batch(arrays: Sequence[NDArray[np.generic]]) -> torch.Tensor:
            return torch.from_numpy(np.stack(arrays).astype(np.float32)).to(self.device)

        priors = [p.prior[None] for p in patches if p.prior is not None]
        extra = {"prior": batch(priors)} if priors else {}
        with _threads(self._options.threads), torch.inference_mode():
            order = torch.tensor([level.order for level in levels], dtype=torch.int64, device=self.device)
            with torch.autocast(self.device.split(":")[0], torch.bfloat16, enabled=self._bf16):
                logits = self._network(
                    batch([p.ap for p in patches]),
                    batch([p.lateral for p in patches]),
                    level=order,
                    centroid_zyx=batch([p.centroid_zyx for p in patches]),
                    perspective=batch([p.perspective for p in patches]),
                    **extra,
                )
            result: NDArray[np.float32] = torch.sigmoid(logits[:, 0].float()).cpu().numpy()
        return result


def _is_out_of_memory(error: BaseException) -> bool:
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return "out of memory" in text or "can't allocate memory" in text or "cudnn_status_alloc_failed" in text


def _free_cached(device: str) -> None:
    if device.startswith("cuda"):
        import torch

        torch.cuda.empty_cache()


def _named(device: str) -> str:
    return "GPU" if device.startswith("cuda") else "CPU"


@contextlib.contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """Sets torch's thread count for a while; it is global, and Slicer has other users of it."""
    import torch

    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(max(1, count))
    try:
        yield
    finally:
        if count is not None:
            torch.set_num_threads(before)
