"""Scores of vertebrae as a table and as a summary."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ReVerteRLib.anatomy import Level, Region
from ReVerteRLib.errors import DatasetError
from ReVerteRLib.evaluation.metrics import MaskScores
from ReVerteRLib.files import write_json, written_aside

COLUMNS = (
    "subject", "level", "ct", "dice", "hd95_mm", "nsd_1mm", "nsd_1.5mm", "nsd_2mm", "nsd_3mm", "clipped_fraction",
    "seconds",
)  # fmt: skip
METRICS = ("dice", "hd95_mm", "nsd_1mm", "nsd_1.5mm", "nsd_2mm", "nsd_3mm")
_REGIONS = (Region.CERVICAL, Region.THORACIC, Region.LUMBAR)


@dataclass(frozen=True)
class VertebraScore:
    """One reconstructed vertebra against the truth.

    subject:          name of the scan.
    ct:               'real' or 'synthetic', what the radiographs were simulated from.
    clipped_fraction: share of the true bone outside the patch cube, which no reconstruction can reach.
    seconds:          reconstruction time of this vertebra.
    """

    subject: str
    level: Level
    ct: str
    scores: MaskScores
    clipped_fraction: float
    seconds: float

    @property
    def failed(self) -> bool:
        """Nothing was reconstructed."""
        return self.scores.failed

    def value(self, metric: str) -> float:
        """One of METRICS."""
        nsd = dict(zip(METRICS[2:], self.scores.nsd, strict=True))
        return {"dice": self.scores.dice, "hd95_mm": self.scores.hd95_mm, **nsd}[metric]

    def as_record(self) -> dict[str, Any]:
        """The row of metrics.csv."""
        return {
            "subject": self.subject,
            "level": self.level.name,
            "ct": self.ct,
            **{metric: round(self.value(metric), 4) for metric in METRICS},
            "clipped_fraction": round(self.clipped_fraction, 4),
            "seconds": round(self.seconds, 3),
        }


def summarise(rows: Sequence[VertebraScore], weights: str, sha256: str) -> dict[str, Any]:
    """Mean and sample standard deviation (0 for a single vertebra) of each metric, over all and by region.

    Regions without a vertebra have n = 0 and null for every metric. Failures (nothing reconstructed) are counted
    and are part of the means with their penalty values. Raises DatasetError when there is no row.
    """
    if not rows:
        raise DatasetError("there is no vertebra to summarise", remedy="Choose subjects with whole vertebrae")
    by_region = {region.value: _statistics([row for row in rows if row.level.region is region]) for region in _REGIONS}
    return {**_statistics(rows), "by_region": by_region, "weights": weights, "sha256": sha256}


def _statistics(rows: Sequence[VertebraScore]) -> dict[str, Any]:
    record: dict[str, Any] = {"n": len(rows), "failures": sum(row.failed for row in rows)}
    for metric in METRICS:
        values = [row.value(metric) for row in rows]
        record[metric] = _mean_and_sd(values) if values else None
    return record


def _mean_and_sd(values: list[float]) -> dict[str, float]:
    sd = statistics.stdev(values) if len(values) > 1 else 0.0
    return {"mean": round(statistics.fmean(values), 4), "sd": round(sd, 4)}


def write_metrics_csv(rows: Sequence[VertebraScore], path: Path) -> None:
    """Writes one line a vertebra with the columns COLUMNS, in one step. Raises OutputError."""
    with written_aside(Path(path)) as aside, aside.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=COLUMNS)
        writer.writeheader()
        writer.writerows(row.as_record() for row in rows)


def write_report(
    rows: Sequence[VertebraScore], folder: Path, *, weights: str, sha256: str, skipped: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
    """Writes metrics.csv and summary.json into a folder and returns the summary.

    skipped: subjects that could not be used, with the reason; listed in the summary when there are any.
    """
    summary = summarise(rows, weights, sha256)
    if skipped:
        summary["skipped"] = [{"subject": name, "reason": reason} for name, reason in skipped]
    write_metrics_csv(rows, Path(folder) / "metrics.csv")
    write_json(Path(folder) / "summary.json", summary)
    return summary
