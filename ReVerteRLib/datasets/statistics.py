"""What a corpus holds, in numbers and as one picture: levels, volumes, tilts and grey values, by origin."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import LEVELS
from ReVerteRLib.datasets.pack import RECORD, CodedSamples
from ReVerteRLib.datasets.patches import PatchSettings
from ReVerteRLib.datasets.samples import CorpusDataset
from ReVerteRLib.errors import DatasetError
from ReVerteRLib.files import write_json, written_aside
from ReVerteRLib.geometry import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PICTURE = "corpus.png"
GREY_EDGES = {"patch_zscore": np.linspace(-4.0, 4.0, 81), "image_percentile": np.linspace(-0.5, 1.5, 81)}
"""Bins of normalised grey values; the outermost ones take what lies beyond."""
_GREY_SAMPLES = 300
_NEAREST_MM = 4.0
_VIEWS = ("AP", "lateral")
_COLOURS = ("#1f5f8b", "#d1702a", "#3a8f5c", "#8a4fa0", "#6b6b6b", "#b8373e")
_PERCENTILES = (5.0, 50.0, 95.0)


@dataclass(frozen=True)
class CorpusStatistics:
    """Measures of one group of samples.

    levels:      int64 [N] Level.order.
    volumes_ml:  [N] size of the masks.
    tilts_deg:   [N, 2] AP and lateral (tilts_deg()), NaN for a vertebra without neighbours.
    grey:        [2, bins] share of the pixels of AP and lateral patches in GREY_EDGES, each row adds up to 1.
    """

    name: str
    patients: int
    levels: NDArray[np.int64]
    volumes_ml: Array
    tilts_deg: Array
    grey: Array
    normalisation: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: for each level the number, and 5th, 50th and 95th percentile of volume and tilts."""
        edges = GREY_EDGES[self.normalisation]
        levels = {LEVELS[order].name: self._level(self.levels == order) for order in np.unique(self.levels)}
        return {
            "patients": self.patients,
            "vertebrae": len(self.levels),
            "levels": levels,
            "grey": {
                "normalisation": self.normalisation,
                "edges": [round(float(edge), 3) for edge in edges],
                **{
                    view.lower(): [round(float(v), 5) for v in row] for view, row in zip(_VIEWS, self.grey, strict=True)
                },
            },
        }

    def _level(self, chosen: NDArray[np.bool_]) -> dict[str, Any]:
        tilts = self.tilts_deg[chosen]
        return {
            "vertebrae": int(chosen.sum()),
            "volume_ml": percentiles(self.volumes_ml[chosen]),
            "tilt_ap_deg": percentiles(tilts[:, 0]),
            "tilt_lateral_deg": percentiles(tilts[:, 1]),
        }


def percentiles(values: Array) -> list[float] | None:
    """5th, 50th and 95th of the finite values, None when there is none."""
    finite = values[np.isfinite(values)]
    return [round(float(v), 2) for v in np.percentile(finite, _PERCENTILES)] if finite.size else None


def tilts_deg(samples: CodedSamples) -> Array:
    """(N, 2) degrees in AP and lateral of the line from the marked neighbour below to the one above.

    Positive when the upper end leans to the patient's left (AP) or backwards (lateral); from or to the vertebra's own
    mark where it has a neighbour on one side only; NaN without any.
    """
    own = samples.arrays["centroid_zyx"].astype(np.float64)
    step = samples.arrays["neighbours_zyx"].astype(np.float64) - own[:, None]
    distance = np.linalg.norm(step, axis=2)
    ends = []
    for upwards in (True, False):
        side = step[..., 0] < -_NEAREST_MM if upwards else step[..., 0] > _NEAREST_MM
        key = np.where(side & np.isfinite(distance), distance, np.inf)
        nearest = key.argmin(axis=1)
        found = np.isfinite(key.min(axis=1))
        end = step[np.arange(len(step)), nearest]
        ends.append(np.where(found[:, None], end, 0.0))
    line = ends[0] - ends[1]
    with np.errstate(invalid="ignore"):
        angles: Array = np.degrees(np.arctan2(line[:, [2, 1]], -line[:, :1]))
    return np.where(np.any(line != 0.0, axis=1)[:, None], angles, np.nan)


def measure(name: str, data: CorpusDataset, indices: NDArray[np.intp]) -> CorpusStatistics:
    """Statistics of some samples; grey values of at most 300 of them, evenly spread, without augmentation."""
    samples = data.samples
    spacing = float(data.settings.spacing_mm)
    volumes = np.array([samples.mask_voxels(int(i)) for i in indices]) * spacing**3 / 1000.0
    edges = GREY_EDGES[data.settings.normalisation]
    counts = np.zeros((2, len(edges) - 1))
    for index in indices[np.unique(np.linspace(0, len(indices) - 1, _GREY_SAMPLES).astype(int))]:
        images, inside = data.normalised(int(index))
        for view in (0, 1):
            seen = np.clip(images[view][inside[view]], edges[0], edges[-1])
            counts[view] += np.histogram(seen, edges)[0]
    return CorpusStatistics(
        name=name,
        patients=len(np.unique(samples.patient[indices])),
        levels=samples.arrays["level"][indices],
        volumes_ml=volumes,
        tilts_deg=tilts_deg(samples)[indices],
        grey=counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0),
        normalisation=data.settings.normalisation,
    )


def by_origin(samples: CodedSamples, name: str = "") -> list[CorpusStatistics]:
    """Statistics of the synthetic patients and of the real CTs of one corpus, those that exist.

    Patches are normalised as the corpus record says.
    """
    record = samples.settings.get("patches", {"size": samples.size})
    data = CorpusDataset(Path(name or "."), PatchSettings(**record), samples=samples)
    prefix = f"{name}: " if name else ""
    groups = (("synthetic patients", ~samples.real), ("real CTs", samples.real))
    return [measure(f"{prefix}{kind}", data, np.flatnonzero(chosen)) for kind, chosen in groups if chosen.any()]


def write_statistics(groups: Sequence[CorpusStatistics], folder: Path) -> None:
    """corpus.png (where matplotlib is installed) and the entry `statistics` of corpus.json in `folder`.

    Raises DatasetError without groups and for groups of different normalisation, OutputError.
    """
    if not groups or len({g.normalisation for g in groups}) > 1:
        raise DatasetError("there is nothing to compare", where=folder, remedy="Use corpora of the same normalisation")
    record = folder / RECORD
    known = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    write_json(record, {**known, "statistics": {g.name: g.to_dict() for g in groups}})
    try:
        plot(groups, folder / PICTURE)
    except ImportError:
        (folder / PICTURE).unlink(missing_ok=True)


def plot(groups: Sequence[CorpusStatistics], target: Path) -> None:
    """The groups side by side as PNG: levels, volumes, tilts and grey values; needs matplotlib. Raises OutputError."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15.0, 12.0), layout="constrained")
    panels = figure.subplots(3, 2)
    orders = sorted({int(order) for g in groups for order in g.levels})
    _plot_levels(panels[0, 0], groups, orders)
    _plot_by_level(panels[0, 1], groups, orders, [g.volumes_ml for g in groups], "volume of the mask (ml)")
    for view in (0, 1):
        leaning = "to the patient's left" if view == 0 else "backwards"
        values = [g.tilts_deg[:, view] for g in groups]
        label = f"tilt in {_VIEWS[view]} (degrees, + = upper end {leaning})"
        _plot_by_level(panels[1, view], groups, orders, values, label)
        panels[1, view].axhline(0.0, color="black", linewidth=0.6)
        _plot_grey(panels[2, view], groups, view)
    panels[0, 1].set_title("median and 5th to 95th percentile", fontsize=10)
    panels[1, 0].set_title("line between the neighbours: median, 5th to 95th percentile", fontsize=10)
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=10)
    with written_aside(target) as aside:
        figure.savefig(aside, dpi=100)


def _plot_levels(axes: Axes, groups: Sequence[CorpusStatistics], orders: Sequence[int]) -> None:
    width = 0.8 / len(groups)
    for number, group in enumerate(groups):
        share = [100.0 * float(np.mean(group.levels == order)) for order in orders]
        places = np.arange(len(orders)) + (number - (len(groups) - 1) / 2) * width
        label = f"{group.name}: {group.patients}, {len(group.levels)} vertebrae"
        axes.bar(places, share, width, color=_COLOURS[number % len(_COLOURS)], label=label)
    _name_levels(axes, orders)
    axes.set_ylabel("share of the vertebrae (%)")
    axes.set_title("levels", fontsize=10)


def _plot_by_level(
    axes: Axes, groups: Sequence[CorpusStatistics], orders: Sequence[int], values: Sequence[Array], label: str
) -> None:
    width = 0.6 / len(groups)
    for number, (group, measured) in enumerate(zip(groups, values, strict=True)):
        shift, colour = (number - (len(groups) - 1) / 2) * width, _COLOURS[number % len(_COLOURS)]
        for place, order in enumerate(orders):
            found = percentiles(measured[group.levels == order])
            if found is not None:
                axes.vlines(place + shift, found[0], found[2], color=colour, linewidth=2.0)
                axes.plot(place + shift, found[1], "o", color=colour, markersize=5)
    _name_levels(axes, orders)
    axes.set_ylabel(label)


def _name_levels(axes: Axes, orders: Sequence[int]) -> None:
    axes.set_xticks(range(len(orders)), [LEVELS[order].name for order in orders], fontsize=9)
    axes.set_xlim(-0.7, len(orders) - 0.3)
    axes.set_xlabel("level")
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)


def _plot_grey(axes: Axes, groups: Sequence[CorpusStatistics], view: int) -> None:
    for number, group in enumerate(groups):
        edges = GREY_EDGES[group.normalisation]
        axes.stairs(100.0 * group.grey[view], edges, color=_COLOURS[number % len(_COLOURS)], linewidth=1.6)
    unit = (
        "standard deviations of the patch"
        if groups[0].normalisation == "patch_zscore"
        else "1st to 99th percentile = 0 to 1"
    )
    axes.set_xlabel(f"normalised grey value of the {_VIEWS[view]} patch ({unit})")
    axes.set_ylabel("share of the pixels (%)")
    axes.grid(alpha=0.3)
