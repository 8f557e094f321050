"""Prepared spines in the cache folder: the same as fresh ones, renewed when anything changes, bounded, shared."""

from __future__ import annotations

import dataclasses
import os
import threading

import numpy as np
import pytest
import verse_trees as trees

import ReVerteRLib.datasets.source_cache as cache_module
from ReVerteRLib.datasets.source_cache import SourceCache, source_key
from ReVerteRLib.datasets.verse import find_subjects

LEVELS = ("T12", "L1")


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "verse"
    for number in (1, 2):
        labels = trees.upright(LEVELS, (80, 110, 90))
        trees.write_bids(root, labels, trees.true_centres(LEVELS), stem=f"sub-toy{number}")
    return root


@pytest.fixture
def prepared(monkeypatch):
    """Names of the spines that were really prepared, in order."""
    names: list[str] = []
    real = cache_module.prepare_source

    def counting(labels, centroids, name=""):
        names.append(name)
        return real(labels, centroids, name)

    monkeypatch.setattr(cache_module, "prepare_source", counting)
    return names


def test_a_stored_spine_equals_a_fresh_one_in_every_field(tree, tmp_path, prepared):
    subject = find_subjects(tree)[0]
    cache = SourceCache(tmp_path / "cache")
    fresh, stored = cache.source(subject), cache.source(subject)
    assert prepared == ["sub-toy1"]
    assert fresh.targets == stored.targets
    assert [level.name for level in stored.targets] == list(LEVELS)
    for field in dataclasses.fields(fresh.spine):
        one, other = getattr(fresh.spine, field.name), getattr(stored.spine, field.name)
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype
            assert np.array_equal(one, other)
        else:
            assert one == other


def test_changed_files_and_changed_code_make_another_key(tree, monkeypatch, tmp_path):
    subject = find_subjects(tree)[0]
    keys = {source_key(subject)}
    subject.centroid_path.write_text(subject.centroid_path.read_text() + " ")
    keys.add(source_key(subject))
    subject.mask_path.write_bytes(
        (tree / "derivatives" / "sub-toy2" / "sub-toy2_seg-vert_msk.nii.gz").read_bytes() + b"0"
    )
    keys.add(source_key(subject))
    keys.add(source_key(dataclasses.replace(subject, scan="other")))
    code = tmp_path / "synthesis.py"
    code.write_text("changed")
    monkeypatch.setattr(cache_module, "_CODE", (code,))
    keys.add(source_key(subject))
    assert len(keys) == 5


def test_a_damaged_file_is_made_again(tree, tmp_path, prepared):
    cache, subject = SourceCache(tmp_path / "cache"), find_subjects(tree)[0]
    cache.source(subject)
    (stored,) = cache.folder.glob("*.npz")
    whole = stored.read_bytes()
    stored.write_bytes(whole[: len(whole) // 2])
    cache.source(subject)
    assert len(prepared) == 2
    cache.source(subject)
    assert len(prepared) == 2


def test_the_folder_stays_within_its_limit_and_the_newest_stay(tree, tmp_path):
    first, second = find_subjects(tree)
    folder = tmp_path / "cache"
    SourceCache(folder).source(first)
    (stored,) = folder.glob("*.npz")
    os.utime(stored, (1.0, 1.0))
    SourceCache(folder, limit_bytes=int(1.5 * stored.stat().st_size)).source(second)
    assert [p.stem for p in folder.glob("*.npz")] == [source_key(second)]


def test_two_at_once_leave_one_good_file(tree, tmp_path, prepared):
    subject = find_subjects(tree)[0]
    cache = SourceCache(tmp_path / "cache")
    results = []
    threads = [threading.Thread(target=lambda: results.append(cache.source(subject))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2
    assert [p.name for p in cache.folder.iterdir()] == [f"{source_key(subject)}.npz"]
    before = len(prepared)
    assert np.array_equal(cache.source(subject).spine.distance_mm, results[0].spine.distance_mm)
    assert len(prepared) == before


def test_a_folder_that_cannot_be_written_only_costs_time(tree, tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    cache = SourceCache(tmp_path / "file" / "cache")
    assert len(cache.source(find_subjects(tree)[0]).targets) == 2
    assert "prepared spines are not kept" in caplog.text
