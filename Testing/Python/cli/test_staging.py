from __future__ import annotations

from pathlib import Path

import pytest

from ReVerteRLib.cli.staging import StageClock, staged_folder
from ReVerteRLib.errors import OutputError


def names(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


def test_files_and_folders_replace_what_has_the_same_names(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "T1.stl").write_text("old")
    (tmp_path / "mine.txt").write_text("kept")
    (tmp_path / "report.json").write_text("old")
    with staged_folder(tmp_path) as folder:
        (folder / "models").mkdir()
        (folder / "models" / "L1.stl").write_text("new")
        (folder / "report.json").write_text("new")
    assert names(tmp_path) == ["mine.txt", "models", "models/L1.stl", "report.json"]
    assert (tmp_path / "report.json").read_text() == "new"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_everything_as_it_was(tmp_path, error):
    (tmp_path / "report.json").write_text("old")

    def fail():
        with staged_folder(tmp_path) as folder:
            (folder / "report.json").write_text("new")
            raise error

    with pytest.raises(error):
        fail()
    assert names(tmp_path) == ["report.json"]
    assert (tmp_path / "report.json").read_text() == "old"


def test_a_failure_while_moving_brings_the_old_files_back(tmp_path, monkeypatch):
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text("old")
    rename = Path.rename

    def failing(self, target):
        if self.name == "b" and "partial" in str(self):
            raise OSError(16, "Device or resource busy")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)

    def write():
        with staged_folder(tmp_path) as folder:
            for name in ("a", "b", "c"):
                (folder / name).write_text("new")

    with pytest.raises(OutputError, match="busy"):
        write()
    monkeypatch.undo()
    assert names(tmp_path) == ["a", "b", "c"]
    assert {(tmp_path / n).read_text() for n in "abc"} == {"old"}


def test_a_folder_made_for_a_failed_run_goes_and_one_with_results_stays(tmp_path):
    with pytest.raises(ValueError, match="no"), staged_folder(tmp_path / "new"):
        raise ValueError("no")
    assert names(tmp_path) == []
    with staged_folder(tmp_path / "new") as folder:
        (folder / "a").write_text("result")
    assert names(tmp_path / "new") == ["a"]


def test_an_unwritable_folder_is_told_before_the_work(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="Choose a folder"), staged_folder(tmp_path / "file" / "out"):
        pytest.fail("work was started")


def test_stages_add_up_in_order():
    clock = StageClock()
    clock.add("read", 1.0)
    clock.add("network", 2.0)
    clock.add("read", 0.5)
    assert list(clock.rounded().items()) == [("read", 1.5), ("network", 2.0)]
