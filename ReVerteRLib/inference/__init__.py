"""Reconstruction: weights, the network on patches, assembly and surfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ReVerteRLib.inference.reconstructor import Reconstructor
    from ReVerteRLib.inference.result import SpineReconstruction, VertebraResult
    from ReVerteRLib.inference.weights import LoadedWeights, load_weights, save_weights

__all__ = ["LoadedWeights", "Reconstructor", "SpineReconstruction", "VertebraResult", "load_weights", "save_weights"]

_HOME = {
    "Reconstructor": "reconstructor",
    "SpineReconstruction": "result",
    "VertebraResult": "result",
    "LoadedWeights": "weights",
    "load_weights": "weights",
    "save_weights": "weights",
}


def __getattr__(name: str) -> Any:
    """Loads on first use, so that importing this package stays cheap."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
