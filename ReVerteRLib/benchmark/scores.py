"""The scores of one system with one seed, kept as a file so that tables are made without evaluating again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.errors import InputError
from ReVerteRLib.evaluation.metrics import MaskScores
from ReVerteRLib.evaluation.report import VertebraScore
from ReVerteRLib.files import write_json

STAGES = ("read", "crop", "network", "clean", "assemble", "surface")
"""Reading radiographs and centroids; patches; network; largest part and common grid; pasting; surfaces."""


@dataclass(frozen=True)
class SpineSeconds:
    """What one spine cost, in seconds by stage (STAGES), and each of its vertebrae (patches and network)."""

    subject: str
    stages: dict[str, float]
    levels: dict[str, float]

    @property
    def total(self) -> float:
        """The whole spine."""
        return sum(self.stages.values())


@dataclass(frozen=True)
class SystemScores:
    """How one row of the tables was measured.

    key, seed:  the system; the seed is None where nothing was trained here.
    samples:    that its network had seen; 0 where nothing was trained here.
    parameters: trainable values.
    sha256:     of the weights file, of shipped weights; "" otherwise.
    """

    key: str
    seed: int | None
    samples: int
    parameters: int
    subjects: tuple[str, ...]
    rows: tuple[VertebraScore, ...]
    seconds: tuple[SpineSeconds, ...]
    sha256: str = ""

    def mean(self, metric: str) -> float:
        """Over all vertebrae."""
        return sum(row.value(metric) for row in self.rows) / len(self.rows)

    def mean_of(self, metric: str, subject: str) -> float | None:
        """Over the vertebrae of one spine; None without any."""
        values = [row.value(metric) for row in self.rows if row.subject == subject]
        return sum(values) / len(values) if values else None


def write_scores(path: Path, scores: SystemScores) -> None:
    """As JSON. Raises OutputError."""
    record = {
        **{key: getattr(scores, key) for key in ("key", "seed", "samples", "parameters", "sha256")},
        "subjects": list(scores.subjects),
        "rows": [_row(row) for row in scores.rows],
        "seconds": [dataclasses.asdict(spine) for spine in scores.seconds],
    }
    write_json(path, record)


def read_scores(path: Path) -> SystemScores | None:
    """None where there are none. Raises InputError for a damaged file."""
    if not Path(path).is_file():
        return None
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        return SystemScores(
            **{key: record[key] for key in ("key", "seed", "samples", "parameters", "sha256")},
            subjects=tuple(record["subjects"]),
            rows=tuple(_score(row) for row in record["rows"]),
            seconds=tuple(SpineSeconds(**spine) for spine in record["seconds"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"is damaged ({error!r})", where=path, remedy="Delete it; it is measured again") from error


def _row(row: VertebraScore) -> dict[str, Any]:
    scores = row.scores
    return {
        "subject": row.subject,
        "level": row.level.name,
        "ct": row.ct,
        "dice": scores.dice,
        "hd95_mm": scores.hd95_mm,
        "nsd": list(scores.nsd),
        "failed": scores.failed,
        "clipped": row.clipped_fraction,
        "seconds": row.seconds,
    }


def _score(row: dict[str, Any]) -> VertebraScore:
    first, second, third, fourth = row["nsd"]
    scores = MaskScores(row["dice"], row["hd95_mm"], (first, second, third, fourth), row["failed"])
    level = level_from_name(row["level"])
    return VertebraScore(row["subject"], level, row["ct"], scores, row["clipped"], row["seconds"])


def common_vertebrae(found: Sequence[SystemScores]) -> tuple[SystemScores, ...]:
    """The same scores with the vertebrae alone that all systems were scored on."""
    keys = [{(row.subject, row.level) for row in scores.rows} for scores in found]
    common = set.intersection(*keys) if keys else set()
    return tuple(
        dataclasses.replace(s, rows=tuple(row for row in s.rows if (row.subject, row.level) in common)) for s in found
    )
