"""The learned detector: both radiographs in, vertebrae in each view out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from ReVerteRLib.detection.config import COARSEST, CORNERS, FilmSettings
from ReVerteRLib.detection.films import FilmFrame, FilmPair, film_pair
from ReVerteRLib.detection.loss import CORNER, LEVEL, OFFSET
from ReVerteRLib.detection.targets import CORNER_UNIT_CELLS, to_pixels
from ReVerteRLib.detection.types import Detection
from ReVerteRLib.imaging.radiograph import RadiographPair

LOWEST_SCORE = 0.15
"""Weaker peaks are not told at all; what is certain enough is for those who pair and label to say."""
_MOST = 60
_APART_CELLS = 2.0


class NetworkDetector:
    """A `types.ViewDetector` around a trained network."""

    def __init__(
        self, network: nn.Module, films: FilmSettings, *, lowest_score: float = LOWEST_SCORE, device: str = "cpu"
    ) -> None:
        """network: a DetectorNetwork in evaluation mode. lowest_score: of the detections that are told."""
        self._network = network.to(device)
        self._films = films
        self._lowest = lowest_score
        self._device = device

    def detect(self, pair: RadiographPair) -> tuple[tuple[Detection, ...], tuple[Detection, ...]]:
        """Detections of the AP and of the lateral radiograph, head to foot.

        Radiographs may have any size, field of view, pixel size and beam. Raises ResourceError where they are so far
        apart or so large that no film can hold both.
        """
        films = film_pair(pair, self._films)
        with torch.inference_mode():
            maps = self._network(_batch(films).to(self._device))[0].cpu()
        found = [decode(maps[view], films.films[view][2] > 0.5, films.frames[view], self._lowest) for view in (0, 1)]
        return found[0], found[1]


def _batch(films: FilmPair) -> Tensor:
    """[1, 2, 3, H, W]: both films, padded at their lower and right ends to the network's multiples."""
    shapes = [film.shape[1:] for film in films.films]
    height, width = (-(-max(shape[axis] for shape in shapes) // COARSEST) * COARSEST for axis in (0, 1))
    padded = [
        F.pad(torch.from_numpy(film), (0, width - film.shape[2], 0, height - film.shape[1])) for film in films.films
    ]
    return torch.stack(padded)[None]


def decode(maps: Tensor, film: NDArray[np.bool_], frame: FilmFrame, lowest_score: float) -> tuple[Detection, ...]:
    """Vertebrae from the maps [outputs, rows, columns] of one view, head to foot.

    Peaks of the centre map are taken from the strongest down, none closer than 8 mm (2 cells of 4 mm) to one before it
    and none outside the film [rows, columns].
    """
    heat = maps[0].sigmoid()
    peaks = (F.max_pool2d(heat[None, None], 3, stride=1, padding=1)[0, 0] == heat) & (heat >= lowest_score)
    cells = torch.nonzero(peaks)
    cells = cells[heat[peaks].argsort(descending=True)[: 4 * _MOST]]
    centres: list[NDArray[np.float64]] = []
    found = []
    for row, column in cells.tolist():
        values = maps[:, row, column].double().numpy()
        centre = np.array([row, column]) + np.clip(values[OFFSET], -2.0, 2.0)
        pixel = to_pixels(centre)
        at = round(float(pixel[0])), round(float(pixel[1]))
        if not (0 <= at[0] < film.shape[0] and 0 <= at[1] < film.shape[1] and film[at]):
            continue
        if any(float(np.hypot(*(centre - other))) < _APART_CELLS for other in centres):
            continue
        centres.append(centre)
        found.append(_detection(values, (row, column), pixel, float(heat[row, column]), frame))
    return tuple(sorted(found[:_MOST], key=lambda d: d.centre_rc[0] * np.sign(frame.step_rc[0])))


def _detection(
    values: NDArray[np.float64], cell: tuple[int, int], pixel: NDArray[np.float64], score: float, frame: FilmFrame
) -> Detection:
    corners = to_pixels(values[CORNER].reshape(CORNERS, 2) * CORNER_UNIT_CELLS + np.array(cell))
    logits = values[LEVEL] - values[LEVEL].max()
    row, column = frame.to_radiograph(pixel).tolist()
    return Detection(
        (row, column), frame.to_radiograph(corners), min(score, 1.0), logits - np.log(np.exp(logits).sum())
    )


def load_detector(name_or_path: str | Path = "default", folder: Path | None = None) -> NetworkDetector:
    """The shipped detector, another of the store by name, or one of a file; see store.load_detector_weights."""
    from ReVerteRLib.detection.store import load_detector_weights

    weights = load_detector_weights(name_or_path, folder)
    return NetworkDetector(weights.network, weights.films)
