"""Which device and which precision computations run with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ReVerteRLib.errors import ArgumentError

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("auto", "fp32", "bf16")


def pick_device(device: str) -> torch.device:
    """The torch device for 'auto' (a GPU where there is one), 'cpu', 'cuda' or 'cuda:N'.

    Raises ArgumentError for unknown names and for a GPU where there is none.
    """
    import torch

    if device.split(":", maxsplit=1)[0] not in DEVICES:
        raise ArgumentError(f"device '{device}' is unknown", remedy=f"Use one of {', '.join(DEVICES)}")
    available = torch.cuda.is_available()
    if device.startswith("cuda") and not available:
        raise ArgumentError("no usable CUDA device was found", where="device", remedy="Use cpu or auto")
    if device == "auto":
        return torch.device("cuda" if available else "cpu")
    return torch.device(device)


def device_chain(device: str) -> tuple[str, ...]:
    """Devices to try in turn: a GPU is followed by the CPU, where there is always some memory (see pick_device)."""
    first = str(pick_device(device))
    return (first,) if first == "cpu" else (first, "cpu")


def cpu_has_bf16() -> bool:
    """Whether the CPU multiplies bfloat16 in hardware (AVX512-BF16 or AMX); emulation is slower than float32."""
    import torch

    capabilities = getattr(torch.cpu, "get_capabilities", None)
    if capabilities is not None:
        found = capabilities()
        return bool(found.get("avx512_bf16") or found.get("amx_bf16"))
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8", errors="ignore") if info.is_file() else ""
    return "avx512_bf16" in text or "amx_bf16" in text


def use_bf16(precision: str, device: str) -> bool:
    """Whether to run under bfloat16 autocast on this device. Raises ArgumentError for unknown precisions."""
    if precision not in PRECISIONS:
        raise ArgumentError(f"precision '{precision}' is unknown", remedy=f"Use one of {', '.join(PRECISIONS)}")
    if precision != "auto":
        return precision == "bf16"
    if device.startswith("cuda"):
        import torch

        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return cpu_has_bf16()
