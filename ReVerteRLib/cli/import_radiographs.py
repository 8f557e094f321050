"""`reverter import`: two radiograph files become one pair with its geometry."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ReVerteRLib.cli import options
from ReVerteRLib.cli.console import Console
from ReVerteRLib.cli.staging import staged_folder

if TYPE_CHECKING:
    from ReVerteRLib.imaging.importing import Decision
    from ReVerteRLib.imaging.pairing import ImportedPair
    from ReVerteRLib.imaging.reading import RadiographSource

NAME = "import"
SUMMARY = "import an AP and a lateral radiograph (DICOM, PNG, TIFF, JPEG, NRRD, NIfTI, MetaImage)"
_WIDTH, _INDENT = 120, 44


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument("--ap", type=Path, required=True, metavar="FILE", help="the frontal radiograph")
    parser.add_argument("--lateral", type=Path, required=True, metavar="FILE", help="the lateral radiograph")
    options.add_out(parser)
    parser.add_argument(
        "--views",
        choices=("auto", "as-given", "swapped"),
        default="auto",
        help="which file is which: by the headers where they are clear (auto), as given, or exchanged",
    )
    parser.add_argument(
        "--vertical-offset",
        type=_offset,
        default=0.0,
        metavar="MM",
        help="raise the lateral image by this much towards the head, or 'estimate' (default: 0)",
    )
    for name in ("ap", "lateral"):
        _add_overrides(parser, name)


def _add_overrides(parser: argparse.ArgumentParser, name: str) -> None:
    group = parser.add_argument_group(f"decisions about the file given as --{name}, in place of its header")
    add = group.add_argument
    add(f"--{name}-spacing", type=spacing, metavar="MM", help="pixel size in the patient; two for rows,columns")
    add(f"--{name}-detector-spacing", type=spacing, metavar="MM", help="pixel size at the detector")
    add(f"--{name}-magnification", type=options.positive, metavar="X", help="size at the detector over size in patient")
    add(f"--{name}-sad", type=options.positive, metavar="MM", help="distance source to patient")
    add(f"--{name}-sdd", type=options.positive, metavar="MM", help="distance source to detector")
    add(f"--{name}-beam", choices=("parallel", "cone", "slot"), help="shape of the beam")
    add(f"--{name}-position", choices=("AP", "PA", "LL", "RL"), help="way of the beam (LL: left side at the detector)")
    add(
        f"--{name}-orientation",
        type=orientation,
        metavar="C,R",
        help="where the stored columns and rows run, for example L,F (to the left, to the feet) or P,F",
    )
    add(f"--{name}-rotate", type=int, choices=(0, 90, 180, 270), default=0, help="turn the picture clockwise")
    add(f"--{name}-flip", action="store_true", help="mirror the picture left-right")
    add(f"--{name}-flip-vertical", action="store_true", help="mirror the picture top-bottom")
    add(
        f"--{name}-grey",
        choices=("auto", "as-stored", "inverted", "intensity"),
        default="auto",
        help="meaning of the values: bone bright, bone dark, or X-ray intensity (its logarithm is taken)",
    )
    add(f"--{name}-frame", type=_frame, metavar="N", help="frame of a multi-frame file, counted from 1")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Writes ap.nrrd, lateral.nrrd, import.json, ap.png and lateral.png and shows what was decided."""
    from ReVerteRLib.imaging.pairing import Views, check_targets, import_pair, write_import
    from ReVerteRLib.scene.preview import preview_radiograph

    with staged_folder(arguments.out) as folder, console.progress("import") as progress:
        progress(0, 2, "reading")
        imported = import_pair(
            _source(arguments, "ap"),
            _source(arguments, "lateral"),
            views=Views(arguments.views),
            vertical_offset_mm=arguments.vertical_offset,
        )
        check_targets(imported, arguments.out)
        progress(1, 2, "writing")
        write_import(imported, folder)
        for radiograph in imported.pair:
            preview_radiograph(radiograph, folder / f"{radiograph.view.value}.png")
        progress(2, 2, "")
    _show(imported, console)
    console.say(f"Radiographs: {arguments.out / 'ap.nrrd'}, {arguments.out / 'lateral.nrrd'}")
    return 0


def _source(arguments: argparse.Namespace, name: str) -> RadiographSource:
    from ReVerteRLib.geometry import Beam
    from ReVerteRLib.imaging.greys import Grey
    from ReVerteRLib.imaging.orientation import ViewPosition
    from ReVerteRLib.imaging.overrides import Overrides
    from ReVerteRLib.imaging.reading import RadiographSource

    def given(option: str) -> Any:
        return getattr(arguments, f"{name}_{option}")

    beam, position = given("beam"), given("position")
    return RadiographSource(
        getattr(arguments, name),
        Overrides(
            spacing_mm=given("spacing"),
            detector_spacing_mm=given("detector_spacing"),
            magnification=given("magnification"),
            sad_mm=given("sad"),
            sdd_mm=given("sdd"),
            beam=Beam(beam) if beam else None,
            position=ViewPosition(position) if position else None,
            orientation=given("orientation"),
            rotate_deg=given("rotate"),
            flip_horizontal=given("flip"),
            flip_vertical=given("flip_vertical"),
            grey=Grey(given("grey")),
            frame=given("frame"),
        ),
    )


def _show(imported: ImportedPair, console: Console) -> None:
    """A short table per image: topic, outcome, how it was decided, and why."""
    for name, image in imported.named():
        edges = image.edges
        console.say(f"{name}: {image.raw.name} ({edges.top} on top, {edges.left} left, {edges.right} right)")
        _show_decisions(image.decisions, console)
    console.say("Pair")
    _show_decisions(imported.decisions, console)
    for warning in imported.all_warnings:
        console.note(warning)


def _show_decisions(decisions: Iterable[Decision], console: Console) -> None:
    for decision in decisions:
        head = f"  {decision.topic:<12} {decision.value:<18} {decision.certainty.value:<9} "
        console.say(textwrap.fill(decision.sentence, _WIDTH, initial_indent=head, subsequent_indent=" " * _INDENT))


# --- argument types ------------------------------------------------------------------------------


def spacing(text: str) -> tuple[float, float]:
    """'0.2' or '0.2,0.19' (rows, columns)."""
    parts = [options.positive(part) for part in text.split(",")]
    if len(parts) not in (1, 2):
        raise argparse.ArgumentTypeError(f"'{text}' is neither one pixel size nor two (rows,columns)")
    return parts[0], parts[-1]


def orientation(text: str) -> tuple[str, str]:
    """Two directions with a comma or a backslash between them."""
    parts = [part.strip().upper() for part in text.replace("\\", ",").split(",")]
    if len(parts) != 2 or not all(part and set(part) <= set("LRAPHF") for part in parts):
        raise argparse.ArgumentTypeError(f"'{text}' does not name two directions; use for example L,F")
    return parts[0], parts[1]


def _offset(text: str) -> float | str:
    if text == "estimate":
        return text
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is neither a number nor 'estimate'") from error


def _frame(text: str) -> int:
    if not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"'{text}' is no frame number; they count from 1")
    return int(text)
