"""The model card: what a weights file was trained on, what it reaches and what it must not be used for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ReVerteRLib.files import sha256_of, write_text
from ReVerteRLib.inference.weights import read_card

_USE = """\
## Intended use

Research and teaching: a 3D spine from an anteroposterior and a lateral radiograph and one centroid per vertebra.
Research use only. It is not a medical device and must not guide diagnosis or treatment.

## Limits

- It learned from radiographs that were simulated from CTs; real radiographs differ in noise, scatter and contrast.
- Shape that no view shows is the network's expectation, not an observation: fractures, tumours, implants and
  rare anatomy can be drawn as normal bone.
- The training data are few and not representative of age, sex, ethnic group or disease.
- Centroids must be right: an error of some millimetres moves the vertebra with it.
"""


def card_markdown(card: Mapping[str, Any], sha256: str) -> str:
    """The card as Markdown; `card` as in `weights.save_weights`."""
    extra = {key: value for key, value in card.items() if key not in _SHOWN and not isinstance(value, Mapping)}
    rows = [
        ("Date", card["date"]),
        ("Preset", card["preset"]),
        ("Seed", card["seed"]),
        ("Steps", card["steps"]),
        ("Training data", card["data"]),
        ("Licence", card["licence"]),
        ("SHA-256", f"`{sha256}`"),
        *((key.capitalize(), value) for key, value in extra.items()),
    ]
    parts = [f"# Weights `{card['name']}`\n", _table(("", ""), rows)]
    if "split" in card:
        parts += ["## Split\n", _described(card["split"])]
    parts += ["## Metrics\n", _described(card["metrics"]), _USE]
    parts += ["## Network\n", _described(card["generator"]), "## Patches\n", _described(card["patches"])]
    return "\n".join(parts)


_SHOWN = {"name", "date", "preset", "seed", "steps", "data", "licence", "split", "metrics", "generator", "patches"}


def write_model_card(weights: Path) -> Path:
    """Writes `<weights>.md` beside a weights file from the card inside it. Raises WeightsError, OutputError."""
    weights = Path(weights)
    target = weights.with_suffix(".md")
    write_text(target, card_markdown(read_card(weights), sha256_of(weights)))
    return target


def _described(value: Any) -> str:
    """A mapping as a table (nested keys joined with '/'), anything else as a sentence."""
    if not isinstance(value, Mapping):
        return f"{value}\n"
    return _table(("Name", "Value"), list(_flat(value))) if value else "None were measured.\n"


def _flat(mapping: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in mapping.items():
        name = f"{prefix}{key}"
        rows += _flat(value, f"{name} / ") if isinstance(value, Mapping) else [(name, _shown(value))]
    return rows


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(str(v) for v in value) if isinstance(value, list | tuple) else str(value)


def _table(head: tuple[str, str], rows: list[tuple[str, Any]]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "|---|---|"]
    lines += [f"| {name} | {str(value).replace('|', '/')} |" for name, value in rows]
    return "\n".join(lines) + "\n"
