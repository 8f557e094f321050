from __future__ import annotations

import dataclasses
import logging

import numpy as np
import pytest
import torch
from silhouettes import SilhouetteNetwork, centroids_at, shadows

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.errors import ArgumentError, CancelledError, CentroidError, ResourceError, WeightsError
from ReVerteRLib.inference.reconstructor import Reconstructor, largest_component
from ReVerteRLib.inference.runner import NetworkRunner, RunnerOptions


def label_centre_lps(labels, level):
    kji = np.argwhere(labels.array_kji == level.verse_label)
    return labels.to_lps(kji[:, ::-1].mean(axis=0))[0]


def test_vertebrae_come_out_in_their_true_place_and_size(make_weights, pair, spine):
    result = Reconstructor(make_weights(), "cpu").reconstruct(pair, spine)
    assert [v.level.name for v in result.vertebrae] == ["T12", "L1", "L2"]
    for centroid in spine:
        np.testing.assert_allclose(label_centre_lps(result.labels, centroid.level), centroid.position_lps_mm, atol=0.3)
        volume = (result.labels.array_kji == centroid.level.verse_label).sum()
        assert volume == pytest.approx(24 * 18 * 16, rel=0.1)
    assert set(np.unique(result.labels.array_kji)) == {0, 19, 20, 21}
    assert result.labels.array_kji.dtype == np.uint8
    assert set(result.timings_s) == {"network", "assemble", "surfaces"}


def test_surfaces_lie_around_their_centroids(make_weights, pair, spine):
    result = Reconstructor(make_weights(), "cpu").reconstruct(pair, spine)
    for centroid in spine:
        bounds = np.array(result.surfaces[centroid.level].GetBounds()).reshape(3, 2)
        np.testing.assert_allclose(bounds.mean(axis=1), centroid.position_lps_mm, atol=0.5)
        np.testing.assert_allclose(np.ptp(bounds, axis=1), [24, 18, 16], atol=1.5)


def test_only_chosen_levels_are_made_and_progress_names_each(make_weights, pair, spine):
    seen = []
    chosen = [level_from_name("L2"), level_from_name("T12")]
    result = Reconstructor(make_weights(), "cpu").reconstruct(
        pair, spine, chosen, progress=lambda *call: seen.append(call)
    )
    assert seen == [(1, 2, "T12"), (2, 2, "L2")]
    assert result.levels == (level_from_name("T12"), level_from_name("L2"))
    assert result.get(level_from_name("L1")) is None


class Recorder:
    """A runner that keeps what it was given."""

    notes: tuple = ()
    device = "none"
    batch_size = 2

    def __init__(self):
        self.patches = []

    def probabilities(self, patches, _levels):
        self.patches += patches
        return np.zeros((len(patches), 40, 40, 40), dtype=np.float32)


def test_unselected_levels_still_mark_their_place_and_the_sacrum_does_not(make_weights, pair):
    weights = make_weights()
    weights.card["patches"]["neighbours"] = True
    marks = {}
    for name, centroids in {
        "alone": centroids_at(L1=(0.0, 0.0, 0.0)),
        "sacrum": centroids_at(L1=(0.0, 0.0, 0.0), S1=(0.0, 0.0, -12.0)),
        "near": centroids_at(L1=(0.0, 0.0, 0.0), L2=(0.0, 0.0, -12.0)),
    }.items():
        recorder = Recorder()
        Reconstructor(weights, runner=recorder).reconstruct(pair, centroids, [level_from_name("L1")])
        assert len(recorder.patches) == 1
        marks[name] = recorder.patches[0].ap[1]
    assert marks["near"].min() == -1.0
    assert marks["alone"].min() == 0.0
    assert np.array_equal(marks["sacrum"], marks["alone"])


def test_cancel_stops_between_vertebrae(make_weights, pair, spine):
    seen = []
    with pytest.raises(CancelledError, match="after 2 of 3"):
        Reconstructor(make_weights(), "cpu").reconstruct(
            pair, spine, progress=lambda *call: seen.append(call), cancelled=lambda: len(seen) == 2
        )
    assert len(seen) == 2


def test_a_level_without_centroid_is_refused_with_the_choice(make_weights, pair, spine):
    with pytest.raises(CentroidError, match=r"no centroid for L4.*T12, L1, L2"):
        Reconstructor(make_weights(), "cpu").reconstruct(pair, spine, [level_from_name("L4")])


def test_the_sacrum_is_refused(make_weights, pair, spine):
    with pytest.raises(ArgumentError, match="S1 cannot be reconstructed"):
        Reconstructor(make_weights(), "cpu").reconstruct(pair, spine, [level_from_name("S1")])


def test_a_centroid_outside_names_level_position_view_and_remedy(make_weights, pair):
    wrong = centroids_at(L1=(0.0, 0.0, 0.0), L3=(0.0, 70.0, 0.0))
    with pytest.raises(CentroidError, match=r"L3 at \(0\.0, 70\.0, 0\.0\).*outside the lateral.*leave this level out"):
        Reconstructor(make_weights(), "cpu").reconstruct(pair, wrong)


def test_a_centroid_on_a_blank_part_is_refused(make_weights, pair, spine):
    image = pair.ap.image_hw.copy()
    image[:, :] = 0.0
    image[130:, :] = pair.ap.image_hw[130:, :]
    blank = dataclasses.replace(pair, ap=dataclasses.replace(pair.ap, image_hw=image))
    with pytest.raises(CentroidError, match=r"T12 .*blank part of the ap"):
        Reconstructor(make_weights(), "cpu").reconstruct(blank, spine)


def test_an_empty_result_is_a_note_not_a_failure(make_weights, pair, spine, caplog):
    class Nothing(torch.nn.Module):
        def forward(self, *views, **_):
            return torch.full((len(views[0]), 1, 40, 40, 40), -9.0)

    with caplog.at_level(logging.WARNING, "ReVerteR"):
        result = Reconstructor(make_weights(Nothing()), "cpu").reconstruct(pair, spine, [level_from_name("L1")])
    assert result.surfaces == {}
    assert result.levels == ()
    assert not result.labels.array_kji.any()
    assert "L1: the network found no bone" in result.notes[0]
    assert "L1: the network found no bone" in caplog.text


def test_a_note_on_unlisted_weights_reaches_the_result(make_weights, pair, spine):
    result = Reconstructor(make_weights(note="mine.safetensors is not listed"), "cpu").reconstruct(pair, spine)
    assert result.notes == ("mine.safetensors is not listed",)


class Hungry(SilhouetteNetwork):
    """Runs out of memory the first `failures` times."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures
        self.batches = []

    def forward(self, ap, lateral, **others):
        if self.failures > 0:
            self.failures -= 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.00 GiB")
        self.batches.append(len(ap))
        return super().forward(ap, lateral, **others)


def test_out_of_memory_makes_smaller_batches_then_the_next_device_and_says_so(make_weights, pair, spine, caplog):
    network = Hungry(failures=3)
    runner = NetworkRunner(network, RunnerOptions(batch_size=4), devices=("cpu:0", "cpu"))
    with caplog.at_level(logging.WARNING, "ReVerteR"):
        result = Reconstructor(make_weights(), runner=runner).reconstruct(pair, spine)
    assert [note for note in result.notes if "ran out of memory" in note] == list(result.notes)
    assert len(result.notes) == 3
    assert "2 vertebra(e) at once" in result.notes[0]
    assert "going on with the CPU" in result.notes[2]
    assert "ran out of memory" in caplog.text
    assert result.device == "cpu"
    assert sum(network.batches) == 3
    assert len(result.surfaces) == 3


def test_smaller_batches_give_the_same_labels(make_weights, pair, spine):
    runner = NetworkRunner(Hungry(1), RunnerOptions(batch_size=2, precision="fp32"), devices=("cpu",))
    shrunk = Reconstructor(make_weights(), runner=runner).reconstruct(pair, spine)
    plain = Reconstructor(make_weights(), "cpu", precision="fp32").reconstruct(pair, spine)
    assert np.array_equal(shrunk.labels.array_kji, plain.labels.array_kji)


def test_no_memory_at_all_is_a_resource_error(make_weights, pair, spine):
    with pytest.raises(ResourceError, match="does not suffice for one vertebra"):
        Reconstructor(make_weights(Hungry(99)), "cpu").reconstruct(pair, spine)


def test_other_runtime_errors_are_not_taken_for_lack_of_memory(make_weights, pair, spine):
    class Broken(torch.nn.Module):
        def forward(self, *_, **__):
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        Reconstructor(make_weights(Broken()), "cpu").reconstruct(pair, spine)


def test_bfloat16_and_float32_agree(make_weights, pair, spine):
    exact = Reconstructor(make_weights(), "cpu", precision="fp32").reconstruct(pair, spine)
    short = Reconstructor(make_weights(), "cpu", precision="bf16").reconstruct(pair, spine)
    differing = (exact.labels.array_kji != short.labels.array_kji).mean()
    assert differing < 0.002


def test_unknown_device_precision_and_threshold_are_refused(make_weights):
    with pytest.raises(ArgumentError, match="device 'tpu'"):
        Reconstructor(make_weights(), "tpu")
    with pytest.raises(ArgumentError, match="precision 'int4'"):
        Reconstructor(make_weights(), "cpu", precision="int4")
    with pytest.raises(ArgumentError, match="threshold"):
        Reconstructor(make_weights(), "cpu", threshold=1.0)


def test_the_thread_count_is_restored(make_weights, pair, spine):
    before = torch.get_num_threads()
    Reconstructor(make_weights(), "cpu", threads=1).reconstruct(pair, spine, [level_from_name("L1")])
    assert torch.get_num_threads() == before


def test_only_the_largest_component_survives():
    probability = np.zeros((12, 12, 12), dtype=np.float32)
    probability[1:5, 1:5, 1:5] = 0.9
    probability[8:10, 8:10, 8:10] = 0.99
    probability[6, 6, 6] = 0.3
    kept = largest_component(probability)
    assert kept[1:5, 1:5, 1:5].min() == pytest.approx(0.9)
    assert kept[8:10, 8:10, 8:10].max() == 0.0
    assert kept[6, 6, 6] == pytest.approx(0.3)


def test_views_that_disagree_in_height_only_give_what_both_see(make_weights):
    centroids = centroids_at(L1=(0.0, 0.0, 0.0))
    pair = shadows(centroids)
    lower = dataclasses.replace(pair.lateral, image_hw=np.roll(pair.lateral.image_hw, 6, axis=0))
    result = Reconstructor(make_weights(), "cpu").reconstruct(dataclasses.replace(pair, lateral=lower), centroids)
    voxels = (result.labels.array_kji > 0).sum()
    assert voxels == pytest.approx(24 * 18 * 10, rel=0.15)


class SidewaysNetwork(torch.nn.Module):
    """Bone in the right half of the cube (low x), whatever it sees; a bias that mirroring must average out."""

    def forward(self, ap, *_args, **_kwargs):
        size = ap.shape[-1]
        logits = torch.full((ap.shape[0], 1, size, size, size), -9.0)
        logits[..., : size // 2] = 9.0
        return logits


def patches_of(pair, spine):
    from silhouettes import SETTINGS

    from ReVerteRLib.datasets.patches import extract_patches

    return [extract_patches(pair, c.position_lps_mm, SETTINGS) for c in spine]


def test_mirroring_averages_out_a_bias_to_one_side(pair, spine):
    patches, levels = patches_of(pair, spine), [c.level for c in spine]
    plain = NetworkRunner(SidewaysNetwork(), RunnerOptions("cpu", precision="fp32")).probabilities(patches, levels)
    both = NetworkRunner(SidewaysNetwork(), RunnerOptions("cpu", precision="fp32", mirror=True))
    assert np.ptp(plain) > 0.99
    np.testing.assert_allclose(both.probabilities(patches, levels), 0.5, atol=1e-3)


def test_without_memory_for_a_patch_and_its_mirror_image_they_go_one_by_one(pair, spine):
    patches, levels = patches_of(pair, spine), [c.level for c in spine]
    options = RunnerOptions("cpu", precision="fp32", mirror=True)
    network = Hungry(1)
    alone = NetworkRunner(network, options)
    found = alone.probabilities(patches, levels)
    assert network.batches == [1] * 2 * len(patches)
    assert "one patch at once" in alone.notes[0]
    np.testing.assert_allclose(found, NetworkRunner(Hungry(0), options).probabilities(patches, levels), atol=1e-5)


def test_weights_say_whether_a_vertebra_is_looked_at_twice(make_weights):
    weights = make_weights()
    assert weights.mirror
    assert not dataclasses.replace(weights, card={**weights.card, "mirror": False}).mirror
    with pytest.raises(WeightsError, match="mirror 'no' is impossible"):
        _ = dataclasses.replace(weights, card={**weights.card, "mirror": "no"}).mirror
    generator = {**weights.card["generator"], "preset": "fast"}
    assert not dataclasses.replace(weights, card={**weights.card, "generator": generator}).mirror


def test_mirroring_changes_nothing_for_a_network_without_a_preferred_side(pair, spine):
    patches, levels = patches_of(pair, spine), [c.level for c in spine]
    plain, both = (
        NetworkRunner(SilhouetteNetwork(), RunnerOptions("cpu", precision="fp32", mirror=m)).probabilities(
            patches, levels
        )
        for m in (False, True)
    )
    np.testing.assert_allclose(plain, both, atol=1e-5)
