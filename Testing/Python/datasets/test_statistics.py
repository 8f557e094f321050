"""Statistics of a corpus against values computed by hand."""

from __future__ import annotations

import dataclasses
import json
import sys

import numpy as np
import pytest
from corpus_files import SIZE, write_corpus
from PIL import Image

from ReVerteRLib.datasets.pack import read_corpus, read_record
from ReVerteRLib.datasets.patches import PatchSettings
from ReVerteRLib.datasets.samples import CorpusDataset
from ReVerteRLib.datasets.statistics import GREY_EDGES, by_origin, measure, tilts_deg, write_statistics
from ReVerteRLib.errors import DatasetError


@pytest.fixture
def folder(tmp_path):
    return write_corpus(tmp_path / "corpus")


def with_neighbours(samples, neighbours, centroid=(12.0, 12.0, 12.0)):
    near = np.full((1, 6, 3), np.nan, dtype=np.float32)
    near[0, : len(neighbours)] = np.reshape(neighbours, (-1, 3))
    arrays = {**samples.arrays, "centroid_zyx": np.array([centroid], np.float32), "neighbours_zyx": near}
    return dataclasses.replace(samples, arrays=arrays)


@pytest.mark.parametrize(
    ("neighbours", "expected"),
    [
        ([(-18, 12, 22), (42, 12, 12)], (np.degrees(np.arctan2(10, 60)), 0.0)),
        ([(42, 12, 12), (-18, 2, 12)], (0.0, -np.degrees(np.arctan2(10, 60)))),
        ([(-18, 12, 12), (-48, 12, 90), (42, 42, 12)], (0.0, -np.degrees(np.arctan2(30, 60)))),
        ([(-8, 12, 32)], (45.0, 0.0)),
        ([(32, 32, 12)], (0.0, -45.0)),
        ([], (np.nan, np.nan)),
    ],
)
def test_tilts_follow_the_nearest_neighbours_above_and_below(folder, neighbours, expected):
    samples = with_neighbours(read_corpus(folder), neighbours)
    assert np.allclose(tilts_deg(samples)[0], expected, atol=1e-4, equal_nan=True)


def test_synthetic_patients_and_real_cts_are_measured_apart(folder):
    samples = read_corpus(folder)
    synthetic, real = by_origin(samples)
    assert (synthetic.name, synthetic.patients, synthetic.levels.tolist()) == (
        "synthetic patients",
        2,
        [18, 19, 20, 7, 8],
    )
    assert (real.name, real.patients, real.levels.tolist()) == ("real CTs", 1, [19, 21])
    assert real.volumes_ml[1] == pytest.approx(samples.decode(1)[1].sum() / 1000.0)
    with_names = [g.name for g in by_origin(samples, "val")]
    assert with_names == ["val: synthetic patients", "val: real CTs"]


def test_volumes_are_millilitres_at_any_spacing(folder):
    samples = read_corpus(folder)
    record = {**samples.settings, "patches": {"size": SIZE, "spacing_mm": 2.0}}
    coarse = by_origin(dataclasses.replace(samples, settings=record))
    assert np.allclose(coarse[0].volumes_ml, 8.0 * by_origin(samples)[0].volumes_ml)


@pytest.mark.parametrize("normalisation", list(GREY_EDGES))
def test_grey_values_are_those_the_network_sees(folder, normalisation):
    data = CorpusDataset(folder, PatchSettings(size=SIZE, normalisation=normalisation))
    found = measure("all", data, np.arange(len(data)))
    assert np.allclose(found.grey.sum(axis=1), 1.0)
    edges = GREY_EDGES[normalisation]
    inside = np.zeros((SIZE, SIZE), dtype=bool)
    inside[2:] = True
    pixels = np.concatenate([data[n]["ap"][0][inside] for n in range(len(data))])
    counts, _ = np.histogram(np.clip(pixels, edges[0], edges[-1]), edges)
    assert np.allclose(found.grey[0], counts / pixels.size, atol=2e-3)


def test_record_and_picture_are_written_and_the_settings_stay(folder):
    before = read_record(folder)
    write_statistics(by_origin(read_corpus(folder)), folder)
    record = json.loads((folder / "corpus.json").read_text())
    assert read_record(folder) == before
    synthetic = record["statistics"]["synthetic patients"]
    assert sum(level["vertebrae"] for level in synthetic["levels"].values()) == synthetic["vertebrae"] == 5
    assert synthetic["levels"]["T1"]["volume_ml"][1] > 0.1
    picture = np.asarray(Image.open(folder / "corpus.png").convert("L"))
    assert picture.shape == (1200, 1500)
    assert picture.std() > 10


def test_without_matplotlib_only_the_numbers_are_written(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    write_statistics(by_origin(read_corpus(folder)), folder)
    assert "statistics" in json.loads((folder / "corpus.json").read_text())
    assert not (folder / "corpus.png").exists()


def test_groups_of_different_grey_values_are_not_mixed(folder):
    groups = by_origin(read_corpus(folder))
    with pytest.raises(DatasetError, match="same normalisation"):
        write_statistics([groups[0], dataclasses.replace(groups[1], normalisation="patch_zscore")], folder)
    with pytest.raises(DatasetError, match="nothing to compare"):
        write_statistics([], folder)
