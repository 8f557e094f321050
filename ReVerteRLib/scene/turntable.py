"""Turning the 3D view by itself, and the angles as a C-arm would tell them."""

from __future__ import annotations

from collections.abc import Iterator

from ReVerteRLib.errors import ArgumentError

Angles = tuple[float, float, float]
"""Rotation, elevation and roll in degrees, for layout.camera_pose."""


def turntable(start: Angles = (0.0, 0.0, 0.0), steps: int = 90, turns: float = 1.0) -> Iterator[Angles]:
    """Absolute angles of one or more turns towards the patient's left; negative turns go the other way.

    Each one is computed from the start and its number, never from the one before, so that nothing drifts; the last
    step of a whole number of turns is the start again. steps: per turn. Raises ArgumentError for less than 2.
    """
    if steps < 2 or turns == 0:
        raise ArgumentError(f"a turntable of {steps} steps and {turns:g} turns stands still", remedy="Use 2 or more")
    rotation, elevation, roll = start
    sign = 1.0 if turns > 0 else -1.0
    for number in range(1, round(abs(turns) * steps) + 1):
        yield wrapped(rotation + sign * 360.0 * (number % steps) / steps), elevation, roll


def wrapped(angle_deg: float) -> float:
    """The same direction between -180 (not included) and 180 degrees."""
    turned = angle_deg % 360.0
    return turned - 360.0 if turned > 180.0 else turned


def c_arm_text(rotation_deg: float, elevation_deg: float) -> str:
    """The view as C-arm angles, for example "RAO 30 / CRAN 10".

    Convention of DICOM's Positioner Primary and Secondary Angle (0018,1510 and 0018,1511): where the detector stands
    about the patient, LAO towards the left, RAO towards the right, CRAN towards the head, CAUD towards the feet, 0
    at the front. The camera stands in the detector's place: rotation 90 is LAO 90, the lateral view. Behind the
    patient the primary angle goes on to 180. The roll of the picture has no part in it.
    """
    primary, secondary = round(wrapped(rotation_deg)), round(elevation_deg)
    first = "RAO" if primary < 0 else "LAO"
    second = "CAUD" if secondary < 0 else "CRAN"
    return f"{first} {abs(primary)} / {second} {abs(secondary)}"
