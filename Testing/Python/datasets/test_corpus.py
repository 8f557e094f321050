"""The corpus: resumable, reproducible, and its samples are consistent with each other."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from block_phantom import block_spine

import ReVerteRLib.datasets.corpus as corpus_module
from ReVerteRLib.datasets.corpus import CorpusSettings, missing_patients, prepare, settings_of
from ReVerteRLib.datasets.patches import PatchSettings
from ReVerteRLib.datasets.patient_settings import PatientSettings
from ReVerteRLib.datasets.samples import Augmentation, CorpusDataset
from ReVerteRLib.datasets.source_cache import CorpusSource
from ReVerteRLib.datasets.synthesis import prepare_source
from ReVerteRLib.errors import CancelledError, DatasetError

PATCHES = PatchSettings(
    posterior_offset_mm=12.0, centroid_shape="gaussian", normalisation="patch_zscore", neighbours=True
)
SETTINGS = CorpusSettings(patients=2, seed=4, spacing_mm=3.0, patches=PATCHES, cone_share=0.5)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A corpus of two patients made of the block spine."""
    patch = pytest.MonkeyPatch()
    spine = prepare_source(*block_spine())
    source = CorpusSource(spine, spine.levels)
    patch.setattr(corpus_module, "load_corpus_sources", lambda *_: ([source], None))
    patch.setattr(corpus_module, "subjects_of_split", lambda *_: [])
    out = tmp_path_factory.mktemp("corpus")
    prepare(out, out, SETTINGS)
    yield out
    patch.undo()


def test_every_whole_level_becomes_a_sample_of_the_contracted_shape(made):
    data = CorpusDataset(made, PATCHES)
    assert 6 <= len(data) <= 8
    sample = data[0]
    assert sample["ap"].shape == sample["lateral"].shape == (2, 120, 120)
    assert sample["mask"].shape == (1, 120, 120, 120)
    assert sample["perspective"].shape == (2, 4)
    assert sample["mask"].sum() > 400


def test_marks_and_mask_lie_on_each_other(made):
    data = CorpusDataset(made, PATCHES)
    for index in range(len(data)):
        sample = data[index]
        z, y, x = np.round(sample["centroid_zyx"]).astype(int)
        assert sample["mask"][0, z - 3 : z + 4, y - 3 : y + 4, x - 3 : x + 4].mean() > 0.9
        assert sample["ap"][1, z, x] > 0.9
        assert sample["lateral"][1, z, y] > 0.9


def test_coarse_voxels_are_filled_by_the_share_of_bone_and_the_same_vertebrae_stay(made, tmp_path):
    coarse = dataclasses.replace(PATCHES, size=32, spacing_mm=4.0, centroid_radius_px=0.75)
    prepare(tmp_path, tmp_path, dataclasses.replace(SETTINGS, patches=coarse))
    fine, found = CorpusDataset(made, PATCHES), CorpusDataset(tmp_path, coarse)
    assert [int(fine[n]["level"]) for n in range(len(fine))] == [int(found[n]["level"]) for n in range(len(found))]
    for index in range(len(fine)):
        # 128 mm around the same middle as 120 of 1 mm
        mask = np.pad(np.asarray(fine[index]["mask"])[0], 4).reshape(32, 4, 32, 4, 32, 4).mean(axis=(1, 3, 5))
        same = np.asarray(found[index]["mask"])[0] == (mask >= 0.5)
        assert same[np.abs(mask - 0.5) > 0.3].mean() > 0.99
        assert abs(np.asarray(found[index]["mask"]).sum() * 64.0 / (mask.sum() * 64.0) - 1.0) < 0.1


def test_mirroring_mirrors_image_mask_and_perspective_together(made):
    plain, flipped = (CorpusDataset(made, PATCHES, augmentation=Augmentation(flip=f)) for f in (0.0, 1.0))
    for index in range(len(plain)):
        a, b = plain[index], flipped[index]
        assert np.array_equal(a["ap"][:, :, ::-1], b["ap"])
        assert np.array_equal(a["lateral"], b["lateral"])
        assert np.array_equal(a["mask"][..., ::-1], b["mask"])
        assert np.allclose(a["perspective"][1, 2:], -b["perspective"][1, 2:])


def test_augmentation_changes_from_epoch_to_epoch_and_is_reproducible(made):
    data = CorpusDataset(made, PATCHES, augmentation=Augmentation.training(), seed=3)
    first = data[0]["ap"].copy()
    assert np.array_equal(first, data[0]["ap"])
    data.set_epoch(1)
    assert not np.array_equal(first, data[0]["ap"])


def test_making_it_again_changes_nothing_and_a_lost_patient_comes_back_the_same(made):
    lost = made / "patient-00001.npz"
    with np.load(lost) as stored:
        before = dict(stored)
    kept = (made / "patient-00000.npz").stat().st_mtime_ns
    lost.unlink()
    prepare(made, made, SETTINGS)
    with np.load(lost) as stored:
        assert all(np.array_equal(before[key], stored[key], equal_nan=before[key].dtype.kind == "f") for key in before)
    assert (made / "patient-00000.npz").stat().st_mtime_ns == kept


def test_a_folder_of_other_settings_is_refused_and_kept(made):
    with pytest.raises(DatasetError, match=r"other settings \(seed\)"):
        prepare(made, made, dataclasses.replace(SETTINGS, seed=5))
    assert len(list(made.glob("patient-*.npz"))) == 2


def test_an_older_record_without_newer_settings_is_read_and_kept(made):
    record = made / "corpus.json"
    before = record.read_text()
    old = {key: v for key, v in json.loads(before).items() if key not in ("patient", "cohort", "split_seed", "exclude")}
    record.write_text(json.dumps(old))
    assert settings_of(made) == SETTINGS
    prepare(made, made, SETTINGS)
    assert json.loads(record.read_text()) == old
    record.write_text(before)


def test_the_record_keeps_the_largest_number_of_patients(made):
    prepare(made, made, dataclasses.replace(SETTINGS, patients=1))
    assert settings_of(made).patients == 2
    assert missing_patients(made) == 0
    assert CorpusSettings.from_dict(SETTINGS.to_dict()) == SETTINGS


def test_rich_patients_differ_from_plain_ones_and_are_recorded(made, tmp_path):
    rich = dataclasses.replace(SETTINGS, patients=1, patient=PatientSettings.rich())
    prepare(made, tmp_path, rich)
    assert settings_of(tmp_path) == rich
    with np.load(made / "patient-00000.npz") as plain, np.load(tmp_path / "patient-00000.npz") as other:
        shared = [(i, j) for i, a in enumerate(plain["level"]) for j, b in enumerate(other["level"]) if a == b]
        assert shared
        assert all(not np.array_equal(plain["mask"][i], other["mask"][j]) for i, j in shared)
    with pytest.raises(DatasetError, match="patient"):
        prepare(made, tmp_path, dataclasses.replace(rich, patient=None))


def test_settings_of_a_newer_version_are_refused():
    with pytest.raises(DatasetError, match="shoe_size"):
        CorpusSettings.from_dict({"shoe_size": 44})


def test_shares_make_the_same_corpus_together(made, tmp_path):
    for part in (1, 0):
        prepare(made, tmp_path, SETTINGS, share=(part, 2))
    assert missing_patients(tmp_path) == 0
    for file in made.glob("patient-*.npz"):
        with np.load(file) as one, np.load(tmp_path / file.name) as other:
            assert all(np.array_equal(one[key], other[key]) for key in ("images", "mask", "level"))


def test_cancelling_says_how_to_go_on(made, tmp_path):
    with pytest.raises(CancelledError, match="go on"):
        prepare(made, tmp_path, SETTINGS, cancelled=lambda: True)


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(DatasetError, match="corpus is empty"):
        CorpusDataset(tmp_path, PATCHES)
