"""Which way a radiograph was taken and lies: view position, patient orientation, turns, letters at the edges.

After import an AP radiograph has the patient's right on the image's left and a lateral one anterior on the left, both
with the head up (see ReVerteRLib.geometry). A PA exposure is no other picture order: only its beam runs the other way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.geometry import INFERIOR, LEFT, POSTERIOR, Projection, View

if TYPE_CHECKING:
    from ReVerteRLib.imaging.header import RadiographHeader

Triple = tuple[float, float, float]
_AXES: dict[str, Triple] = {
    "L": LEFT,
    "R": (-1.0, 0.0, 0.0),
    "P": POSTERIOR,
    "A": (0.0, -1.0, 0.0),
    "H": (0.0, 0.0, 1.0),
    "F": INFERIOR,
}
_OPPOSITE = {"L": "R", "R": "L", "P": "A", "A": "P", "H": "F", "F": "H"}
STANDARD_ORIENTATION = {View.AP: ("L", "F"), View.LATERAL: ("P", "F")}
"""Where the columns and the rows run after import, as in Patient Orientation (0020,0020)."""


class Certainty(Enum):
    """How a decision came about."""

    STATED = "stated"
    DERIVED = "derived"
    ASSUMED = "assumed"
    CHOSEN = "chosen"


class ViewPosition(Enum):
    """Way of the beam, with the values of View Position (0018,5101).

    AP enters at the front, PA at the back; LL (left lateral) enters at the patient's right and has the left side at
    the detector, RL the other way.
    """

    AP = "AP"
    PA = "PA"
    LL = "LL"
    RL = "RL"

    @property
    def view(self) -> View:
        """AP or lateral."""
        return View.AP if self in (ViewPosition.AP, ViewPosition.PA) else View.LATERAL

    @property
    def beam_direction(self) -> Triple:
        """Unit vector from source to detector, LPS."""
        return _AXES[{"AP": "P", "PA": "A", "LL": "L", "RL": "R"}[self.value]]


DEFAULT_POSITION = {View.AP: ViewPosition.AP, View.LATERAL: ViewPosition.LL}


@dataclass(frozen=True)
class ViewFinding:
    """What the header says about the view.

    view:      AP or lateral; None when nothing is known.
    position:  way of the beam; None when it is not stated (AP and LL are then assumed).
    certainty: STATED by a tag for it, DERIVED from another one, ASSUMED when weak (free text) or unknown.
    sentence:  for the user.
    """

    view: View | None
    position: ViewPosition | None
    certainty: Certainty
    sentence: str

    @property
    def is_other(self) -> bool:
        """Whether the header names a view that is neither AP nor lateral, such as an oblique one."""
        return self.view is None and self.sentence.endswith(_OTHER)


_OTHER = "neither frontal nor lateral"

# --- which view ----------------------------------------------------------------------------------

_LATERAL_ONLY = ("LAT", "LATERAL")
_TEXT_HINTS = (
    (ViewPosition.PA, r"\bp\.?\s?a\b|postero-?\s?anterior"),
    (ViewPosition.AP, r"\ba\.?\s?p\b|antero-?\s?posterior"),
    (ViewPosition.LL, r"\bleft lateral\b|\bll\b|\bllat\b"),
    (ViewPosition.RL, r"\bright lateral\b|\brl\b|\brlat\b"),
    (View.LATERAL, r"\blat\b|lateral|seitlich|\bprofil"),
    (View.AP, r"frontal|\bface\b|coronal"),
)


def find_view(header: RadiographHeader) -> ViewFinding:
    """The view from, in this order: View Position (0018,5101), View Code Sequence (0054,0220), Patient Orientation
    (0020,0020), Positioner Primary Angle (0018,1510), and as a weak hint the series' free text. The way of the beam
    may come from a later one of them that agrees about the view.
    """
    finders = (_from_view_position, _from_view_code, _from_orientation, _from_angle, _from_text)
    findings = [finding for finder in finders if (finding := finder(header)) is not None]
    if not findings:
        return ViewFinding(None, None, Certainty.ASSUMED, "Nothing in the file says which view it is")
    first = findings[0]
    if first.view is None or first.position is not None:
        return first
    for later in findings[1:]:
        if later.view is first.view and later.position is not None:
            return ViewFinding(
                first.view, later.position, first.certainty, f"{first.sentence}; way of the beam: {later.sentence}"
            )
    return first


def _from_view_position(header: RadiographHeader) -> ViewFinding | None:
    value = header.view_position.strip().upper()
    if not value:
        return None
    said = f"View Position (0018,5101) says {value}"
    if value in ViewPosition.__members__:
        return ViewFinding(ViewPosition[value].view, ViewPosition[value], Certainty.STATED, said)
    if value in _LATERAL_ONLY:
        side = {"L": ViewPosition.LL, "R": ViewPosition.RL}.get(header.laterality.strip().upper())
        text = f"{said}; {'the side is taken from Laterality' if side else 'the side is not stated'}"
        return ViewFinding(View.LATERAL, side, Certainty.STATED, text)
    if value in ("FRONTAL", "CORONAL"):
        return ViewFinding(View.AP, None, Certainty.STATED, said)
    words = _from_words(value, "View Position (0018,5101)", Certainty.STATED)
    return words or ViewFinding(None, None, Certainty.ASSUMED, f"{said}, which is {_OTHER}")


def _from_view_code(header: RadiographHeader) -> ViewFinding | None:
    return _from_words(header.view_code, "View Code Sequence (0054,0220)", Certainty.STATED)


def _from_text(header: RadiographHeader) -> ViewFinding | None:
    return _from_words(header.description, "the series or study description", Certainty.ASSUMED)


def _from_words(text: str, name: str, certainty: Certainty) -> ViewFinding | None:
    """None unless the words speak of one view only."""
    plain = re.sub(r"[_/\\,;:()\-]+", " ", text.lower())
    hits = [hint for hint, pattern in _TEXT_HINTS if re.search(pattern, plain)]
    views = {hint.view if isinstance(hint, ViewPosition) else hint for hint in hits}
    if len(views) != 1:
        return None
    positions = {hint for hint in hits if isinstance(hint, ViewPosition)}
    position = positions.pop() if len(positions) == 1 else None
    return ViewFinding(views.pop(), position, certainty, f"{name} reads '{text.strip()}'")


def _from_orientation(header: RadiographHeader) -> ViewFinding | None:
    for view in View:
        if in_plane_letters(header.patient_orientation, view) is not None:
            letters = "\\".join(header.patient_orientation)
            return ViewFinding(
                view, None, Certainty.DERIVED, f"Patient Orientation (0020,0020) {letters} is that of this view"
            )
    return None


def _from_angle(header: RadiographHeader) -> ViewFinding | None:
    """The angle says where the receptor is: 0 in front of the patient, +90 at the patient's left (LAO)."""
    angle = header.positioner_angle_deg
    if angle is None:
        return None
    turned = (angle + 180.0) % 360.0 - 180.0
    position = {0: ViewPosition.PA, 1: ViewPosition.LL, 2: ViewPosition.AP, -1: ViewPosition.RL}
    quarter = round(turned / 90.0)
    said = f"Positioner Primary Angle (0018,1510) is {angle:g} degrees"
    if abs(turned - 90.0 * quarter) > 30.0:
        return ViewFinding(None, None, Certainty.ASSUMED, f"{said}: {_OTHER}")
    found = position[2 if abs(quarter) == 2 else quarter]
    return ViewFinding(found.view, found, Certainty.DERIVED, f"{said}, so the beam runs {found.value}")


# --- which way the pixels lie ----------------------------------------------------------------------


def in_plane_letters(orientation: tuple[str, ...], view: View) -> tuple[str, str] | None:
    """Main letters (columns run to, rows run to) of a Patient Orientation value, None if it cannot be of this view.

    Compound values such as ('LH', 'FL') give the first letter, the dominant direction.
    """
    if len(orientation) != 2 or not all(orientation):
        return None
    column, row = (value.strip().upper()[:1] for value in orientation)
    across = "LR" if view is View.AP else "AP"
    fits = (column in across and row in "HF") or (column in "HF" and row in across)
    return (column, row) if fits and column and row else None


@dataclass(frozen=True)
class Turn:
    """Exchange of rows and columns (first), then reversals: all eight ways to lay an image."""

    transpose: bool = False
    flip_rows: bool = False
    flip_columns: bool = False

    def array(self, image: NDArray[Any]) -> NDArray[Any]:
        """The turned image [rows, columns], contiguous."""
        turned = image.T if self.transpose else image
        turned = turned[:: -1 if self.flip_rows else 1, :: -1 if self.flip_columns else 1]
        return np.ascontiguousarray(turned)

    def spacing(self, spacing_rc: tuple[float, float]) -> tuple[float, float]:
        """Row and column spacing of the turned image."""
        return (spacing_rc[1], spacing_rc[0]) if self.transpose else spacing_rc

    def then(self, after: Turn) -> Turn:
        """One turn that does this one and then `after`."""
        rows, columns = self.flip_rows, self.flip_columns
        if after.transpose:
            rows, columns = columns, rows
        return Turn(self.transpose != after.transpose, rows != after.flip_rows, columns != after.flip_columns)

    @property
    def description(self) -> str:
        """Plain words: 'unchanged', 'mirrored left-right', 'turned by 90 degrees clockwise', ..."""
        return _TURN_NAMES[(self.transpose, self.flip_rows, self.flip_columns)]


_TURN_NAMES = {
    (False, False, False): "unchanged",
    (False, False, True): "mirrored left-right",
    (False, True, False): "mirrored top-bottom",
    (False, True, True): "turned by 180 degrees",
    (True, False, False): "mirrored about the diagonal",
    (True, False, True): "turned by 90 degrees clockwise",
    (True, True, False): "turned by 90 degrees anticlockwise",
    (True, True, True): "mirrored about the other diagonal",
}


def quarter_turns(degrees_clockwise: int) -> Turn:
    """Rotation by a multiple of 90 degrees, clockwise as seen. Raises ArgumentError for other angles."""
    turns = {0: Turn(), 90: Turn(True, False, True), 180: Turn(False, True, True), 270: Turn(True, True, False)}
    if degrees_clockwise % 360 not in turns:
        raise ArgumentError(f"a rotation by {degrees_clockwise} degrees is not offered", remedy="Use 0, 90, 180 or 270")
    return turns[degrees_clockwise % 360]


def turn_to_standard(letters: tuple[str, str], view: View) -> Turn:
    """The turn that brings an image whose columns and rows run to `letters` into the standard order of the view."""
    across, down = STANDARD_ORIENTATION[view]
    transpose = letters[0] in "HF"
    column, row = letters[::-1] if transpose else letters
    return Turn(transpose, row != down, column != across)


@dataclass(frozen=True)
class EdgeLetters:
    """Letters L, R, A, P, H or F at the four edges of an image as it is stored (row 0 on top)."""

    top: str
    bottom: str
    left: str
    right: str


def edge_letters(projection: Projection) -> EdgeLetters:
    """Which side of the patient lies at each edge of the radiograph's pixel array."""
    down, across = _letter(projection.row_direction), _letter(projection.column_direction)
    return EdgeLetters(_OPPOSITE[down], down, _OPPOSITE[across], across)


def _letter(direction: Triple) -> str:
    return max(_AXES, key=lambda letter: float(np.dot(_AXES[letter], direction)))
