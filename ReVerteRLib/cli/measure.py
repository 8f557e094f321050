"""`reverter measure`: numbers of a reconstructed or any labelled spine, and how it fits its radiographs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ReVerteRLib.cli import options
from ReVerteRLib.cli.console import Console
from ReVerteRLib.cli.staging import staged_folder

if TYPE_CHECKING:
    from ReVerteRLib.centroids import CentroidSet
    from ReVerteRLib.export.stored import StoredResult
    from ReVerteRLib.imaging.radiograph import RadiographPair
    from ReVerteRLib.measure.quality import SilhouetteQuality
    from ReVerteRLib.measure.spine import SpineMeasurements

NAME = "measure"
SUMMARY = "measure a result: body heights, Cobb angles, kyphosis, lordosis, rotation, and how it fits the radiographs"
_SHOWN = (
    "height_anterior_mm",
    "height_middle_mm",
    "height_posterior_mm",
    "genant_grade",
    "axial_rotation_deg",
    "volume_ml",
    "silhouette_distance_mm",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument(
        "result", type=Path, metavar="RESULT", help="folder that 'reverter reconstruct' wrote, or a VerSe label map"
    )
    options.add_out(parser)
    parser.add_argument(
        "--centroids", type=Path, metavar="FILE", help="vertebral centres (default: the result's own, or from the mask)"
    )
    parser.add_argument(
        "--ap", type=Path, metavar="FILE", help="AP radiograph for the silhouettes (default: the one in the report)"
    )
    parser.add_argument("--lateral", type=Path, metavar="FILE", help="lateral radiograph")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Writes vertebrae.csv, spine.csv, measurements.json and, with radiographs, silhouettes.png."""
    from ReVerteRLib.export.stored import read_result
    from ReVerteRLib.measure.spine import centroids_of_labels, measure_labels
    from ReVerteRLib.measure.tables import write_measurements

    stored = read_result(arguments.result)
    pair = _pair(arguments, stored)
    placed = _centroids(arguments, stored) or centroids_of_labels(stored.labels)
    with staged_folder(arguments.out) as folder:
        with console.progress("measure") as progress:
            found = measure_labels(stored.labels, placed, progress)
        quality = _silhouettes(stored, placed, pair, folder) if pair is not None else ()
        write_measurements(found, folder, quality)
    if pair is None:
        console.note("no radiographs were given and the report names none that exist: no silhouettes")
    _show(found, quality, console)
    console.say(f"Results: {arguments.out}")
    return 0


def _centroids(arguments: argparse.Namespace, stored: StoredResult) -> CentroidSet | None:
    from ReVerteRLib.centroids import read_centroids

    return read_centroids(arguments.centroids) if arguments.centroids else stored.centroids


def _pair(arguments: argparse.Namespace, stored: StoredResult) -> RadiographPair | None:
    from ReVerteRLib.errors import ArgumentError
    from ReVerteRLib.geometry import View
    from ReVerteRLib.imaging.radiograph import RadiographPair, read_radiograph

    if (arguments.ap is None) != (arguments.lateral is None):
        raise ArgumentError("one radiograph is missing", remedy="Give both --ap and --lateral, or neither")
    files = (arguments.ap, arguments.lateral) if arguments.ap is not None else stored.radiographs
    if files is None:
        return None
    return RadiographPair(read_radiograph(files[0], View.AP), read_radiograph(files[1], View.LATERAL))


def _silhouettes(
    stored: StoredResult, placed: CentroidSet, pair: RadiographPair, folder: Path
) -> tuple[SilhouetteQuality, ...]:
    from ReVerteRLib.measure.quality import silhouette_quality
    from ReVerteRLib.measure.silhouettes import surfaces_of_labels
    from ReVerteRLib.scene.overlay import overlay_picture

    surfaces = surfaces_of_labels(stored.labels)
    quality = silhouette_quality(surfaces, placed, pair)
    overlay_picture(pair, surfaces, folder / "silhouettes.png", quality=quality)
    return quality


def _show(found: SpineMeasurements, quality: tuple[SilhouetteQuality, ...], console: Console) -> None:
    from ReVerteRLib.measure.tables import vertebra_table

    table = vertebra_table(found, quality)
    chosen = [i for i, column in enumerate(table.columns) if column.key in ("level", *_SHOWN)]
    rows = [[_cell(row[i]) for i in chosen] for row in table.rows]
    console.table("Vertebrae", [table.columns[i].head for i in chosen], rows)
    spine = [
        [v.definition.name, v.levels, "" if v.value is None else f"{v.value:.1f} {v.definition.unit}", v.remark]
        for v in found.spine
    ]
    console.table("Spine", ("measure", "levels", "value", "remark"), spine)
    doubtful = [q.level.name for q in quality if q.suspicious]
    if doubtful:
        console.note(f"look at {', '.join(doubtful)}: the outline does not fit the radiographs")


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
