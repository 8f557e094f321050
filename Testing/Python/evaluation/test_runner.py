"""Whole evaluations with reconstructors whose answer is known."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field

import numpy as np
import pytest

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.datasets.masks import mask_on_grid
from ReVerteRLib.datasets.verse import find_subjects, load_subject
from ReVerteRLib.errors import ArgumentError, CancelledError, DatasetError
from ReVerteRLib.evaluation.runner import ViewSettings, evaluate, evaluate_subject
from ReVerteRLib.geometry import PatchGrid
from ReVerteRLib.imaging.volume import CtVolume, LabelVolume, Volume, write_volume
from ReVerteRLib.inference.result import SpineReconstruction, VertebraResult

T12, L1, L2 = (level_from_name(name) for name in ("T12", "L1", "L2"))


@dataclass
class Oracle:
    """Gives the truth of a label map, moved to the left by some mm; misses some levels."""

    labels: LabelVolume
    shift_mm: float = 0.0
    empty: tuple = ()
    missing: tuple = ()
    seen: list = field(default_factory=list)

    def reconstruct(self, pair, centroids, levels=None, progress=None, cancelled=None):
        self.seen.append((pair, centroids, levels))
        if progress is not None:
            progress(1, len(levels), levels[0].name)
        if cancelled is not None and cancelled():
            raise CancelledError("cancelled")
        done = [self._vertebra(centroids.get(level), level) for level in levels if level not in self.missing]
        return SpineReconstruction(self.labels, tuple(done), {})

    def _vertebra(self, centroid, level) -> VertebraResult:
        grid = PatchGrid(centroid.position_lps_mm)
        moved = self.labels.ijk_to_lps_mm.copy()
        moved[0, 3] += self.shift_mm
        mask = mask_on_grid(LabelVolume(self.labels.array_kji, moved), level.verse_label, grid)
        mask &= level not in self.empty
        return VertebraResult(level, mask, mask.astype(np.float16), grid, 0.25, 1.0)


def toy() -> LabelVolume:
    """T12 whole, L1 whole, L2 cut by the lower border; bodies with a process behind; 1.5 x 1.2 x 2 mm voxels."""
    matrix = np.diag([1.5, 1.2, 2.0, 1.0])
    array = np.zeros((55, 80, 60), np.uint8)
    for level, top in ((T12, 50), (L1, 32), (L2, 10)):
        low = max(top - 14, 0)
        array[low:top, 15:40, 18:42] = level.verse_label
        array[low:top, 40:66, 27:33] = level.verse_label
    return LabelVolume(array, matrix)


def centres(labels: LabelVolume) -> dict:
    found = {}
    for level, k in ((T12, 42.5), (L1, 24.5)):
        found[level] = labels.to_lps([[29.5, 27.0, k]])[0]
    return found


@pytest.fixture
def tree(tmp_path):
    """sub-a with a CT."""
    root = tmp_path / "data"
    _write(root, "sub-a", with_ct=True)
    return root


def _write(root, name: str, *, with_ct: bool) -> None:
    labels = toy()
    write_volume(
        Volume(labels.array_kji, labels.ijk_to_lps_mm), root / f"derivatives/{name}/{name}_seg-vert_msk.nii.gz"
    )
    rows = [{"direction": ["L", "P", "S"]}]
    for level, k in ((T12, 42.5), (L1, 24.5)):
        rows.append({"label": level.verse_label, "X": 29.5, "Y": 27.0, "Z": k})
    (root / f"derivatives/{name}/{name}_seg-subreg_ctd.json").write_text(json.dumps(rows))
    if with_ct:
        hu = np.where(labels.array_kji > 0, 500.0, np.where(np.arange(60) > 3, 30.0, -1000.0)).astype(np.float32)
        write_volume(CtVolume(hu, labels.ijk_to_lps_mm), root / f"rawdata/{name}/{name}_ct.nii.gz")


def test_the_truth_itself_scores_perfectly_and_cut_levels_are_left_out(tree):
    case = load_subject(find_subjects(tree)[0])
    oracle = Oracle(case.labels)
    rows = evaluate_subject(case, oracle)
    assert [row.level.name for row in rows] == ["T12", "L1"]
    assert {row.ct for row in rows} == {"real"}
    assert all(row.scores.dice == 1.0 and row.scores.hd95_mm == 0.0 for row in rows)
    assert all(row.clipped_fraction == 0.0 and row.seconds == 0.25 for row in rows)
    pair, used, levels = oracle.seen[0]
    assert levels == [T12, L1]
    np.testing.assert_allclose(used.get(L1).position_lps_mm, centres(case.labels)[L1], atol=1e-4)
    assert pair.ap.image_hw.max() > pair.ap.image_hw.min() + 1.0


def test_a_shift_of_three_millimetres_gives_the_dice_of_that_shift(tree):
    case = load_subject(find_subjects(tree)[0])
    rows = evaluate_subject(case, Oracle(case.labels, shift_mm=3.0))
    body, process = 24 * 25, 6 * 26  # voxels of 1.5 mm: the shift is two of them
    expected = (body * 22 / 24 + process * 4 / 6) / (body + process)
    for row in rows:
        assert row.scores.dice == pytest.approx(expected, abs=0.03)
        assert row.scores.hd95_mm == pytest.approx(3.0, abs=0.3)
        assert row.scores.nsd[0] < row.scores.nsd[2] < 0.95
        assert row.scores.nsd[3] > 0.99


def test_empty_and_missing_vertebrae_are_failures_not_gaps(tree):
    case = load_subject(find_subjects(tree)[0])
    rows = evaluate_subject(case, Oracle(case.labels, empty=(T12,), missing=(L1,)))
    assert [(row.level, row.failed, row.scores.dice) for row in rows] == [(T12, True, 0.0), (L1, True, 0.0)]
    assert rows[1].scores.hd95_mm == pytest.approx(207.846, abs=1e-3)


def test_centroids_can_come_from_elsewhere_and_an_unfound_level_counts_as_failure(tree):
    case = load_subject(find_subjects(tree)[0])

    def only_l1(known, pair):
        assert pair.lateral.view.value == "lateral"
        return CentroidSet((Centroid(L1, known.centroids.get(L1).position_lps_mm),))

    rows = evaluate_subject(case, Oracle(case.labels), centroids=only_l1)
    assert [(row.level, row.failed, row.found) for row in rows] == [(T12, True, False), (L1, False, True)]


def test_where_no_centroid_was_found_every_vertebra_counts_as_failure_instead_of_being_left_out(tree):
    case = load_subject(find_subjects(tree)[0])
    rows = evaluate_subject(case, Oracle(case.labels), centroids=lambda *_: CentroidSet(()))
    assert [(row.level, row.value("dice"), row.found) for row in rows] == [(T12, 0.0, False), (L1, 0.0, False)]


def test_a_data_set_gives_both_files_and_names_what_it_skipped(tree, tmp_path):
    broken = tree / "derivatives/sub-b/sub-b_seg-vert_msk.nii.gz"
    broken.parent.mkdir()
    broken.write_bytes(b"no image")
    told: list[tuple[int, int, str]] = []
    result = evaluate(
        find_subjects(tree),
        Oracle(toy()),
        tmp_path / "out",
        weights="w",
        sha256="s",
        progress=lambda *step: told.append(step),
    )
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary == result.summary
    assert summary["n"] == 2
    assert summary["dice"] == {"mean": 1.0, "sd": 0.0}
    assert [entry["subject"] for entry in summary["skipped"]] == ["sub-b"]
    assert "cannot be read" in summary["skipped"][0]["reason"]
    with (tmp_path / "out" / "metrics.csv").open() as stream:
        assert [(r["subject"], r["level"], r["ct"]) for r in csv.DictReader(stream)] == [
            ("sub-a", "T12", "real"),
            ("sub-a", "L1", "real"),
        ]
    assert told[0] == (0, 2, "sub-a")
    assert told[1] == (0, 2, "sub-a 1/2 T12")
    assert told[-1] == (2, 2, "done")


def test_without_any_usable_subject_an_earlier_result_survives(tree, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "summary.json").write_text("mine")
    find_subjects(tree)[0].mask_path.write_bytes(b"")
    with pytest.raises(DatasetError, match="nothing could be evaluated"):
        evaluate(find_subjects(tree), Oracle(toy()), tmp_path / "out", weights="w", sha256="s")
    assert (tmp_path / "out" / "summary.json").read_text() == "mine"


def test_cancelling_stops_and_wrong_arguments_are_not_swallowed(tree, tmp_path):
    with pytest.raises(CancelledError):
        evaluate(find_subjects(tree), Oracle(toy()), tmp_path, weights="w", sha256="s", cancelled=lambda: True)

    class Refusing:
        def reconstruct(self, *_args, **_kwargs):
            raise ArgumentError("impossible")

    with pytest.raises(ArgumentError):
        evaluate(find_subjects(tree), Refusing(), tmp_path, weights="w", sha256="s")
    assert not (tmp_path / "metrics.csv").exists()


def test_a_subject_without_ct_is_evaluated_on_a_synthetic_one_and_says_so(tmp_path):
    _write(tmp_path, "sub-a", with_ct=False)
    case = load_subject(find_subjects(tmp_path)[0])
    oracle = Oracle(case.labels)
    rows = evaluate_subject(case, oracle, views=ViewSettings(seed=4))
    assert [(row.ct, row.scores.dice) for row in rows] == [("synthetic", 1.0), ("synthetic", 1.0)]
    pair = oracle.seen[0][0]
    for projection in (pair.ap.projection, pair.lateral.projection):
        pixels = projection.project([centres(case.labels)[L1]])
        assert projection.contains(pixels).all()
