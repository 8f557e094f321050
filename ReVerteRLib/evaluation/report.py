"""Scores of vertebrae as tables and as a summary."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ReVerteRLib.anatomy import Level, Region
from ReVerteRLib.errors import DatasetError
from ReVerteRLib.evaluation.clinical import MEASURES, ClinicalComparison, summarise_measures
from ReVerteRLib.evaluation.decomposition import ErrorParts, summarise_parts
from ReVerteRLib.evaluation.metrics import MaskScores
from ReVerteRLib.evaluation.tables import report_markdown
from ReVerteRLib.files import write_json, write_text, written_aside

METRICS = ("dice", "hd95_mm", "nsd_1mm", "nsd_1.5mm", "nsd_2mm", "nsd_3mm")
IN_FOV = tuple(f"{metric}_in_fov" for metric in METRICS)
"""The same of what the scan shows, see `evaluation.field_of_view`."""
PART_COLUMNS = (
    "dice_shifted", "dice_posed", "shift_mm", "rotation_deg", "scale", "dice_body", "dice_posterior",
)  # fmt: skip
"""What the error consists of, see `evaluation.decomposition`."""
COLUMNS = (
    "subject", "level", "ct", *METRICS, "clipped_fraction", "seconds", "found", *IN_FOV, "outside_fov", *PART_COLUMNS,
)  # fmt: skip
CLINICAL_COLUMNS = ("subject", "level", "measure", "reference", "predicted", "error")
_REGIONS = (Region.CERVICAL, Region.THORACIC, Region.LUMBAR)


@dataclass(frozen=True)
class Details:
    """What `evaluate` tells of a vertebra beyond its scores.

    in_fov:      scores of what the scan shows; None when it shows nothing of the true vertebra.
    outside_fov: share of the predicted voxels outside the scan's field of view.
    parts:       what the error consists of; None when nothing was reconstructed.
    clinical:    measures of both masks.
    """

    in_fov: MaskScores | None
    outside_fov: float
    parts: ErrorParts | None
    clinical: ClinicalComparison


@dataclass(frozen=True)
class VertebraScore:
    """One reconstructed vertebra against the truth.

    subject:          name of the scan.
    ct:               'real' or 'synthetic', what the radiographs were simulated from.
    clipped_fraction: share of the true bone outside the patch cube, which no reconstruction can reach.
    seconds:          reconstruction time of this vertebra.
    details:          None where only the scores were asked for.
    found:            False when there was no centroid to reconstruct it from; its scores are the penalties.
    """

    subject: str
    level: Level
    ct: str
    scores: MaskScores
    clipped_fraction: float
    seconds: float
    details: Details | None = None
    found: bool = True

    @property
    def failed(self) -> bool:
        """Nothing was reconstructed."""
        return self.scores.failed

    def value(self, metric: str) -> float:
        """One of METRICS."""
        return _values(self.scores)[metric]

    def value_in_fov(self, metric: str) -> float | None:
        """One of METRICS of what the scan shows; None where that is not known."""
        seen = self.details.in_fov if self.details is not None else None
        return None if seen is None else _values(seen)[metric]

    def as_record(self) -> dict[str, Any]:
        """The row of metrics.csv; columns of IN_FOV and PART_COLUMNS only where there are details."""
        record = {
            "subject": self.subject,
            "level": self.level.name,
            "ct": self.ct,
            **{metric: round(self.value(metric), 4) for metric in METRICS},
            "clipped_fraction": round(self.clipped_fraction, 4),
            "seconds": round(self.seconds, 3),
            "found": int(self.found),
        }
        return record if self.details is None else {**record, **self._detail_record(self.details)}

    def _detail_record(self, details: Details) -> dict[str, Any]:
        seen = {f"{metric}_in_fov": _rounded(self.value_in_fov(metric)) for metric in METRICS}
        parts = {name: _rounded(getattr(details.parts, name, None)) for name in PART_COLUMNS}
        return {**seen, "outside_fov": round(details.outside_fov, 4), **parts}


def _values(scores: MaskScores) -> dict[str, float]:
    return dict(zip(METRICS, (scores.dice, scores.hd95_mm, *scores.nsd), strict=True))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def summarise(rows: Sequence[VertebraScore], weights: str, sha256: str) -> dict[str, Any]:
    """Mean and sample standard deviation (0 for a single vertebra) of each metric, over all, by region and by level.

    Regions without a vertebra have n = 0 and null for every metric. Failures (nothing reconstructed) are counted
    and are part of the means with their penalty values. Where rows have details, `in_fov` holds the metrics of what
    the scans show, `error_parts` and `clinical` what the error consists of and the errors of clinical measures, each
    over all and by region. `found` holds the same statistics of the vertebrae that had a centroid (with automatic
    centroids not all have). Raises DatasetError when there is no row.
    """
    if not rows:
        raise DatasetError("there is no vertebra to summarise", remedy="Choose subjects with whole vertebrae")
    regions = {region.value: [row for row in rows if row.level.region is region] for region in _REGIONS}
    levels = {level.name: [row for row in rows if row.level == level] for level in sorted({r.level for r in rows})}
    summary = {
        **_statistics(rows),
        "by_region": {name: _statistics(part) for name, part in regions.items()},
        "by_level": {name: _statistics(part) for name, part in levels.items()},
        "found": _statistics([row for row in rows if row.found]),
        "weights": weights,
        "sha256": sha256,
    }
    if any(row.details is not None for row in rows):
        for name, measure in (("in_fov", _seen), ("error_parts", _parts), ("clinical", _clinical)):
            summary[name] = {"all": measure(rows), **{key: measure(part) for key, part in regions.items() if part}}
    return summary


def _statistics(rows: Sequence[VertebraScore]) -> dict[str, Any]:
    record: dict[str, Any] = {"n": len(rows), "failures": sum(row.failed for row in rows)}
    for metric in METRICS:
        values = [row.value(metric) for row in rows]
        record[metric] = _mean_and_sd(values) if values else None
    return record


def _seen(rows: Sequence[VertebraScore]) -> dict[str, Any]:
    seen = [row for row in rows if row.value_in_fov("dice") is not None]
    record: dict[str, Any] = {"n": len(seen)}
    for metric in METRICS:
        values = [v for row in seen if (v := row.value_in_fov(metric)) is not None]
        record[metric] = _mean_and_sd(values) if values else None
    return record


def _parts(rows: Sequence[VertebraScore]) -> dict[str, Any]:
    return summarise_parts(row.details.parts for row in rows if row.details is not None and row.details.parts)


def _clinical(rows: Sequence[VertebraScore]) -> dict[str, Any]:
    return summarise_measures(row.details.clinical for row in rows if row.details is not None)


def _mean_and_sd(values: list[float]) -> dict[str, float]:
    sd = statistics.stdev(values) if len(values) > 1 else 0.0
    return {"mean": round(statistics.fmean(values), 4), "sd": round(sd, 4)}


def write_metrics_csv(rows: Sequence[VertebraScore], path: Path) -> None:
    """Writes one line a vertebra with the columns COLUMNS, in one step. Raises OutputError."""
    with written_aside(Path(path)) as aside, aside.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=COLUMNS)
        writer.writeheader()
        writer.writerows(row.as_record() for row in rows)


def write_clinical_csv(rows: Sequence[VertebraScore], path: Path) -> None:
    """Writes one line a vertebra and measure with the columns CLINICAL_COLUMNS, in one step. Raises OutputError."""
    with written_aside(Path(path)) as aside, aside.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(CLINICAL_COLUMNS)
        for found in (row.details.clinical for row in rows if row.details is not None):
            for measure in MEASURES:
                if measure in found.reference or measure in found.predicted:
                    values = found.reference.get(measure), found.predicted.get(measure), found.error(measure)
                    shown = ["" if value is None else f"{value:.3f}" for value in values]
                    writer.writerow([found.subject, found.level.name, measure, *shown])


def write_report(
    rows: Sequence[VertebraScore], folder: Path, *, weights: str, sha256: str, skipped: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
    """Writes metrics.csv, summary.json and report.md, with details also clinical.csv; returns the summary.

    skipped: subjects that could not be used, with the reason; listed in the summary when there are any.
    """
    summary = summarise(rows, weights, sha256)
    if skipped:
        summary["skipped"] = [{"subject": name, "reason": reason} for name, reason in skipped]
    write_metrics_csv(rows, Path(folder) / "metrics.csv")
    if any(row.details is not None for row in rows):
        write_clinical_csv(rows, Path(folder) / "clinical.csv")
    write_json(Path(folder) / "summary.json", summary)
    write_text(Path(folder) / "report.md", report_markdown(summary))
    return summary
