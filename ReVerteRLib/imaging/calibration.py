"""From a header's spacings and distances to the pixel size in the patient and the shape of the beam.

In a projection radiograph a pixel has one size on the detector and, since rays diverge, smaller sizes in the patient.
Which one a DICOM file gives differs by tag (DICOM PS3.3, sections 10.7 and C.8.7.10, C.8.11.7):

- Imager Pixel Spacing (0018,1164): at the front of the detector.
- Pixel Spacing (0028,0030): at the detector as well when it equals the former; else corrected for magnification.
  Pixel Spacing Calibration Type (0028,0A02) then says how, by GEOMETRY or by a FIDUCIAL of known size.
- Estimated Radiographic Magnification Factor (0018,1114): distance source-detector over source-object.
- Distance Source to Detector (0018,1110), Distance Source to Patient (0018,1111): for C-arms up to the isocentre, for
  other systems up to the table or bucky side nearest to the patient, so that their quotient is then a little low.
- Nominal Scanned Pixel Spacing (0018,2010): on the film that was digitised, which lay on the detector.
- Detector Configuration (0018,7005): AREA or SLOT; a slot scanner's rays diverge along the columns' direction only.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from ReVerteRLib.errors import ArgumentError, InputError
from ReVerteRLib.geometry import Beam
from ReVerteRLib.imaging.header import Pair, RadiographHeader
from ReVerteRLib.imaging.orientation import Certainty

if TYPE_CHECKING:
    from ReVerteRLib.imaging.overrides import Overrides

_CALIBRATED = ("GEOMETRY", "FIDUCIAL")
_SLOT_MAKERS = ("EOS IMAGING", "BIOSPACE")
_SAME = 1e-3
_MAX_MAGNIFICATION = 3.0


class SpacingRule(Enum):
    """Where the pixel size in the patient comes from."""

    CHOSEN = "chosen"
    CALIBRATED = "calibrated pixel spacing"
    DIFFERENT = "pixel spacing other than the detector's"
    MAGNIFICATION = "detector spacing / magnification factor"
    DISTANCES = "detector spacing / (SID / SOD)"
    DETECTOR_ONLY = "detector spacing, magnification unknown"
    UNSPECIFIED = "pixel spacing of unknown plane"
    FILE = "spacing of the file"
    STORED = "projection stored in the file"


@dataclass(frozen=True)
class Calibration:
    """Pixel size in the patient and the beam.

    spacing_mm:     (rows, columns) as stored, on the plane through the patient.
    sad_mm, sdd_mm: source to patient and to detector; None for parallel rays.
    magnification:  of detector over patient, None when unknown.
    certainty:      ASSUMED when the scale may be wrong. warnings: for the user.
    sentence:       which rule was used, with the numbers; beam_sentence and beam_certainty: the same for the beam.
    """

    spacing_mm: Pair
    beam: Beam
    rule: SpacingRule
    certainty: Certainty
    sentence: str
    beam_sentence: str
    beam_certainty: Certainty
    sad_mm: float | None = None
    sdd_mm: float | None = None
    magnification: float | None = None
    warnings: tuple[str, ...] = ()


def calibrate(header: RadiographHeader, overrides: Overrides, where: str = "") -> Calibration:
    """Applies the rules in the order of this module's documentation; what the user chose comes first.

    Raises InputError when no spacing is known and ArgumentError for impossible choices.
    """
    _check_choices(overrides, where)
    factor, factor_text, warnings = _magnification(header, overrides)
    slot, slot_text = _slot(header, overrides)
    spacing, rule, certainty, sentence = _spacing(header, overrides, factor, factor_text, slot=slot, where=where)
    if certainty is Certainty.ASSUMED:
        warnings.append(f"The scale is uncertain: {sentence}")
    chosen = overrides.magnification or (overrides.sad_mm and overrides.sdd_mm)
    known = factor if chosen else _implied_magnification(header, spacing, rule) or factor
    sad, sdd = _distances(header, overrides, known)
    beam, beam_text = _beam(overrides, slot, slot_text, sad, sdd)
    if slot and beam is Beam.PARALLEL:
        warnings.append("This is a slot scanner without distances: the fan's perspective is neglected")
    return Calibration(
        spacing_mm=spacing,
        beam=beam,
        rule=rule,
        certainty=certainty,
        sentence=sentence,
        beam_sentence=beam_text,
        beam_certainty=_beam_certainty(overrides, beam, known),
        sad_mm=None if beam is Beam.PARALLEL else sad,
        sdd_mm=None if beam is Beam.PARALLEL else sdd,
        magnification=known,
        warnings=tuple(warnings),
    )


def _check_choices(overrides: Overrides, where: str) -> None:
    numbers = [*(overrides.spacing_mm or ()), *(overrides.detector_spacing_mm or ())]
    numbers += [v for v in (overrides.magnification, overrides.sad_mm, overrides.sdd_mm) if v is not None]
    if not all(np.isfinite(v) and v > 0 for v in numbers):
        raise ArgumentError("a spacing, distance or magnification is not positive", where=where)
    if overrides.magnification is not None and not 1.0 <= overrides.magnification <= _MAX_MAGNIFICATION:
        raise ArgumentError(
            f"a magnification of {overrides.magnification:g} is impossible",
            where=where,
            remedy="Give source-detector over source-patient distance, 1 to 3 (often 1.05 to 1.4)",
        )
    if overrides.sad_mm and overrides.sdd_mm and overrides.sad_mm > overrides.sdd_mm:
        raise ArgumentError(
            f"the patient at {overrides.sad_mm:g} mm would stand behind the detector at {overrides.sdd_mm:g} mm",
            where=where,
            remedy="Exchange the two distances",
        )


# --- magnification and distances -----------------------------------------------------------------


def _magnification(header: RadiographHeader, overrides: Overrides) -> tuple[float | None, str, list[str]]:
    """Detector over patient, how it is known, and warnings."""
    if overrides.magnification is not None:
        return overrides.magnification, f"the chosen magnification {overrides.magnification:g}", []
    sdd, sad = overrides.sdd_mm or header.sdd_mm, overrides.sad_mm or header.sad_mm
    quotient = sdd / sad if sdd and sad else None
    if quotient is not None and not 1.0 <= quotient <= _MAX_MAGNIFICATION:
        text = f"The distances {sdd:g} mm to the detector and {sad:g} mm to the patient are impossible and not used"
        quotient, warnings = None, [text]
    else:
        warnings = []
    chosen = quotient is not None and (overrides.sdd_mm or overrides.sad_mm)
    stated = header.magnification
    if stated is not None and not 1.0 <= stated <= _MAX_MAGNIFICATION:
        warnings.append(f"The magnification factor {stated:g} in the file is impossible and not used")
        stated = None
    if chosen or stated is None:
        return quotient, f"{sdd:g} / {sad:g} mm (source-detector / source-patient)" if quotient else "", warnings
    if quotient is not None and abs(quotient / stated - 1.0) > 0.05:
        warnings.append(f"Magnification factor {stated:g} and distances ({quotient:.3g}) differ; the factor is used")
    return stated, f"the magnification factor {stated:g} (0018,1114)", warnings


def _implied_magnification(header: RadiographHeader, spacing: Pair, rule: SpacingRule) -> float | None:
    if rule not in (SpacingRule.CALIBRATED, SpacingRule.DIFFERENT) or header.imager_spacing_mm is None:
        return None
    factor = header.imager_spacing_mm[1] / spacing[1]
    return factor if 1.0 <= factor <= _MAX_MAGNIFICATION else None


def _distances(
    header: RadiographHeader, overrides: Overrides, magnification: float | None
) -> tuple[float | None, float | None]:
    """Source to patient and to detector that agree with the magnification; (None, None) when they are not known."""
    sdd, sad = overrides.sdd_mm or header.sdd_mm, overrides.sad_mm or header.sad_mm
    if magnification is None:
        return None, None
    if sdd is not None:
        return sdd / magnification, sdd
    if sad is not None:
        return sad, sad * magnification
    return None, None


def _slot(header: RadiographHeader, overrides: Overrides) -> tuple[bool, str]:
    if overrides.beam is not None:
        return overrides.beam is Beam.SLOT, "as chosen"
    if header.detector_configuration:
        return header.detector_configuration == "SLOT", "Detector Configuration (0018,7005) says SLOT"
    is_eos = any(maker in header.maker.upper() for maker in _SLOT_MAKERS)
    return is_eos, f"the maker ({header.maker}) builds slot scanners"


def _beam(overrides: Overrides, slot: bool, slot_text: str, sad: float | None, sdd: float | None) -> tuple[Beam, str]:
    if overrides.beam is Beam.PARALLEL:
        return Beam.PARALLEL, "Parallel rays, as chosen"
    if sad is None or sdd is None:
        if overrides.beam is not None:
            raise ArgumentError(
                f"a {overrides.beam.value} beam needs the distances from the source",
                remedy="Give the distances to patient and detector, or one of them and the magnification",
            )
        return Beam.PARALLEL, "The distances are not known: rays are taken as parallel"
    text = f"source-patient {sad:.0f} mm, source-detector {sdd:.0f} mm"
    return (Beam.SLOT, f"Slot scan ({slot_text}), {text}") if slot else (Beam.CONE, f"Cone beam, {text}")


def _beam_certainty(overrides: Overrides, beam: Beam, magnification: float | None) -> Certainty:
    if overrides.beam is not None or overrides.sad_mm or overrides.sdd_mm or overrides.magnification:
        return Certainty.CHOSEN
    return Certainty.ASSUMED if beam is Beam.PARALLEL or magnification is None else Certainty.DERIVED


# --- spacing -------------------------------------------------------------------------------------

_Found = tuple[Pair, SpacingRule, Certainty, str]


def _spacing(
    header: RadiographHeader,
    overrides: Overrides,
    factor: float | None,
    factor_text: str,
    *,
    slot: bool,
    where: str,
) -> _Found:
    if overrides.spacing_mm is not None:
        text = f"Pixel size {_mm(overrides.spacing_mm)} in the patient, as chosen"
        return overrides.spacing_mm, SpacingRule.CHOSEN, Certainty.CHOSEN, text
    user_scale = overrides.magnification is not None or overrides.detector_spacing_mm is not None
    if not user_scale and (found := _corrected(header)) is not None:
        return found
    detector, name = _detector_spacing(header, overrides)
    if detector is not None:
        return _from_detector(detector, name, factor, factor_text, slot=slot, chosen=user_scale)
    unspecified = header.pixel_spacing_mm or header.file_spacing_mm
    if unspecified is None:
        raise InputError(
            "the file does not say how large its pixels are",
            where=where,
            remedy="Give the pixel size in the patient (--ap-spacing, --lateral-spacing), measured on an object of "
            "known size at the spine's depth",
        )
    if user_scale:
        return _from_detector(unspecified, "the file's spacing", factor, factor_text, slot=slot, chosen=True)
    return _of_unknown_plane(header, unspecified)


def _corrected(header: RadiographHeader) -> _Found | None:
    """Pixel Spacing where it holds in the patient."""
    pixel, imager = header.pixel_spacing_mm, header.imager_spacing_mm
    if pixel is None or (imager is not None and np.allclose(pixel, imager, rtol=_SAME)):
        return None
    if header.calibration in _CALIBRATED:
        text = f"Pixel Spacing (0028,0030) {_mm(pixel)} holds in the patient: calibrated by {header.calibration}"
        return pixel, SpacingRule.CALIBRATED, Certainty.STATED, text
    if imager is not None:
        text = (
            f"Pixel Spacing (0028,0030) {_mm(pixel)} differs from Imager Pixel Spacing {_mm(imager)}, "
            "so it is corrected for magnification"
        )
        return pixel, SpacingRule.DIFFERENT, Certainty.DERIVED, text
    return None


def _detector_spacing(header: RadiographHeader, overrides: Overrides) -> tuple[Pair | None, str]:
    if overrides.detector_spacing_mm is not None:
        return overrides.detector_spacing_mm, "the chosen detector spacing"
    if header.imager_spacing_mm is not None:
        same = " (Pixel Spacing repeats it, so it is not calibrated)" if header.pixel_spacing_mm else ""
        return header.imager_spacing_mm, f"Imager Pixel Spacing (0018,1164){same}"
    if header.scanned_spacing_mm is not None:
        return header.scanned_spacing_mm, "Nominal Scanned Pixel Spacing (0018,2010) of the film"
    return None, ""


def _from_detector(
    detector: Pair, name: str, factor: float | None, factor_text: str, *, slot: bool, chosen: bool
) -> _Found:
    """A slot scanner's rows are as far apart in the patient as on the detector: they follow the slot's travel."""
    if factor is None:
        text = (
            f"{_mm(detector)} at the detector by {name}, used uncorrected: the magnification is not known, "
            "so vertebrae may come out too large"
        )
        return detector, SpacingRule.DETECTOR_ONLY, Certainty.ASSUMED, text
    patient = (detector[0] if slot else detector[0] / factor, detector[1] / factor)
    text = f"{_mm(patient)} in the patient: {_mm(detector)} at the detector by {name}, divided by {factor_text}"
    if chosen:
        return patient, SpacingRule.CHOSEN, Certainty.CHOSEN, text
    rule = SpacingRule.MAGNIFICATION if "0018,1114" in factor_text else SpacingRule.DISTANCES
    return patient, rule, Certainty.DERIVED, text


def _of_unknown_plane(header: RadiographHeader, spacing: Pair) -> _Found:
    if header.pixel_spacing_mm is not None:
        text = (
            f"Pixel Spacing (0028,0030) {_mm(spacing)}; the file does not say whether at the detector or in the patient"
        )
        return spacing, SpacingRule.UNSPECIFIED, Certainty.ASSUMED, f"{text}, taken as in the patient"
    if np.allclose(spacing, 1.0, rtol=1e-9):
        text = "1 mm by the file, which is also what files say that do not know"
        return spacing, SpacingRule.FILE, Certainty.ASSUMED, text
    text = f"{_mm(spacing)} by the file, taken as in the patient"
    return spacing, SpacingRule.FILE, Certainty.DERIVED, text


def _mm(pair: Pair) -> str:
    row, column = (f"{v:.4g}" for v in pair)
    return f"{row} mm" if row == column else f"{row} x {column} mm"
