"""`reverter annotate`: two radiographs become labelled centroids."""

from __future__ import annotations

import argparse
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ReVerteRLib.cli.console import Console
from ReVerteRLib.errors import ArgumentError

if TYPE_CHECKING:
    from ReVerteRLib.detection.types import Anchor, Annotation, ViewDetector
    from ReVerteRLib.imaging.radiograph import RadiographPair

NAME = "annotate"
SUMMARY = "find and name the vertebrae in an AP and a lateral radiograph"
_ENDING = ".mrk.json"
_ANCHOR = re.compile(r"^\s*(?P<level>[^=\s]+)\s*=\s*(?:(?P<view>ap|lateral)\s*:)?(?P<numbers>[^:]+)$", re.IGNORECASE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument("--ap", type=Path, required=True, metavar="FILE", help="AP radiograph (NRRD, NIfTI)")
    parser.add_argument("--lateral", type=Path, required=True, metavar="FILE", help="lateral radiograph")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help=f"centroids as Slicer fiducials (*{_ENDING})"
    )
    parser.add_argument(
        "--anchor",
        type=anchor,
        action="append",
        default=[],
        metavar="LEVEL=PLACE",
        help="'this one is L1', which names all others: L1=x,y,z in LPS mm, L1=ap:row,column or L1=lateral:row,column "
        "in pixels; may be repeated",
    )
    parser.add_argument(
        "--locked",
        type=Path,
        metavar="FILE",
        help="Slicer fiducials that keep place and name: those locked in Slicer, or all when none is locked",
    )
    add_detector(parser)
    parser.add_argument(
        "--table", type=Path, metavar="CSV", help="also write end-plate tilts, body heights and Cobb angles"
    )
    parser.add_argument(
        "--preview", type=Path, metavar="PNG", help="also draw both radiographs with centroids, corners and names"
    )


def add_detector(parser: argparse.ArgumentParser) -> None:
    """--detector."""
    parser.add_argument(
        "--detector",
        metavar="NAME",
        help="learned, classical (an intensity profile along the spine, far less reliable), or a weights file "
        "(default: learned where its weights are installed, else classical)",
    )


def anchor(text: str) -> Anchor:
    """An anchor from 'L1=x,y,z', 'L1=ap:row,column' or 'L1=lateral:row,column'; ArgumentTypeError otherwise."""
    from ReVerteRLib.anatomy import level_from_name
    from ReVerteRLib.detection.types import Anchor
    from ReVerteRLib.geometry import View

    match = _ANCHOR.match(text)
    numbers = _numbers(match["numbers"]) if match else ()
    if match is None or len(numbers) != (2 if match["view"] else 3):
        raise argparse.ArgumentTypeError(
            f"'{text}' is no anchor; use L1=x,y,z (LPS mm), L1=ap:row,column or L1=lateral:row,column"
        )
    try:
        level = level_from_name(match["level"])
    except ArgumentError as error:
        raise argparse.ArgumentTypeError(error.message()) from error
    if match["view"]:
        return Anchor(level, view=View(match["view"].lower()), pixel_rc=(numbers[0], numbers[1]))
    return Anchor(level, position_lps_mm=(numbers[0], numbers[1], numbers[2]))


def _numbers(text: str) -> tuple[float, ...]:
    """The finite numbers of 'a,b,c'; () when one is none."""
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        return ()
    return values if all(math.isfinite(v) for v in values) else ()


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Writes the centroids, and the table and the picture where they are asked for."""
    _check_outputs(arguments)
    from ReVerteRLib.worker.reconstruction import read_pair

    pair = read_pair(arguments.ap, arguments.lateral)
    annotation = annotate_pair(
        pair, console, detector=arguments.detector, anchors=arguments.anchor, locked=arguments.locked
    )
    _write(arguments, annotation, pair)
    tell(annotation, console)
    for path in (arguments.out, arguments.table, arguments.preview):
        if path is not None:
            console.say(f"Written: {path}")
    return 0


def annotate_pair(
    pair: RadiographPair,
    console: Console,
    *,
    detector: str | None = None,
    anchors: list[Anchor] | None = None,
    locked: Path | None = None,
) -> Annotation:
    """Annotates with the chosen detector; says so when the default is only the classical one.

    Raises InputError when no vertebra is found, with what was noticed in the images, and what the annotator raises.
    """
    from ReVerteRLib.centroids import read_locked_centroids
    from ReVerteRLib.detection.annotator import Annotator
    from ReVerteRLib.errors import InputError

    kept = read_locked_centroids(locked) if locked is not None else None
    opened = chosen_detector(detector, console)
    annotation = Annotator(opened).annotate(pair, anchors=anchors or (), locked=kept)
    if not annotation.vertebrae:
        raise InputError(
            "; ".join(["no vertebra was found", *annotation.warnings]),
            where=f"{pair.ap.source}, {pair.lateral.source}",
            remedy="Check the radiographs, or place the centroids by hand in 3D Slicer",
        )
    return annotation


def chosen_detector(value: str | None, console: Console) -> ViewDetector:
    """The detector of --detector, with a note when the default is only the classical one. Raises WeightsError."""
    from ReVerteRLib.detection.opening import has_learned_detector, open_detector

    opened = open_detector(value)
    if value is None and not has_learned_detector():
        console.note("the learned detector's weights are not installed, so the classical one is used: check each point")
    return opened


def write_annotation(annotation: Annotation, path: Path) -> None:
    """Writes the centroids with confidence, residual and reasons in the points' descriptions. Raises OutputError."""
    from ReVerteRLib.centroids import write_centroids

    remarks = {v.level: "; ".join(v.reasons) for v in annotation.vertebrae if v.reasons}
    locked = [v.level for v in annotation.vertebrae if v.locked]
    write_centroids(annotation.centroids, path, remarks=remarks, locked=locked)


def tell(annotation: Annotation, console: Console) -> None:
    """The table of all vertebrae on standard output and the warnings on standard error."""
    rows = [
        (v.level.name, f"{v.confidence:.2f}", f"{v.residual_mm:.1f}", _remark(v.locked, v.reasons))
        for v in annotation.vertebrae
    ]
    console.table(f"{len(rows)} vertebrae found", ("level", "confidence", "residual mm", "what to check"), rows)
    for warning in annotation.warnings:
        console.note(warning)


def _remark(locked: bool, reasons: tuple[str, ...]) -> str:
    return "; ".join([*(["placed by a person"] if locked else []), *reasons])


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Before anything is read, because a result that cannot be written is of no use."""
    from ReVerteRLib.files import ensure_writable_folder

    if not arguments.out.name.lower().endswith(_ENDING):
        raise ArgumentError(
            f"the centroids' file must end with {_ENDING}, else 3D Slicer does not open it",
            where=f"--out {arguments.out}",
            remedy=f"Use for example centroids{_ENDING}",
        )
    if arguments.preview is not None and arguments.preview.suffix.lower() != ".png":
        raise ArgumentError("the picture is a PNG", where=f"--preview {arguments.preview}", remedy="Use a name *.png")
    for path in (arguments.out, arguments.table, arguments.preview):
        if path is not None:
            ensure_writable_folder(path.parent)


def _write(arguments: argparse.Namespace, annotation: Annotation, pair: RadiographPair) -> None:
    """The centroids last: they are there only when all the rest is."""
    from ReVerteRLib.detection.posture_table import posture_table
    from ReVerteRLib.evaluation.annotation_plots import draw_annotation

    if arguments.preview is not None:
        draw_annotation(pair, annotation, arguments.preview)
    if arguments.table is not None:
        posture_table(annotation).write(arguments.table)
    write_annotation(annotation, arguments.out)
