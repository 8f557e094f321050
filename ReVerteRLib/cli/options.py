"""Argument types and options that several commands share."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from ReVerteRLib.errors import ArgumentError

if TYPE_CHECKING:
    from ReVerteRLib.anatomy import Level

DEVICES = ("auto", "cpu", "cuda")


def positive(text: str) -> float:
    """A number over zero."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"'{text}' is not a positive number")
    return value


def levels(text: str) -> list[Level]:
    """Levels from 'T12,L1' or a range 'T10-L2'; ArgumentTypeError names the level that is none."""
    from ReVerteRLib.anatomy import parse_levels

    try:
        chosen = parse_levels(text)
    except ArgumentError as error:
        raise argparse.ArgumentTypeError(error.message()) from error
    if not chosen:
        raise argparse.ArgumentTypeError("no level is named; use for example T12,L1")
    return chosen


def names(text: str, separator: str = ",") -> list[str]:
    """Names with a separator between them."""
    found = [part.strip() for part in text.split(separator) if part.strip()]
    if not found:
        raise argparse.ArgumentTypeError("no name is given")
    return found


def add_out(parser: argparse.ArgumentParser, *, required: bool = True, default: Path | None = None) -> None:
    """--out DIR."""
    parser.add_argument(
        "--out", type=Path, metavar="DIR", required=required, default=default, help="folder for the results"
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """--device."""
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where to compute (default: auto)")


def add_weights(parser: argparse.ArgumentParser) -> None:
    """--weights NAME, a shipped name or a file."""
    parser.add_argument(
        "--weights", default="default", metavar="NAME", help="shipped weights by name, or a .safetensors file"
    )


def add_systems(parser: argparse.ArgumentParser) -> None:
    """--weights NAME, as often as there are systems to evaluate (None when it is not given)."""
    parser.add_argument(
        "--weights",
        action="append",
        metavar="NAME",
        help="what is evaluated: shipped weights by name, a .safetensors file, or mean-shape (the mean shape of each "
        "level at its centroid, the floor); repeat it to put several side by side",
    )


def add_levels(parser: argparse.ArgumentParser) -> None:
    """--levels."""
    parser.add_argument(
        "--levels", type=levels, metavar="LIST", help="only these, for example T12,L1 or T10-L2 (default: all placed)"
    )


def count(text: str) -> int:
    """A whole number, zero or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number")
    return int(text)
