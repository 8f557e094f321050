"""Several systems in one run, and how their names are understood."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest
import torch
from disturbance_phantom import L1, L2, T12, Believer, phantom, subject, system

from ReVerteRLib.datasets.patches import PatchSettings
from ReVerteRLib.errors import ArgumentError, DatasetError, WeightsError
from ReVerteRLib.evaluation import runner
from ReVerteRLib.evaluation.comparison import SharedViews, compare, comparison_rows
from ReVerteRLib.evaluation.runner import Evaluation
from ReVerteRLib.evaluation.systems import level_blind, open_system, open_systems
from ReVerteRLib.inference.result import SpineReconstruction
from ReVerteRLib.inference.weights import save_weights
from ReVerteRLib.networks.config import GeneratorConfig
from ReVerteRLib.networks.registry import build_generator


class Shifted(Believer):
    """Draws every vertebra 3 mm too far to the left."""

    def reconstruct(self, pair, centroids, *rest, **options):
        spine = super().reconstruct(pair, centroids, *rest, **options)
        return SpineReconstruction(spine.labels, tuple(self._moved(v) for v in spine.vertebrae), {})

    def _moved(self, vertebra):
        x, y, z = vertebra.grid.centroid_lps_mm
        return replace(vertebra, grid=replace(vertebra.grid, centroid_lps_mm=(x + 3.0, y, z)))


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setattr(runner, "load_subject", lambda _listed: subject())
    return [subject().subject]


def test_systems_see_the_same_radiographs_and_stand_in_one_table(tmp_path, toy, monkeypatch):
    import ReVerteRLib.drr

    simulations = []
    simulate_pair = ReVerteRLib.drr.simulate_pair
    monkeypatch.setattr(
        ReVerteRLib.drr, "simulate_pair", lambda ct, **o: simulations.append(ct) or simulate_pair(ct, **o)
    )
    first, second = Believer(phantom()[1]), Shifted(phantom()[1])
    told: list = []
    done = compare(
        toy,
        [system(first, "straight"), system(second, "shifted")],
        tmp_path,
        views=SharedViews(device="cpu"),
        progress=lambda *step: told.append(step[:2]),
    )
    assert len(simulations) == 1
    assert first.calls[0][0] is second.calls[0][0]
    straight, shifted = done.rows
    assert (straight.dice, straight.hd95_mm, straight.n) == (1.0, 0.0, 3)
    assert shifted.dice == pytest.approx(1 - 3 / 24, abs=0.03)
    assert shifted.hd95_mm == pytest.approx(3.0, abs=0.5)
    assert told[0] == (0, 2)
    assert told[-1] == (2, 2)
    with (tmp_path / "comparison.csv").open() as stream:
        table = {r["system"]: r for r in csv.DictReader(stream)}
    assert (table["shifted"]["parameters"], table["shifted"]["seconds_per_vertebra"]) == ("1234", "0.5")
    for name, record in table.items():
        with (tmp_path / name / "metrics.csv").open() as stream:
            rows = list(csv.DictReader(stream))
        for metric in ("dice", "hd95_mm", "nsd_2mm"):
            assert float(record[metric]) == pytest.approx(sum(float(r[metric]) for r in rows) / 3, abs=1e-4)
        assert (tmp_path / name / "summary.json").is_file()
    assert f"| shifted | 3 | 0 | {shifted.dice:.4f} |" in (tmp_path / "comparison.md").read_text()


def test_only_vertebrae_that_all_were_scored_on_are_compared(tmp_path, toy):
    done = compare(toy, [system(Believer(phantom()[1]), n) for n in "ab"], tmp_path)
    rows = done.evaluations["a"].rows
    part = {"a": done.evaluations["a"], "b": Evaluation(rows[1:], {}, ())}
    assert [r.n for r in comparison_rows([system(None, "a"), system(None, "b")], part)] == [2, 2]
    assert [r.level for r in rows] == [T12, L1, L2]
    with pytest.raises(DatasetError, match="no vertebra that all"):
        comparison_rows([system(None, "a"), system(None, "b")], {**part, "b": Evaluation((), {}, ())})


# --- names ---------------------------------------------------------------------------------------


def weights_file(folder, name: str, seed: int):
    torch.manual_seed(seed)
    config = GeneratorConfig(preset="tiny", trunk_channels=(4, 8), trunk_blocks=(1, 1), norm="group", level_embedding=3)
    card = {
        "name": name, "preset": "tiny", "generator": config.to_dict(), "patches": vars(PatchSettings(24)),
        "seed": seed, "steps": 0, "metrics": {}, "data": "none", "licence": "CC0-1.0", "date": "2024-05-06",
    }  # fmt: skip
    network = build_generator(config).eval()
    save_weights(folder / f"{name}{seed}.safetensors", network, card)
    return network, folder / f"{name}{seed}.safetensors"


def test_a_value_means_a_built_in_system_or_weights(tmp_path):
    network, path = weights_file(tmp_path, "tiny", 1)
    made = {"mean-shape": lambda device: replace(system(None, "mean-shape"), note=device)}
    assert open_system("mean-shape", "cpu", made).note == "cpu"
    opened = open_system(str(path), "cpu", made)
    assert opened.name == "tiny"
    assert opened.parameters == sum(p.numel() for p in network.parameters())
    assert "not in the list of shipped weights" in opened.note
    with pytest.raises(WeightsError, match=r"no weights called 'nothing'.*or one of mean-shape"):
        open_system("nothing", "cpu", made)


def test_systems_of_one_name_are_told_apart_and_one_given_twice_is_refused(tmp_path):
    paths = [str(weights_file(tmp_path, "tiny", seed)[1]) for seed in (1, 2)]
    first, second = open_systems(paths, "cpu")
    assert first.name == "tiny"
    assert second.name == f"tiny-{second.sha256[:8]}"
    with pytest.raises(ArgumentError, match="given twice"):
        open_systems([paths[0], paths[0]], "cpu")


def test_a_level_blind_network_answers_as_for_an_unknown_level(tmp_path):
    network, _ = weights_file(tmp_path, "tiny", 1)
    ap, lateral = torch.rand(2, 1, 2, 24, 24)
    given, other = torch.tensor([3]), torch.tensor([20])
    blind = level_blind(network)
    with torch.inference_mode():
        expected = network(ap, lateral, level=None)
        assert torch.equal(blind(ap, lateral, level=given), expected)
        assert torch.equal(blind(ap, lateral, level=other), expected)
        assert not torch.allclose(network(ap, lateral, level=given), expected)


def test_a_level_blind_network_hands_on_the_usual_shape():
    class Shaped(torch.nn.Module):
        def forward(self, ap, lateral, *, level, prior, **_):
            assert level is None
            return ap.mean() * lateral.mean() + prior

    ap, prior = torch.ones(1, 2, 8, 8), torch.full((1, 1, 8, 8, 8), 2.0)
    assert torch.equal(level_blind(Shaped())(ap, ap, level=torch.tensor([3]), prior=prior), prior + 1.0)
