"""`reverter export`: a result in the formats of other programs."""

from __future__ import annotations

import argparse
from pathlib import Path

from ReVerteRLib.cli import options
from ReVerteRLib.cli.console import Console

NAME = "export"
SUMMARY = "write a result as STL, OBJ, PLY, NIfTI, .seg.nrrd and DICOM SEG"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument(
        "result", type=Path, metavar="RESULT", help="folder that 'reverter reconstruct' wrote, or a VerSe label map"
    )
    options.add_out(parser)
    parser.add_argument(
        "--format",
        type=options.names,
        metavar="LIST",
        dest="formats",
        help="some of stl,obj,ply,nifti,seg.nrrd,dicom-seg (default: all)",
    )
    parser.add_argument(
        "--frame", choices=("LPS", "RAS"), default="LPS", help="of the points in STL, OBJ and PLY (default: LPS)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there already")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Writes the chosen formats into --out."""
    from ReVerteRLib.export.formats import FORMATS, export_spine
    from ReVerteRLib.export.stored import read_result

    stored = read_result(arguments.result)
    formats = arguments.formats or list(FORMATS)
    files = export_spine(stored.labels, arguments.out, formats, frame=arguments.frame, overwrite=arguments.overwrite)
    console.say(f"{len(files)} files in {arguments.out}: {', '.join(formats)}; meshes in {arguments.frame} mm")
    if "dicom-seg" in formats:
        console.note("the DICOM SEG has a frame of reference of its own, because there is no CT that it belongs to")
    return 0
