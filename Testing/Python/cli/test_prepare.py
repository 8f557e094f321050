"""`reverter prepare` on two toy subjects: corpora, cohorts, statistics, packed files, and training from them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from phantom import phantom
from PIL import Image
from test_train_and_evaluate import CONFIG

from ReVerteRLib.cli.prepare import corpus_settings
from ReVerteRLib.datasets.corpus import CorpusSettings
from ReVerteRLib.datasets.pack import read_corpus
from ReVerteRLib.datasets.patient_settings import PatientSettings
from ReVerteRLib.datasets.synthesis import SyntheticPatient
from ReVerteRLib.imaging.volume import write_volume
from ReVerteRLib.inference.weights import read_card
from ReVerteRLib.training.config import config_from_dict


@pytest.fixture(autouse=True)
def _coarse_patients(monkeypatch):
    """Synthetic CTs of 4 mm are made in no time."""
    fine = SyntheticPatient.ct
    monkeypatch.setattr(SyntheticPatient, "ct", lambda self, spacing_mm: fine(self, 4.0))  # noqa: ARG005


@pytest.fixture
def config(case):
    path = case / "toy.toml"
    path.write_text(CONFIG.format(steps=1))
    return path


def _sizes(training: int, validation: int) -> list[object]:
    return ["--patients", training, "--validation-patients", validation]


def arrays(folder):
    return {file.name: dict(np.load(file)) for file in sorted(folder.glob("*.npz"))}


def test_prepare_makes_describes_packs_and_goes_on(case, data, config, reverter):
    out, packed = case / "corpus", case / "corpus.npz"
    arguments = ["prepare", "--data", data, "--out", out, "--config", config]
    first = reverter(*arguments, "--patients", 1, "--pack", packed)
    assert first.code == 0, first.err
    assert [p.name for p in sorted(out.glob("*.npz"))] == ["patient-00000.npz", "real-sub-toy1.npz"]
    samples = read_corpus(packed)
    assert samples.real.sum() == 3
    assert f"{len(samples)} vertebrae of 1 synthetic patients and 1 real CTs" in first.out
    assert f"{len(samples)} of {len(samples)} vertebrae" in first.out
    record = json.loads((out / "corpus.json").read_text())
    assert set(record["statistics"]) == {"synthetic patients", "real CTs"}
    assert record["statistics"]["real CTs"]["levels"]["L1"]["vertebrae"] == 1
    settings = CorpusSettings.from_dict({k: v for k, v in record.items() if k != "statistics"})
    assert (settings.patients, settings.seed, settings.patches.size, settings.split) == (1, 1, 24, "train")
    assert Image.open(out / "corpus.png").size == (1500, 1200)

    made = {p.name: p.stat().st_mtime_ns for p in out.glob("*.npz")}
    again = reverter(*arguments, "--patients", 2)
    assert again.code == 0, again.err
    after = {p.name: p.stat().st_mtime_ns for p in out.glob("*.npz")}
    assert {name: after[name] for name in made} == made
    assert set(after) - set(made) == {"patient-00001.npz"}

    other = reverter(*arguments, "--patients", 2, "--seed", 7)
    assert other.code == 3
    assert "other settings (seed)" in other.err


def test_shares_and_train_make_the_same_corpus(case, data, config, reverter):
    shared, trained = case / "shared", case / "training"
    arguments = ["prepare", "--data", data, "--out", shared, "--config", config, "--patients", 2]
    half = reverter(*arguments, "--share", "2/2")
    assert half.code == 0, half.err
    assert "1 patients of other shares are still to be made" in half.err
    assert not (shared / "corpus.png").exists()
    assert reverter(*arguments, "--share", "1/2").code == 0
    assert (shared / "corpus.png").exists()
    done = reverter("train", "--config", config, "--data", data, "--out", trained, *_sizes(2, 0))
    assert done.code == 0, done.err
    assert "There is no validation" in done.err
    one, other = arrays(shared), arrays(trained / "corpus" / "train")
    assert one.keys() == other.keys()
    for name, values in one.items():
        for key, value in values.items():
            assert np.array_equal(value, other[name][key], equal_nan=value.dtype.kind == "f")


def test_training_runs_from_a_prepared_folder_and_from_a_packed_file_without_the_data(case, data, config, reverter):
    out, packed = case / "corpus", case / "pack.npz"
    common = ["--config", config, "--data", data]
    assert reverter("prepare", *common, "--out", out, "--real-only", "--pack", packed).code == 0
    assert reverter("prepare", *common, "--out", case / "val", "--split", "val", "--patients", 1).code == 0
    cards = []
    for number, source in enumerate((out, packed)):
        result = case / f"training{number}"
        options = ["--corpus", source, "--validation-corpus", case / "val"]
        done = reverter("train", "--config", config, "--out", result, *options)
        assert done.code == 0, done.err
        assert not (result / "corpus").exists()
        cards.append(read_card(result / "toy.safetensors"))
    assert (
        cards[0]["data"] == cards[1]["data"] == "0 synthetic patients and 1 real CTs, made from the spines of sub-toy1"
    )
    assert cards[0]["metrics"] == cards[1]["metrics"]
    alone = reverter("train", "--config", config, "--out", case / "alone", "--corpus", packed)
    assert alone.code == 0, alone.err
    assert "There is no validation" in alone.err


def test_an_unfinished_folder_is_finished_by_its_own_record(case, data, config, reverter):
    out = case / "corpus"
    making = ["prepare", "--data", data, "--config", config, "--out", out, "--patients", 2, "--seed", 9]
    assert reverter(*making, "--share", "1/2").code == 0
    training = ["train", "--config", config, "--corpus", out]
    alone = reverter(*training, "--out", case / "first")
    assert alone.code == 0
    assert "is unfinished: 1 patients are missing" in alone.err
    done = reverter(*training, "--out", case / "second", "--data", data, "--validation-patients", 0)
    assert done.code == 0, done.err
    assert (out / "patient-00001.npz").is_file()
    assert json.loads((out / "corpus.json").read_text())["seed"] == 9


def test_a_cohort_is_compared_with_the_papers_table_and_split_by_person(case, config, reverter):
    root = case / "verse"
    ct, labels = phantom()
    for number in range(5):
        name = f"sub-verse{500 + number}"
        tree = root / "dataset-01training"
        write_volume(labels, tree / "derivatives" / name / f"{name}_seg-vert_msk.nii.gz")
        write_volume(ct, tree / "rawdata" / name / f"{name}_ct.nii.gz")
    made = {}
    for split in ("train", "test"):
        out = case / split
        options = ["--cohort", "verse-full", "--split", split, "--exclude", "sub-verse503", "--split-seed", 2]
        done = reverter("prepare", "--data", root, "--config", config, "--out", out, *options)
        assert done.code == 0, done.err
        assert "4522" in done.out
        assert "-4510" in done.out
        made[split] = set(read_corpus(out).subjects)
        assert read_corpus(out).real.all()
        cohort = json.loads((out / "cohort.json").read_text())
        assert "4 subjects instead of 355" in cohort["difference"]
        assert cohort["excluded"] == {"sub-verse503": ["left out by hand"]}
    assert (len(made["train"]), len(made["test"])) == (3, 1)
    assert not made["train"] & made["test"]
    trained = reverter("train", "--config", config, "--corpus", case / "train", "--data", root, "--out", case / "fit")
    assert trained.code == 0, trained.err
    assert "a cohort has no validation part" in trained.err
    none_left = reverter("prepare", "--data", root, "--out", case / "small", "--cohort", "verse-small")
    assert none_left.code == 3
    assert "no spine is left for verse-small" in none_left.err
    reasons = json.loads((case / "small" / "cohort.json").read_text())["excluded"]
    assert all("b: it holds 1 thoracic" in why[0] for why in reasons.values())


def test_an_existing_corpus_is_described_beside_another_and_not_touched(case, data, config, reverter):
    out = case / "corpus"
    assert reverter("prepare", "--data", data, "--config", config, "--out", out, "--patients", 1).code == 0
    before = {p: p.read_bytes() for p in out.iterdir()}
    shown = reverter("prepare", "--corpus", out, "--out", case / "shown", "--compare", out)
    assert shown.code == 0, shown.err
    assert {p: p.read_bytes() for p in out.iterdir()} == before
    groups = json.loads((case / "shown" / "corpus.json").read_text())["statistics"]
    assert set(groups) == {"corpus: synthetic patients", "corpus: real CTs"}
    assert not list((case / "shown").glob("*.npz"))


@pytest.mark.parametrize(
    "wrong",
    [
        (2, "contradict", "--real-only", "--patients", 3),
        (2, "--exclude needs --cohort", "--exclude", "sub-toy1"),
        (2, "not a share", "--share", "3/2"),
        (2, "not a share", "--share", "half"),
        (2, ".npz", "--pack", "corpus.zip"),
        (3, "no subject of split 'test'", "--split", "test"),
        (2, "not even one patient", "--real-only", "--pack", "tiny.npz", "--pack-limit", 0.001),
    ],
)
def test_prepare_refuses_what_cannot_be(data, config, reverter, monkeypatch, wrong):
    code, text, *options = wrong
    monkeypatch.chdir(data)
    outcome = reverter("prepare", "--data", data, "--out", data / "out", "--config", config, *options)
    assert outcome.code == code
    assert text in outcome.err
    assert not (data / "tiny.npz").exists()


def test_the_configuration_chooses_the_kind_of_patients():
    settings = {
        kind: corpus_settings(config_from_dict({"data": {"patients": kind}}), "val", 3) for kind in ("plain", "rich")
    }
    assert settings["plain"].patient is None
    assert settings["rich"].patient == PatientSettings.rich()
    assert (settings["rich"].seed, settings["rich"].patients) == (2, 3)


def test_training_needs_data_or_samples(case, config, reverter):
    nothing = reverter("train", "--config", config, "--out", case / "training")
    assert nothing.code == 2
    assert "Give --data" in nothing.err
    missing = reverter("train", "--config", config, "--out", case / "t", "--corpus", case / "corpus")
    assert missing.code == 2
    assert "no samples" in missing.err
