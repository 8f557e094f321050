"""Outputs are whole or absent."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from ReVerteRLib.errors import OutputError
from ReVerteRLib.files import all_suffixes, ensure_writable_folder, sha256_of, write_json, write_text, written_aside


def _names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_complete_file_replaces_the_old_one(tmp_path):
    target = tmp_path / "deep" / "report.json"
    write_json(target, {"n": 1})
    write_json(target, {"n": 2})
    assert json.loads(target.read_text()) == {"n": 2}
    assert _names(target.parent) == ["report.json"]
    assert target.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("error", [RuntimeError("stopped"), KeyboardInterrupt()])
def test_a_failure_keeps_the_old_file_and_leaves_nothing_behind(tmp_path, error):
    target = tmp_path / "spine.seg.nrrd"
    target.write_text("earlier result")

    def fail() -> None:
        with written_aside(target) as aside:
            aside.write_text("half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert target.read_text() == "earlier result"
    assert _names(tmp_path) == ["spine.seg.nrrd"]


def test_a_failed_write_keeps_the_old_file_and_says_which(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def fail() -> None:
        with written_aside(target):
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match=r"a\.txt: cannot be written \(No space left on device\)"):
        fail()
    assert target.read_text() == "old"
    assert _names(tmp_path) == ["a.txt"]


def test_json_refuses_what_json_cannot_hold_and_keeps_the_old_file(tmp_path):
    target = tmp_path / "metrics.json"
    write_json(target, {"dice": 0.5})
    with pytest.raises(ValueError, match="JSON"):
        write_json(target, {"dice": float("nan")})
    assert json.loads(target.read_text()) == {"dice": 0.5}
    assert _names(tmp_path) == ["metrics.json"]


def test_a_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match="Choose a folder"):
        write_text(tmp_path / "taken" / "a.txt", "x")
    with pytest.raises(OutputError):
        ensure_writable_folder(tmp_path / "taken")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_named(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    with pytest.raises(OutputError, match="locked"):
        ensure_writable_folder(folder)


def test_a_writable_folder_is_made_and_left_empty(tmp_path):
    folder = ensure_writable_folder(tmp_path / "new" / "one")
    assert folder.is_dir()
    assert _names(folder) == []


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("a.seg.nrrd", ".seg.nrrd"),
        ("b.nii.gz", ".nii.gz"),
        ("c.mrk.json", ".mrk.json"),
        ("d.v1.stl", ".stl"),
        ("e", ""),
    ],
)
def test_the_temporary_name_keeps_the_suffix_that_chooses_the_format(tmp_path, name, suffix):
    assert all_suffixes(Path(name)) == suffix
    with written_aside(tmp_path / name) as aside:
        assert aside.name.endswith(suffix)
        assert aside.parent == tmp_path
        aside.write_text("x")


def test_the_hash_is_that_of_the_bytes(tmp_path):
    content = os.urandom(3 << 20)
    (tmp_path / "w").write_bytes(content)
    assert sha256_of(tmp_path / "w") == hashlib.sha256(content).hexdigest()
