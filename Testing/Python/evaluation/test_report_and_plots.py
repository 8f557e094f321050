"""The table, the summary and the picture."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.errors import DatasetError
from ReVerteRLib.evaluation.metrics import MaskScores
from ReVerteRLib.evaluation.plots import plot_by_level
from ReVerteRLib.evaluation.report import COLUMNS, VertebraScore, summarise, write_report

FAILURE = MaskScores(0.0, 207.846, (0.0, 0.0, 0.0, 0.0), failed=True)


def row(level: str, dice: float, *, subject="sub-a", scores: MaskScores | None = None) -> VertebraScore:
    made = scores or MaskScores(dice, 4.0 * (1 - dice), (dice - 0.3, dice - 0.2, dice - 0.1, dice))
    return VertebraScore(subject, level_from_name(level), "real", made, 0.0123456, 0.5)


def test_the_summary_has_the_agreed_structure():
    rows = [row("T12", 0.7), row("L1", 0.8), row("L2", 0.9), row("L3", 0.0, scores=FAILURE)]
    summary = summarise(rows, "fast", "ab12")
    assert summary["n"] == 4
    assert summary["failures"] == 1
    assert summary["dice"] == {"mean": 0.6, "sd": pytest.approx(0.4082, abs=1e-4)}
    assert (summary["weights"], summary["sha256"]) == ("fast", "ab12")
    metrics = {"dice", "hd95_mm", "nsd_1mm", "nsd_1.5mm", "nsd_2mm", "nsd_3mm"}
    assert set(summary) == {"n", "failures", "by_region", "by_level", "found", "weights", "sha256"} | metrics
    assert set(summary["by_region"]) == {"cervical", "thoracic", "lumbar"}
    assert summary["by_region"]["thoracic"]["dice"] == {"mean": 0.7, "sd": 0.0}
    assert summary["by_region"]["lumbar"]["nsd_2mm"]["mean"] == pytest.approx((0.7 + 0.8 + 0.0) / 3, abs=1e-4)
    assert summary["by_region"]["cervical"] == {"n": 0, "failures": 0, **dict.fromkeys(metrics)}


def test_the_files_hold_one_row_a_vertebra_and_no_nan(tmp_path):
    rows = [row("T12", 0.75), row("L3", 0.0, subject="sub-b", scores=FAILURE)]
    summary = write_report(rows, tmp_path, weights="fast", sha256="ab", skipped=[("sub-c", "no mask")])
    with (tmp_path / "metrics.csv").open() as stream:
        table = list(csv.DictReader(stream))
    assert tuple(table[0]) == COLUMNS
    assert table[0]["level"] == "T12"
    assert float(table[0]["nsd_1.5mm"]) == pytest.approx(0.55)
    assert float(table[0]["clipped_fraction"]) == pytest.approx(0.0123)
    assert float(table[1]["hd95_mm"]) == pytest.approx(207.846)
    text = (tmp_path / "summary.json").read_text()
    assert "NaN" not in text
    assert json.loads(text) == summary
    assert summary["skipped"] == [{"subject": "sub-c", "reason": "no mask"}]


def test_nothing_to_report_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match="no vertebra"):
        write_report([], tmp_path, weights="", sha256="")
    with pytest.raises(DatasetError, match="no vertebra"):
        plot_by_level([], tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_the_box_plot_shows_each_level_in_its_colour(tmp_path):
    from PIL import Image

    rows = [row(level, dice) for level in ("L2", "T12", "C7") for dice in (0.6, 0.75, 0.8, 0.82)]
    plot_by_level(rows, tmp_path / "dice.png")
    picture = np.asarray(Image.open(tmp_path / "dice.png").convert("RGB")).astype(float)
    assert picture.shape[0] > 300
    for name in ("C7", "T12", "L2"):
        colour = np.round(np.array(level_from_name(name).color_rgb) * 255)
        assert (np.abs(picture - colour).max(axis=-1) <= 2).sum() > 200, name


def test_plotting_never_loads_pyplot_which_would_choose_a_window_system(tmp_path):
    code = (
        "import sys; from test_report_and_plots import row; from ReVerteRLib.evaluation.plots import plot_by_level; "
        f"plot_by_level([row('L1', 0.8)], {str(tmp_path / 'a.png')!r}); sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    here = Path(__file__).resolve()
    path = os.pathsep.join([str(here.parents[3]), str(here.parent)])
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
