"""Every script of the README's cookbook runs as it stands."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from stand_ins import REPOSITORY

FOLDER = "/data/spine"


def scripts() -> list[str]:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    section = text.split("a cookbook\n")[1].split("\n## ")[0]
    return [part.split("```")[0] for part in section.split("```python\n")[1:]]


@pytest.fixture
def run(host, module, tmp_path, monkeypatch):
    """Runs the script with this number in a folder of its own; returns its names and the folder."""
    monkeypatch.setattr(host.slicer.util, "getModuleLogic", lambda _name: module.ReVerteRLogic(), raising=False)

    def go(number: int) -> tuple[dict[str, object], Path]:
        names: dict[str, object] = {"slicer": host.slicer}
        exec(compile(scripts()[number].replace(FOLDER, str(tmp_path)), f"script {number}", "exec"), names)  # noqa: S102
        return names, tmp_path

    return go


def write_radiographs(module, folder: Path) -> None:
    from ReVerteRLib.imaging.radiograph import write_radiograph
    from ReVerteRLib.scene.volumes import radiograph_from_node

    logic = module.ReVerteRLogic()
    for node, name in zip(logic.simulateRadiographs(logic.makePhantom()), ("ap", "lateral"), strict=True):
        write_radiograph(radiograph_from_node(node), folder / f"{name}.nrrd")


def test_there_are_six() -> None:
    assert len(scripts()) == 6


def test_from_a_ct_to_models(run):
    names, folder = run(0)
    assert sorted(f.name for f in folder.rglob("*.stl")) == ["L1.stl", "L2.stl", "spine.stl"]
    assert all(Path(path).stat().st_size > 1000 for path in names["files"].values())


def test_from_files(run, module, tmp_path, capsys):
    write_radiographs(module, tmp_path)
    names, _ = run(1)
    assert names["ap"].GetClassName() == "vtkMRMLScalarVolumeNode"
    assert len(capsys.readouterr().out.splitlines()) >= 1


def test_a_locked_vertebra_keeps_its_place_and_name(run):
    names, _ = run(2)
    assert names["names"][-1] == "L5"
    assert len(set(names["names"])) == len(names["names"]) >= 5


def test_only_what_is_checked_is_reconstructed(run):
    names, _ = run(3)
    assert names["spine"].GetSegmentation().GetNumberOfSegments() == 1


def test_measurements_go_into_a_file(run):
    _, folder = run(4)
    numbers = json.loads((folder / "numbers.json").read_text())
    assert {row["level"] for row in numbers["vertebrae"]} == {"L1", "L2"}


def test_many_cases(run, module, tmp_path, monkeypatch):
    """In this process, for there is no PythonSlicer here to start a worker with."""
    from ReVerteRLib.batch import process
    from ReVerteRLib.batch.runners import DirectRunner

    monkeypatch.setattr(process, "runner_of", lambda _worker: contextlib.nullcontext(DirectRunner()))
    write_radiographs(module, tmp_path)
    (tmp_path / "cases.csv").write_text("case,ap,lateral\nfirst,ap.nrrd,lateral.nrrd\nsecond,gone.nrrd,gone.nrrd\n")
    names, folder = run(5)
    assert (folder / "results" / "index.csv").is_file()
    assert len(names["result"].failed) == 1
