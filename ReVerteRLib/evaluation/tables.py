"""The summary of an evaluation as tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ReVerteRLib.evaluation.clinical import MEASURES

_METRICS = {
    "dice": ("Dice", 3), "hd95_mm": ("HD95 (mm)", 2), "nsd_1mm": ("NSD 1 mm", 3), "nsd_1.5mm": ("NSD 1.5 mm", 3),
    "nsd_2mm": ("NSD 2 mm", 3), "nsd_3mm": ("NSD 3 mm", 3),
}  # fmt: skip
_PARTS = {
    "dice": ("Dice", 3), "position": ("lost by position", 3), "pose": ("by turn and size", 3),
    "shape": ("by shape", 3), "dice_body": ("Dice of the body", 3), "dice_posterior": ("Dice behind it", 3),
    "shift_mm": ("shift (mm)", 1), "rotation_deg": ("turn (°)", 1), "scale": ("size factor", 3),
}  # fmt: skip
_FIELD_OF_VIEW = (
    "Judged only inside the scan, less one voxel at its faces: bone predicted outside is unknown, not wrong."
)
_PARTS_NOTE = (
    "Dice lacks so much to 1: what the best shift would regain, what a turn and a change of size would regain on top, "
    "and the rest. Body and what lies behind it are parted by a coronal plane just behind the body."
)
_CLINICAL_NOTE = "Predicted minus reference, both measured in the masks by the same algorithm; n vertebrae."


def report_markdown(summary: Mapping[str, Any]) -> str:
    """Tables by region and by level, and, where there are details, field of view, error parts, clinical measures."""
    total = {"all": summary}
    parts = [
        f"# Evaluation of `{summary['weights']}`\n",
        _scores("Region", {**summary["by_region"], **total, **_found(summary)}),
        "## By level\n",
        _scores("Level", summary["by_level"]),
    ]
    if "in_fov" in summary:
        parts += ["## Inside the scan's field of view\n", f"{_FIELD_OF_VIEW}\n", _scores("Region", summary["in_fov"])]
        parts += ["## What the error consists of\n", f"{_PARTS_NOTE}\n", _error_parts(summary["error_parts"])]
        parts += ["## Clinical measures\n", f"{_CLINICAL_NOTE}\n"]
        parts += [f"### {name}\n\n{_clinical(measures)}" for name, measures in summary["clinical"].items()]
    return "\n".join(parts)


def _found(summary: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The vertebrae that were found, where some were not."""
    found = summary.get("found", summary)
    return {"found": found} if 0 < found["n"] < summary["n"] else {}


def _scores(head: str, groups: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        (name, group["n"], *(_mean_sd(group[key], digits) for key, (_, digits) in _METRICS.items()))
        for name, group in groups.items()
        if group["n"]
    ]
    return _table((head, "n", *(name for name, _ in _METRICS.values())), rows)


def _mean_sd(value: Mapping[str, float], digits: int) -> str:
    return f"{value['mean']:.{digits}f} ± {value['sd']:.{digits}f}"


def _error_parts(groups: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        (name, group["n"], *(_number(group[key], digits) for key, (_, digits) in _PARTS.items()))
        for name, group in groups.items()
        if group["n"]
    ]
    return _table(("Region", "n", *(name for name, _ in _PARTS.values())), rows)


def _clinical(measures: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        (MEASURES[key], m["n"], *(_number(m[value], 2) for value in ("mae", "bias", "sd")), m["missed"])
        for key, m in measures.items()
    ]
    return _table(("Measure", "n", "mean absolute error", "bias", "SD", "not found"), rows)


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(str(cell) for cell in row)} |" for row in rows)]) + "\n"
