from __future__ import annotations

import csv

import pytest
import torch
from phantom import phantom
from PIL import Image

from ReVerteRLib.imaging.volume import write_volume
from ReVerteRLib.inference.reconstructor import Reconstructor
from ReVerteRLib.inference.weights import load_weights, save_weights


@pytest.fixture
def data(case):
    """A subject with a CT and one without."""
    root = case / "data"
    ct, labels = phantom()
    for name in ("sub-toy1", "sub-toy2"):
        write_volume(labels, root / "derivatives" / name / f"{name}_seg-vert_msk.nii.gz")
    write_volume(ct, root / "rawdata" / "sub-toy1" / "sub-toy1_ct.nii.gz")
    return root


@pytest.fixture
def second(case):
    """Weights of another network, whose last bias leaves no bone."""
    shipped = load_weights("tiny")
    with torch.no_grad():
        for parameter in shipped.network.parameters():
            parameter.mul_(-1.0)
    path = case / "negative.safetensors"
    save_weights(path, shipped.network, {**shipped.card, "name": "negative"})
    return path


def table(path) -> list[dict[str, str]]:
    with path.open() as stream:
        return list(csv.DictReader(stream))


def test_robustness_puts_two_models_side_by_side_in_table_and_picture(case, data, second, reverter):
    outcome = reverter(
        "robustness", "--data", data, "--subjects", "toy1", "--weights", "tiny", "--weights", second,
        "--rows", "centroid-4mm,level-unknown", "--out", case / "robust",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    rows = table(case / "robust" / "robustness.csv")
    assert [(r["disturbance"], r["system"]) for r in rows] == [
        (key, name) for key in ("undisturbed", "centroid-4mm", "level-unknown") for name in ("tiny", "negative")
    ]
    by_name = {(r["disturbance"], r["system"]): r for r in rows}
    assert float(by_name["centroid-4mm", "tiny"]["centroid_error_mm"]) == 4.0
    assert float(by_name["undisturbed", "tiny"]["dice"]) > 0.4
    assert by_name["undisturbed", "negative"]["failures"] == "3"
    assert float(by_name["undisturbed", "negative"]["dice"]) == 0.0
    text = (case / "robust" / "robustness.md").read_text()
    assert "tiny: Dice" in text
    assert "negative: Dice" in text
    assert Image.open(case / "robust" / "robustness.png").size[0] > 800
    assert "Robustness of tiny" in outcome.out
    assert "negative.safetensors is not in the list" in outcome.err


def test_robustness_interrupted_leaves_whole_parts_only_and_goes_on(case, data, reverter, monkeypatch):
    arguments = ["robustness", "--data", data, "--subjects", "toy1", "--rows", "cone,noise-1000", "--out", case / "r"]
    arguments += ["--weights", "tiny"]
    reconstruct, calls = Reconstructor.reconstruct, []

    def interrupted(self, *rest, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return reconstruct(self, *rest, **options)

    monkeypatch.setattr(Reconstructor, "reconstruct", interrupted)
    stopped = reverter(*arguments)
    assert stopped.code == 4
    assert "goes on from where it stopped" in stopped.err
    files = [p.relative_to(case / "r").as_posix() for p in (case / "r").rglob("*") if p.is_file()]
    assert files == ["cells/sub-toy1__undisturbed__tiny.json"]
    done = reverter(*arguments)
    assert done.code == 0, done.err
    assert len(calls) == 4  # the first row was not repeated
    assert [r["disturbance"] for r in table(case / "r" / "robustness.csv")] == ["undisturbed", "noise-1000", "cone"]
    assert not list((case / "r").rglob(".*"))


def test_robustness_names_wrong_rows_and_weights_and_leaves_no_folder(case, data, reverter):
    wrong = reverter("robustness", "--data", data, "--rows", "fog", "--out", case / "r")
    assert wrong.code == 2
    assert "'fog'" in wrong.err
    assert "magnification-5pct" in wrong.err
    unknown = reverter("robustness", "--data", data, "--weights", "nobody", "--out", case / "r")
    assert unknown.code == 3
    assert "nobody" in unknown.err
    assert not (case / "r").exists()


def test_evaluate_compares_several_systems_on_the_same_radiographs(case, data, second, reverter):
    outcome = reverter(
        "evaluate", "--data", data, "--subjects", "toy1", "--weights", "tiny", "--weights", second, "--out", case / "e"
    )
    assert outcome.code == 0, outcome.err
    rows = {r["system"]: r for r in table(case / "e" / "comparison.csv")}
    assert list(rows) == ["tiny", "negative"]
    assert int(rows["tiny"]["parameters"]) == sum(p.numel() for p in load_weights("tiny").network.parameters())
    own = table(case / "e" / "tiny" / "metrics.csv")
    assert float(rows["tiny"]["dice"]) == pytest.approx(sum(float(r["dice"]) for r in own) / 3, abs=1e-4)
    assert (case / "e" / "negative" / "summary.json").is_file()
    assert (case / "e" / "tiny" / "dice_by_level.png").is_file()
    assert "| tiny | 3 | 0 |" in (case / "e" / "comparison.md").read_text()
    assert "Systems on the same radiographs" in outcome.out


def test_evaluate_refuses_a_system_given_twice(case, data, reverter):
    twice = reverter("evaluate", "--data", data, "--weights", "tiny", "--weights", "default", "--out", case / "e")
    assert twice.code == 2
    assert "given twice" in twice.err
    assert not (case / "e").exists()
