"""Real CTs in a corpus."""

from __future__ import annotations

import numpy as np
from block_phantom import block_spine

from ReVerteRLib.datasets.corpus import CorpusSettings, prepare
from ReVerteRLib.datasets.patches import PatchSettings
from ReVerteRLib.datasets.samples import CorpusDataset
from ReVerteRLib.imaging.volume import CtVolume, write_volume

PATCHES = PatchSettings(posterior_offset_mm=12.0, normalisation="patch_zscore")


def test_real_cts_of_the_split_become_samples_of_their_own(tmp_path):
    labels, _ = block_spine()
    ct = CtVolume(np.where(labels.array_kji > 0, 500.0, 30.0).astype(np.float32), labels.ijk_to_lps_mm)
    ct.array_kji[:, 0] = -1000.0
    for name, split in (("sub-a1", "train"), ("sub-b2", "val")):
        write_volume(labels, tmp_path / "derivatives" / name / f"{name}_seg-vert_msk.nii.gz")
        write_volume(ct, tmp_path / "rawdata" / name / f"{name}_ct.nii.gz")
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
