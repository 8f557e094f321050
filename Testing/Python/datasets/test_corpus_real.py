"""Real CTs in a corpus."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from block_phantom import block_spine

from ReVerteRLib.datasets.cohorts import VERSE_FULL
from ReVerteRLib.datasets.corpus import CorpusSettings, prepare
from ReVerteRLib.datasets.patches import PatchSettings
from ReVerteRLib.datasets.samples import CorpusDataset
from ReVerteRLib.errors import DatasetError
from ReVerteRLib.imaging.volume import CtVolume, write_volume

PATCHES = PatchSettings(posterior_offset_mm=12.0, normalisation="patch_zscore")


def write_subject(root, name: str) -> None:
    """The block spine with a CT: bone, flesh, air behind."""
    labels, _ = block_spine()
    ct = CtVolume(np.where(labels.array_kji > 0, 500.0, 30.0).astype(np.float32), labels.ijk_to_lps_mm)
    ct.array_kji[:, 0] = -1000.0
    write_volume(labels, root / "derivatives" / name / f"{name}_seg-vert_msk.nii.gz")
    write_volume(ct, root / "rawdata" / name / f"{name}_ct.nii.gz")


def test_real_cts_of_the_split_become_samples_of_their_own(tmp_path):
    for name, split in (("sub-a1", "train"), ("sub-b2", "val")):
        write_subject(tmp_path, name)
        with (tmp_path / "participants.tsv").open("a") as table:
            table.write(f"{name}\t{split}\n" if split == "val" else f"participant_id\tsplit\n{name}\t{split}\n")
    settings = CorpusSettings(patients=0, patches=PATCHES, cone_share=0.0, annotation_error_mm=0.0)
    out = prepare(tmp_path, tmp_path / "corpus", settings)
    assert [p.name for p in out.glob("*.npz")] == ["real-sub-a1.npz"]
    data = CorpusDataset(out, PATCHES)
    assert len(data) == 4
    sample = data[0]
    shadow = sample["mask"][0].any(axis=1)
    assert sample["ap"][0][shadow].mean() > sample["ap"][0][~shadow].mean() + 0.5
    assert np.allclose(sample["centroid_zyx"], [59.5, 47.5, 59.5], atol=1e-4)


def test_a_cohort_is_drawn_from_all_scans_and_gives_samples_of_their_cts(tmp_path):
    root = tmp_path / "dataset-01training"
    for number in range(5):
        write_subject(root, f"sub-p{number}")
    settings = CorpusSettings(patients=0, patches=PATCHES, cohort=VERSE_FULL, split_seed=3, exclude=("sub-p4",))
    made = {}
    for split in ("train", "test"):
        out = prepare(tmp_path, tmp_path / split, dataclasses.replace(settings, split=split))
        made[split] = {p.name for p in out.glob("*.npz")}
        record = json.loads((out / "cohort.json").read_text())
        assert {f"real-{key}.npz" for key in record["split"][split]} == made[split]
        assert record["counts"] == {"subjects": 4, "spines": 4, "vertebrae": 16}
        assert record["excluded"] == {"sub-p4": ["left out by hand"]}
    assert (len(made["train"]), len(made["test"])) == (3, 1)
    assert not made["train"] & made["test"]
    with pytest.raises(DatasetError, match="no subject of split 'val'"):
        prepare(tmp_path, tmp_path / "val", dataclasses.replace(settings, split="val"))


def test_a_ct_that_cannot_be_used_is_named_and_the_others_are_made(tmp_path, caplog):
    for name in ("sub-a1", "sub-b2"):
        write_subject(tmp_path, name)
    (tmp_path / "rawdata" / "sub-a1" / "sub-a1_ct.nii.gz").write_bytes(b"broken")
    settings = CorpusSettings(patients=0, patches=PATCHES, cohort=VERSE_FULL, split_seed=1)
    split = "train"
    for seed in range(9):
        settings = dataclasses.replace(settings, split_seed=seed)
        out = prepare(tmp_path, tmp_path / f"seed{seed}", settings)
        if "sub-a1" in json.loads((out / "cohort.json").read_text())["split"][split]:
            break
    assert "the CT of sub-a1 is left out" in caplog.text
