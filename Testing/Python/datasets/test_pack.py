"""Packed corpora: nothing is lost, they are small, they keep to the limit, and reading them needs numpy and torch."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from corpus_files import SIZE, write_corpus
from scipy.ndimage import gaussian_filter

from ReVerteRLib.datasets.augmentation import Augmentation, blurred
from ReVerteRLib.datasets.pack import corpus_files, read_corpus, write_pack
from ReVerteRLib.datasets.patches import PatchSettings
from ReVerteRLib.datasets.samples import CorpusDataset
from ReVerteRLib.errors import ArgumentError, DatasetError

REPOSITORY = Path(__file__).resolve().parents[3]
PATCHES = PatchSettings(size=SIZE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture
def packed(folder, tmp_path):
    write_pack(read_corpus(folder), tmp_path / "corpus.npz")
    return tmp_path / "corpus.npz"


def test_images_masks_and_rows_come_back_bit_for_bit(folder, packed):
    samples = read_corpus(packed)
    number = 0
    for file in corpus_files(folder):
        with np.load(file) as data:
            for row in range(len(data["level"]) if "level" in data else 0):
                images, mask = samples.decode(number)
                assert np.array_equal(images, data["images"][row])
                assert np.array_equal(np.packbits(mask), data["mask"][row])
                assert samples.mask_voxels(number) == mask.sum() > 100
                for key, values in samples.arrays.items():
                    assert np.array_equal(values[number], data[key][row], equal_nan=key == "neighbours_zyx")
                number += 1
    assert number == len(samples) == 7


def test_real_cts_come_first_and_are_told_from_synthetic_patients(folder, packed):
    samples = read_corpus(packed)
    assert samples.patients == ("real-sub-c", "patient-00000", "patient-00002")
    assert samples.subjects == ("sub-c", "sub-a", "sub-b")
    assert samples.real.tolist() == [True] * 2 + [False] * 5
    assert samples.settings == read_corpus(folder).settings
    assert samples.settings["seed"] == 1
    assert CorpusDataset(packed, PATCHES).origin == (
        "2 synthetic patients and 1 real CTs, made from the spines of sub-a, sub-b, sub-c"
    )


def test_a_packed_corpus_gives_the_same_training_samples(folder, packed):
    augmentation = Augmentation.training()
    one, other = (CorpusDataset(path, PATCHES, augmentation=augmentation, seed=2) for path in (folder, packed))
    for index in range(len(one)):
        first, second = one[index], other[index]
        assert all(np.array_equal(first[key], second[key]) for key in first)


def test_the_file_is_one_zip_without_compression_and_says_what_it_holds(packed):
    with zipfile.ZipFile(packed) as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
    report = write_pack(read_corpus(packed), packed)
    assert report.file_bytes == packed.stat().st_size
    assert "7 of 7 vertebrae (3 of 3 patients)" in report.text


def test_the_limit_is_kept_with_whole_patients(tmp_path):
    samples = read_corpus(write_corpus(tmp_path / "large", size=120))
    whole = write_pack(samples, tmp_path / "whole.npz")
    assert whole.file_bytes / whole.samples < 40_000
    limit = 0.6 * whole.file_bytes
    part = write_pack(samples, tmp_path / "part.npz", limit_mb=limit / 1e6)
    assert part.file_bytes <= limit
    assert 0 < part.samples < part.of_samples == 7
    kept = read_corpus(tmp_path / "part.npz")
    assert np.array_equal(kept.arrays["level"], samples.arrays["level"][: len(kept)])
    assert set(kept.patient.tolist()) == set(range(part.patients))
    assert all(np.array_equal(kept.decode(n)[1], samples.decode(n)[1]) for n in range(len(kept)))


def test_a_limit_below_one_patient_is_refused_and_an_older_file_survives(packed):
    before = packed.read_bytes()
    with pytest.raises(ArgumentError, match="not even one patient"):
        write_pack(read_corpus(packed), packed, limit_mb=0.001)
    assert packed.read_bytes() == before


@pytest.mark.parametrize("damage", ["cut", "other", "altered"])
def test_damaged_files_are_named(packed, tmp_path, damage):
    content = packed.read_bytes()
    bad = tmp_path / "bad.npz"
    middle = content.index(b"stream.npy") + 2000
    bad.write_bytes(
        {
            "cut": content[: len(content) // 2],
            "other": b"text",
            "altered": content[:middle] + b"?" * 9 + content[middle + 9 :],
        }[damage]
    )
    with pytest.raises(DatasetError, match=r"bad\.npz.*damaged"):
        read_corpus(bad)


def test_a_broken_patient_and_a_broken_record_are_named(folder, tmp_path):
    (tmp_path / "patient-00000.npz").write_bytes(b"nothing")
    with pytest.raises(DatasetError, match="patient-00000"):
        read_corpus(tmp_path)
    (tmp_path / "patient-00000.npz").write_bytes((folder / "patient-00000.npz").read_bytes())
    assert len(read_corpus(tmp_path)) == 3
    (tmp_path / "corpus.json").write_text("{")
    with pytest.raises(DatasetError, match="record is damaged"):
        read_corpus(tmp_path)


def test_patches_of_another_kind_are_refused_by_name(packed):
    with pytest.raises(DatasetError, match="size 24 instead of 32"):
        CorpusDataset(packed, PatchSettings(size=32))
    with pytest.raises(DatasetError, match="posterior_offset_mm 0 instead of 12"):
        CorpusDataset(packed, PatchSettings(size=SIZE, posterior_offset_mm=12.0))
    marks = PatchSettings(size=SIZE, neighbours=True, normalisation="patch_zscore", centroid_shape="gaussian")
    assert len(CorpusDataset(packed, marks)) == 7


@pytest.mark.parametrize("sigma", [0.05, 0.4, 1.2])
def test_the_blur_is_scipys(sigma, rng):
    image = rng.normal(size=(40, 31)).astype(np.float32)
    assert np.abs(blurred(image, sigma) - gaussian_filter(image, sigma)).max() < 2e-6


READING = """
import sys
for name in ("SimpleITK", "vtk", "scipy", "skimage", "monai", "slicer", "rich", "pydicom", "matplotlib"):
    sys.modules[name] = None
from pathlib import Path
import ReVerteRLib.training.loop
from ReVerteRLib.datasets.patches import PatchSettings
from ReVerteRLib.datasets.samples import Augmentation, CorpusDataset
from ReVerteRLib.training.stream import collate
data = CorpusDataset(Path(sys.argv[1]), PatchSettings(size=24, neighbours=True), augmentation=Augmentation.training())
batch = collate([data[n] for n in range(len(data))])
print(tuple(batch["mask"].shape), int(batch["mask"].sum()))
"""


def test_training_reads_a_packed_corpus_with_torch_and_numpy_alone(packed):
    done = subprocess.run(
        [sys.executable, "-c", READING, str(packed)], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    samples = read_corpus(packed)
    total = sum(samples.mask_voxels(n) for n in range(len(samples)))
    assert done.stdout.strip() == f"(7, 1, 24, 24, 24) {total}"
