"""Automatic centroids of several detectors as JSON and Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ReVerteRLib.evaluation.annotation import FOUND_MM, CaseOutcome, summarise_annotation
from ReVerteRLib.files import write_json, write_text

GROUPS = {"whole": "Whole radiographs", "partial": "Partial fields of view"}
HEAD = (
    "detector", "n", "recall", "precision", "error mm", "95 % mm", "AP mm", "lateral mm", "names", "with anchor", "s",
)  # fmt: skip
_NOTE = (
    f"Found: a centroid within {FOUND_MM:g} mm in space. Names: share of the found vertebrae that carry the right one, "
    "without help and with the middle vertebra named by a person. Finds beyond what the mask covers are not counted as "
    "wrong in the precision; in brackets they are. Errors are means over the found vertebrae, 95 % their percentile; "
    "AP and lateral the same within the view. Corners: mean distance of the four corners in a view. Tilt and Cobb: "
    "mean absolute error of end-plate angles from the corners against those of planes fitted to the mask's end-plates."
)


def group(outcomes: Sequence[CaseOutcome], name: str) -> list[CaseOutcome]:
    """The cases of one of GROUPS."""
    return [outcome for outcome in outcomes if outcome.partial == (name == "partial")]


def table_rows(by_detector: Mapping[str, Sequence[CaseOutcome]], name: str) -> list[tuple[str, ...]]:
    """Cells under HEAD, one row a detector."""
    found = {detector: group(outcomes, name) for detector, outcomes in by_detector.items()}
    return [(detector, *_cells(summarise_annotation(part))) for detector, part in found.items() if part]


def _cells(summary: Mapping[str, Any]) -> tuple[str, ...]:
    precision = f"{_number(summary['precision'], 3)} ({_number(summary['precision_strict'], 3)})"
    return (
        str(summary["n"]), _number(summary["recall"], 3), precision, _mean(summary["error_mm"]),
        _mean(summary["error_mm"], "p95"), _mean(summary["ap_mm"]), _mean(summary["lateral_mm"]),
        _number(summary["label_accuracy"], 3), _number(summary["label_accuracy_with_anchor"], 3),
        _mean(summary["seconds"], digits=2),
    )  # fmt: skip


def write_annotation_report(
    by_detector: Mapping[str, Sequence[CaseOutcome]], folder: Path, *, skipped: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
    """Writes annotation.json and annotation.md; returns what the JSON holds. Raises OutputError."""
    record: dict[str, Any] = {
        "found_mm": FOUND_MM,
        "detectors": {
            detector: {
                **{name: summarise_annotation(part) for name in GROUPS if (part := group(outcomes, name))},
                "cases": [outcome.as_record() for outcome in outcomes],
            }
            for detector, outcomes in by_detector.items()
        },
        "skipped": [{"case": name, "reason": reason} for name, reason in skipped],
    }
    write_json(Path(folder) / "annotation.json", record)
    write_text(Path(folder) / "annotation.md", _markdown(by_detector, skipped))
    return record


def _markdown(by_detector: Mapping[str, Sequence[CaseOutcome]], skipped: Sequence[tuple[str, str]]) -> str:
    parts = ["# Automatic centroids\n", f"{_NOTE}\n"]
    for name, title in GROUPS.items():
        if rows := table_rows(by_detector, name):
            parts += [f"## {title}\n", _table(HEAD, rows), _table(_CORNER_HEAD, _corner_rows(by_detector, name))]
    for detector, outcomes in by_detector.items():
        rows = [(o.case, *_cells(summarise_annotation([o])), _remarks(o)) for o in outcomes]
        parts += [f"## {detector}, case by case\n", _table(("case", *HEAD[1:], "said"), rows)]
    parts += [f"{name} was skipped: {reason}\n" for name, reason in skipped]
    return "\n".join(parts)


_CORNER_HEAD = ("detector", "corners AP mm", "corners lateral mm", "tilt °", "Cobb coronal °", "Cobb sagittal °")


def _corner_rows(by_detector: Mapping[str, Sequence[CaseOutcome]], name: str) -> list[tuple[str, ...]]:
    keys = ("corner_ap_mm", "corner_lateral_mm", "tilt_error_deg", "cobb_coronal_deg", "cobb_sagittal_deg")
    summaries = {d: summarise_annotation(part) for d, o in by_detector.items() if (part := group(o, name))}
    return [(detector, *(_mean(summary[key]) for key in keys)) for detector, summary in summaries.items()]


def _remarks(outcome: CaseOutcome) -> str:
    return outcome.failure or "; ".join(outcome.warnings)


def _mean(value: Mapping[str, float] | None, key: str = "mean", digits: int = 1) -> str:
    return "" if value is None else f"{value[key]:.{digits}f}"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"
