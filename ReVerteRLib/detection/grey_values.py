"""What happens to a film's grey values between the patient and the file, at random strengths."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ReVerteRLib.geometry import Array

Image = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
_Rng = np.random.Generator


def disturbed(tau: Image, valid: Mask, centres_rc: Array, pixel_mm: float, rng: _Rng) -> tuple[Image, Mask, Mask]:
    """Line integrals [rows, columns] as some film might show them, where there is a film, where it shows the patient.

    In order: metal and wires, shading, haze, blur, noise, tone, local contrast or details brought out, shutters, text,
    inversion. Shutters leave at least half of the centres (N, 2) in sight.
    """
    image, seen = tau, valid
    changes = ((0.3, _with_metal), (0.35, _shaded), (0.4, _with_haze), (0.4, _blurred), (0.6, _with_noise))
    for chance, change in changes:
        if rng.random() < chance:
            image = change(image, pixel_mm, rng)
    image = _toned(image, valid, rng)
    if rng.random() < 0.55:
        processed = _flattened if rng.random() < 0.6 else _detailed
        image = processed(image, valid, pixel_mm, rng)
    if rng.random() < 0.35:
        image, left = _shuttered(image, centres_rc, pixel_mm, rng)
        seen = seen & left
        if rng.random() < 0.3:  # files seldom say where their shutters are
            valid = seen
    if rng.random() < 0.3:
        image = _with_text(image, rng)
    if rng.random() < 0.05:
        image = 1.0 - image
    return image.astype(np.float32), valid, seen


def _with_metal(tau: Image, pixel_mm: float, rng: _Rng) -> Image:
    """Rods, screws, discs (buttons, electrodes) and thin wires."""
    result = tau.copy()
    rows, columns = np.ogrid[: tau.shape[0], : tau.shape[1]]
    for _ in range(int(rng.integers(1, 6))):
        row, column = rng.uniform(0, tau.shape[0]), rng.uniform(0, tau.shape[1])
        angle, kind = rng.uniform(0, np.pi), rng.random()
        along = (rows - row) * np.sin(angle) + (columns - column) * np.cos(angle)
        across = (columns - column) * np.sin(angle) - (rows - row) * np.cos(angle)
        if kind < 0.35:  # a wire, gently bent
            across = across + along**2 * rng.normal(0, 0.004)
            shape = (np.abs(across) < rng.uniform(0.3, 0.9)) & (np.abs(along) < rng.uniform(20, 300))
        elif kind < 0.75:
            shape = (np.abs(across) < rng.uniform(1.0, 3.5)) & (np.abs(along) < rng.uniform(8, 60) / pixel_mm)
        else:
            shape = along**2 + across**2 < (rng.uniform(2, 14) / pixel_mm) ** 2
        result[shape] += rng.uniform(0.3, 3.0)
    return result


def _shaded(tau: Image, _pixel_mm: float, rng: _Rng) -> Image:
    """Broad differences that are no anatomy: the anode's heel, a filter, a body turned in the beam."""
    knots = rng.normal(0.0, 1.0, (int(rng.integers(2, 6)), int(rng.integers(2, 4))))
    places = [np.linspace(0, size - 1, length) for size, length in zip(knots.shape, tau.shape, strict=True)]
    broad = ndimage.map_coordinates(knots, np.meshgrid(*places, indexing="ij"), order=1)
    share = 0.2 * float(np.median(tau)) * rng.uniform(0.2, 1.0)
    shaded: Image = np.maximum(tau + share * broad * (tau > 0.2), 0.0)
    return shaded


def _with_haze(tau: Image, pixel_mm: float, rng: _Rng) -> Image:
    """Scatter: a broad share of the intensity; where little arrives it covers the contrast."""
    intensity = np.exp(-tau)
    broad = _broad(intensity, rng.uniform(20, 80) / pixel_mm)
    share = rng.uniform(0.1, 1.5)
    hazy: Image = -np.log(np.maximum((intensity + share * broad) / (1 + share), 1e-6))
    return hazy


def _broad(image: Image, width_px: float) -> Image:
    once: Image = ndimage.uniform_filter(image, max(3, round(width_px)), mode="nearest")
    return ndimage.uniform_filter(once, max(3, round(width_px)), mode="nearest")


def _blurred(image: Image, _pixel_mm: float, rng: _Rng) -> Image:
    blurred: Image = ndimage.gaussian_filter(image, rng.uniform(0.3, 1.1))
    return blurred


def _with_noise(tau: Image, _pixel_mm: float, rng: _Rng) -> Image:
    """Quantum noise of a low dose, per film pixel, partly smooth as detectors make it."""
    quanta = 10 ** rng.uniform(2.5, 5.0)
    noise = rng.standard_normal(tau.shape, dtype=np.float32)
    if rng.random() < 0.5:
        noise = ndimage.gaussian_filter(noise, 0.6) * 2.0
    spread = np.minimum(np.exp(np.minimum(tau, 12.0) / 2.0) / np.sqrt(quanta), 0.6)
    noisy: Image = tau + noise * spread.astype(np.float32)
    return noisy


def _toned(tau: Image, valid: Mask, rng: _Rng) -> Image:
    """About 0..1, by a window and a curve: linear, power, film-like S, or the intensity itself."""
    seen = tau[valid] if valid.any() else tau.ravel()
    low, high = np.percentile(seen[::5], [rng.uniform(0, 20), rng.uniform(97, 100)])
    scaled = (tau - low) / max(float(high - low), 1e-6)
    kind = rng.random()
    if kind < 0.2:
        return scaled
    scaled = np.clip(scaled, 0.0, 1.2)
    if kind < 0.35:  # lungs burnt black, as films exposed for the spine have them
        low = rng.uniform(0.0, 0.35)
        toned: Image = np.clip((scaled - low) / (rng.uniform(0.9, 1.1) - low), 0.0, 1.1) ** rng.uniform(0.7, 1.4)
    elif kind < 0.55:
        toned = scaled ** np.exp(rng.uniform(-0.9, 0.9))
    elif kind < 0.8:
        steep, middle = rng.uniform(2, 8), rng.uniform(0.3, 0.7)
        toned = 1.0 / (1.0 + np.exp(-steep * (scaled - middle)))
    else:
        toned = 1.0 - np.exp(-rng.uniform(1.0, 4.0) * scaled)
    if rng.random() < 0.2:  # few grey levels, as in compressed pictures
        toned = np.round(toned * rng.integers(24, 128)) / 64.0
    return toned


def _flattened(image: Image, valid: Mask, pixel_mm: float, rng: _Rng) -> Image:
    """Large-scale contrast taken out, as image processing (or a scan of a thin slab) does."""
    width = rng.uniform(30, 140) / pixel_mm
    share = np.maximum(_broad(valid.astype(np.float32), width), 0.02)
    mean = _broad(np.where(valid, image, 0.0).astype(np.float32), width) / share
    flat: Image = image - rng.uniform(0.3, 1.0) * mean
    if rng.random() < 0.5:
        square = _broad(np.where(valid, flat, 0.0).astype(np.float32) ** 2, width) / share
        spread = np.sqrt(np.maximum(square, 0.0))
        flat = flat / (spread + 0.05)
    low, high = np.percentile(flat[valid][::5], [1, 99]) if valid.any() else (0.0, 1.0)
    evened: Image = (flat - low) / max(float(high - low), 1e-6)
    return evened


def _detailed(image: Image, valid: Mask, pixel_mm: float, rng: _Rng) -> Image:
    """Faint details raised and strong ones lowered scale by scale, as vendors process films."""
    rest, result = image.astype(np.float32), np.zeros(image.shape, np.float32)
    power, typical = rng.uniform(0.5, 0.9), 0.05
    for width_mm in (6.0, 14.0, 34.0, 80.0):
        coarse = _broad(rest, width_mm / pixel_mm)
        detail = rest - coarse
        result += np.sign(detail) * typical * (np.abs(detail) / typical) ** power * rng.uniform(0.7, 2.2)
        rest = coarse
    result += rest * rng.uniform(0.1, 0.8)
    low, high = np.percentile(result[valid][::5], [1, 99]) if valid.any() else (0.0, 1.0)
    evened: Image = (result - low) / max(float(high - low), 1e-6)
    return evened


def _shuttered(image: Image, centres_rc: Array, pixel_mm: float, rng: _Rng) -> tuple[Image, Mask]:
    """A turned rectangle of the film is left, the rest is one grey value: black, white or between."""
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    middle = centres_rc.mean(axis=0) if len(centres_rc) else np.array(image.shape) / 2.0
    for _ in range(4):
        angle = np.deg2rad(rng.normal(0, 5))
        row, column = middle + rng.normal(0, [20, 26]) / pixel_mm
        along = (rows - row) * np.cos(angle) + (columns - column) * np.sin(angle)
        across = (columns - column) * np.cos(angle) - (rows - row) * np.sin(angle)
        half = rng.uniform(0.25, 0.6) * image.shape[0], rng.uniform(35, 130) / pixel_mm
        left = (np.abs(along) <= half[0]) & (np.abs(across) <= half[1])
        pixels = np.clip(np.round(centres_rc).astype(int), 0, np.array(image.shape) - 1)
        if not len(pixels) or left[pixels[:, 0], pixels[:, 1]].mean() >= 0.5:
            break
    else:
        return image, np.ones(image.shape, bool)
    value = rng.choice([0.0, 1.0, float(rng.uniform(-0.2, 1.2))], p=[0.6, 0.15, 0.25])
    edge = ndimage.gaussian_filter(left.astype(np.float32), rng.uniform(0.2, 1.5)) if rng.random() < 0.5 else left
    shut: Image = image * edge + value * (1.0 - edge)
    return shut, left


def _with_text(image: Image, rng: _Rng) -> Image:
    """Markers and lettering: rows of glyph-like blocks, white or black, anywhere."""
    result = image.copy()
    for _ in range(int(rng.integers(1, 4))):
        size, count = int(rng.integers(1, 3)), int(rng.integers(1, 7))
        glyphs = rng.random((7, 6 * count)) < 0.5
        glyphs[:, 5::6] = False
        block = np.kron(glyphs, np.ones((size, size), bool))[: image.shape[0], : image.shape[1]]
        row = int(rng.integers(0, image.shape[0] - block.shape[0] + 1))
        column = int(rng.integers(0, image.shape[1] - block.shape[1] + 1))
        result[row : row + block.shape[0], column : column + block.shape[1]][block] = rng.choice([0.0, 1.0, 1.2])
    return result
