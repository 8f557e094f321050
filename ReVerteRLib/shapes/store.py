"""The file of the shape model: half-precision maps and a card in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ReVerteRLib.errors import WeightsError
from ReVerteRLib.files import sha256_of, write_text, written_aside
from ReVerteRLib.resources import shipped_resources
from ReVerteRLib.shapes.model import GroupShapes, LevelSize, ShapeModel

FILE_NAME = "mean_shapes.safetensors"
_MAPS = ("mean", "trend", "modes")


@dataclass(frozen=True)
class StoredShapes:
    """A shape model and where it came from.

    card: name, data, licence, date and what else `build` noted.
    """

    model: ShapeModel
    card: Mapping[str, Any]
    sha256: str
    path: Path


def shapes_path() -> Path:
    """The shipped file. Raises InputError when there are no resources."""
    return shipped_resources() / "Shapes" / FILE_NAME


def load_shapes(path: Path | None = None) -> ShapeModel:
    """The shape model of a file, by default the shipped one. Raises WeightsError."""
    return read_shapes(path).model


def read_shapes(path: Path | None = None) -> StoredShapes:
    """The shape model with its card. Raises WeightsError for missing and damaged files."""
    path = Path(path or shapes_path())
    if not path.is_file():
        raise WeightsError("no such file of mean shapes", where=path, remedy="Install ReVerteR again")
    try:
        card, maps = _card_and_maps(path)
        model = _model(card["shapes"], maps)
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"the file holds no mean shapes ({error})", where=path, remedy="Install ReVerteR again"
        ) from error
    return StoredShapes(model, card, sha256_of(path), path)


def _card_and_maps(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """By safetensors, or by numpy alone on a training machine without it. Raises ValueError, KeyError, TypeError."""
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        return _without_safetensors(path.read_bytes())
    try:
        with safe_open(str(path), framework="np") as stored:
            maps = {name: stored.get_tensor(name).astype(np.float32) for name in stored.keys()}  # noqa: SIM118
            return json.loads(stored.metadata()["card"]), maps
    except SafetensorError as error:
        raise ValueError(str(error)) from error


def _without_safetensors(content: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The format is 8 bytes of length (little endian), a header in JSON, and the numbers; here float16 alone."""
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    card = json.loads(header.pop("__metadata__")["card"])
    maps = {}
    for name, entry in header.items():
        if entry["dtype"] != "F16":
            raise ValueError(f"{name} is of type {entry['dtype']}")
        first, last = entry["data_offsets"]
        values = np.frombuffer(content[start + first : start + last], dtype="<f2")
        maps[name] = values.reshape(entry["shape"]).astype(np.float32)
    return card, maps


def _model(record: Mapping[str, Any], maps: Mapping[str, Any]) -> ShapeModel:
    groups = tuple(
        GroupShapes(
            levels=tuple(entry["levels"]),
            spacing_mm=float(entry["spacing_mm"]),
            origin_zy=(float(entry["origin_zy"][0]), float(entry["origin_zy"][1])),
            centre_index=float(entry["centre_index"]),
            volume_mm3=float(entry["volume_mm3"]),
            symmetric=tuple(int(sign) for sign in entry["symmetric"]),
            mean=maps[f"{name}.mean"],
            trend=maps[f"{name}.trend"],
            modes=maps[f"{name}.modes"],
        )
        for name, entry in record["groups"].items()
    )
    sizes = {name: LevelSize(float(s["spacing_mm"]), float(s["scale"])) for name, s in record["sizes"].items()}
    return ShapeModel(groups, sizes, float(record["spacing_exponent"]))


def save_shapes(model: ShapeModel, card: Mapping[str, Any], path: Path) -> str:
    """Writes the model (float16) and its card in one step, and a Markdown card beside it; returns the SHA-256.

    card: JSON-ready with name, data, licence, date, metrics; `shapes` is filled in here. Raises OutputError.
    """
    import safetensors.numpy

    path = Path(path)
    named = {_name(group): group for group in model.groups}
    tensors = {f"{n}.{part}": getattr(g, part).astype(np.float16) for n, g in named.items() for part in _MAPS}
    record = {**card, "shapes": _record(model, named)}
    with written_aside(path) as aside:
        safetensors.numpy.save_file(tensors, str(aside), metadata={"card": json.dumps(record, allow_nan=False)})
    digest = sha256_of(path)
    write_text(path.with_suffix(".md"), card_markdown(record, digest))
    return digest


def _name(group: GroupShapes) -> str:
    return group.levels[0] if len(group.levels) == 1 else f"{group.levels[0]}-{group.levels[-1]}"


def _record(model: ShapeModel, named: Mapping[str, GroupShapes]) -> dict[str, Any]:
    groups = {
        name: {
            "levels": list(group.levels),
            "spacing_mm": group.spacing_mm,
            "origin_zy": list(group.origin_zy),
            "centre_index": group.centre_index,
            "volume_mm3": group.volume_mm3,
            "symmetric": list(group.symmetric),
        }
        for name, group in named.items()
    }
    sizes = {name: {"spacing_mm": s.spacing_mm, "scale": s.scale} for name, s in model.sizes.items()}
    return {"spacing_exponent": model.spacing_exponent, "groups": groups, "sizes": sizes}


# --- the card ------------------------------------------------------------------------------------

_USE = """\
## Intended use

Prior, augmentation and floor: the mean shape placed at a centroid uses nothing of the radiographs, so every network
must do better. Research use only. It is not a medical device and must not guide diagnosis or treatment.

## Limits

- The training data are few and not representative of age, sex, ethnic group or disease; C1 and C2 are scarcest.
- Thin parts are blurred where they differ between people. Modes are linear and need not give possible bones.
- Axial rotation cannot be told from centroids and is left out.
"""


def card_markdown(card: Mapping[str, Any], sha256: str) -> str:
    """The card as Markdown, like those of the weights."""
    rows = [
        ("Date", card["date"]),
        ("Training data", card["data"]),
        ("Licence", card["licence"]),
        ("SHA-256", f"`{sha256}`"),
    ]
    groups = [
        (name, f"{entry['vertebrae']} of {entry['subjects']} subjects; {entry['explained']:.0%} by the modes")
        for name, entry in card["groups"].items()
    ]
    lines = [f"# Mean shapes `{card['name']}`\n", _table(("", ""), rows), "## Split\n", _table(("", ""), card["split"])]
    lines += ["## Vertebrae per group\n", _table(("Group", "Whole vertebrae, share of variance"), groups)]
    return "\n".join([*lines, _USE, "## How it is made\n", str(card["method"]) + "\n"])


def _table(head: tuple[str, str], rows: Any) -> str:
    pairs = rows.items() if isinstance(rows, Mapping) else rows
    return "\n".join([f"| {head[0]} | {head[1]} |", "|---|---|", *(f"| {a} | {b} |" for a, b in pairs)]) + "\n"
