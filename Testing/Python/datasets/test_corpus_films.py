"""The whole radiographs that a corpus can keep for the detector."""

from __future__ import annotations

import numpy as np
import pytest
from block_phantom import block_spine

import ReVerteRLib.datasets.corpus as corpus_module
from ReVerteRLib.datasets.corpus import FILM_FOLDER, CorpusSettings, prepare
from ReVerteRLib.datasets.pack import read_corpus
from ReVerteRLib.datasets.patches import PatchSettings
from ReVerteRLib.datasets.source_cache import CorpusSource
from ReVerteRLib.datasets.synthesis import prepare_source
from ReVerteRLib.detection.film_corpus import read_films

SETTINGS = CorpusSettings(patients=1, seed=4, spacing_mm=3.0, patches=PatchSettings(posterior_offset_mm=12.0))


@pytest.fixture
def _one_spine(monkeypatch):
    spine = prepare_source(*block_spine())
    monkeypatch.setattr(corpus_module, "load_corpus_sources", lambda *_: ([CorpusSource(spine, spine.levels)], None))
    monkeypatch.setattr(corpus_module, "subjects_of_split", lambda *_: [])


@pytest.mark.usefixtures("_one_spine")
def test_films_are_added_to_a_finished_corpus_without_changing_its_samples(tmp_path):
    prepare(tmp_path, tmp_path, SETTINGS)
    assert not (tmp_path / FILM_FOLDER).exists()
    before = dict(np.load(tmp_path / "patient-00000.npz"))
    prepare(tmp_path, tmp_path, SETTINGS, films=True)
    after = dict(np.load(tmp_path / "patient-00000.npz"))
    assert all(np.array_equal(before[key], after[key], equal_nan=before[key].dtype.kind == "f") for key in before)
    assert len(read_corpus(tmp_path)) == len(after["level"])
    (films,) = read_films(tmp_path / FILM_FOLDER)
    assert films.whole.all()
    assert set(films.levels) >= set(after["level"])
    true = {int(level): place for level, place in zip(films.levels, films.centroids_lps, strict=True)}
    away = [marked - true[int(level)] for level, marked in zip(after["level"], after["marked_lps"], strict=True)]
    assert 0.1 < np.abs(away).max() < 8.0


@pytest.mark.usefixtures("_one_spine")
def test_films_show_the_vertebrae_where_their_centres_say(tmp_path):
    prepare(tmp_path, tmp_path, SETTINGS, films=True)
    (films,) = read_films(tmp_path / FILM_FOLDER)
    for view in (films.ap, films.lateral):
        rows, columns = np.round(view.centres).astype(int).T
        bone = view.image[rows, columns].astype(float)
        beside = view.image[rows, np.clip(columns + 60, 0, view.image.shape[1] - 1)].astype(float)
        assert bone.mean() > beside.mean() + 8
        known = np.isfinite(view.corners).all(axis=(1, 2))
        assert known.any()
        heights = view.corners[known][:, 2:, 0] - view.corners[known][:, :2, 0]
        assert 10.0 < heights.min() <= heights.max() < 50.0
        assert np.abs(view.corners[known].mean(axis=1) - view.centres[known]).max() < 25.0
