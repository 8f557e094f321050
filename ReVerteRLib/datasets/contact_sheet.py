"""Pictures of many pairs of radiographs on one page, to look at what a corpus is made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.files import written_aside
from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair


def draw_contact_sheet(
    path: Path,
    pairs: Sequence[tuple[str, RadiographPair]],
    *,
    centroids: Sequence[CentroidSet | None] | None = None,
    columns: int = 6,
    height_inch: float = 4.2,
) -> None:
    """AP and lateral view of every pair side by side, bone bright, head up, as PNG; needs matplotlib.

    centroids: marks for each pair, None for none. Raises ArgumentError for an empty list, OutputError.
    """
    from matplotlib.figure import Figure

    if not pairs:
        raise ArgumentError("there is no radiograph to draw")
    rows = -(-len(pairs) // columns)
    figure = Figure(figsize=(columns * height_inch, rows * height_inch), layout="constrained", facecolor="black")
    marks = list(centroids) if centroids is not None else [None] * len(pairs)
    frames = figure.subplots(rows, 2 * columns, squeeze=False)
    for frame in frames.flat:
        frame.set_axis_off()
    for number, ((title, pair), mark) in enumerate(zip(pairs, marks, strict=True)):
        row, column = divmod(number, columns)
        for side, radiograph in enumerate(pair):
            frame = frames[row, 2 * column + side]
            _show(frame, radiograph, mark)
            frame.set_title(title if side == 0 else "lateral", color="white", fontsize=8)
    with written_aside(path) as aside:
        figure.savefig(aside, dpi=80, format="png")


def _show(frame: object, radiograph: Radiograph, mark: CentroidSet | None) -> None:
    """One view with its millimetre aspect; grey values between the 1st and 99.7th percentile of what is not air."""
    from matplotlib.axes import Axes

    assert isinstance(frame, Axes)  # noqa: S101 - narrows the type
    image = radiograph.image_hw
    body = image[image > image.min() + 0.05 * np.ptp(image)]
    low, high = np.percentile(body if body.size else image, [1.0, 99.7])
    spacing = radiograph.projection.spacing_mm
    frame.imshow(image, cmap="gray", vmin=low, vmax=high, aspect=spacing[0] / spacing[1])
    if mark is not None:
        pixels = radiograph.projection.project([c.position_lps_mm for c in mark])
        frame.plot(pixels[:, 1], pixels[:, 0], "r.", markersize=2)
