"""`reverter bench`: speed and memory beside other programs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ReVerteRLib.cli import options
from ReVerteRLib.cli.console import Console

if TYPE_CHECKING:
    from ReVerteRLib.bench.run import BenchSettings

NAME = "bench"
SUMMARY = "measure speed and memory, side by side with other programs"
_PARTS = ("limits", "drr", "reconstruction", "training")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    options.add_out(parser, required=False, default=Path("bench"))
    parser.add_argument(
        "--part",
        action="append",
        choices=(*_PARTS, "none"),
        help="only this part; may be repeated; none only writes the tables anew (default: all)",
    )
    parser.add_argument(
        "--rows",
        type=lambda text: options.names(text, ";"),
        metavar="LIST",
        help="only radiograph rows with one of these texts in their name, separated by semicolons",
    )
    parser.add_argument("--quick", action="store_true", help="tiny inputs: checks that it works, in seconds")
    parser.add_argument("--threads", type=options.count, default=2, help="processor threads for everyone (default: 2)")
    parser.add_argument("--repeats", type=options.count, default=0, help="measurements of each row (default: 9)")
    parser.add_argument(
        "--peers",
        type=Path,
        default=Path(".venv-peers"),
        metavar="DIR",
        help="virtual environment with the other programs, made by 'make bench-peers' (default: .venv-peers)",
    )
    parser.add_argument(
        "--weights", action="append", metavar="NAME", help="to reconstruct with (default: recommended and fast)"
    )
    parser.add_argument("--levels", metavar="LIST", help="to reconstruct (default: all 24)")
    parser.add_argument(
        "--precisions",
        type=options.names,
        metavar="LIST",
        help="fp32, bf16, openvino fp32, openvino bf16 (default: all)",
    )
    parser.add_argument("--corpus", type=Path, metavar="PATH", help="samples for the training rows (default: random)")
    parser.add_argument(
        "--presets", type=options.names, metavar="LIST", help="training configurations (default: recommended,fast)"
    )
    parser.add_argument("--update", type=Path, metavar="FILE", help="also write the tables into this document")
    options.add_device(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Writes bench.json, bench.md, drr.png and reconstruction.png."""
    from ReVerteRLib.bench.report import aims, update_document
    from ReVerteRLib.bench.run import run_bench

    settings = _settings(arguments)
    with console.progress("bench") as progress:
        record = run_bench(settings, arguments.out, progress)
    if arguments.update is not None:
        update_document(arguments.update, record)
    words = {True: "yes", False: "no", None: ""}
    console.table(
        "Aims", ("aim", "wanted", "measured", "met"), [(a, w, m, words[met]) for a, w, m, met in aims(record)]
    )
    console.say(f"Tables: {arguments.out / 'bench.md'}")
    return 0


def _settings(arguments: argparse.Namespace) -> BenchSettings:
    from ReVerteRLib.bench.drr import DrrSettings
    from ReVerteRLib.bench.reconstruction import ReconstructionSettings
    from ReVerteRLib.bench.run import BenchSettings
    from ReVerteRLib.bench.training import TrainingSettings

    quick, threads = bool(arguments.quick), max(1, arguments.threads)
    parts = tuple(p for p in (arguments.part or _PARTS) if p != "none")
    usual = ReconstructionSettings()
    return BenchSettings(
        parts,
        tuple(arguments.rows or ()),
        arguments.peers,
        _devices(arguments.device),
        quick,
        DrrSettings(threads, arguments.repeats or (2 if quick else 9)),
        ReconstructionSettings(
            tuple(arguments.weights or (("fast",) if quick else usual.weights)),
            tuple(arguments.precisions or (("fp32",) if quick else usual.precisions)),
            threads=threads,
            rounds=1 if quick else usual.rounds,
            repeats=arguments.repeats or (0 if quick else usual.repeats),
            levels=arguments.levels or ("T12,L1" if quick else usual.levels),
            detect=not quick,
        ),
        TrainingSettings(
            tuple(arguments.presets or (("fast",) if quick else TrainingSettings().presets)),
            arguments.repeats or (1 if quick else 5),
            threads,
            arguments.corpus,
            1 if quick else 0,
            48 if quick else 0,
        ),
    )


def _devices(device: str) -> tuple[str, ...]:
    """The processor always; the GPU where there is one and it is not excluded."""
    from ReVerteRLib.devices import pick_device

    return ("cpu", "cuda") if pick_device(device).type == "cuda" else ("cpu",)
