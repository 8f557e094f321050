"""Every system sees the same samples in the same order, as many of them, and an interrupted run loses nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from toy_benchmark import FLOOR, TOYS, tiny, write_corpus

from ReVerteRLib.benchmark.corpora import Corpora
from ReVerteRLib.benchmark.plan import SHORT_LOGIT, BenchmarkSettings, chosen_systems, jobs, patches_of, training_config
from ReVerteRLib.benchmark.records import read_training
from ReVerteRLib.benchmark.training import Benchmark, status, trained_network, training_parts
from ReVerteRLib.errors import ArgumentError, DatasetError
from ReVerteRLib.networks.systems import SYSTEMS, system
from ReVerteRLib.training.config import load_config
from ReVerteRLib.training.journal import read_journal

SETTINGS = BenchmarkSettings(budget=8, threads=1, device="cpu")


class Watched:
    """Notes which samples are read."""

    def __init__(self, corpora: Corpora) -> None:
        self._corpora = corpora
        self.seen: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self._corpora)

    def source(self, config, seed):
        inner = self._corpora.source(config, seed)
        seen = self.seen.setdefault(f"{config.name} {seed}", [])

        class Noting:
            def __len__(self) -> int:
                return len(inner)

            def set_epoch(self, epoch: int) -> None:
                inner.set_epoch(epoch)

            def __getitem__(self, index: int):
                seen.append(index)
                return inner[index]

        return Noting()


def make(folder: Path, corpus: Path, systems=TOYS, settings=SETTINGS, seeds: int = 1, **options) -> Benchmark:
    return Benchmark(jobs(systems, seeds), settings, Corpora(corpus, settings.patches), folder, **options)


def weights(benchmark: Benchmark) -> dict[str, torch.Tensor]:
    return {
        f"{job.name} {name}": value
        for job in benchmark.jobs
        for name, value in trained_network(job, benchmark.settings, benchmark.out).state_dict().items()
    }


def test_the_order_of_samples_depends_on_the_seed_and_not_on_the_system(toy_corpus: Path, tmp_path: Path) -> None:
    benchmark = make(tmp_path, toy_corpus, seeds=2)
    watched = Watched(benchmark.corpora)
    benchmark.corpora = watched  # type: ignore[assignment]
    assert benchmark.train()
    first = {name.split()[0]: order[:8] for name, order in watched.seen.items() if name.endswith(" 0")}
    second = {name.split()[0]: order[:8] for name, order in watched.seen.items() if name.endswith(" 1")}
    assert set(first) == set(second) == {"small", "wide", "playing"}
    assert first["small"] == first["wide"] == first["playing"]
    assert second["small"] == second["wide"] == second["playing"]
    assert first["small"] != second["small"]
    assert len(set(first["small"])) == 8


def test_every_system_sees_exactly_the_budget_whatever_its_batch(toy_corpus: Path, tmp_path: Path) -> None:
    benchmark = make(tmp_path, toy_corpus)
    assert benchmark.train()
    records = [read_training(job.folder(tmp_path)) for job in benchmark.jobs]
    assert [(r.system, r.samples, r.steps, r.batch) for r in records if r] == [
        ("small", 8, 4, 2),
        ("wide", 8, 3, 3),  # the third batch has two samples
        ("playing", 8, 4, 2),
    ]
    assert all(state.finished for state in benchmark.status())
    assert all(r is not None and r.seconds > 0 and r.parameters > 100 for r in records)


def test_an_interrupted_benchmark_ends_with_the_same_weights(toy_corpus: Path, tmp_path: Path) -> None:
    straight = make(tmp_path / "straight", toy_corpus)
    assert straight.train()
    ticks = iter(range(10_000))
    broken = make(tmp_path / "broken", toy_corpus, clock=lambda: 60.0 * next(ticks))
    assert not broken.train(minutes=4)
    partial = [state.samples for state in broken.status()]
    assert 0 < sum(partial) < 24
    torch.manual_seed(5)
    assert make(tmp_path / "broken", toy_corpus).train()
    one, two = weights(straight), weights(make(tmp_path / "broken", toy_corpus))
    assert one.keys() == two.keys()
    assert [name for name in one if not torch.equal(one[name], two[name])] == []


def test_portions_keep_all_systems_equally_far_and_change_nothing(toy_corpus: Path, tmp_path: Path) -> None:
    straight, portioned = make(tmp_path / "a", toy_corpus), make(tmp_path / "b", toy_corpus)
    assert straight.train()
    told: list[str] = []
    assert portioned.train(portion=6, progress=lambda done, _total, text: told.append(f"{text.split(',')[0]} {done}"))
    order = ["small 2", "small 4", "small 6", "wide 3", "wide 6", "playing 2", "playing 4", "playing 6"]
    assert told == [*order, "small 8", "wide 8", "playing 8"]
    one, two = weights(straight), weights(portioned)
    assert [name for name in one if not torch.equal(one[name], two[name])] == []


def test_a_finished_training_is_not_touched_and_a_larger_budget_goes_on(toy_corpus: Path, tmp_path: Path) -> None:
    assert make(tmp_path, toy_corpus).train()
    before = (tmp_path / "trained" / "small" / "seed-0" / "checkpoint.pt").stat().st_mtime_ns
    assert make(tmp_path, toy_corpus).train()
    assert (tmp_path / "trained" / "small" / "seed-0" / "checkpoint.pt").stat().st_mtime_ns == before
    more = BenchmarkSettings(budget=12, threads=1, device="cpu")
    assert [s.finished for s in status(jobs(TOYS, 1), more, tmp_path)] == [False] * 3
    assert make(tmp_path, toy_corpus, settings=more).train()
    assert [s.samples for s in status(jobs(TOYS, 1), more, tmp_path)] == [12, 12, 12]


def test_a_conditional_discriminator_is_trained_and_logged(toy_corpus: Path, tmp_path: Path) -> None:
    benchmark = make(tmp_path, toy_corpus, systems=[tiny("playing", adversarial="conditional")])
    assert benchmark.train()
    folder = benchmark.jobs[0].folder(tmp_path)
    assert all(float(row["gan"]) > 0 and float(row["discriminator"]) > 0 for row in read_journal(folder / "log.csv"))
    state = torch.load(folder / "checkpoint.pt", weights_only=True)["discriminator"]
    assert next(iter(state.values())).shape[:2] == (2, 3)  # mask and both radiographs


def test_one_training_that_breaks_off_does_not_stop_the_others(toy_corpus: Path, tmp_path: Path) -> None:
    class Broken(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(1))

        def forward(self, ap, *_others, **_more):
            return (self.weight * torch.nan).reshape(1, 1, 1, 1, 1).expand(ap.shape[0], 1, *[ap.shape[-1]] * 3)

    import dataclasses

    bad = dataclasses.replace(tiny("bad"), build=lambda _size: Broken())
    benchmark = make(tmp_path, toy_corpus, systems=[bad, TOYS[0]])
    assert not benchmark.train()
    assert list(benchmark.failures) == ["bad, seed 0"]
    assert "NaN" in benchmark.failures["bad, seed 0"]
    assert [state.finished for state in benchmark.status()] == [False, True]


def test_jobs_go_round_by_seed_and_leave_the_floor_out() -> None:
    named = [(job.system.key, job.seed) for job in jobs([*TOYS, FLOOR], 1, {"wide": 3})]
    assert named == [("small", 0), ("wide", 0), ("playing", 0), ("wide", 1), ("wide", 2)]
    with pytest.raises(ArgumentError, match="nobody is not among the systems"):
        jobs(TOYS, 1, {"nobody": 2})


def test_systems_are_chosen_by_name() -> None:
    assert chosen_systems(["all"]) == SYSTEMS
    assert [s.key for s in chosen_systems(["wide", "small"], TOYS)] == ["wide", "small"]
    with pytest.raises(ArgumentError, match="named twice"):
        chosen_systems(["wide", "wide"], TOYS)
    with pytest.raises(ArgumentError, match="there is no system 'unheard-of'"):
        chosen_systems(["unheard-of"])


@pytest.mark.parametrize(("grid", "size", "spacing_mm"), [("full", 120, 1.0), ("half", 64, 2.0), ("quarter", 32, 4.0)])
def test_every_real_system_has_a_configuration(grid: str, size: int, spacing_mm: float) -> None:
    settings = BenchmarkSettings(budget=8000, grid=grid, precision="bf16")
    for job in jobs(SYSTEMS, 1):
        config = training_config(job, settings)
        recipe = job.system.recipe
        assert recipe is not None
        assert config.name == job.system.key
        assert config.run.batch * config.run.steps >= 8000 > config.run.batch * (config.run.steps - 1)
        assert (config.run.seed, config.run.epochs, config.run.precision) == (0, 0, "bf16")
        assert config.patches == patches_of(job.system, settings)
        if job.system.key != "reverter-recommended":
            assert (config.patches.size, config.patches.spacing_mm) == (size, spacing_mm)
        if job.system.training is None or grid != "full":
            assert config.optimiser == recipe.optimiser
            assert config.run.batch == recipe.batch


def test_a_short_training_has_one_rate_and_starts_all_outputs_at_the_share_of_bone() -> None:
    published = BenchmarkSettings(budget=100, grid="quarter")
    short = BenchmarkSettings(budget=100, grid="quarter", regime="short")
    rates = {}
    for job in jobs(SYSTEMS, 1):
        before, after = training_config(job, published).optimiser, training_config(job, short).optimiser
        rates[job.system.key] = (before.lr, after.lr)
        assert after.schedule == "cosine"
        assert (after.name, after.betas, after.discriminator_lr) == (before.name, before.betas, before.discriminator_lr)
    assert rates["unet"] == (2e-4, 1e-3)
    assert rates["bx2s-net"] == (1e-2, 1e-3)
    assert rates["reverter-paper"] == (1e-3, 1e-3)
    assert rates["reverter-recommended"] == (3e-3, 3e-3)
    views = torch.zeros(2, 1, 2, 32, 32)
    for key in ("unet", "transvert", "reverter-paper"):
        (job,) = jobs([system(key)], 1)
        shares = []
        for start in (None, SHORT_LOGIT):
            torch.manual_seed(0)
            network = training_parts(job.system, training_config(job, short), start).network.eval()
            shares.append(float(torch.sigmoid(network(*views).detach()).mean()))
        assert shares[0] > 0.2
        assert 0.005 < shares[1] < 0.06


def test_full_resolution_takes_the_published_training_and_keeps_the_ablation() -> None:
    settings = BenchmarkSettings(budget=100, grid="full")
    (paper,) = jobs([system("reverter-paper")], 1)
    (blind,) = jobs([system("without-dice")], 1)
    config = training_config(paper, settings)
    assert (config.optimiser.lr, config.optimiser.schedule, config.loss.hd_every) == (1e-4, "step", 1)
    assert training_config(blind, settings).loss.w_dice == 0.0
    assert config.loss.w_dice == 10.0


def test_on_the_quarter_grid_the_recommended_trunk_works_in_the_voxels_of_all_others() -> None:
    settings = BenchmarkSettings(budget=100, grid="quarter")
    (job,) = jobs([system("reverter-recommended")], 1)
    config = training_config(job, settings)
    assert config.patches.spacing_mm * config.generator.stride == settings.patches.spacing_mm == 4.0
    own, usual = config.patches.grid((0, 0, 0)), load_config("recommended").patches.grid((0, 0, 0))
    for grid, region in ((own, config.generator.region), (usual, load_config("recommended").generator.region)):
        low, high = grid.points_lps_mm(np.reshape(region, (3, 2)).T)
        assert high[1] > 55  # behind the body
        assert low[1] < -30
        assert abs(low[0]) > 50
    network = job.system.build(config.patches.size)
    found = network(torch.zeros(1, 2, 64, 64), torch.zeros(1, 2, 64, 64), prior=torch.zeros(1, 1, 32, 32, 32))
    assert found.shape == (1, 1, 64, 64, 64)
    with pytest.raises(ArgumentError, match="grid 'eighth' is unknown"):
        BenchmarkSettings(budget=1, grid="eighth")


def test_both_corpora_must_hold_the_same_vertebrae(toy_corpus: Path, tmp_path: Path) -> None:
    other = write_corpus(tmp_path / "other", patients=2)
    with pytest.raises(DatasetError, match="do not hold the same vertebrae in the same order"):
        Corpora(toy_corpus, SETTINGS.patches, other)
    alone = Corpora(toy_corpus, SETTINGS.patches)
    (job,) = jobs([system("reverter-recommended")], 1)
    with pytest.raises(ArgumentError, match="needs patches of its own"):
        alone.source(training_config(job, SETTINGS), 0)


def test_shared_samples_come_padded_to_the_size_of_the_configuration(toy_corpus: Path) -> None:
    corpora = Corpora(toy_corpus, SETTINGS.patches)
    (job,) = jobs([TOYS[0]], 1)
    source = corpora.source(training_config(job, SETTINGS), 0)
    sample = source[0]
    assert sample["ap"].shape == sample["lateral"].shape == (2, 64, 64)
    assert sample["mask"].shape == (1, 64, 64, 64)
    np.testing.assert_array_equal(sample["centroid_zyx"], [31.5] * 3)
    assert int(sample["mask"].sum()) == 10 * 12 * 9
