"""Detector weights: files like the generators', listed under "detectors" in the same index.json."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ReVerteRLib.detection.config import DetectorConfig, FilmSettings
from ReVerteRLib.errors import ArgumentError, WeightsError
from ReVerteRLib.files import sha256_of, write_json
from ReVerteRLib.inference.weights import (
    DEFAULT,
    _fill,
    _refuse_pickle_suffix,
    _verified_digest,
    read_card,
    weights_folder,
)

if TYPE_CHECKING:
    from torch import nn

PRESET = "detector"
_KEY = "detectors"


@dataclass(frozen=True)
class DetectorWeights:
    """A detector's network in evaluation mode on the CPU, how its films are made, its card and its file."""

    network: nn.Module
    films: FilmSettings
    card: Mapping[str, Any]
    sha256: str
    path: Path


def detector_card(
    name: str, config: DetectorConfig, films: FilmSettings, *, seed: int, steps: int, metrics: Mapping[str, Any],
    data: Any, licence: str, training: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """A card with the keys that every weights file has: the network under `generator`, the films under `patches`."""
    return {
        "name": name,
        "preset": PRESET,
        "generator": config.to_dict(),
        "patches": dataclasses.asdict(films),
        "training": dict(training),
        "seed": seed,
        "steps": steps,
        "metrics": dict(metrics),
        "data": data,
        "licence": licence,
        "date": datetime.now(UTC).date().isoformat(),
    }


def detectors_index(folder: Path | None = None) -> dict[str, Any]:
    """{"default": NAME or None, "weights": {NAME: {"file", "sha256"}}} of the detectors. Raises WeightsError."""
    index = (folder or weights_folder()) / "index.json"
    try:
        record = json.loads(index.read_text(encoding="utf-8")).get(_KEY, {}) if index.is_file() else {}
        weights = {
            str(name): {"file": str(entry["file"]), "sha256": str(entry["sha256"]).lower()}
            for name, entry in record.get("weights", {}).items()
        }
        return {"default": record.get("default"), "weights": weights}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"the list of weights is damaged ({error!r})", where=index, remedy="Install ReVerteR again"
        ) from error


def register_detector(path: Path, name: str, *, default: bool = False, folder: Path | None = None) -> None:
    """Enters a detector's file of the store's folder, with its SHA-256, in index.json beside the generators."""
    folder = folder or weights_folder()
    if Path(path).resolve().parent != folder.resolve():
        raise WeightsError("only files in the store can be listed", where=path, remedy=f"Copy it to {folder} first")
    record = detectors_index(folder)
    record["weights"][name] = {"file": Path(path).name, "sha256": sha256_of(path)}
    if default or not record["default"]:
        record["default"] = name
    index = folder / "index.json"
    whole = json.loads(index.read_text(encoding="utf-8")) if index.is_file() else {"default": None, "weights": {}}
    write_json(index, {**whole, _KEY: record})


def load_detector_weights(name_or_path: str | Path = DEFAULT, folder: Path | None = None) -> DetectorWeights:
    """Reads, verifies and builds a detector; its file's hash is compared before its tensors are read.

    Raises WeightsError for unknown names, wrong hashes, pickles, damaged files and weights of something else.
    """
    import torch

    from ReVerteRLib.detection.network import DetectorNetwork

    path, expected = _found(name_or_path, folder)
    _refuse_pickle_suffix(path)
    content = path.read_bytes()
    digest = _verified_digest(content, expected, path)
    card = read_card(path)
    config, films = _settings_of(card, path)
    with torch.random.fork_rng(devices=[]):
        network = DetectorNetwork(config)
    _fill(network, content, path)
    return DetectorWeights(network.eval(), films, card, digest, path)


def _settings_of(card: Mapping[str, Any], path: Path) -> tuple[DetectorConfig, FilmSettings]:
    if card["preset"] != PRESET:
        raise WeightsError(
            "these are weights of a reconstruction, not of a detector", where=path, remedy="Give a detector's weights"
        )
    try:
        return DetectorConfig.from_dict(card["generator"]), FilmSettings(**card["patches"])
    except (TypeError, ValueError, KeyError, ArgumentError) as error:
        raise WeightsError(
            f"the card describes a detector that this version does not know ({error})",
            where=path,
            remedy="Update ReVerteR, or use weights made for this version",
        ) from error


def _found(name_or_path: str | Path, folder: Path | None) -> tuple[Path, str | None]:
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or "/" in text or "\\" in text or Path(text).suffix:
        path = Path(name_or_path)
        if not path.is_file():
            raise WeightsError("no such weights file", where=path, remedy="Check the path")
        return path, None
    folder = folder or weights_folder()
    record = detectors_index(folder)
    name = record["default"] if text == DEFAULT else text
    if name not in record["weights"]:
        known = ", ".join(sorted(record["weights"])) or "none are installed"
        what = "no detector is installed" if name is None else f"there is no detector called '{name}'"
        raise WeightsError(what, where=folder, remedy=f"Known detectors: {known}; or give a .safetensors file")
    entry = record["weights"][name]
    path = folder / entry["file"]
    if not path.is_file():
        raise WeightsError("no such weights file", where=path, remedy="Install ReVerteR again")
    return path, entry["sha256"]
