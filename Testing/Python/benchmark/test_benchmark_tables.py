"""Tables say what was measured, over how many seeds and samples, and what was not."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from toy_benchmark import tiny

from ReVerteRLib.anatomy import VERTEBRAE, level_from_name
from ReVerteRLib.benchmark.common_grid import COMMON, on_common_grid
from ReVerteRLib.benchmark.scores import (
    STAGES,
    SpineSeconds,
    SystemScores,
    common_vertebrae,
    read_scores,
    write_scores,
)
from ReVerteRLib.benchmark.tables import PAPER_SECONDS, Row, table2_markdown, table3_markdown, write_tables
from ReVerteRLib.errors import InputError
from ReVerteRLib.evaluation.metrics import MaskScores
from ReVerteRLib.evaluation.report import VertebraScore
from ReVerteRLib.geometry import PatchGrid
from ReVerteRLib.inference.assembly import LevelPatch

L1, L2 = level_from_name("L1"), level_from_name("L2")


def scored(key: str, dice: float, *, seed: int = 0, samples: int = 8, levels=(L1, L2)) -> SystemScores:
    rows = tuple(
        VertebraScore("sub-a", level, "real", MaskScores(dice, 4.0, (0.2, 0.4, 0.6, 0.8)), 0.01, 0.5)
        for level in levels
    )
    seconds = SpineSeconds("sub-a", dict.fromkeys(STAGES, 0.5), {level.name: 0.25 for level in levels})
    return SystemScores(key, seed, samples, 1234, ("sub-a",), rows, (seconds,))


def row(key: str, *scores: SystemScores, kind: str = "baseline", seeds: int = 1, budget: int = 8) -> Row:
    return Row(key, f"Tiny {key}", kind, scores, seeds, budget, tiny(key))


def test_the_mean_over_seeds_comes_with_its_spread() -> None:
    three = row("a", *(scored("a", dice, seed=n) for n, dice in enumerate((0.70, 0.72, 0.77))), seeds=3)
    assert three.mean("dice") == pytest.approx(0.73)
    assert three.spread("dice") == pytest.approx(0.0361, abs=1e-4)
    assert three.shown("dice") == "0.7300 ± 0.0361"
    assert three.status == "trained"
    assert row("a", scored("a", 0.7)).shown("hd95_mm") == "4.00"
    assert row("a").shown("dice") == ""


def test_unfinished_rows_say_so() -> None:
    assert row("a").status == "not trained yet"
    assert row("a", scored("a", 0.7, samples=6)).status == "6 of 8 samples"
    assert row("a", scored("a", 0.7), seeds=3).status == "1 of 3 seeds"
    assert Row("s", "Shipped", "shipped", (scored("s", 0.9),), 0, 8).status == "longer training"
    text = table2_markdown(
        [row("late"), row("short", scored("short", 0.7, samples=6)), row("a", scored("a", 0.71))], ""
    )
    assert "| Tiny late (not trained yet) | 0 |" in text
    assert "| Tiny short (6 of 8 samples) | 6 * | 0.7000 | 4.00 | 0.6000 | 0 | 1,234 | 0.7 | 5 | 0.6 |" in text
    assert "| Tiny a | 8 | 0.7100 |" in text
    assert "measured by its authors on other data" in text


def test_ablations_are_compared_with_the_whole_network() -> None:
    whole = row("reverter-paper", scored("reverter-paper", 0.75), kind="reverter")
    without = row("without-dice", scored("without-dice", 0.62), kind="ablation")
    text = table3_markdown([whole, without, row("without-centroid", kind="ablation")], "")
    assert "| Tiny without-dice | 8 | 0.6200 | 4.00 | 0.6000 | -0.1300 |" in text
    assert "| Tiny without-centroid (not trained yet) | 0 |  |  |  |  |" in text
    assert "| Tiny reverter-paper | 8 | 0.7500 | 4.00 | 0.6000 |  |" in text


def test_the_seconds_are_parted_by_position_and_by_stage(tmp_path: Path) -> None:
    rows = [row("reverter-paper", scored("reverter-paper", 0.7), kind="reverter"), row("b", scored("b", 0.6))]
    files = write_tables(rows, "a caption", tmp_path, machine="a test machine")
    assert [path.is_file() for path in files] == [True] * 6
    text = (tmp_path / "table4.md").read_text()
    assert "Measured on a test machine" in text
    assert "| L1 | 0.2500 | 0.0788 |" in text
    assert "| T13 |  | 0.0838 |" in text
    assert "| Tiny b | 0.500 | 0.500 | 0.500 | 0.500 | 0.500 | 0.500 | 3.000 | 2.0 |" in text
    with (tmp_path / "table4.csv").open(newline="", encoding="utf-8") as stream:
        records = list(csv.DictReader(stream))
    told = [r for r in records if r["system"] == "paper"]
    assert [r["what"] for r in told] == [*(level.name for level in VERTEBRAE), "whole spine"]
    assert sum(PAPER_SECONDS.values()) == pytest.approx(2.047, abs=5e-4)  # systems of Table 4 add up to a quarter
    own = {r["what"]: r["seconds"] for r in records if r["system"] == "b"}
    assert own == {"L1": "0.2500", "L2": "0.2500", **{f"stage {s}": "0.5000" for s in STAGES}, "whole spine": "3.0000"}
    assert "a caption" in (tmp_path / "table2.md").read_text()


def test_scores_are_kept_and_only_common_vertebrae_compared(tmp_path: Path) -> None:
    first, second = scored("a", 0.7), scored("b", 0.6, levels=(L2,))
    write_scores(tmp_path / "a.json", first)
    assert read_scores(tmp_path / "a.json") == first
    assert read_scores(tmp_path / "none.json") is None
    assert [[r.level for r in s.rows] for s in common_vertebrae([first, second])] == [[L2], [L2]]
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(InputError, match="damaged"):
        read_scores(tmp_path / "a.json")


@pytest.mark.parametrize(("size", "spacing", "offset"), [(64, 2.0, 0.0), (120, 1.0, 12.0)])
def test_a_cube_keeps_its_place_on_the_common_grid(size: int, spacing: float, offset: float) -> None:
    grid = PatchGrid((7.3, -12.8, 40.1), size, spacing, offset)
    index = np.stack(np.meshgrid(*[np.arange(size)] * 3, indexing="ij"), axis=-1)
    centre = np.array([10.0, 5.0, 38.0])
    distance = np.linalg.norm(grid.points_lps_mm(index) - centre, axis=-1)
    found = on_common_grid(LevelPatch(L1, (distance < 15.0).astype(np.float32), grid))
    assert found.probability.shape == (136,) * 3
    assert (found.grid.spacing_mm, found.grid.posterior_offset_mm) == (1.0, 4.0)
    inside = np.argwhere(found.probability >= 0.5)
    np.testing.assert_allclose(found.grid.points_lps_mm(inside.mean(axis=0)), centre, atol=0.1)
    assert len(inside) == pytest.approx(4.0 / 3.0 * np.pi * 15.0**3, rel=0.03)


def test_the_common_cube_holds_the_cubes_of_all_systems() -> None:
    outer = COMMON.grid((0.0, 0.0, 0.0))
    for size, spacing, offset in ((64, 2.0, 0.0), (120, 1.0, 0.0), (120, 1.0, 12.0)):
        grid = PatchGrid((0.0, 0.0, 0.0), size, spacing, offset)
        for corner in (-0.5, size - 0.5):
            edge = (np.linalg.inv(outer.zyx_to_lps_mm) @ np.append(grid.points_lps_mm([corner] * 3), 1.0))[:3]
            assert edge.min() >= -0.5 - 1e-9
            assert edge.max() <= outer.size - 0.5 + 1e-9
