"""What is measured: key, name, unit, definition and source of every number. Angles and lengths are of patient space.

The vertical is the z axis of patient space, which is gravity's only where the radiographs were taken standing.
"""

from __future__ import annotations

from dataclasses import dataclass

_GENANT = "Genant et al., J Bone Miner Res 8:1137, 1993"
_EASTELL = "Eastell et al., J Bone Miner Res 6:207, 1991"
_SDSG = "O'Brien et al., Spinal Deformity Study Group Radiographic Measurement Manual, 2004"
_COBB = "Cobb, AAOS Instructional Course Lectures 5:261, 1948"
_BERNHARDT = "Bernhardt and Bridwell, Spine 14:717, 1989"
_POLLY = "Polly et al., Spine 21:1530, 1996"
_SCHEER = "Scheer et al., J Neurosurg Spine 19:141, 2013"
_AARO = "Aaro and Dahlborn, Spine 6:460, 1981; by symmetry: Vrtovec et al., Eur Spine J 18:1079, 2009"
_HERE = "defined here"


@dataclass(frozen=True)
class Definition:
    """One kind of number.

    unit: "mm", "°", "ml" or "" for a number without unit.
    """

    key: str
    name: str
    unit: str
    definition: str
    source: str

    @property
    def label(self) -> str:
        """Name with the unit, as a column head."""
        return f"{self.name} ({self.unit})" if self.unit else self.name


def _tilt(plate: str, plane: str) -> Definition:
    sign = "positive when the front lies lower" if plane == "sagittal" else "positive when the left side lies higher"
    text = f"Angle of the plane fitted to the {plate} end-plate against the horizontal in the {plane} plane, {sign}"
    return Definition(f"{plate}_{plane}_deg", f"{plate.capitalize()} end-plate, {plane} tilt", "°", text, _COBB)


def _height(where: str, share: str) -> Definition:
    text = f"Median height of the body along its own axis over {share} of its depth, middle 40 % of its width"
    return Definition(f"height_{where}_mm", f"Body height, {where}", "mm", text, _GENANT)


VERTEBRA: tuple[Definition, ...] = (
    _height("anterior", "5 to 25 %"),
    _height("middle", "40 to 60 %"),
    _height("posterior", "75 to 95 %"),
    Definition("wedge_ratio", "Wedge ratio", "", "Anterior height / posterior height", _EASTELL),
    Definition("biconcavity_ratio", "Biconcavity ratio", "", "Middle height / posterior height", _EASTELL),
    Definition(
        "crush_ratio", "Crush ratio", "",
        "Posterior height / mean posterior height of the level above and the level below (of one where only one is "
        "known)", _EASTELL,
    ),
    Definition(
        "genant_grade", "Height loss, Genant grade", "",
        "From the smallest of the three ratios: loss of 20 to 25 % is 1, 25 to 40 % is 2, more is 3. Genant's grading "
        "is a reader's judgement; this is its arithmetic alone, so natural wedges count as loss", _GENANT,
    ),
    _tilt("superior", "sagittal"),
    _tilt("superior", "coronal"),
    _tilt("inferior", "sagittal"),
    _tilt("inferior", "coronal"),
    Definition(
        "axial_rotation_deg", "Axial rotation", "°",
        "Angle, seen along the body's axis, between the mask's plane of symmetry and the sagittal plane, positive when "
        "the front is turned to the patient's left", _AARO,
    ),
    Definition(
        "symmetry", "Left-right symmetry", "",
        "Overlap of the mask with its mirror image at the angle of axial rotation, 0 to 1", _HERE,
    ),
    Definition(
        "pedicle_inner_mm", "Pedicle distance, inner", "mm", "Between the pedicles' borders towards the canal", _HERE
    ),
    Definition("pedicle_outer_mm", "Pedicle distance, outer", "mm", "Between the pedicles' outer borders", _HERE),
    Definition("volume_ml", "Volume", "ml", "Volume of the label's voxels", _HERE),
)  # fmt: skip
"""Numbers of one vertebra, in the order of tables."""

_CURVE = (
    "Largest angle in the coronal plane between the superior end-plate of an upper and the inferior one of a lower "
)

SPINE: tuple[Definition, ...] = (
    Definition(
        "cobb_main_deg", "Largest coronal Cobb angle", "°", f"{_CURVE}vertebra with at least one between them", _COBB
    ),
    Definition(
        "cobb_upper_deg", "Coronal Cobb angle of the curve above", "°",
        f"{_CURVE}vertebra, both at or above the main curve's upper end, bent the other way, 10° or more", _COBB,
    ),
    Definition(
        "cobb_lower_deg", "Coronal Cobb angle of the curve below", "°",
        f"{_CURVE}vertebra, both at or below the main curve's lower end, bent the other way, 10° or more", _COBB,
    ),
    Definition(
        "kyphosis_t4_t12_deg", "Thoracic kyphosis T4-T12", "°",
        "Sagittal angle from the superior end-plate of T4 to the inferior one of T12, positive for kyphosis",
        _BERNHARDT,
    ),
    Definition(
        "kyphosis_t5_t12_deg", "Thoracic kyphosis T5-T12", "°",
        "Sagittal angle from the superior end-plate of T5 to the inferior one of T12, positive for kyphosis", _SDSG,
    ),
    Definition(
        "lordosis_l1_l5_deg", "Lumbar lordosis L1-L5", "°",
        "Sagittal angle from the superior end-plate of L1 to the inferior one of L5, positive for lordosis", _POLLY,
    ),
    Definition(
        "lordosis_l1_s1_deg", "Lumbar lordosis L1-S1", "°",
        "Sagittal angle from the superior end-plate of L1 to that of S1", _POLLY,
    ),
    Definition(
        "lordosis_c2_c7_deg", "Cervical lordosis C2-C7", "°",
        "Sagittal angle from the inferior end-plate of C2 to the inferior one of C7", _SCHEER,
    ),
    Definition(
        "lordosis_c3_c7_deg", "Cervical lordosis C3-C7", "°",
        "Sagittal angle from the superior end-plate of C3 to the inferior one of C7, positive for lordosis; not the "
        "usual C2-C7, which begins one disc higher", _HERE,
    ),
    Definition(
        "coronal_balance_mm", "Coronal balance", "mm",
        "Distance of the plumb line of C7 from the vertical through the middle of S1", _SDSG,
    ),
    Definition(
        "sagittal_vertical_axis_mm", "Sagittal vertical axis", "mm",
        "Distance of the plumb line of C7 from the posterior superior corner of S1", _SDSG,
    ),
    Definition(
        "coronal_offset_c7_l5_mm", "Coronal offset C7-L5", "mm",
        "Distance of the plumb line of C7's body centre from that of L5, positive to the patient's left", _HERE,
    ),
    Definition(
        "sagittal_offset_c7_l5_mm", "Sagittal offset C7-L5", "mm",
        "Distance of the plumb line of C7's body centre from that of L5, positive to the front", _HERE,
    ),
    Definition(
        "length_mm", "Length along the centres", "mm",
        "Length of the line from centre to centre of all levels from the first to the last", _HERE,
    ),
    Definition("height_mm", "Height", "mm", "Vertical distance of the first and the last centre", _HERE),
    Definition(
        "coronal_tilt_deg", "Tilt in the AP view", "°",
        "Angle of the line from the last to the first centre against the vertical, positive to the patient's left",
        _HERE,
    ),
    Definition(
        "sagittal_tilt_deg", "Tilt in the lateral view", "°",
        "Angle of the line from the last to the first centre against the vertical, positive to the front", _HERE,
    ),
)  # fmt: skip
"""Numbers of a whole spine, in the order of tables."""

BY_KEY = {definition.key: definition for definition in (*VERTEBRA, *SPINE)}
