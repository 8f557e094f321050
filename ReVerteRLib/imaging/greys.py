"""Grey values of radiographs: always bone bright (larger = more material) after import, and the exposed field."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.imaging.dicom import apply_curve
from ReVerteRLib.imaging.header import RawRadiograph
from ReVerteRLib.imaging.orientation import Certainty

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

_SMALL = 400  # pixels along the longer side where the field is looked for
_STATISTICS = 800
_JUMP = 0.15
_BLADE_STEP = 0.05
_SHARP = 0.6  # share of the brightening that must happen at the border's edge
_LOWEST_SHARE = 1e-3


class Grey(Enum):
    """What the stored numbers mean.

    AUTO:      by the header.
    AS_STORED: larger is more material (bone bright).
    INVERTED:  larger is less material.
    INTENSITY: proportional to the detected intensity; the negative logarithm is taken.
    """

    AUTO = "auto"
    AS_STORED = "as-stored"
    INVERTED = "inverted"
    INTENSITY = "intensity"


@dataclass(frozen=True)
class GreyResult:
    """image_hw: float32, larger = more material. meaning: what was done. sentence: why. warnings: for the user."""

    image_hw: Image
    meaning: Grey
    certainty: Certainty
    sentence: str
    warnings: tuple[str, ...] = ()


def bone_bright(raw: RawRadiograph, chosen: Grey = Grey.AUTO) -> GreyResult:
    """The image with larger values for more material.

    DICOM: values that are proportional to (LIN) or grow with (LOG) the X-ray intensity by Pixel Intensity Relationship
    (0028,1040) and its Sign (0028,1041) are turned accordingly where the image is for processing or of a C-arm;
    images for presentation go by Photometric Interpretation (0028,0004): MONOCHROME1 is inverted, once, whatever
    Presentation LUT Shape (2050,0020) repeats. A stored VOI LUT (0028,3010) is applied; display windows are not, since
    they only clip. The logarithm is taken of linear intensities alone: display images are compressed already.
    """
    meaning, certainty, sentence = (
        _meaning(raw) if chosen is Grey.AUTO else (chosen, Certainty.CHOSEN, _SENTENCES[chosen])
    )
    values, sentence = _through_tone_curve(raw, meaning, sentence)
    warnings = []
    if raw.header.photometric == "MONOCHROME1" and raw.header.lut_shape == "IDENTITY" and chosen is Grey.AUTO:
        warnings.append(
            "Photometric Interpretation and Presentation LUT Shape contradict each other; check the picture"
        )
    image = _apply(values, meaning)
    return GreyResult(image, meaning, certainty, sentence, tuple(warnings))


_SENTENCES = {
    Grey.AS_STORED: "The values are used as they are stored",
    Grey.INVERTED: "The values are inverted",
    Grey.INTENSITY: "The negative logarithm of the values is taken",
}


def _meaning(raw: RawRadiograph) -> tuple[Grey, Certainty, str]:
    header = raw.header
    if raw.kind != "DICOM":
        return Grey.AS_STORED, Certainty.ASSUMED, "The file does not say what its values mean; bone is taken as bright"
    physical = header.intent == "FOR PROCESSING" or header.modality in ("XA", "RF")
    if physical and header.intensity in ("LIN", "LOG"):
        return _physical_meaning(raw)
    if header.photometric == "MONOCHROME1":
        return Grey.INVERTED, Certainty.STATED, "MONOCHROME1 (white is low): the values are inverted"
    if header.lut_shape == "INVERSE":
        return Grey.INVERTED, Certainty.STATED, "Presentation LUT Shape INVERSE: the values are inverted"
    if header.photometric == "MONOCHROME2":
        return Grey.AS_STORED, Certainty.STATED, "MONOCHROME2 (white is high): the values stay as they are displayed"
    return Grey.AS_STORED, Certainty.ASSUMED, f"Pixels of kind {header.photometric or 'unknown'}: bone taken as bright"


def _physical_meaning(raw: RawRadiograph) -> tuple[Grey, Certainty, str]:
    """Without a sign the values grow with the intensity (+1), as the words LIN and LOG are defined."""
    header = raw.header
    said = f"Pixel Intensity Relationship {header.intensity}, sign {header.intensity_sign:+d}"
    if header.intensity_sign < 0:
        return Grey.AS_STORED, Certainty.STATED, f"{said}: the values grow with the material"
    if header.intensity == "LIN":
        return Grey.INTENSITY, Certainty.STATED, f"{said}: values are intensities, their negative logarithm is taken"
    return Grey.INVERTED, Certainty.STATED, f"{said}: the values grow with the intensity and are inverted"


def _through_tone_curve(raw: RawRadiograph, meaning: Grey, sentence: str) -> tuple[Image, str]:
    if raw.tone_curve is None or meaning is Grey.INTENSITY:
        return raw.pixels_hw, sentence
    return apply_curve(raw.pixels_hw, raw.tone_curve), f"{sentence}, after the stored VOI LUT"


def _apply(values: Image, meaning: Grey) -> Image:
    if meaning is Grey.INVERTED:
        return values.max() - values
    if meaning is Grey.INTENSITY:
        brightest = float(np.percentile(values, 99.9))
        return -np.log(np.clip(values / max(brightest, 1e-12), _LOWEST_SHARE, None)).astype(np.float32)
    return values.astype(np.float32, copy=True)


# --- the exposed field ---------------------------------------------------------------------------


@dataclass(frozen=True)
class FieldResult:
    """field_hw: bool, exposed pixels. sentence: how it was found."""

    field_hw: Mask
    certainty: Certainty
    sentence: str

    @property
    def share(self) -> float:
        """Exposed share of the image, 0 to 1."""
        return float(self.field_hw.mean())


def exposed_field(image_hw: Image, declared_hw: Mask | None = None) -> FieldResult:
    """The part of the image inside collimator blades, shutters, white frames and padding.

    What the header declares comes first. Beyond that, a border is what touches the image's edge, is far brighter than
    everything in the middle half (unexposed), begins with a step, and leaves a convex field: so a dense pelvis is not
    taken for one. A dark border is left as it is: it cannot be told from air, and does as little harm.
    """
    field = np.ones(image_hw.shape, dtype=bool) if declared_hw is None else declared_hw.copy()
    step = max(1, -(-max(image_hw.shape) // _SMALL))
    small, inside = image_hw[::step, ::step], field[::step, ::step]
    found = _border(small, inside)
    if found is not None:
        grown = _grown(found, 2)
        rows, columns = (np.arange(n) // step for n in image_hw.shape)
        field &= ~grown[rows][:, columns]
    if field.all():
        return FieldResult(field, Certainty.DERIVED, "No border: the whole image is used")
    how = [
        text for text, is_it in (("the header", declared_hw is not None), ("the pixels", found is not None)) if is_it
    ]
    certainty = Certainty.STATED if found is None else Certainty.DERIVED
    sentence = f"{100 * field.mean():.0f} % of the image is exposed, by {' and '.join(how)}; the border is blanked"
    return FieldResult(field, certainty, sentence)


def _grown(mask: Mask, pixels: int) -> Mask:
    from scipy.ndimage import binary_dilation

    grown: Mask = binary_dilation(mask, iterations=pixels)
    return grown


def _border(small: Image, inside: Mask) -> Mask | None:
    height, width = small.shape
    middle = np.zeros(small.shape, dtype=bool)
    middle[height // 4 : height - height // 4, width // 4 : width - width // 4] = True
    values = small[middle & inside]
    if values.size < 100:
        return None
    low, high = np.percentile(values, [0.5, 99.5])
    span = max(float(high - low), 1e-6)
    bright = small > high + _JUMP * span
    parts = [
        part for part in (_one_border(small, inside, bright, span), _blades(small, inside, span)) if part is not None
    ]
    return np.logical_or.reduce(parts) if parts else None


def _blades(small: Image, inside: Mask, span: float) -> Mask | None:
    """Border outside straight edges at which almost the whole line gets brighter outwards, however bright the middle.

    Scatter can make blades darker than the densest anatomy; their edges stay straight and sharp. The first pass
    finds edges along half of the image, the second looks along the field that they leave.
    """
    top, bottom, left, right = 0, small.shape[0], 0, small.shape[1]
    for share in (0.5, 0.85):
        lines = small[:, left:right], small[top:bottom].T
        low, high = _edge_lines(lines[0], share, span)
        left_, right_ = _edge_lines(lines[1], share, span)
        top, bottom, left, right = low, high, left_, right_
    border = np.ones(small.shape, dtype=bool)
    border[top:bottom, left:right] = False
    border &= inside
    return border if 0.005 < border.mean() < 0.8 else None


def _edge_lines(lines: Image, share: float, span: float) -> tuple[int, int]:
    """First and one past the last row inside blades at the top and the bottom; searched in the outer thirds."""
    count = len(lines)
    step = lines[:-2] - lines[2:]  # positive where it gets darker downwards, at the row between
    steps = max(_BLADE_STEP * span, 4.0 * float(np.median(np.abs(step))))
    inwards = np.flatnonzero((step > steps).mean(axis=1) > share) + 1
    outwards = np.flatnonzero((step < -steps).mean(axis=1) > share) + 1
    above, below = inwards[inwards < count // 3], outwards[outwards >= count - count // 3]
    return (int(above[-1]) + 1 if above.size else 0), (int(below[0]) if below.size else count)


def _edge_values(image_hw: Image, among: Mask) -> Image:
    ring = np.ones(image_hw.shape, dtype=bool)
    ring[1:-1, 1:-1] = False
    return image_hw[ring & among]


def _one_border(small: Image, inside: Mask, beyond: Mask, span: float) -> Mask | None:
    """Pixels of a border, None when what lies beyond the range of the middle is none."""
    from scipy import ndimage

    labels, count = ndimage.label(beyond & inside)
    if not count:
        return None
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    region = np.isin(labels, np.unique(edge[edge > 0]))
    region &= ~_specks(region)
    if region.mean() < 0.005:
        return None
    outline = ndimage.binary_dilation(region, iterations=2) & ~region & inside
    rim = ndimage.binary_dilation(~region, iterations=2) & region
    if not outline.any() or not rim.any():
        return None
    step = float(np.median(small[rim]) - np.median(small[outline]))
    whole = float(np.median(small[region]) - np.median(small[outline]))
    if step < max(_JUMP * span, _SHARP * whole) or _solidity(inside & ~region) < 0.97:
        return None
    return region


def _specks(region: Mask) -> Mask:
    """Parts that are too thin to be blades."""
    from scipy.ndimage import binary_opening

    opened: Mask = binary_opening(np.pad(region, 2, mode="edge"), iterations=1)[2:-2, 2:-2]
    return region & ~opened


def _solidity(mask: Mask) -> float:
    """Area over that of the convex hull."""
    from skimage.morphology import convex_hull_image

    return float(mask.sum() / max(convex_hull_image(mask).sum(), 1)) if mask.any() else 0.0


def blanked(image_hw: Image, field_hw: Mask) -> Image:
    """The image with everything outside the field at the field's 1st percentile, as air, and nothing below zero lost.

    So percentiles of the whole image are those of the anatomy.
    """
    if field_hw.all():
        return image_hw
    small, inside = _decimated(image_hw, field_hw)
    return np.where(field_hw, image_hw, np.float32(np.percentile(small[inside], 1.0)))


def _decimated(image_hw: Image, field_hw: Mask) -> tuple[Image, Mask]:
    """Every n-th pixel, up to 800 along a side: enough for percentiles, and quick for the largest detectors."""
    step = max(1, -(-max(image_hw.shape) // _STATISTICS))
    small, inside = image_hw[::step, ::step], field_hw[::step, ::step]
    return (small, inside) if inside.any() else (image_hw, field_hw)


def looks_inverted(image_hw: Image, field_hw: Mask) -> bool:
    """Whether the sides of the field are far brighter than its middle: then air is bright and the image inverted.

    Compares the medians of the outer twentieths with that of the middle third (columns); images without air at the
    sides give no answer (False).
    """
    image_hw, field_hw = _decimated(image_hw, field_hw)
    span = float(np.subtract(*np.percentile(image_hw[field_hw], [99.0, 1.0])))
    edge = _edge_values(image_hw, field_hw)
    if edge.size:  # a painted shutter or a white frame is no air
        field_hw = field_hw & (np.abs(image_hw - np.median(edge)) > 1e-3 * span)
    columns = np.flatnonzero(field_hw.mean(axis=0) > 0.2)
    if columns.size < 20:
        return False
    left, right = int(columns[0]), int(columns[-1]) + 1
    width, strip = right - left, max(1, (right - left) // 20)

    def median(start: int, stop: int) -> float:
        part = image_hw[:, start:stop][field_hw[:, start:stop]]
        return float(np.median(part)) if part.size else float("nan")

    sides = max(median(left, left + strip), median(right - strip, right))
    centre = median(left + width // 3, right - width // 3)
    return bool(sides - centre > 0.3 * span)
