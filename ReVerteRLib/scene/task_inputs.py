"""Nodes as the files that the worker reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ReVerteRLib.anatomy import VERTEBRAE, Level
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.errors import CentroidError
from ReVerteRLib.geometry import View
from ReVerteRLib.imaging.radiograph import RadiographPair, write_radiograph
from ReVerteRLib.imaging.volume import Volume, save_image
from ReVerteRLib.scene.centroid_table import chosen_levels, rows_of
from ReVerteRLib.scene.roles import given
from ReVerteRLib.scene.volumes import radiograph_from_node


@dataclass(frozen=True)
class PairFiles:
    """Both radiographs on disk and as they were read."""

    ap: Path
    lateral: Path
    pair: RadiographPair

    @property
    def places(self) -> dict[str, str]:
        """Names of the nodes by file, for messages."""
        return {str(self.ap): self.pair.ap.source, str(self.lateral): self.pair.lateral.source}


def pair_of_nodes(ap_node: Any, lateral_node: Any) -> RadiographPair:
    """Both radiographs of the scene. Raises VolumeError, GeometryError, InputError (one image twice, exchanged)."""
    return RadiographPair(radiograph_from_node(ap_node, View.AP), radiograph_from_node(lateral_node, View.LATERAL))


def write_pair(ap_node: Any, lateral_node: Any, folder: Path) -> PairFiles:
    """ap.nrrd and lateral.nrrd. Raises what `pair_of_nodes` raises, OutputError."""
    pair = pair_of_nodes(ap_node, lateral_node)
    files = PairFiles(folder / "ap.nrrd", folder / "lateral.nrrd", pair)
    write_radiograph(pair.ap, files.ap, compressed=False)
    write_radiograph(pair.lateral, files.lateral, compressed=False)
    return files


def write_quickly(volume: Volume, path: Path) -> None:
    """Without compression, which for a CT would take longer than the work itself. Raises OutputError."""
    save_image(volume.to_sitk(), path, compressed=False)


def usable_centroids(node: Any) -> CentroidSet:
    """The placed points whose level is known and occurs once; the others are left out, the table says why."""
    rows = [row for row in rows_of(node) if row.level in VERTEBRAE and row.position_lps_mm is not None]
    names = [row.level for row in rows]
    kept = [row for row in rows if names.count(row.level) == 1]
    return CentroidSet(
        tuple(
            Centroid(row.level, row.position_lps_mm, row.point.confidence, row.point.residual_mm)
            for row in kept
            if row.level is not None and row.position_lps_mm is not None
        ),
        node.GetName(),
    )


def levels_to_do(node: Any, asked: Sequence[Level] = ()) -> tuple[Level, ...]:
    """The levels that were asked for, or those that are checked in the list.

    Raises CentroidError for none at all, InputError without a list.
    """
    given(node, "list of centroids", "Find the vertebrae first, or place them")
    chosen = tuple(sorted(asked)) or chosen_levels(rows_of(node))
    if not chosen:
        raise CentroidError(
            "no vertebra is chosen",
            where=node.GetName(),
            remedy="Find the vertebrae or add them, and check those that are to be reconstructed",
        )
    return chosen
