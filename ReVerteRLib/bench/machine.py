"""What the numbers were measured on, and what that machine can do at best."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ReVerteRLib.bench.record import Row, timed_row

PART = "limits"
_BANDWIDTH_VOXELS = 1 << 28
_QUICK_VOXELS = 1 << 22


def describe(threads: int) -> dict[str, Any]:
    """Processor, cores, threads used, versions, load and date."""
    import torch

    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "threads": threads,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else -1.0,
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def repeated(run: Callable[[], Any], repeats: int) -> list[float]:
    """Seconds of each of `repeats` runs after a warm-up."""
    run()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return times


def measure_limits(threads: int, repeats: int, *, quick: bool = False) -> list[Row]:
    """Memory bandwidth (reading int16, as a CT is stored) and the rate of 3x3x3 convolutions."""
    import torch

    torch.set_num_threads(threads)
    stored = torch.zeros(_QUICK_VOXELS if quick else _BANDWIDTH_VOXELS, dtype=torch.int16)
    times = repeated(stored.amax, repeats)  # reads everything, writes nothing, and keeps up with the memory
    read = stored.numel() * stored.element_size()
    rows = [timed_row((PART, "read memory", "torch"), times, gb_per_s=read / min(times) / 1e9)]
    del stored
    size = 16 if quick else 60
    return [*rows, *(_convolution(precision, repeats, size) for precision in ("fp32", "bf16"))]


def _convolution(precision: str, repeats: int, size: int) -> Row:
    """A 3D convolution with 32 channels, forward: the best that a network's forward pass could do."""
    import torch

    from ReVerteRLib.networks.blocks import to_channels_last

    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    layer = to_channels_last(torch.nn.Conv3d(32, 32, 3, padding=1, bias=False)).to(kind)
    values = torch.randn(1, 32, size, size, size, dtype=kind).contiguous(memory_format=torch.channels_last_3d)
    with torch.inference_mode():
        times = repeated(lambda: layer(values), repeats)
    work = 2.0 * 32 * 32 * 27 * size**3
    return timed_row((PART, f"convolve {precision}", "torch"), times, gflop_per_s=work / min(times) / 1e9)
