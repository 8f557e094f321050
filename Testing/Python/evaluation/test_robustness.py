"""The robustness table: its figures come from the runs, and a run that was cut off goes on."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from disturbance_phantom import CENTRES_LPS_MM, L1, L2, T12, Believer, phantom, subject, system
from PIL import Image

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.errors import CancelledError, CentroidError, DatasetError
from ReVerteRLib.evaluation import robustness
from ReVerteRLib.evaluation.disturbances import SubjectInputs, select_disturbances
from ReVerteRLib.evaluation.robustness import evaluate_cell, evaluate_robustness, summarise_rows
from ReVerteRLib.evaluation.robustness_report import write_robustness
from ReVerteRLib.evaluation.runner import ViewSettings

VIEWS = ViewSettings(device="cpu", seed=3)
TRUE = np.array(list(CENTRES_LPS_MM.values()))


@pytest.fixture
def believer() -> Believer:
    return Believer(phantom()[1])


@pytest.fixture
def loads(monkeypatch) -> list:
    """Subjects read, each time."""
    seen: list = []

    def load(listed, **_options):
        seen.append(listed.key)
        return subject(with_ct=listed.ct_path is not None)

    monkeypatch.setattr(robustness, "load_subject", load)
    return seen


def cell_of(key: str, reconstructor, **options):
    (disturbance,) = (d for d in select_disturbances([key]) if d.key == key)
    inputs = SubjectInputs(subject(), VIEWS)
    return evaluate_cell(inputs, disturbance, system(reconstructor, **options))


def run(folder, systems, keys, **options):
    return evaluate_robustness([subject().subject], systems, select_disturbances(keys), folder, views=VIEWS, **options)


# --- cells ---------------------------------------------------------------------------------------


def test_undisturbed_truth_scores_perfectly(believer):
    cell = cell_of("undisturbed", believer)
    assert [(o.level, o.dice, o.hd95_mm, o.centroid_error_mm) for o in cell.outcomes] == [
        (level, 1.0, 0.0, 0.0) for level in (T12, L1, L2)
    ]
    assert cell.ct == "real"


def test_displaced_centroids_are_told_and_cost_what_the_displacement_costs(believer):
    cell = cell_of("centroid-4mm", believer)
    told = np.array([c.position_lps_mm for c in believer.calls[0][1]])
    np.testing.assert_allclose(np.linalg.norm(told - TRUE, axis=1), 4.0)
    for outcome, step in zip(cell.outcomes, np.abs(told - TRUE), strict=True):
        expected = np.prod(1 - step / [24, 18, 20])  # overlap of two boxes of 24 x 18 x 20 mm
        assert outcome.dice == pytest.approx(expected, abs=0.05)
        assert outcome.centroid_error_mm == pytest.approx(4.0)


@pytest.mark.parametrize("key", ["magnification-5pct", "lateral-10deg", "ap-10deg"])
def test_a_wrong_frame_is_not_held_against_the_shape(believer, key):
    cell = cell_of(key, believer)
    assert max(o.centroid_error_mm for o in cell.outcomes) > 0.5
    assert min(o.dice for o in cell.outcomes) == 1.0


def test_without_neighbours_each_vertebra_comes_from_its_own_centroid_alone(believer):
    cell = cell_of("no-neighbours", believer)
    assert [([c.level for c in known], wanted) for _, known, wanted in believer.calls] == [
        ([level], [level]) for level in (T12, L1, L2)
    ]
    assert [o.level for o in cell.outcomes] == [T12, L1, L2]


@pytest.mark.parametrize(("key", "names"), [("level-below", "L1 L2 L3"), ("level-above", "T11 T12 L1")])
def test_wrong_levels_are_told_and_scored_under_the_true_ones(believer, key, names):
    cell = cell_of(key, believer)
    ((_, known, wanted),) = believer.calls
    assert wanted == [level_from_name(n) for n in names.split()]
    np.testing.assert_array_equal([known.get(level).position_lps_mm for level in wanted], TRUE)
    assert [(o.level, o.dice) for o in cell.outcomes] == [(T12, 1.0), (L1, 1.0), (L2, 1.0)]


def test_an_unknown_level_goes_to_the_system_that_does_without(believer):
    blind = Believer(phantom()[1])
    (row,) = (d for d in select_disturbances(["level-unknown"]) if not d.level_known)
    inputs = SubjectInputs(subject(), VIEWS)
    evaluate_cell(inputs, row, replace(system(believer), without_level=blind))
    assert (len(believer.calls), len(blind.calls)) == (0, 1)
    refused = evaluate_cell(inputs, row, system(believer, knows_level_only=True))
    assert refused.outcomes == ()
    assert "cannot do without the level" in refused.reason


# --- the table -----------------------------------------------------------------------------------


def test_the_figures_of_the_table_come_from_the_runs(tmp_path, believer, loads):
    shifted = Believer(phantom()[1])
    other = system(shifted, "other")
    keys = ["centroid-8mm", "cut-view-edges", "cone", "synthetic-ct"]
    told: list = []
    done = run(tmp_path, [system(believer), other], keys, progress=lambda *step: told.append(step))
    rows = write_robustness(done, tmp_path)
    assert loads == ["sub-toy"]  # one reading for ten cells
    assert [t[:2] for t in told] == [(n, 10) for n in range(10)]
    assert [(r.disturbance.key, r.system, r.n) for r in rows][:4] == [
        ("undisturbed", "believer", 3), ("undisturbed", "other", 3),
        ("centroid-8mm", "believer", 3), ("centroid-8mm", "other", 3),
    ]  # fmt: skip
    with (tmp_path / "robustness_vertebrae.csv").open() as stream:
        single = list(csv.DictReader(stream))
    with (tmp_path / "robustness.csv").open() as stream:
        table = {(r["disturbance"], r["system"]): r for r in csv.DictReader(stream)}
    assert {r["ct"] for r in single if r["disturbance"] == "synthetic-ct"} == {"synthetic"}
    for (key, name), record in table.items():
        own = [r for r in single if (r["disturbance"], r["system"]) == (key, name)]
        base = {r["level"]: r for r in single if (r["disturbance"], r["system"]) == ("undisturbed", name)}
        assert int(record["n"]) == len(own) == (2 if key == "cut-view-edges" else 3)
        for metric, change in (("dice", "dice_change"), ("hd95_mm", "hd95_change_mm"), ("nsd_2mm", "nsd_2mm_change")):
            assert float(record[metric]) == pytest.approx(np.mean([float(r[metric]) for r in own]), abs=1e-4)
            apart = [float(r[metric]) - float(base[r["level"]][metric]) for r in own]
            assert float(record[change]) == pytest.approx(np.mean(apart), abs=2e-4)
    row = table["centroid-8mm", "believer"]
    assert float(row["centroid_error_mm"]) == 8.0
    assert float(row["dice_change"]) < -0.3
    text = (tmp_path / "robustness.md").read_text()
    assert "believer: Dice" in text
    assert "other: Dice" in text
    cell = f"{float(row['dice']):.3f} ({float(row['dice_change']):+.3f})"
    assert f"| Centroid error 8 mm | 3 | 8.0 | {cell} |" in text
    assert "by exactly 8 mm in a random direction" in text
    assert Image.open(tmp_path / "robustness.png").size[0] > 800


def test_a_finished_run_is_not_repeated_and_gives_the_same_table(tmp_path, believer, loads):
    first = summarise_rows(run(tmp_path, [system(believer)], ["cone", "noise-1000"]))
    again = Believer(phantom()[1], stop_after=0)
    assert summarise_rows(run(tmp_path, [system(again)], ["cone", "noise-1000"])) == first
    assert again.calls == []
    assert loads == ["sub-toy"]


@pytest.mark.usefixtures("loads")
def test_cells_made_from_something_else_or_damaged_are_made_anew(tmp_path, believer):
    run(tmp_path, [system(believer)], ["cone"])
    (damaged,) = (tmp_path / "cells").glob("*cone*")
    damaged.write_text('{"made_from": 1')
    run(tmp_path, [system(believer)], ["cone"])
    assert len(believer.calls) == 3
    record = json.loads(damaged.read_text())
    assert [o["level"] for o in record["outcomes"]] == ["T12", "L1", "L2"]
    run(tmp_path, [replace(system(believer), sha256="other weights")], ["cone"])
    assert len(believer.calls) == 5
    subjects, rows = [subject().subject], select_disturbances(["cone"])
    weights = replace(system(believer), sha256="other weights")
    evaluate_robustness(subjects, [weights], rows, tmp_path, views=replace(VIEWS, seed=4))
    assert len(believer.calls) == 7


@pytest.mark.parametrize("error", [KeyboardInterrupt, CancelledError])
def test_a_run_that_is_stopped_keeps_its_finished_cells_and_goes_on(tmp_path, loads, error):
    stopped = Believer(phantom()[1], stop_after=2, raising=error)
    with pytest.raises(error):
        run(tmp_path, [system(stopped)], ["centroid-2mm", "centroid-4mm", "cone"])
    kept = sorted(p.name for p in tmp_path.rglob("*") if p.is_file())
    assert kept == ["sub-toy__centroid-2mm__believer.json", "sub-toy__undisturbed__believer.json"]
    rest = Believer(phantom()[1])
    done = run(tmp_path, [system(rest)], ["centroid-2mm", "centroid-4mm", "cone"])
    assert len(rest.calls) == 2
    assert len(summarise_rows(done)) == 4
    assert loads == ["sub-toy"] * 2


@pytest.mark.usefixtures("loads")
def test_cancelling_between_cells_says_how_to_go_on(tmp_path, believer):
    with pytest.raises(CancelledError, match=r"after 2 of 4.*goes on from there"):
        run(tmp_path, [system(believer)], ["cone", "slot", "noise-1000"], cancelled=lambda: len(believer.calls) >= 2)
    assert len(list((tmp_path / "cells").iterdir())) == 2


@pytest.mark.usefixtures("loads")
def test_refused_inputs_are_told_with_their_reason_and_are_no_row(tmp_path, believer):
    class Refusing(Believer):
        def reconstruct(self, pair, centroids, *rest):
            if self.calls:
                raise CentroidError("outside the radiograph")
            return super().reconstruct(pair, centroids, *rest)

    refusing = system(Refusing(phantom()[1]), "refusing")
    done = run(tmp_path, [system(believer), refusing], ["centroid-8mm"])
    rows = write_robustness(done, tmp_path)
    assert [(r.disturbance.key, r.system) for r in rows] == [
        ("undisturbed", "believer"), ("undisturbed", "refusing"), ("centroid-8mm", "believer")
    ]  # fmt: skip
    text = (tmp_path / "robustness.md").read_text()
    assert "sub-toy, Centroid error 8 mm, refusing: outside the radiograph" in text
    assert "| Centroid error 8 mm | 3/0 |" in text


@pytest.mark.usefixtures("loads")
def test_subjects_without_a_ct_have_no_row_for_the_synthetic_one(tmp_path, believer):
    listed = subject(with_ct=False).subject
    rows = select_disturbances(["synthetic-ct", "noise-1000"])
    done = evaluate_robustness([listed], [system(believer)], rows, tmp_path, views=VIEWS)
    assert [(cell.disturbance, cell.ct) for cell in done.cells] == [
        ("undisturbed", "synthetic"), ("noise-1000", "synthetic")
    ]  # fmt: skip


def test_without_any_result_all_reasons_are_given(tmp_path, monkeypatch, believer):
    def broken(listed, **_options):
        raise DatasetError("the mask is empty", where=listed.mask_path)

    monkeypatch.setattr(robustness, "load_subject", broken)
    with pytest.raises(DatasetError, match=r"nothing could be evaluated:\ntoy_mask.*the mask is empty"):
        run(tmp_path, [system(believer)], ["cone"])
