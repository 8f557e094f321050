"""Which device and which precision computations run with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ReVerteRLib.errors import ArgumentError, as_known
from ReVerteRLib.known_faults import first_line

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("auto", "fp32", "bf16")


def pick_device(device: str) -> torch.device:
    """The torch device for 'auto' (a GPU where there is one that works), 'cpu', 'cuda' or 'cuda:N'.

    Raises ArgumentError for unknown names and for a GPU where there is none, or none that works.
    """
    import torch

    if device.split(":", maxsplit=1)[0] not in DEVICES:
        raise ArgumentError(f"device '{device}' is unknown", remedy=f"Use one of {', '.join(DEVICES)}")
    if device == "cpu":
        return torch.device("cpu")
    problem = gpu_problem("cuda" if device == "auto" else device)
    if device == "auto":
        return torch.device("cpu" if problem else "cuda")
    if problem:
        raise ArgumentError(f"no usable CUDA device was found ({problem})", where="device", remedy="Use cpu or auto")
    return torch.device(device)


def gpu_problem(device: str = "cuda") -> str:
    """Why this GPU cannot be used, "" when it can; found out by a small computation on it.

    torch.cuda.is_available() alone is true for cards that the installed PyTorch has no code for.
    """
    import torch

    if not torch.cuda.is_available():
        built_for = torch.version.cuda or getattr(torch.version, "hip", None)
        return "no graphics card with a working driver" if built_for else "this PyTorch is built for the CPU only"
    try:
        torch.ones(8, device=device).sum().item()
    except (RuntimeError, AssertionError) as error:
        known = as_known(error)
        return known.what if known is not None else first_line(error)
    return ""


def unused_gpu_note(device: str) -> str:
    """A sentence when 'auto' passes over a card that is there, "" otherwise."""
    import torch

    if device != "auto" or not torch.cuda.is_available():
        return ""
    problem = gpu_problem()
    return f"The CPU is used, because the graphics card cannot be: {problem}" if problem else ""


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
