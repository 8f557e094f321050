"""Import of real radiographs: from two files to one pair in one frame, with every decision said and changeable.

Nothing here knows of a user interface. A panel reads each file once (`read_radiograph_file`), shows the decisions of
`import_pair`, and calls it again with other `Overrides` when the user corrects something.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.errors import ArgumentError, InputError
from ReVerteRLib.geometry import INFERIOR, LEFT, POSTERIOR, Beam, Projection, View
from ReVerteRLib.imaging.calibration import Calibration, SpacingRule, calibrate
from ReVerteRLib.imaging.greys import FieldResult, GreyResult, blanked, bone_bright, exposed_field, looks_inverted
from ReVerteRLib.imaging.header import Pair, RawRadiograph
from ReVerteRLib.imaging.orientation import (
    DEFAULT_POSITION,
    STANDARD_ORIENTATION,
    Certainty,
    EdgeLetters,
    Turn,
    ViewFinding,
    ViewPosition,
    edge_letters,
    find_view,
    in_plane_letters,
    quarter_turns,
    turn_to_standard,
)
from ReVerteRLib.imaging.overrides import Overrides
from ReVerteRLib.imaging.radiograph import Radiograph
from ReVerteRLib.imaging.reading import RadiographSource, check_pixels, read_radiograph_file

__all__ = [
    "Decision",
    "ImportedRadiograph",
    "Overrides",
    "RadiographSource",
    "import_radiograph",
    "isocentric_projection",
    "read_radiograph_file",
]

LARGEST_PIXEL_MM = 2.0
SMALLEST_IMAGE_MM = 100.0
_COLUMNS = {View.AP: LEFT, View.LATERAL: POSTERIOR}


@dataclass(frozen=True)
class Decision:
    """One decision of an import: its topic, the outcome in a few words, why, and how sure it is."""

    topic: str
    value: str
    sentence: str
    certainty: Certainty


@dataclass(frozen=True)
class ImportedRadiograph:
    """One radiograph in its standard place, with what was decided.

    radiograph: float32, larger = more material, border blanked, geometry in the common frame.
    raw:        what the file held, to import again with other overrides.
    field_hw:   bool on the radiograph's pixels, exposed part.
    turn:       how stored pixels were turned.
    position:   way of the beam.
    finding:    what the header says of the view.
    unknown_orientation: True when nothing says how the image lies and the usual way was assumed.
    warnings:   to be shown to the user.
    """

    radiograph: Radiograph
    raw: RawRadiograph
    overrides: Overrides
    field_hw: NDArray[np.bool_]
    turn: Turn
    position: ViewPosition
    finding: ViewFinding
    calibration: Calibration
    unknown_orientation: bool
    decisions: tuple[Decision, ...]
    warnings: tuple[str, ...]

    @property
    def edges(self) -> EdgeLetters:
        """Letters at the four edges, for marks."""
        return edge_letters(self.radiograph.projection)


# --- one radiograph --------------------------------------------------------------------------------


def import_radiograph(source: RadiographSource, view: View, *, raise_mm: float = 0.0) -> ImportedRadiograph:
    """Imports one radiograph as `view`, whatever its header says of it (see `import_pair` for that check).

    raise_mm: shift of the image towards the head in the common frame, whose origin is the isocentre, seen by the
    image's middle.
    Raises VolumeError, GeometryError, InputError (no spacing), ArgumentError (impossible overrides).
    """
    raw, overrides = source.raw(), source.overrides
    check_pixels(raw)
    check_stored_view(raw, view)
    finding = find_view(raw.header)
    position, place = _position(raw, overrides, view, finding)
    stored = None if overrides.changes_geometry else raw.stored_projection
    turn, unknown, lying = _turn(raw, overrides, view, keep=stored is not None)
    grey = bone_bright(raw, overrides.grey)
    exposed = exposed_field(grey.image_hw, raw.field_hw)
    picture = turn.array(blanked(grey.image_hw, exposed.field_hw))
    scale = _stored_scale(stored) if stored else calibrate(raw.header, overrides, raw.source)
    projection = (
        _raised(stored, raise_mm)
        if stored
        else isocentric_projection(position, picture.shape, turn.spacing(scale.spacing_mm), scale, raise_mm)
    )
    return ImportedRadiograph(
        radiograph=Radiograph(picture, projection, raw.source),
        raw=raw,
        overrides=overrides,
        field_hw=turn.array(exposed.field_hw),
        turn=turn,
        position=position,
        finding=finding,
        calibration=scale,
        unknown_orientation=unknown,
        decisions=(
            _file_decision(raw, overrides),
            place,
            lying,
            Decision("pixel size", _millimetres(projection.spacing_mm), scale.sentence, scale.certainty),
            Decision("beam", scale.beam.value, scale.beam_sentence, scale.beam_certainty),
            Decision("grey values", grey.meaning.value, grey.sentence, grey.certainty),
            Decision("field", f"{100 * exposed.share:.0f} %", exposed.sentence, exposed.certainty),
        ),
        warnings=(
            *raw.notes,
            *scale.warnings,
            *grey.warnings,
            *([_unknown_text(lying)] if unknown else []),
            *([f"{finding.sentence}; AP and lateral views are needed"] if finding.is_other else []),
            *_picture_doubts(raw, grey, exposed),
            *_size_doubts(projection),
        ),
    )


def check_stored_view(raw: RawRadiograph, view: View) -> None:
    """Raises InputError when a file with a stored projection of the other view is given."""
    stored = raw.stored_projection
    if stored is not None and stored.view is not view:
        raise InputError(
            f"this is the {stored.view.value} radiograph, given as the {view.value} one",
            where=raw.source,
            remedy="Exchange the two files",
        )


def isocentric_projection(
    position: ViewPosition, image_hw: tuple[int, ...], spacing_mm: Pair, scale: Calibration, raise_mm: float = 0.0
) -> Projection:
    """The standard place of a radiograph: its middle on the isocentre, the frame's origin (raised by raise_mm).

    Rows run to the feet, columns to the patient's left (AP, PA) or back (lateral), whatever way the beam runs: for PA
    and right lateral only `beam_direction` is reversed, so the source stands on the other side.
    """
    column, (height, width) = np.array(_COLUMNS[position.view]), (image_hw[0], image_hw[1])
    middle = np.array([0.0, 0.0, raise_mm])
    half_rows, half_columns = (height - 1) / 2.0 * spacing_mm[0], (width - 1) / 2.0 * spacing_mm[1]
    x, y, z = (float(v) for v in middle - half_rows * np.array(INFERIOR) - half_columns * column)
    projection = Projection(
        view=position.view,
        beam=Beam.PARALLEL,
        image_hw=(height, width),
        spacing_mm=spacing_mm,
        origin_lps_mm=(x, y, z),
        column_direction=_COLUMNS[position.view],
        beam_direction=position.beam_direction,
    )
    if scale.sad_mm is None or scale.sdd_mm is None:
        return projection
    return dataclasses.replace(projection, beam=scale.beam, sad_mm=scale.sad_mm, sdd_mm=scale.sdd_mm)


def _raised(stored: Projection, raise_mm: float) -> Projection:
    x, y, z = stored.origin_lps_mm
    return dataclasses.replace(stored, origin_lps_mm=(x, y, z + raise_mm)) if raise_mm else stored


def _stored_scale(stored: Projection) -> Calibration:
    parallel = stored.beam is Beam.PARALLEL
    return Calibration(
        spacing_mm=stored.spacing_mm,
        beam=stored.beam,
        rule=SpacingRule.STORED,
        certainty=Certainty.STATED,
        sentence="The file holds its complete projection, which is kept",
        beam_sentence="By the stored projection",
        beam_certainty=Certainty.STATED,
        sad_mm=None if parallel else stored.sad_mm,
        sdd_mm=None if parallel else stored.sdd_mm,
        magnification=None if parallel else stored.sdd_mm / stored.sad_mm,
    )


# --- decisions ---------------------------------------------------------------------------------------


def _position(
    raw: RawRadiograph, overrides: Overrides, view: View, finding: ViewFinding
) -> tuple[ViewPosition, Decision]:
    if overrides.position is not None:
        if overrides.position.view is not view:
            raise ArgumentError(
                f"the position {overrides.position.value} is not one of the {view.value} view",
                where=raw.source,
                remedy="Use AP or PA for the AP view, LL or RL for the lateral one",
            )
        return overrides.position, Decision("view", overrides.position.value, "As chosen", Certainty.CHOSEN)
    stored = raw.stored_projection
    if stored is not None:
        along = float(np.dot(stored.beam_direction, DEFAULT_POSITION[view].beam_direction))
        position = next(p for p in ViewPosition if p.view is view and (p is DEFAULT_POSITION[view]) == (along > 0))
        return position, Decision("view", position.value, "By the stored projection", Certainty.STATED)
    if finding.view is view and finding.position is not None:
        return finding.position, Decision("view", finding.position.value, finding.sentence, finding.certainty)
    position = DEFAULT_POSITION[view]
    sentence = f"{finding.sentence}; taken as given, with the beam {_BEAM_WORDS[position]}"
    certainty = Certainty.ASSUMED if finding.view is None else finding.certainty
    return position, Decision("view", position.value, sentence, certainty)


_BEAM_WORDS = {
    ViewPosition.AP: "from front to back",
    ViewPosition.PA: "from back to front",
    ViewPosition.LL: "from right to left",
    ViewPosition.RL: "from left to right",
}
_USUAL = {View.AP: "the patient's right on the image's left", View.LATERAL: "anterior on the image's left"}


def _turn(raw: RawRadiograph, overrides: Overrides, view: View, *, keep: bool) -> tuple[Turn, bool, Decision]:
    """The turn of the pixels, whether the orientation is unknown, and the decision."""
    chosen = quarter_turns(overrides.rotate_deg)
    chosen = chosen.then(Turn(False, overrides.flip_vertical, overrides.flip_horizontal))
    by_user = chosen != Turn()
    if keep:
        lying, unknown, text, certainty = Turn(), False, "The stored projection says how it lies", Certainty.STATED
    else:
        lying, unknown, text, certainty = _lying(raw, overrides, view)
    turn = lying.then(chosen)
    if by_user:
        text, certainty = f"{text}; then {chosen.description}, as chosen", Certainty.CHOSEN
    return turn, unknown and not by_user, Decision("orientation", turn.description, text, certainty)


def _lying(raw: RawRadiograph, overrides: Overrides, view: View) -> tuple[Turn, bool, str, Certainty]:
    if overrides.orientation is not None:
        letters = in_plane_letters(overrides.orientation, view)
        if letters is None:
            raise ArgumentError(
                f"the orientation {overrides.orientation} cannot be that of the {view.value} view",
                where=raw.source,
                remedy=f"Say where columns and rows run, for example {STANDARD_ORIENTATION[view]}",
            )
        return turn_to_standard(letters, view), False, "Orientation as chosen", Certainty.CHOSEN
    said = raw.header.patient_orientation
    letters = in_plane_letters(said, view)
    if letters is not None:
        named = "Patient Orientation (0020,0020)" if raw.kind == "DICOM" else "The image's plane"
        text = f"{named} is {letters[0]}\\{letters[1]} (columns, rows)"
        return turn_to_standard(letters, view), False, text, Certainty.STATED
    silent = f"Patient Orientation {said} does not fit the view" if any(said) else "The file does not say how it lies"
    return Turn(), True, f"{silent}; taken as upright with {_USUAL[view]}", Certainty.ASSUMED


def _file_decision(raw: RawRadiograph, overrides: Overrides) -> Decision:
    certainty = Certainty.STATED if raw.frames == 1 else Certainty.ASSUMED
    if overrides.frame is not None:
        certainty = Certainty.CHOSEN
    return Decision("file", raw.kind, f"{raw.name}, frame {raw.frame} of {raw.frames}", certainty)


def _millimetres(spacing_mm: Pair) -> str:
    row, column = spacing_mm
    return f"{row:.4g} mm" if abs(row - column) < 1e-6 else f"{row:.4g} x {column:.4g} mm"


def _unknown_text(lying: Decision) -> str:
    return f"Orientation unknown: {lying.sentence}. Compare the letters with the markers in the picture"


def _picture_doubts(raw: RawRadiograph, grey: GreyResult, exposed: FieldResult) -> list[str]:
    """Air that is bright at both sides from top to bottom may have been taken for a border, so it is asked as well."""
    field = exposed.field_hw
    declared = np.ones_like(field) if raw.field_hw is None else raw.field_hw
    only_sides = bool(field[0].any() and field[-1].any())
    if looks_inverted(grey.image_hw, field) or (only_sides and looks_inverted(grey.image_hw, declared)):
        return ["The image looks inverted (its sides are as bright as bone): if bone is dark, invert the grey values"]
    return []


def _size_doubts(projection: Projection) -> list[str]:
    found = []
    if max(projection.spacing_mm) > LARGEST_PIXEL_MM:
        found.append(f"Pixels of {max(projection.spacing_mm):.3g} mm are unusually large; check the spacing")
    size = [n * s for n, s in zip(projection.image_hw, projection.spacing_mm, strict=True)]
    if min(size) < SMALLEST_IMAGE_MM:
        found.append(f"The image is only {size[1]:.0f} x {size[0]:.0f} mm large; check the spacing")
    return found
