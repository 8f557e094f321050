from __future__ import annotations

import json
import pickle

import pytest
import torch

from ReVerteRLib.datasets.patches import PatchSettings
from ReVerteRLib.errors import OutputError, WeightsError
from ReVerteRLib.files import sha256_of
from ReVerteRLib.inference.model_card import write_model_card
from ReVerteRLib.inference.weights import (
    load_weights,
    read_card,
    register_weights,
    save_weights,
    weights_index,
)
from ReVerteRLib.networks.config import GeneratorConfig
from ReVerteRLib.networks.registry import build_generator
from ReVerteRLib.resources import RESOURCES_VARIABLE, resources_folder

TINY = GeneratorConfig(preset="tiny", trunk_channels=(4, 8), trunk_blocks=(1, 1))


def card(**changes):
    return {
        "name": "tiny", "preset": "tiny", "generator": TINY.to_dict(), "patches": vars(PatchSettings(size=16)),
        "seed": 7, "steps": 12, "metrics": {"validation": {"dice": 0.5}}, "data": "a phantom", "licence": "CC0-1.0",
        "date": "2024-05-06", "split": {"train": ["a", "b"], "val": ["c"]}, **changes,
    }  # fmt: skip


@pytest.fixture
def store(tmp_path):
    """A store with one file in it, and the network that was saved."""
    torch.manual_seed(3)
    network = build_generator(TINY).eval()
    folder = tmp_path / "Weights"
    save_weights(folder / "tiny.safetensors", network, card())
    register_weights(folder / "tiny.safetensors", "tiny", folder=folder)
    return folder, network


def inputs():
    generator = torch.Generator().manual_seed(1)
    return [torch.rand(1, 2, 16, 16, generator=generator) for _ in range(2)]


def test_a_saved_network_comes_back_unchanged(store):
    folder, network = store
    loaded = load_weights("tiny", folder)
    assert loaded.name == "tiny"
    assert loaded.note == ""
    assert loaded.sha256 == sha256_of(folder / "tiny.safetensors")
    assert loaded.patch_settings == PatchSettings(size=16)
    assert not loaded.network.training
    with torch.no_grad():
        assert torch.equal(loaded.network(*inputs()), network(*inputs()))


def test_the_first_registered_weights_are_the_default(store):
    folder, _ = store
    assert weights_index(folder)["default"] == "tiny"
    assert load_weights(folder=folder).path == folder / "tiny.safetensors"


def test_half_precision_is_smaller_and_close(store, tmp_path):
    folder, network = store
    save_weights(tmp_path / "half.safetensors", network, card(), half=True)
    small, large = (tmp_path / "half.safetensors").stat().st_size, (folder / "tiny.safetensors").stat().st_size
    assert small < 0.8 * large
    with torch.no_grad():
        difference = load_weights(tmp_path / "half.safetensors").network(*inputs()) - network(*inputs())
    assert 0 < difference.abs().max() < 0.02


def test_one_changed_byte_is_noticed_before_anything_is_parsed(store, monkeypatch):
    folder, _ = store
    path = folder / "tiny.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 0x40
    path.write_bytes(content)

    def never(*_args, **_kwargs):
        raise AssertionError("the file was parsed")

    monkeypatch.setattr("ReVerteRLib.inference.weights._card_of", never)
    monkeypatch.setattr("safetensors.torch.load", never)
    with pytest.raises(WeightsError, match=r"tiny\.safetensors: the file is not the one that was shipped.*install"):
        load_weights("tiny", folder)


def test_a_path_into_the_store_is_verified_as_well(store):
    path = store[0] / "tiny.safetensors"
    assert load_weights(path, store[0]).note == ""
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(WeightsError, match="not the one that was shipped"):
        load_weights(path, store[0])


class Bomb:
    def __reduce__(self):
        return pytest.fail, ("a pickle was opened",)


@pytest.mark.parametrize("name", ["w.pt", "w.pth", "w.pkl", "w.ckpt", "w.safetensors"])
@pytest.mark.parametrize("protocol", [0, 2, 4, "torch"])
def test_a_pickle_is_never_opened_whatever_its_name(tmp_path, name, protocol):
    path = tmp_path / name
    if protocol == "torch":
        torch.save({"a": Bomb()}, path)
    else:
        path.write_bytes(pickle.dumps({"a": Bomb()}, protocol))
    with pytest.raises(WeightsError, match=r"is a pickle .*safetensors"):
        load_weights(path)


def test_a_listed_pickle_is_refused_as_well(store):
    folder, _ = store
    torch.save({"a": torch.zeros(2)}, folder / "evil.pt")
    register_weights(folder / "evil.pt", "evil", folder=folder)
    with pytest.raises(WeightsError, match="pickle"):
        load_weights("evil", folder)


def test_an_unknown_name_lists_the_known_ones(store):
    with pytest.raises(WeightsError, match=r"no weights called 'huge'.*Known names: tiny"):
        load_weights("huge", store[0])


def test_an_empty_store_says_that_there_is_no_default(tmp_path):
    with pytest.raises(WeightsError, match=r"no default weights.*none are installed"):
        load_weights(folder=tmp_path)


def test_missing_files_are_named(store, tmp_path):
    with pytest.raises(WeightsError, match=r"mine\.safetensors: no such weights file"):
        load_weights(tmp_path / "mine.safetensors")
    (store[0] / "tiny.safetensors").unlink()
    with pytest.raises(WeightsError, match="Install ReVerteR again"):
        load_weights("tiny", store[0])


def test_a_file_outside_the_store_is_accepted_with_its_hash(store, tmp_path):
    save_weights(tmp_path / "mine.safetensors", store[1], card(name="mine"))
    loaded = load_weights(str(tmp_path / "mine.safetensors"))
    assert loaded.name == "mine"
    assert "not in the list of shipped weights" in loaded.note
    assert loaded.sha256 in loaded.note


@pytest.mark.parametrize("length", [0, 5, 100, 2000])
def test_truncated_files_are_refused(store, tmp_path, length):
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes((store[0] / "tiny.safetensors").read_bytes()[:length])
    with pytest.raises(WeightsError, match=r"cut\.safetensors: .*(cut short|damaged)"):
        load_weights(cut)


def test_a_file_without_card_is_refused(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(3)}, tmp_path / "bare.safetensors")
    with pytest.raises(WeightsError, match="no card"):
        load_weights(tmp_path / "bare.safetensors")


def test_a_card_of_another_network_is_refused(store, tmp_path):
    wrong = card(generator={**TINY.to_dict(), "trunk_channels": [8, 16]})
    save_weights(tmp_path / "wrong.safetensors", store[1], wrong)
    with pytest.raises(WeightsError, match="do not fit the network"):
        load_weights(tmp_path / "wrong.safetensors")


def test_settings_from_the_future_are_refused(store, tmp_path):
    save_weights(tmp_path / "new.safetensors", store[1], card(generator={**TINY.to_dict(), "quantum": True}))
    with pytest.raises(WeightsError, match="quantum"):
        load_weights(tmp_path / "new.safetensors")
    save_weights(tmp_path / "odd.safetensors", store[1], card(patches={"size": 16, "shape": "star"}))
    with pytest.raises(WeightsError, match="PatchSettings"):
        _ = load_weights(tmp_path / "odd.safetensors").patch_settings


def test_incomplete_cards_and_broken_numbers_are_not_written(store, tmp_path):
    bad = card()
    del bad["licence"]
    with pytest.raises(WeightsError, match="lacks licence"):
        save_weights(tmp_path / "a.safetensors", store[1], bad)
    next(store[1].parameters()).data.view(-1)[0] = float("nan")
    with pytest.raises(WeightsError, match="not finite"):
        save_weights(tmp_path / "a.safetensors", store[1], card())
    with pytest.raises(WeightsError, match="safetensors only"):
        save_weights(tmp_path / "a.pt", store[1], card())
    assert not list(tmp_path.glob("a.*"))


def test_an_unwritable_place_is_an_output_error(store):
    with pytest.raises(OutputError):
        save_weights(store[0] / "tiny.safetensors" / "a.safetensors", store[1], card())


def test_loading_leaves_the_random_state_alone(store):
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    load_weights("tiny", store[0])
    assert torch.equal(torch.rand(3), expected)


def test_a_damaged_index_is_named(store):
    (store[0] / "index.json").write_text('{"weights": {"a": {}}}')
    with pytest.raises(WeightsError, match=r"index\.json: the list of weights is damaged"):
        load_weights("a", store[0])


@pytest.mark.usefixtures("store")
def test_resources_are_found_in_the_checkout_and_through_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv(RESOURCES_VARIABLE, raising=False)
    assert resources_folder().name == "Resources"
    monkeypatch.setenv(RESOURCES_VARIABLE, str(tmp_path))
    assert resources_folder() == tmp_path
    assert load_weights("default").name == "tiny"
    monkeypatch.setenv(RESOURCES_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(Exception, match=RESOURCES_VARIABLE):
        resources_folder()


def test_the_shipped_index_is_true():
    index = weights_index(resources_folder() / "Weights")
    for name, entry in index["weights"].items():
        path = resources_folder() / "Weights" / entry["file"]
        assert sha256_of(path) == entry["sha256"], name
        assert path.stat().st_size < 20e6
        assert read_card(path)["name"] == name
        assert path.with_suffix(".md").is_file()


def test_the_model_card_states_what_it_must(store):
    text = write_model_card(store[0] / "tiny.safetensors").read_text()
    for part in (
        sha256_of(store[0] / "tiny.safetensors"), "2024-05-06", "CC0-1.0", "a phantom", "| Seed | 7 |",
        "| validation / dice | 0.5 |", "Research use only", "| train | a, b |",
    ):  # fmt: skip
        assert part in text
    assert json.loads(json.dumps(read_card(store[0] / "tiny.safetensors"))) == read_card(store[0] / "tiny.safetensors")
