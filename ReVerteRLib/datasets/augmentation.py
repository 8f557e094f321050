"""Random changes of training samples. Its own code where scipy has it, because a training machine may lack scipy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Augmentation:
    """Random changes of a sample when it is read, all off by default.

    flip:               chance to mirror the patient left to right.
    contrast, noise, blur_px, gradient: strengths of grey-value changes (in units of the normalised patch).
    thick_px:           largest width of a blur along the body, as thick CT slices give.
    clutter:            strength of lines, bands and borders that belong to no vertebra (ribs, vessels, heart).
    flatten:            chance that slow changes of brightness are taken out in part.
    blind:              chance that a view shows nothing of the bone.
    level_error:        chance that the level is wrong by one.
    neighbour_dropout:  chance that a neighbour's mark is missing; twice this drops all of them.
    """

    flip: float = 0.0
    contrast: float = 0.0
    noise: float = 0.0
    blur_px: float = 0.0
    gradient: float = 0.0
    thick_px: float = 0.0
    clutter: float = 0.0
    flatten: float = 0.0
    blind: float = 0.0
    level_error: float = 0.0
    neighbour_dropout: float = 0.0

    @classmethod
    def training(cls) -> Augmentation:
        """What measured well for synthetic-to-real transfer."""
        return cls(
            flip=0.5,
            contrast=0.3,
            noise=0.12,
            blur_px=1.2,
            gradient=0.4,
            thick_px=1.6,
            clutter=0.35,
            flatten=0.3,
            blind=0.03,
            level_error=0.08,
            neighbour_dropout=0.08,
        )


def disturb(values: Image, a: Augmentation, rng: np.random.Generator) -> Image:
    """Grey-value changes of a normalised patch [h, w]: blur, clutter, non-linear contrast, brightness, noise."""
    if a.blur_px and rng.random() < 0.5:
        values = blurred(values, rng.uniform(0.0, a.blur_px))
    if a.thick_px and rng.random() < 0.4:
        values = _blurred_rows(values, rng.uniform(0.0, a.thick_px))
    if a.blind and rng.random() < a.blind:
        values = values * np.float32(rng.uniform(0.0, 0.1)) + _slow_field(values.shape, rng)
    if a.flatten and rng.random() < a.flatten:
        values = normalised(values - np.float32(rng.uniform(0.3, 1.0)) * slow_part(values))
    if a.clutter and rng.random() < 0.6:
        values = normalised(values + _clutter(values.shape, np.float32(a.clutter), rng))
    if a.contrast:
        values = values + rng.normal(0.0, 0.15 * a.contrast) * (values**2 - 1.0)
        values = values * np.exp(rng.normal(0.0, a.contrast)) + rng.normal(0.0, 0.3 * a.contrast)
    if a.gradient:
        rows, columns = np.linspace(-1, 1, values.shape[0]), np.linspace(-1, 1, values.shape[1])
        tilt = rng.normal(0.0, a.gradient, 2)
        values = values + (tilt[0] * rows[:, None] + tilt[1] * columns[None]).astype(np.float32)
    if a.noise:
        values = values + rng.normal(0.0, rng.uniform(0.0, a.noise), values.shape).astype(np.float32)
    return values


def normalised(values: Image) -> Image:
    """Zero mean, unit spread."""
    result: Image = (values - values.mean()) / np.float32(max(float(values.std()), 1e-6))
    return result


def blurred(values: Image, sigma_px: float) -> Image:
    """An image [h, w] after a Gaussian of this width, mirrored at its edges; equals scipy.ndimage.gaussian_filter."""
    for _ in range(2):  # along the rows, turned, along the columns, turned back
        values = np.ascontiguousarray(_blurred_rows(values, sigma_px).T)
    return values


def _blurred_rows(values: Image, sigma_px: float) -> Image:
    """The same along the first axis only."""
    reach = int(4.0 * sigma_px + 0.5)
    if not reach:
        return values
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / sigma_px) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="symmetric")
    return np.lib.stride_tricks.sliding_window_view(padded, len(weights), axis=0) @ weights


def slow_part(values: Image, cells: int = 9) -> Image:
    """The image smoothed by means over `cells` x `cells` blocks, bilinear between them."""
    rows, columns = (np.array_split(np.arange(n), cells) for n in values.shape)
    means = np.array([[values[np.ix_(r, c)].mean() for c in columns] for r in rows], dtype=np.float32)
    return _stretched(means, values.shape)


def _stretched(coarse: Image, shape: tuple[int, ...]) -> Image:
    """A coarse image on a finer grid, bilinear; its outer values stand half a cell inside."""
    first, second = (_interpolation(m, n) for m, n in zip(coarse.shape, shape, strict=True))
    return (first @ coarse @ second.T).astype(np.float32)


def _interpolation(cells: int, size: int) -> Image:
    """[size, cells] linear interpolation between the middles of cells."""
    position = np.clip((np.arange(size) + 0.5) * cells / size - 0.5, 0.0, cells - 1.0)
    return np.maximum(1.0 - np.abs(position[:, None] - np.arange(cells)[None]), 0.0).astype(np.float32)


def _slow_field(shape: tuple[int, ...], rng: np.random.Generator) -> Image:
    cells = int(rng.integers(3, 9))
    return _stretched(rng.normal(0.0, 1.0, (cells, cells)).astype(np.float32), shape)


def _clutter(shape: tuple[int, ...], strength: np.float32, rng: np.random.Generator) -> Image:
    """Slow brightness, curved lines and bands of 1 to 5 pixels, and borders between darker and brighter parts."""
    total = strength * np.float32(rng.uniform(0.0, 1.2)) * _slow_field(shape, rng)
    for _ in range(rng.poisson(3.0)):
        across = _from_curve(shape, rng)
        total = total + strength * np.float32(rng.normal()) * np.exp(-0.5 * (across / rng.uniform(0.8, 4.0)) ** 2)
    for _ in range(rng.poisson(0.8)):
        across = _from_curve(shape, rng) / rng.uniform(1.0, 8.0)
        total = total + strength * np.float32(1.5 * rng.normal()) * np.tanh(across)
    return total.astype(np.float32)


def _from_curve(shape: tuple[int, ...], rng: np.random.Generator) -> Image:
    """Signed distance in pixels, roughly, to a random curve through the image."""
    rows, columns = np.arange(shape[0], dtype=np.float32)[:, None], np.arange(shape[1], dtype=np.float32)[None]
    angle, centre = rng.uniform(0.0, np.pi), rng.uniform(0.1, 0.9, 2) * shape
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    along = (columns - np.float32(centre[1])) * cosine + (rows - np.float32(centre[0])) * sine
    across = (rows - np.float32(centre[0])) * cosine - (columns - np.float32(centre[1])) * sine
    return across - np.float32(rng.normal(0.0, 0.004)) * along**2
