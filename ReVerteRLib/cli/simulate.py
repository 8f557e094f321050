"""`reverter simulate`: an AP and a lateral radiograph from a CT."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ReVerteRLib.cli import options
from ReVerteRLib.cli.console import Console
from ReVerteRLib.cli.staging import staged_folder

if TYPE_CHECKING:
    from ReVerteRLib.imaging.radiograph import RadiographPair

NAME = "simulate"
SUMMARY = "simulate an AP and a lateral radiograph from a CT"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument(
        "--ct", type=Path, required=True, metavar="FILE", help="NIfTI, NRRD, MetaImage or a DICOM folder"
    )
    options.add_out(parser)
    parser.add_argument("--geometry", choices=("parallel", "cone"), default="parallel", help="shape of the beam")
    parser.add_argument("--sdd", type=options.positive, default=1800.0, metavar="MM", help="source to detector")
    parser.add_argument("--sad", type=options.positive, default=1500.0, metavar="MM", help="source to patient")
    parser.add_argument("--spacing", type=options.positive, default=1.0, metavar="MM", help="pixel size in the patient")
    options.add_device(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Writes ap.nrrd, lateral.nrrd, geometry.json, ap.png and lateral.png."""
    from ReVerteRLib.drr import simulate_pair
    from ReVerteRLib.geometry import Beam
    from ReVerteRLib.imaging.volume import read_ct

    _check_distances(arguments)
    with staged_folder(arguments.out) as folder, console.progress("simulate") as progress:
        progress(0, 3, f"reading {arguments.ct.name}")
        ct = read_ct(arguments.ct)
        progress(1, 3, "projecting")
        pair = simulate_pair(
            ct,
            beam=Beam(arguments.geometry),
            spacing_mm=arguments.spacing,
            sad_mm=arguments.sad,
            sdd_mm=arguments.sdd,
            device=arguments.device,
        )
        progress(2, 3, "writing")
        write_simulation(pair, folder, str(arguments.ct), _options_record(arguments))
        progress(3, 3, "")
    console.say(f"Radiographs: {arguments.out / 'ap.nrrd'}, {arguments.out / 'lateral.nrrd'}")
    return 0


def _check_distances(arguments: argparse.Namespace) -> None:
    from ReVerteRLib.errors import ArgumentError

    if arguments.geometry == "cone" and arguments.sad > arguments.sdd:
        raise ArgumentError(
            f"the patient at {arguments.sad:g} mm would stand behind the detector at {arguments.sdd:g} mm",
            where="--sad, --sdd",
            remedy="Give a source-to-patient distance below the source-to-detector distance",
        )


def write_simulation(pair: RadiographPair, folder: Path, ct: str, settings: dict[str, object]) -> None:
    """Both radiographs (float32 line integrals), geometry.json (both projections) and previews. Raises OutputError."""
    from ReVerteRLib.files import write_json
    from ReVerteRLib.imaging.radiograph import write_radiograph
    from ReVerteRLib.scene.preview import preview_radiograph

    for radiograph in pair:
        write_radiograph(radiograph, folder / f"{radiograph.view.value}.nrrd")
        preview_radiograph(radiograph, folder / f"{radiograph.view.value}.png")
    record = {r.view.value: r.projection.to_dict() for r in pair}
    write_json(folder / "geometry.json", {**record, "ct": ct, "options": settings})


def _options_record(arguments: argparse.Namespace) -> dict[str, object]:
    return {
        "geometry": arguments.geometry,
        "sdd_mm": arguments.sdd,
        "sad_mm": arguments.sad,
        "spacing_mm": arguments.spacing,
        "device": arguments.device,
        "unit": "line integral of linear attenuation at 70 keV",
    }
