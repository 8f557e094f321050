"""Errors of clinical measures: both masks measured by the one algorithm of `measure.vertebra`."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import Level
from ReVerteRLib.geometry import PatchGrid
from ReVerteRLib.measure.vertebra import MEASURES, measure_vertebra

__all__ = ["MEASURES", "ClinicalComparison", "compare_measures", "measure_vertebra", "summarise_measures"]


@dataclass(frozen=True)
class ClinicalComparison:
    """Measures of one vertebra in the reference and in the prediction, by the keys of MEASURES; any may be missing."""

    subject: str
    level: Level
    reference: Mapping[str, float]
    predicted: Mapping[str, float]

    def error(self, measure: str) -> float | None:
        """Predicted minus reference; None when either is missing."""
        if measure not in self.reference or measure not in self.predicted:
            return None
        return self.predicted[measure] - self.reference[measure]


def compare_measures(
    predicted: NDArray[np.bool_], true: NDArray[np.bool_], grid: PatchGrid, level: Level, subject: str
) -> ClinicalComparison:
    """Both masks measured in the same way."""
    return ClinicalComparison(
        subject, level, measure_vertebra(true, grid, level), measure_vertebra(predicted, grid, level)
    )


def summarise_measures(rows: Iterable[ClinicalComparison]) -> dict[str, dict[str, Any]]:
    """Mean absolute error, bias (mean error) and sample SD of the error by measure.

    n: vertebrae with the measure in both; missed: with it in the reference only. Numbers are None for n = 0.
    """
    rows = list(rows)
    return {measure: _error_statistics(measure, rows) for measure in MEASURES}


def _error_statistics(measure: str, rows: Sequence[ClinicalComparison]) -> dict[str, Any]:
    errors = [e for row in rows if (e := row.error(measure)) is not None]
    record: dict[str, Any] = {
        "n": len(errors),
        "missed": sum(measure in row.reference and measure not in row.predicted for row in rows),
    }
    if not errors:
        return {**record, "mae": None, "bias": None, "sd": None}
    return {
        **record,
        "mae": round(statistics.fmean(abs(e) for e in errors), 3),
        "bias": round(statistics.fmean(errors), 3),
        "sd": round(statistics.stdev(errors), 3) if len(errors) > 1 else 0.0,
    }
