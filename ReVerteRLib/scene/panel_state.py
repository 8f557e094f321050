"""What the panel's buttons may do now, and why not; and its texts that need no window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ReVerteRLib.anatomy import Level

Translate = Callable[[str], str]


@dataclass(frozen=True)
class Facts:
    """What there is.

    chosen:  levels that would be reconstructed. changed: those whose centroid is not that of the result.
    redoable: whether the other levels of the result can be kept.
    selected: whether a row of the table is selected, and whether its point is locked.
    doubtful: names of the vertebrae that a person should look at, with commas.
    """

    busy: bool = False
    ct: bool = False
    ap: bool = False
    lateral: bool = False
    centroids: bool = False
    doubtful: str = ""
    chosen: tuple[Level, ...] = ()
    changed: tuple[Level, ...] = ()
    segmentation: bool = False
    redoable: bool = False
    selected: bool = False
    locked: bool = False
    can_undo: bool = False
    can_redo: bool = False
    export_folder: bool = False
    formats: bool = True


@dataclass(frozen=True)
class Permission:
    """Whether a button may be pressed, and its tooltip: what it does, or what is missing."""

    allowed: bool
    tool_tip: str


def permissions(facts: Facts, _: Translate = str) -> Mapping[str, Permission]:
    """By the button's name in the .ui file."""
    busy = _("Wait until the present task is finished, or cancel it") if facts.busy else ""
    pair = "" if facts.ap and facts.lateral else _("Choose an AP and a lateral radiograph first (section 1)")
    points = "" if facts.centroids else _("Find the vertebrae first, or choose a list of centroids")
    chosen = "" if facts.chosen else _("Check at least one vertebra in the table of section 2")
    row = "" if facts.selected else _("Select a vertebra in the table first")
    locked = _("This vertebra is locked; unlock it first") if facts.locked else ""
    result = "" if facts.segmentation else _("Reconstruct first, or choose a result")
    changed = "" if facts.changed else _("No checked vertebra has been moved or added since the result was made")
    earlier = "" if facts.redoable else _("The files of this result are not there any more: reconstruct all once")
    table = {
        "simulateButton": (_("Compute an AP and a lateral radiograph of the CT"),
                           busy, "" if facts.ct else _("Choose a CT volume first")),
        "sampleButton": (_("Download Slicer's own chest CT and choose it"), busy),
        "phantomButton": (_("Make a CT of a spine of mean shapes and choose it; works without a network"), busy),
        "importButton": (_("Read radiographs from DICOM, picture or volume files and check how they are understood"),
                         busy),
        "findButton": (_("Find and name the vertebrae in both radiographs. Locked ones and those placed by hand stay"),
                       busy, pair),
        "addButton": (_("Click a vertebra in one radiograph and then in the other; press again to stop"),
                      busy, pair, points),
        "deleteButton": (_("Delete the selected vertebra; it will not be found again here (Del)"), busy, row, locked),
        "renameButton": (_("Give the selected vertebra the level that is chosen beside, and only this one"),
                         busy, row, locked),
        "anchorButton": (_("Say that the selected vertebra is the level that is chosen beside; all others follow"
                           " (Shift+A)"), busy, row, locked),
        "undoButton": (_("Take the last change of the centroids back (Ctrl+Z)"),
                       busy, "" if facts.can_undo else _("There is nothing to undo")),
        "redoButton": (_("Do it again (Ctrl+Y)"), busy, "" if facts.can_redo else _("There is nothing to redo")),
        "checkAllButton": (_("Reconstruct all vertebrae of the table"), busy, points),
        "checkNoneButton": (_("Uncheck all, to choose single ones"), busy, points),
        "reconstructButton": (_("Compute the checked vertebrae: {levels}").format(levels=_names(facts.chosen)),
                              busy, pair, points, chosen),
        "againButton": (_("Compute only what has changed: {levels}").format(levels=_names(facts.changed)),
                        busy, pair, result, changed, earlier),
        "cancelButton": (_("Stop the present task; earlier results stay as they are"),
                         "" if facts.busy else _("Nothing is running")),
        "measureButton": (_("Measure the result as it is now, with your corrections"), busy, result),
        "exportButton": (_("Write the result as it is now, with your corrections, to the chosen folder"),
                         busy, result, "" if facts.formats else _("Choose at least one format"),
                         "" if facts.export_folder else _("Choose a folder first")),
        "turntableButton": (_("Turn the 3D view slowly all around; press again to stop"), result),
        "preflightButton": (_("Check device, versions, weights and free space"), busy),
        "installButton": (_("Install PyTorch and what else is missing; you are asked first"), busy),
    }  # fmt: skip
    return {name: _permission(entry) for name, entry in table.items()}


def _permission(entry: tuple[str, ...]) -> Permission:
    purpose, *obstacles = entry
    first = next((text for text in obstacles if text), "")
    return Permission(not first, first or purpose)


def _names(levels: tuple[Level, ...]) -> str:
    return ", ".join(level.name for level in levels)


def next_step(facts: Facts, _: Translate = str) -> str:
    """What a person who follows the sections would do next; '' while something runs."""
    pair, look = facts.ap and facts.lateral, _("Next: look at {levels} in both radiographs, then reconstruct.")
    steps = (
        (facts.busy, ""),
        (not pair and facts.ct, _("Next: simulate radiographs of the CT.")),
        (not pair, _("Next: import an AP and a lateral radiograph, or choose a CT and simulate them.")),
        (not facts.centroids, _("Next: find the vertebrae.")),
        (not facts.chosen, _("Next: check the vertebrae that you want in 3D.")),
        (not facts.segmentation and facts.doubtful, look.format(levels=facts.doubtful)),
        (not facts.segmentation, _("Next: look whether each name is right, then reconstruct.")),
        (facts.changed and facts.redoable, _("Next: reconstruct again what you have changed.")),
        (True, _("Next: compare the silhouettes with the radiographs, measure, and export.")),
    )
    return next(text for here, text in steps if here)


def device_name(used: str, _: Translate = str) -> str:
    """The device of a result in words; names of graphics cards stay as they are."""
    if used.startswith("cpu"):
        return _("the CPU")
    return _("the graphics card") if used in ("cuda", "cuda:0") else used or "?"


def stage_text(text: str, _: Translate = str) -> str:
    """What the worker says of its progress, in words where it names only the stage; levels stay as they are."""
    stages = {
        "look": _("looking what is there"),
        "read": _("reading the files"),
        "weights": _("loading the network"),
        "network": _("the network computes"),
        "projecting": _("casting rays"),
        "writing": _("writing the files"),
        "files": _("writing the files"),
        "silhouettes": _("comparing the outlines with the radiographs"),
    }
    return stages.get(text, text)


def device_note(device: str, used: str | None, _: Translate = str) -> str:
    """A plain sentence on what computes; used: the device of the last result, None when unknown."""
    if used and used.startswith("cpu") and device != "cpu":
        return _("The last run used the CPU, because there is no usable graphics card or its memory did not suffice.")
    if used:
        return _("The last run used {device}.").format(device=device_name(used, _))
    if device == "cpu":
        return _("The CPU will be used, which takes some seconds for each vertebra.")
    return _("A graphics card will be used where there is one, else the CPU.")


def outcome_text(segmentation: Any, seconds: float, _: Translate = str) -> str:
    """What is said when a reconstruction is done, with its notes."""
    from ReVerteRLib.scene.results import DEVICE, NOTES

    count = segmentation.GetSegmentation().GetNumberOfSegments()
    used = segmentation.GetAttribute(DEVICE) or ""
    text = _("{count} vertebrae in {seconds:.0f} s on {device}.").format(
        count=count, seconds=seconds, device=device_name(used, _)
    )
    return " ".join([text, segmentation.GetAttribute(NOTES) or ""]).strip()
