"""The network, its loss, the store of its weights, and a training of a few steps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from detector_samples import pair_of, patient, spine, write_films

import ReVerteRLib.detection.training as training_module
from ReVerteRLib.anatomy import LEVELS
from ReVerteRLib.cli.main import main
from ReVerteRLib.detection.config import DetectorConfig, DetectorTraining, FilmSettings
from ReVerteRLib.detection.detector import NetworkDetector, load_detector
from ReVerteRLib.detection.film_augmentation import CropSettings
from ReVerteRLib.detection.film_corpus import read_films
from ReVerteRLib.detection.loss import LossWeights, detector_loss
from ReVerteRLib.detection.network import DetectorNetwork
from ReVerteRLib.detection.store import detector_card, load_detector_weights, register_detector
from ReVerteRLib.detection.training import CropBatches, DetectorTrainer
from ReVerteRLib.detection.types import Detection
from ReVerteRLib.detection.view_metrics import DetectionCase, score_detector, synthetic_cases
from ReVerteRLib.errors import ArgumentError, InputError, WeightsError
from ReVerteRLib.inference.weights import register_weights, save_weights, weights_index

SMALL = DetectorConfig(widths=(8, 8, 16, 16), blocks=(1, 1, 1, 1), context_width=16, context_layers=1, heads=2)
FILMS = FilmSettings()


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def network(config: DetectorConfig = SMALL, seed: int = 0) -> DetectorNetwork:
    """A small network whose exchange does something from the start."""
    torch.manual_seed(seed)
    built = DetectorNetwork(config).eval()
    if built.exchange is not None:
        torch.nn.init.normal_(built.exchange.give.weight, std=0.3)
    return built


def films(rows: int = 64, columns: int = 48, seed: int = 1) -> torch.Tensor:
    values = torch.randn(1, 2, 3, rows, columns, generator=torch.Generator().manual_seed(seed))
    values[:, :, 2] = 1.0
    return values


@torch.no_grad()
def test_maps_have_half_the_films_resolution_for_any_size() -> None:
    built = network()
    for rows, columns in ((32, 32), (96, 48), (160, 80)):
        assert built(films(rows, columns)).shape == (1, 2, 1 + 2 + 8 + len(LEVELS), rows // 2, columns // 2)


@torch.no_grad()
def test_each_view_knows_the_other_unless_the_exchange_is_off() -> None:
    for config, seen in ((SMALL, True), (DetectorConfig(**{**SMALL.__dict__, "exchange": False}), False)):
        built = network(config)
        one = films()
        other = one.clone()
        other[:, 1, :2] = torch.randn(2, 64, 48, generator=torch.Generator().manual_seed(9))
        change = float((built(one)[:, 0] - built(other)[:, 0]).abs().max())
        assert (change > 1e-3) is seen


@torch.no_grad()
def test_a_view_without_a_film_gives_finite_maps() -> None:
    empty = films()
    empty[:, 1] = 0.0
    assert bool(torch.isfinite(network()(empty)).all())


def test_a_configuration_survives_its_record_and_impossible_ones_are_refused() -> None:
    assert DetectorConfig.from_dict(json.loads(json.dumps(SMALL.to_dict()))) == SMALL
    with pytest.raises(ArgumentError):
        DetectorConfig(widths=(8, 8, 8, 9))
    with pytest.raises(ArgumentError):
        DetectorConfig(context_width=30)
    with pytest.raises(ArgumentError):
        DetectorTraining(minutes=0, steps=0)


def _batches(tmp_path: Path, **settings) -> CropBatches:
    return CropBatches(
        read_films(write_films(tmp_path / "films")),
        FILMS,
        DetectorTraining(pixels=2 * 64 * 64, **settings),
        CropSettings(),
    )


def test_batches_depend_on_seed_and_number_alone(tmp_path: Path) -> None:
    first, again, other = _batches(tmp_path, seed=3), _batches(tmp_path, seed=3), _batches(tmp_path, seed=4)
    assert torch.equal(first[5]["films"], again[5]["films"])
    assert first[5]["films"].shape != other[5]["films"].shape or not torch.equal(first[5]["films"], other[5]["films"])
    batch = first[7]
    assert batch["films"].shape[1:3] == (2, 3)
    assert batch["heat"].shape == (*batch["films"].shape[:2], *(s // 2 for s in batch["films"].shape[3:]))
    assert all(s % 16 == 0 for s in batch["films"].shape[3:])


def test_the_loss_is_lowest_for_what_the_targets_say_and_finite_without_vertebrae(tmp_path: Path) -> None:
    batches = _batches(tmp_path)
    batch = next(b for b in map(batches.__getitem__, range(20)) if b["near"].any())
    maps = torch.zeros(*batch["films"].shape[:2], DetectorConfig().outputs, *batch["heat"].shape[-2:])
    maps[:, :, 0] = torch.where(batch["heat"] > 0.99, 12.0, -12.0)
    maps[:, :, 1:3], maps[:, :, 3:11] = batch["offset"], batch["corners"]
    maps[:, :, 11:] = 8.0 * torch.nn.functional.one_hot(batch["level"], len(LEVELS)).movedim(-1, 2)
    best, parts = detector_loss(maps, batch, LossWeights())
    assert float(parts["centre"]) < 1e-3
    assert float(parts["offset"]) == pytest.approx(0.0, abs=1e-6)
    assert float(parts["corners"]) == pytest.approx(0.0, abs=1e-6)
    wrong, _ = detector_loss(maps.roll(3, -1), batch, LossWeights())
    assert float(wrong) > float(best) + 1.0
    empty = {**batch, "near": torch.zeros_like(batch["near"]), "heat": torch.zeros_like(batch["heat"])}
    maps.requires_grad_()
    total, _ = detector_loss(maps, empty, LossWeights())
    total.backward()
    assert bool(torch.isfinite(total))
    assert bool(torch.isfinite(maps.grad).all())


def _trainer(tmp_path: Path, out: str, steps: int, **changes) -> DetectorTrainer:
    patients = read_films(write_films(tmp_path / "films", 2))
    settings = DetectorTraining(
        minutes=0, steps=steps, pixels=64 * 64, validate_every=1000, threads=1, **{"average": 0.5, **changes}
    )
    folder = tmp_path / out
    folder.mkdir(exist_ok=True)
    return DetectorTrainer(
        SMALL, FILMS, settings, patients=patients, cases=synthetic_cases(patients[:1]), out=folder, licence="none"
    )


def test_a_training_goes_on_where_it_stopped_and_exports_what_it_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_module, "_ROWS", {64: 1.0})
    monkeypatch.setattr(training_module, "_COLUMNS", {64: 1.0})
    told: list[str] = []
    _trainer(tmp_path, "a", 2).run(report=told.append)
    assert [line.split(":")[0] for line in told] == ["step 2 synthetic ap", "step 2 synthetic lateral"]
    further = _trainer(tmp_path, "a", 4)
    further.run(resume=True)
    assert further.step == 4
    rows = (tmp_path / "a" / "log.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["step", "1", "2", "3", "4"]
    weights = load_detector_weights(tmp_path / "a" / "detector.safetensors")
    assert weights.card["steps"] == 4
    assert weights.films == FILMS
    expected = further.average.network.state_dict()
    for name, tensor in weights.network.state_dict().items():
        assert torch.allclose(tensor, expected[name], atol=2e-3), name
    with pytest.raises(InputError, match="other settings"):
        _trainer(tmp_path, "a", 6, lr=1e-3).run(resume=True)


def test_the_command_trains_and_refuses_to_overwrite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_films(tmp_path / "films", 2)
    out = tmp_path / "out"
    out.mkdir()
    (out / "checkpoint.pt").write_bytes(b"")
    arguments = ["train-detector", "--films", str(folder), "--out", str(out), "--steps", "1", "--held-out", "0"]
    assert main(arguments) == 2
    assert "holds a training already" in capsys.readouterr().err
    assert main(["train-detector", "--films", str(tmp_path / "none"), "--out", str(tmp_path / "other")]) == 3
    assert "there are no films" in capsys.readouterr().err


def test_a_training_goes_on_from_weights(tmp_path: Path) -> None:
    start = network()
    with torch.no_grad():
        start.out.bias[0] = 1.25
    films_of_two = read_films(write_films(tmp_path / "films", 2))
    trainer = DetectorTrainer(
        SMALL, FILMS, DetectorTraining(steps=1, minutes=0), patients=films_of_two, cases=[], out=tmp_path, start=start
    )
    for net in (trainer.network, trainer.average.network):
        for name, tensor in net.state_dict().items():
            assert torch.equal(tensor, start.state_dict()[name]), name
    with torch.no_grad():
        trainer.network.out.bias[0] = 0.0
    assert start.out.bias[0].item() == 1.25


def test_the_command_goes_on_from_weights_and_says_so_in_the_card(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, weights = write_films(tmp_path / "films", 2), _saved(tmp_path / "store")
    out = tmp_path / "out"
    arguments = ["train-detector", "--films", str(folder), "--out", str(out), "--steps", "1", "--held-out", "0"]
    arguments += ["--threads", "1", "--init", str(weights), "--lr", "1e-9"]
    assert main([*arguments, "--single-view"]) == 2
    assert "another kind of detector" in capsys.readouterr().err
    assert main(arguments) == 0
    trained = load_detector_weights(out / "detector.safetensors")
    assert trained.card["training"]["init"] == load_detector_weights(weights).sha256
    assert trained.card["training"]["lr"] == 1e-9
    for name, tensor in trained.network.state_dict().items():
        assert torch.allclose(tensor, load_detector_weights(weights).network.state_dict()[name], atol=1e-3), name


def test_the_command_trains_a_detector_of_single_views(tmp_path: Path) -> None:
    folder, out = write_films(tmp_path / "films", 2), tmp_path / "out"
    arguments = ["train-detector", "--films", str(folder), "--out", str(out), "--steps", "1", "--held-out", "0"]
    assert main([*arguments, "--threads", "1", "--single-view"]) == 0
    card = load_detector_weights(out / "detector.safetensors").card
    assert card["generator"]["exchange"] is False


# --- detecting -------------------------------------------------------------------------------------


def test_the_detector_reads_radiographs_of_any_size_and_tells_pixels_of_theirs() -> None:
    _, centroids, _ = spine()
    pair = pair_of(centroids)
    built = network()
    with torch.no_grad():
        built.out.bias[0] = 2.0
    for found, radiograph in zip(NetworkDetector(built, FILMS).detect(pair), pair, strict=True):
        assert len(found) > 5
        assert all(d.score >= 0.15 and d.level_scores.shape == (len(LEVELS),) for d in found)
        assert radiograph.projection.contains([d.centre_rc for d in found]).all()
        rows = [d.centre_rc[0] for d in found]
        assert rows == sorted(rows)


class _Told:
    """A detector that says what it was told to."""

    def __init__(self, *views) -> None:
        self._views = views

    def detect(self, _pair):
        return self._views


def test_scores_count_found_missed_false_and_levels() -> None:
    levels, centroids, _ = spine(4)
    pair = pair_of(centroids)
    true = [r.projection.project(centroids) for r in pair]

    def tell(place, level, score=0.9):
        scores = np.full(len(LEVELS), -9.0)
        scores[level] = 0.0
        return Detection(tuple(place), np.full((4, 2), np.nan), score, scores)

    ap = [tell(true[0][1] + [3, 4], levels[1]), tell(true[0][2], levels[0]), tell(true[0][2] + [0, 30], levels[2])]
    ap += [tell(true[0][0], levels[0]), tell(true[0][3], levels[3], 0.2)]
    whole = np.array([False, True, True, True])
    case = DetectionCase("case", "group", pair, centroids, levels, whole)
    rows = score_detector(_Told(ap, []), [case])
    assert rows["group ap"] == {
        "wanted": 3,
        "recall": round(2 / 3, 4),
        "precision": round(2 / 3, 4),
        "mean_mm": 2.5,
        "p95_mm": 4.75,
        "levels": 0.5,
    }
    assert rows["group lateral"]["recall"] == 0.0
    assert rows["group lateral"]["precision"] is None


# --- the store -------------------------------------------------------------------------------------


def _saved(folder: Path, name: str = "small") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    card = detector_card(name, SMALL, FILMS, seed=1, steps=2, metrics={}, data={}, licence="none", training={})
    save_weights(folder / f"{name}.safetensors", network(), card, half=True)
    return folder / f"{name}.safetensors"


def test_detectors_and_generators_share_an_index_without_losing_each_other(tmp_path: Path) -> None:
    path = _saved(tmp_path)
    register_detector(path, "small", folder=tmp_path)
    register_weights(path, "generator", folder=tmp_path)
    register_detector(_saved(tmp_path, "second"), "second", folder=tmp_path)
    assert set(weights_index(tmp_path)["weights"]) == {"generator"}
    loaded = load_detector_weights(folder=tmp_path)
    assert loaded.card["name"] == "small"
    with torch.no_grad():
        change = (loaded.network(films()) - network()(films())).abs().max()
    assert float(change) < 0.02
    assert load_detector_weights("second", tmp_path).card["name"] == "second"
    assert isinstance(load_detector(folder=tmp_path), NetworkDetector)


def test_an_altered_file_an_unknown_name_and_other_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no detector is installed"):
        load_detector_weights(folder=tmp_path)
    path = _saved(tmp_path)
    register_detector(path, "small", folder=tmp_path)
    with pytest.raises(WeightsError, match="Known detectors: small"):
        load_detector_weights("large", tmp_path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(WeightsError, match="not the one that was shipped"):
        load_detector_weights("small", tmp_path)
    other = tmp_path / "other.safetensors"
    card = detector_card("x", SMALL, FILMS, seed=1, steps=2, metrics={}, data={}, licence="none", training={})
    save_weights(other, network(), {**card, "preset": "fast"})
    with pytest.raises(WeightsError, match="not of a detector"):
        load_detector_weights(other)


def test_the_training_corpus_carries_what_the_detector_needs(tmp_path: Path) -> None:
    films_of_one = patient(tmp_path)
    assert films_of_one.ap.image.dtype == np.uint8
    assert not films_of_one.whole[0]
    assert films_of_one.whole[1:].all()
    levels, centroids, _ = spine(5)
    pair = films_of_one.pair()
    assert np.allclose(films_of_one.ap.centres, pair.ap.projection.project(centroids))
    assert np.array_equal(films_of_one.levels, levels)
