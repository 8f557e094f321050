"""Two imported radiographs become a pair: which is which, whether they belong together, their heights; files."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ReVerteRLib.errors import ArgumentError, InputError
from ReVerteRLib.files import write_json
from ReVerteRLib.geometry import Beam, View
from ReVerteRLib.imaging.alignment import OffsetEstimate, estimate_vertical_offset
from ReVerteRLib.imaging.header import RawRadiograph
from ReVerteRLib.imaging.importing import Decision, ImportedRadiograph, import_radiograph
from ReVerteRLib.imaging.orientation import Certainty, find_view
from ReVerteRLib.imaging.radiograph import RadiographPair, write_radiograph
from ReVerteRLib.imaging.reading import RadiographSource


class Views(Enum):
    """Which file is which view. AUTO exchanges them when the headers say so; the others are the user's word."""

    AUTO = "auto"
    AS_GIVEN = "as-given"
    SWAPPED = "swapped"


@dataclass(frozen=True)
class ImportedPair:
    """Both radiographs in one frame.

    swapped:   True when the two given images were exchanged.
    offset:    estimate of how far the lateral image must be raised to fit the AP one (before `vertical_offset_mm`).
    vertical_offset_mm: by how much the lateral image was raised.
    decisions, warnings: of the pair; those of each image are with it.
    """

    ap: ImportedRadiograph
    lateral: ImportedRadiograph
    swapped: bool
    offset: OffsetEstimate
    vertical_offset_mm: float
    decisions: tuple[Decision, ...]
    warnings: tuple[str, ...]

    @property
    def pair(self) -> RadiographPair:
        """What simulation, annotation and reconstruction take."""
        return RadiographPair(self.ap.radiograph, self.lateral.radiograph)

    @property
    def all_warnings(self) -> tuple[str, ...]:
        """Of the pair and of both images, the latter with the view's name in front."""
        images = (f"{name}: {text}" for name, image in self.named() for text in image.warnings)
        return (*self.warnings, *images)

    def named(self) -> Iterator[tuple[str, ImportedRadiograph]]:
        """('AP', image), ('lateral', image)."""
        yield from (("AP", self.ap), ("lateral", self.lateral))

    def record(self) -> dict[str, Any]:
        """JSON-ready account of every decision; holds no name or number of the patient."""
        images = {image.radiograph.view.value: _image_record(image) for _, image in self.named()}
        return {
            **images,
            "exchanged": self.swapped,
            "vertical_offset_mm": self.vertical_offset_mm,
            "vertical_offset_estimate": dataclasses.asdict(self.offset),
            "decisions": [_plain(d) for d in self.decisions],
            "warnings": list(self.warnings),
        }


def import_pair(
    ap: RadiographSource,
    lateral: RadiographSource,
    *,
    views: Views = Views.AUTO,
    vertical_offset_mm: float | Literal["estimate"] = 0.0,
) -> ImportedPair:
    """Imports the AP and the lateral radiograph of one patient into one frame.

    The frame's origin is the isocentre, in the middle of both images; its axes are the patient's (LPS mm).
    vertical_offset_mm: raises the lateral image (to the head), since two exposures need not be at one height;
    'estimate' takes the estimate when it is reliable.
    Raises InputError when both are the same image or the same view, or when no spacing is known, VolumeError,
    GeometryError and ArgumentError as `import_radiograph`. Doubts that do not forbid the import become warnings.
    """
    if vertical_offset_mm != "estimate" and not np.isfinite(vertical_offset_mm):
        raise ArgumentError("the vertical offset is not a number")
    first, second = (dataclasses.replace(s, image=s.raw()) for s in (ap, lateral))
    _refuse_same_image(first.raw(), second.raw())
    swapped, decision, warnings = _which_is_which(first, second, views)
    if swapped:
        first, second = second, first
    image, other = import_radiograph(first, View.AP), import_radiograph(second, View.LATERAL)
    estimate = estimate_vertical_offset(image, other)
    raise_mm, height, doubts = _offset(vertical_offset_mm, estimate, image, other)
    if raise_mm:
        other = import_radiograph(second, View.LATERAL, raise_mm=raise_mm)
    RadiographPair(image.radiograph, other.radiograph)  # raises what no pair may be
    warnings += [*_belonging(image, other), *doubts]
    return ImportedPair(image, other, swapped, estimate, raise_mm, (decision, height), tuple(warnings))


def write_import(imported: ImportedPair, folder: Path) -> dict[str, Path]:
    """Writes ap.nrrd and lateral.nrrd with their projections and import.json; returns them by kind.

    Source files are never written: a target that is one raises ArgumentError. Raises OutputError.
    """
    targets = {"ap": folder / "ap.nrrd", "lateral": folder / "lateral.nrrd", "import": folder / "import.json"}
    check_targets(imported, folder)
    for name, image in (("ap", imported.ap), ("lateral", imported.lateral)):
        write_radiograph(image.radiograph, targets[name])
    write_json(targets["import"], imported.record())
    return targets


def check_targets(imported: ImportedPair, folder: Path) -> None:
    """Raises ArgumentError when writing into `folder` would replace one of the sources."""
    taken = {(folder / name).resolve() for name in ("ap.nrrd", "lateral.nrrd", "ap.png", "lateral.png")}
    for _, image in imported.named():
        if image.raw.source and Path(image.raw.source).resolve() in taken:
            raise ArgumentError(
                "the result would replace the radiograph that is imported",
                where=image.raw.source,
                remedy="Choose another folder for the results",
            )


# --- which is which ----------------------------------------------------------------------------------


def _refuse_same_image(first: RawRadiograph, second: RawRadiograph) -> None:
    if np.array_equal(first.pixels_hw, second.pixels_hw):
        raise InputError(
            "both radiographs are the same image", where=second.source, remedy="Give one AP and one lateral radiograph"
        )


def _said_view(source: RadiographSource) -> tuple[View | None, Certainty]:
    if source.overrides.position is not None:
        return source.overrides.position.view, Certainty.CHOSEN
    raw = source.raw()
    if raw.stored_projection is not None:
        return raw.stored_projection.view, Certainty.STATED
    finding = find_view(raw.header)
    return finding.view, finding.certainty


def _which_is_which(
    first: RadiographSource, second: RadiographSource, views: Views
) -> tuple[bool, Decision, list[str]]:
    """Whether to exchange the two, why, and warnings."""
    if views is not Views.AUTO:
        swapped = views is Views.SWAPPED
        value = "exchanged" if swapped else "as given"
        return swapped, Decision("views", value, "As chosen", Certainty.CHOSEN), []
    (said_ap, sure_ap), (said_lateral, sure_lateral) = _said_view(first), _said_view(second)
    firm = [certainty is not Certainty.ASSUMED for certainty in (sure_ap, sure_lateral)]
    if said_ap is not None and said_ap is said_lateral and all(firm):
        raise InputError(
            f"both files say that they are the {said_ap.value} view",
            where=f"{first.raw().source}, {second.raw().source}",
            remedy="Give one AP and one lateral radiograph; if a header is wrong, say that the views are as given",
        )
    against = [said_ap is View.LATERAL and firm[0], said_lateral is View.AP and firm[1]]
    agrees = [said_ap is View.AP and firm[0], said_lateral is View.LATERAL and firm[1]]
    if any(against) and not any(agrees):
        text = "The files say that AP and lateral were exchanged; they were put right"
        return True, Decision("views", "exchanged", text, Certainty.STATED), [text]
    text = "The files agree" if all(agrees) else "Not both files say which view they are; taken as given"
    warnings = _weak_doubts(said_ap, said_lateral)
    certainty = Certainty.STATED if all(agrees) else Certainty.ASSUMED
    return False, Decision("views", "as given", text, certainty), warnings


def _weak_doubts(said_ap: View | None, said_lateral: View | None) -> list[str]:
    """Words in a description are no reason to exchange images, but one to look."""
    return [
        f"The file given as {given.value} reads like the {said.value} view; check the pictures, exchange them if needed"
        for given, said in ((View.AP, said_ap), (View.LATERAL, said_lateral))
        if said is not None and said is not given
    ]


# --- do they belong together -------------------------------------------------------------------------


def _belonging(ap: ImportedRadiograph, lateral: ImportedRadiograph) -> list[str]:
    first, second = ap.raw.header, lateral.raw.header
    found = []
    if first.patient_key and second.patient_key and first.patient_key != second.patient_key:
        found.append("The two radiographs carry different patient IDs; check that they are of one patient")
    elif first.study_uid and second.study_uid and first.study_uid != second.study_uid:
        found.append("The two radiographs are of different studies; posture may have changed between them")
    heights = [i.radiograph.projection.image_hw[0] * i.radiograph.projection.spacing_mm[0] for i in (ap, lateral)]
    if max(heights) > 1.5 * min(heights):
        found.append(f"The images are {heights[0]:.0f} and {heights[1]:.0f} mm high; check the spacings")
    stored = [i.raw.stored_projection is not None and not i.overrides.changes_geometry for i in (ap, lateral)]
    if any(stored) and not all(stored):
        found.append("Only one image holds its place in space, the other is put around the origin; check their heights")
    return found


def _offset(
    wanted: float | Literal["estimate"], estimate: OffsetEstimate, ap: ImportedRadiograph, lateral: ImportedRadiograph
) -> tuple[float, Decision, list[str]]:
    """By how much to raise the lateral image, the decision, and warnings."""
    if wanted == "estimate":
        if estimate.reliable:
            text = f"Estimated from the row profiles: {estimate.sentence}"
            return estimate.offset_mm, _height(estimate.offset_mm, text, Certainty.DERIVED), []
        text = f"The estimate is not reliable and was not used: {estimate.sentence}"
        return 0.0, _height(0.0, text, Certainty.ASSUMED), [text]
    if wanted:
        return float(wanted), _height(float(wanted), "As chosen", Certainty.CHOSEN), []
    if _at_one_height(ap, lateral):
        return 0.0, _height(0.0, "Both images come from one exposure or one geometry", Certainty.STATED), []
    text = f"Two exposures need not be at one height; the images' middles are put at one. {estimate.sentence}"
    warned = estimate.reliable and abs(estimate.offset_mm) > 5.0
    return 0.0, _height(0.0, text, Certainty.ASSUMED), [f"Heights may differ. {estimate.sentence}"] if warned else []


def _height(value: float, text: str, certainty: Certainty) -> Decision:
    return Decision("height", f"{value:+.1f} mm", text, certainty)


def _at_one_height(ap: ImportedRadiograph, lateral: ImportedRadiograph) -> bool:
    """Stored projections say where they are; biplanar slot scanners expose both at once."""
    if all(i.raw.stored_projection is not None for i in (ap, lateral)):
        return True
    together = ap.raw.header.exposed_at and ap.raw.header.exposed_at == lateral.raw.header.exposed_at
    slots = all(i.calibration.beam is Beam.SLOT for i in (ap, lateral))
    return bool(together and slots)


def _plain(decision: Decision) -> dict[str, str]:
    return {**dataclasses.asdict(decision), "certainty": decision.certainty.value}


def _image_record(image: ImportedRadiograph) -> dict[str, Any]:
    edges = dataclasses.asdict(image.edges)
    chosen = {
        f.name: _value(getattr(image.overrides, f.name))
        for f in dataclasses.fields(image.overrides)
        if getattr(image.overrides, f.name) != f.default
    }
    return {
        "source": image.raw.source,
        "sha256": image.raw.sha256,
        "frame": image.raw.frame,
        "frames": image.raw.frames,
        "position": image.position.value,
        "orientation_unknown": image.unknown_orientation,
        "pixels": image.turn.description,
        "letters_at_the_edges": edges,
        "spacing_rule": image.calibration.rule.value,
        "magnification": image.calibration.magnification,
        "overrides": chosen,
        "projection": image.radiograph.projection.to_dict(),
        "decisions": [_plain(d) for d in image.decisions],
        "warnings": list(image.warnings),
    }


def _value(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value
