"""What a Dask worker keeps between cases."""

from __future__ import annotations

import pytest
import torch

from ReVerteRLib.batch.cases import read_cases

pytest.importorskip("distributed", reason="Dask is not installed (pip install distributed)")


def test_the_network_is_loaded_once_and_the_threads_are_set(cases, quick, tmp_path, monkeypatch):
    from ReVerteRLib import inference
    from ReVerteRLib.batch import remote

    loads, load, before = [], inference.load_weights, torch.get_num_threads()
    monkeypatch.setattr(inference, "load_weights", lambda name: (loads.append(name), load(name))[1])
    monkeypatch.setattr(remote, "_PROCESS", remote._Process())
    terms = remote.Terms("run", remote.Facts.here("default"), tmp_path, quick, before + 1, own=False)
    try:
        done = [remote.run_case(case, tmp_path / case.name, terms, 1) for case in read_cases(cases)[:2]]
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)
    assert [(d.outcome.status, d.cases) for d in done] == [("done", 1), ("done", 2)]
    assert loads == ["default"]
    remote.stop("run")
    again = [remote.run_case(case, tmp_path / case.name, terms, 1).outcome for case in read_cases(cases)]
    assert [(o.status, o.resumed) for o in again] == [("done", True), ("done", True), ("cancelled", False)]
