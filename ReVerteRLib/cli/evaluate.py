"""`reverter evaluate`: simulate, reconstruct and score the subjects of a VerSe folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from ReVerteRLib.cli import options
from ReVerteRLib.cli.console import Console

NAME = "evaluate"
SUMMARY = "score reconstructions of the subjects of a VerSe folder against their masks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument("--data", type=Path, required=True, metavar="VERSE_DIR", help="data in the VerSe layout")
    parser.add_argument("--subjects", type=options.names, metavar="LIST", help="only these, for example verse014,a")
    options.add_weights(parser)
    parser.add_argument(
        "--centroids", choices=("reference", "auto"), default="reference", help="where centroids come from"
    )
    options.add_out(parser)
    options.add_device(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Writes metrics.csv, summary.json and dice_by_level.png."""
    from ReVerteRLib.errors import ArgumentError

    if arguments.centroids == "auto":
        raise ArgumentError(
            "automatic centroids are not part of this version yet",
            where="--centroids auto",
            remedy="Use --centroids reference",
        )
    raise NotImplementedError
