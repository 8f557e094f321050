"""VerSe trees of both releases: finding, frames, loading, checking."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from random_frames import random_rotation
from verse_trees import (
    MIDDLE,
    grid_matrix,
    own_codes,
    reoriented_coordinates,
    toy_ct,
    toy_labels,
    true_centres,
    upright,
    write_bids,
    write_mask,
    write_participants,
)

from ReVerteRLib.anatomy import level_from_name
from ReVerteRLib.datasets.bodies import axis_codes
from ReVerteRLib.datasets.verse import (
    VerseSubject,
    check_subject,
    find_subjects,
    load_subject,
    select_subjects,
)
from ReVerteRLib.datasets.verse_centroids import MICCAI_2019, MICCAI_2020, OWN_VOXELS, read_verse_centroids
from ReVerteRLib.errors import ArgumentError, CentroidError, DatasetError, VolumeError
from ReVerteRLib.imaging.volume import LabelVolume, read_labels, write_volume

NAMES = ("T12", "L1", "L2")


def odd_matrix(rng, codes_seed: int, *, left_handed: bool) -> tuple[np.ndarray, tuple[int, int, int]]:
    """Permuted, flipped, tilted by up to 20 degrees, anisotropic; large enough for the toy spine."""
    local = np.random.default_rng(codes_seed)
    order = local.permutation(3)
    signs = local.choice([-1.0, 1.0], 3)
    direction = np.eye(3)[:, order] * signs
    if (np.linalg.det(direction) < 0) != left_handed:
        direction[:, 0] *= -1
    direction = random_rotation(rng, 20.0) @ direction
    spacing = rng.uniform(0.9, 2.0, 3)
    reach = np.array([100.0, 130.0, 160.0])[order]
    return grid_matrix(direction, spacing, (size := np.ceil(reach / spacing).astype(int))), tuple(size.tolist())


def positions(case) -> dict[str, np.ndarray]:
    return {c.level.name: np.array(c.position_lps_mm) for c in case.centroids}


# --- frames --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("left_handed", [False, True])
def test_axis_codes_agree_with_itk(rng, seed, left_handed):
    matrix, size = odd_matrix(rng, seed, left_handed=left_handed)
    labels = LabelVolume(np.zeros(size[::-1], np.uint8), matrix)
    assert "".join(axis_codes(matrix)) == own_codes(labels)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "release",
    [
        ("verse004_ctd.json", "IPL", MICCAI_2019),
        ("verse004_CT-sag_iso-ctd.json", "PIR", MICCAI_2020),
        ("sub-verse004_seg-subreg_ctd.json", None, OWN_VOXELS),
    ],
)
def test_centroids_without_a_direction_come_to_their_true_place_on_any_grid(rng, tmp_path, seed, release):
    file_name, codes, frame = release
    matrix, size = odd_matrix(rng, seed, left_handed=bool(seed % 2))
    labels, centres = toy_labels(NAMES, matrix, size), true_centres(NAMES)
    path = tmp_path / file_name
    path.write_text(json.dumps(reoriented_coordinates(labels, centres, codes or own_codes(labels), in_mm=frame.in_mm)))
    content = read_verse_centroids(path, labels)
    assert content.frame == frame
    for level, truth in centres.items():
        np.testing.assert_allclose(content.level_positions()[level], truth, atol=1e-3)


@pytest.mark.parametrize(("file_name", "codes"), [("verse004_ctd.json", "PIR"), ("verse004_iso-ctd.json", "IPL")])
def test_the_mask_decides_on_the_frame_when_the_name_misleads(tmp_path, file_name, codes):
    labels, centres = upright(spacing=(1.0, 1.2, 0.9), size_ijk=(80, 100, 140)), true_centres(NAMES)
    path = tmp_path / file_name
    path.write_text(json.dumps(reoriented_coordinates(labels, centres, codes, in_mm=True)))
    found = read_verse_centroids(path, labels).level_positions()
    np.testing.assert_allclose(found[level_from_name("L1")], centres[level_from_name("L1")], atol=1e-3)


@pytest.mark.parametrize("codes", ["PIR", "RAS", "LPS", "ASL"])
def test_a_direction_entry_names_where_the_axes_point_to(rng, tmp_path, codes):
    matrix, size = odd_matrix(rng, 3, left_handed=False)
    labels, centres = toy_labels(NAMES, matrix, size), true_centres(NAMES)
    write_bids(tmp_path, labels, centres, codes=codes)
    case = load_subject(find_subjects(tmp_path)[0])
    assert not case.computed_levels
    for level, truth in centres.items():
        np.testing.assert_allclose(positions(case)[level.name], truth, atol=1e-3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "no VerSe centroid list"),
        ('[{"label": 20, "X": 1, "Y": 2}]', "no VerSe centroid list"),
        ("[]", "no centroid"),
        ('[{"direction": ["P", "A", "R"]}, {"label": 20, "X": 1, "Y": 2, "Z": 3}]', "is impossible"),
    ],
)
def test_broken_centroid_files_are_refused(tmp_path, text, expected):
    path = tmp_path / "sub-a_ctd.json"
    path.write_text(text)
    with pytest.raises(CentroidError, match=expected):
        read_verse_centroids(path, upright())


# --- finding -------------------------------------------------------------------------------------


@pytest.fixture
def small() -> LabelVolume:
    return upright(("L1",), (60, 90, 40))


def test_nested_bids_trees_give_each_scan_once_with_its_split(tmp_path, small):
    centres = true_centres(("L1",))
    train, test = tmp_path / "dataset-verse19training", tmp_path / "dataset-verse19test"
    write_bids(train, small, centres, stem="sub-verse400_split-verse090_dir-ax", with_ct=True)
    write_bids(train, small, centres, stem="sub-verse400_split-verse091_dir-sag")
    write_bids(test, small, centres, stem="sub-gl003_dir-ax")
    found = find_subjects(tmp_path)
    assert [(s.name, s.scan, s.split) for s in found] == [
        ("sub-gl003", "dir-ax", "test"),
        ("sub-verse400", "split-verse090_dir-ax", "train"),
        ("sub-verse400", "split-verse091_dir-sag", "train"),
    ]
    assert found[1].ct_path == train / "rawdata/sub-verse400/sub-verse400_split-verse090_dir-ax_ct.nii.gz"
    assert found[2].ct_path is None
    assert all(s.centroid_path is not None for s in found)


@pytest.mark.parametrize(
    ("stem", "ctd", "expected"),
    [
        ("verse004", "verse004_ctd.json", ("sub-verse004", "")),
        ("verse512_CT-iso", "verse512_CT-iso_iso-ctd.json", ("sub-verse512", "CT-iso")),
        ("GL017_CT_ax", "GL017_CT_ax_iso-ctd.json", ("sub-gl017", "CT_ax")),
        ("GL018-GL016", "GL018-GL016_iso-ctd.json", ("sub-gl018", "GL016")),
        ("verse400_verse090_CT-iso", "verse400_verse090_CT-iso_iso-ctd.json", ("sub-verse400", "verse090_CT-iso")),
    ],
)
def test_miccai_files_are_found_under_their_names(tmp_path, small, stem, ctd, expected):
    write_mask(small, tmp_path / "01_training" / stem / f"{stem}_seg.nii.gz")
    write_volume(toy_ct(small), tmp_path / "01_training" / stem / f"{stem}.nii.gz")
    (tmp_path / "01_training" / stem / ctd).write_text("[]")
    (found,) = find_subjects(tmp_path)
    assert (found.name, found.scan, found.split) == (*expected, "train")
    assert found.ct_path is not None
    assert found.centroid_path is not None
    assert found.centroid_path.name == ctd


def test_participants_give_split_and_cut_levels(tmp_path):
    labels = upright()
    write_bids(tmp_path, labels, true_centres(NAMES))
    write_participants(
        tmp_path,
        {"participant_id": "sub-toy001", "cut_levels": "T12", "clipped_levels": "L1", "split": "val", "notes": "x"},
    )
    (subject,) = find_subjects(tmp_path)
    assert subject.split == "val"
    case = load_subject(subject)
    assert [str(level) for level in case.cut] == ["T12"]
    assert [str(level) for level in case.clipped] == ["L1"]
    assert [str(level) for level in case.whole_levels] == ["L1", "L2"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"participant_id": "sub-a", "split": "dev"}], "split 'dev' of sub-a is unknown"),
        ([{"participant_id": "a"}, {"participant_id": "a"}], "a occurs more than once"),
        ([{"subject": "sub-a"}], "no column participant_id"),
    ],
)
def test_bad_participant_tables_are_refused(tmp_path, small, rows, expected):
    write_bids(tmp_path, small, true_centres(("L1",)))
    write_participants(tmp_path, *rows)
    with pytest.raises(DatasetError, match=expected):
        find_subjects(tmp_path)


def test_a_missing_or_empty_folder_says_what_is_expected(tmp_path):
    with pytest.raises(DatasetError, match="no such folder"):
        find_subjects(tmp_path / "none")
    with pytest.raises(DatasetError, match="seg-vert_msk"):
        find_subjects(tmp_path)


def test_subjects_are_selected_by_name_with_or_without_prefix():
    pool = [VerseSubject("sub-a1", "", Path("m")), VerseSubject("sub-b2", "ax", Path("n"))]
    assert select_subjects(pool, ["b2", "sub-b2_ax"]) == [pool[1]]
    with pytest.raises(ArgumentError, match=r"no subject 'c'.*sub-a1, sub-b2"):
        select_subjects(pool, ["c"])


# --- loading -------------------------------------------------------------------------------------


def test_float_masks_with_t13_and_l6_keep_their_levels_and_sacrum_is_no_vertebra(tmp_path):
    names = ("T12", "T13", "L1", "L6")
    labels = upright(names, (80, 110, 170))
    labels.array_kji[2:6, 40:60, 30:50] = 26
    write_bids(tmp_path, labels, true_centres(names), with_ct=True)
    case = load_subject(find_subjects(tmp_path)[0])
    assert [str(level) for level in case.levels] == list(names)
    assert set(np.unique(case.labels.array_kji)) == {0, 19, 20, 25, 26, 28}
    assert case.ct is not None
    assert case.ct.array_kji.shape == case.labels.array_kji.shape
    assert load_subject(find_subjects(tmp_path)[0], with_ct=False).ct is None


def test_body_centres_are_computed_where_there_is_no_centroid_file(rng, tmp_path):
    matrix, size = odd_matrix(rng, 5, left_handed=True)
    write_mask(toy_labels(NAMES, matrix, size), tmp_path / "derivatives/sub-x/sub-x_seg-vert_msk.nii.gz")
    case = load_subject(find_subjects(tmp_path)[0])
    assert [str(level) for level in case.computed_levels] == list(NAMES)
    for level, truth in true_centres(NAMES).items():
        assert np.linalg.norm(positions(case)[level.name] - truth) < 2.5


def test_vertebrae_at_the_border_are_cut_or_clipped(tmp_path):
    labels = upright()
    top = LabelVolume(labels.array_kji[:, :, :].copy(), labels.ijk_to_lps_mm)
    kept = slice(0, int(np.flatnonzero((labels.array_kji == 19).any(axis=(1, 2)))[-1]) - 4)
    cut = LabelVolume(np.ascontiguousarray(top.array_kji[kept]), labels.ijk_to_lps_mm)
    write_bids(tmp_path, cut, {k: v for k, v in true_centres(NAMES).items() if k.name != "T12"})
    case = load_subject(find_subjects(tmp_path)[0])
    assert [str(level) for level in case.cut] == ["T12"]
    assert [str(level) for level in case.whole_levels] == ["L1", "L2"]
    assert case.centroids.get(level_from_name("T12")) is None

    narrow = labels.array_kji[:, : int(np.flatnonzero((labels.array_kji == 20).any(axis=(0, 2)))[-1])]
    assert narrow.shape[1] < labels.array_kji.shape[1]
    write_bids(tmp_path / "b", LabelVolume(narrow.copy(), labels.ijk_to_lps_mm), true_centres(NAMES))
    assert "L1" in [str(level) for level in load_subject(find_subjects(tmp_path / "b")[0]).cut]


# --- checking ------------------------------------------------------------------------------------


def test_everything_wrong_is_said_in_one_message(tmp_path):
    labels = upright()
    write_bids(tmp_path, labels, true_centres(NAMES))
    ct = toy_ct(LabelVolume(labels.array_kji[:-3], labels.ijk_to_lps_mm))
    write_volume(ct, tmp_path / "rawdata/sub-toy001/sub-toy001_ct.nii.gz")
    swapped = labels.array_kji.copy()
    swapped[labels.array_kji == 19], swapped[labels.array_kji == 20] = 20, 19
    swapped[0, 0, 0] = 77
    write_mask(LabelVolume(swapped, labels.ijk_to_lps_mm), find_subjects(tmp_path)[0].mask_path)
    with pytest.raises(DatasetError) as caught:
        check_subject(find_subjects(tmp_path)[0])
    text = str(caught.value)
    assert "CT and mask differ in size" in text
    assert "L1 lies above T12" in text
    assert "labels 77 are not VerSe labels" in text
    assert "2 of 3 centroids are off their labels" in text
    assert "sub-toy001_seg-vert_msk.nii.gz" in text
    assert text.index("unusable:") < text.index("warning:")
    assert len(caught.value.problems) >= 5


def test_a_good_subject_has_nothing_to_say(tmp_path):
    write_bids(tmp_path, upright(), true_centres(NAMES), with_ct=True)
    assert check_subject(find_subjects(tmp_path)[0]) == ()


def test_a_ct_without_mask_is_found_and_refused(tmp_path, small):
    write_volume(toy_ct(small), tmp_path / "rawdata/sub-a/sub-a_ct.nii.gz")
    (subject,) = find_subjects(tmp_path)
    with pytest.raises(DatasetError, match="the mask is missing"):
        check_subject(subject)


@pytest.mark.parametrize("share", [0.001, 0.3, 0.9])
def test_a_truncated_mask_is_refused(tmp_path, small, share):
    write_bids(tmp_path, small, true_centres(("L1",)))
    (subject,) = find_subjects(tmp_path)
    content = subject.mask_path.read_bytes()
    subject.mask_path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DatasetError, match="the mask cannot be read"):
        check_subject(subject)


def test_a_truncated_uncompressed_mask_is_refused(tmp_path, small):
    path = tmp_path / "mask.nii"
    write_mask(small, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(VolumeError, match=r"holds \d+ of \d+ bytes"):
        read_labels(path)


def test_a_mask_of_the_sacrum_alone_is_refused(tmp_path, small):
    write_bids(tmp_path, small, true_centres(("L1",)))
    (subject,) = find_subjects(tmp_path)
    write_mask(LabelVolume(np.where(small.array_kji > 0, 26, 0), small.ijk_to_lps_mm), subject.mask_path)
    with pytest.raises(DatasetError, match="holds no vertebra"):
        check_subject(subject)


def test_ct_and_mask_that_lie_apart_are_refused(tmp_path, small):
    write_bids(tmp_path, small, true_centres(("L1",)))
    moved = small.ijk_to_lps_mm.copy()
    moved[0, 3] += 3.0
    write_volume(toy_ct(LabelVolume(small.array_kji, moved)), tmp_path / "rawdata/sub-toy001/sub-toy001_ct.nii.gz")
    with pytest.raises(DatasetError, match=r"up to 3\.0 mm apart"):
        check_subject(find_subjects(tmp_path)[0])


@pytest.mark.parametrize(
    ("axis", "expected"), [(2, "upside down: T12 lies below L2"), (1, "front and back are exchanged")]
)
def test_mirrored_images_are_recognised(tmp_path, axis, expected):
    labels = upright()
    matrix = labels.ijk_to_lps_mm.copy()
    matrix[axis, axis] *= -1
    matrix[axis, 3] = 2 * MIDDLE[axis] - matrix[axis, 3]
    mirrored = LabelVolume(labels.array_kji, matrix)
    centres = {lev: p * np.where(np.arange(3) == axis, -1, 1) for lev, p in true_centres(NAMES).items()}
    centres = {lev: p + np.where(np.arange(3) == axis, 2 * MIDDLE, 0) for lev, p in centres.items()}
    write_bids(tmp_path, mirrored, centres)
    with pytest.raises(DatasetError, match=expected):
        check_subject(find_subjects(tmp_path)[0])


def test_centroids_mirrored_left_to_right_are_refused(tmp_path):
    matrix = upright().ijk_to_lps_mm.copy()
    matrix[0, 3] += 30.0  # the spine is far from the image's middle, as in most scans of one side
    labels = toy_labels(NAMES, matrix, (80, 110, 130))
    write_bids(tmp_path, labels, true_centres(NAMES))
    path = find_subjects(tmp_path)[0].centroid_path
    assert path is not None
    content = json.loads(path.read_text())
    for entry in content[1:]:
        entry["X"] = 79 - entry["X"]
    path.write_text(json.dumps(content))
    with pytest.raises(DatasetError, match="3 of 3 centroids are off their labels"):
        check_subject(find_subjects(tmp_path)[0])


def test_single_bad_centroids_are_replaced_with_a_warning(tmp_path):
    centres = true_centres(NAMES)
    centres[level_from_name("L2")] = centres[level_from_name("L2")] + [0, -300.0, 0]
    centres[level_from_name("L5")] = MIDDLE
    write_bids(tmp_path, upright(), centres)
    case = load_subject(find_subjects(tmp_path)[0])
    assert [str(level) for level in case.computed_levels] == ["L2"]
    assert np.linalg.norm(positions(case)["L2"] - true_centres(NAMES)[level_from_name("L2")]) < 2.5
    text = "; ".join(case.problems)
    assert "the centroid of L2 lies outside the image" in text
    assert "centroids of L5 have no label" in text
    assert "no usable centroid for L2; computed" in text


def test_fragments_gaps_and_bone_centres_are_warned_of(tmp_path):
    names = ("T10", "T12", "L1")
    labels = upright(names)
    labels.array_kji[2:14, 2:30, 2:22] = 20
    bone = {}
    for level in true_centres(names):
        k, j, i = np.argwhere(labels.array_kji == level.verse_label).mean(axis=0)
        bone[level] = labels.to_lps([[i, j, k]])[0]
    write_bids(tmp_path, labels, bone)
    text = "; ".join(check_subject(find_subjects(tmp_path)[0]))
    assert "L1 is in pieces" in text
    assert "T11 is missing between T10 and T12" in text
    assert "whole-bone centres of mass" in text


def test_implausible_spacing_is_refused(tmp_path, small):
    matrix = small.ijk_to_lps_mm.copy()
    matrix[:3, :3] *= 0.001  # written in metres
    write_mask(LabelVolume(small.array_kji, matrix), tmp_path / "derivatives/sub-a/sub-a_seg-vert_msk.nii.gz")
    with pytest.raises(DatasetError, match=r"spacing 0\.001 x 0\.001 x 0\.001 mm is implausible"):
        check_subject(find_subjects(tmp_path)[0])


# --- the real data -------------------------------------------------------------------------------


def test_real_centroids_lie_in_their_labels_and_cut_levels_agree_with_the_table(data_root):
    with (data_root / "spines" / "participants.tsv").open() as stream:
        table = {row["participant_id"]: row for row in csv.DictReader(stream, delimiter="\t")}
    from ReVerteRLib.datasets.bodies import clipped_levels, cut_levels

    not_from_the_border = {"sub-bonecement01": "T1"}  # truncated above in its source, then padded
    whole = 0
    for subject in find_subjects(data_root / "spines"):
        case = load_subject(subject, with_ct=False)
        row = table[subject.name]
        computed = ",".join(str(level) for level in cut_levels(case.labels)) or "n/a"
        assert computed == row["cut_levels"] or row["cut_levels"] == not_from_the_border.get(subject.name)
        clipped = ",".join(str(level) for level in clipped_levels(case.labels)) or "n/a"
        assert clipped == row["clipped_levels"], subject.name
        assert case.subject.split == row["split"]
        assert not case.computed_levels
        assert len(case.whole_levels) == int(row["n_vertebrae_whole"])
        whole += len(case.whole_levels)
        far = [c.level.name for c in case.centroids if c.level.name != "C1" and _distance_mm(case.labels, c) > 3.0]
        assert not far, f"{subject.name}: {far}"
    assert whole == 187


def test_real_body_centres_computed_from_masks_agree_with_the_annotated_ones(data_root):
    from ReVerteRLib.datasets.bodies import body_centre

    apart = []
    for subject in select_subjects(find_subjects(data_root / "spines"), ["verse004", "verse014", "gl003"]):
        case = load_subject(subject, with_ct=False)
        apart += [
            float(np.linalg.norm(body_centre(case.labels, c.level) - c.position_lps_mm))
            for c in case.centroids
            if c.level.name != "C1"
        ]
    assert len(apart) == 25
    assert np.median(apart) < 1.0
    assert max(apart) < 2.5


def _distance_mm(labels: LabelVolume, centroid) -> float:
    """From a point to the nearest voxel of its label, 0 inside."""
    kji = np.rint(labels.to_ijk(centroid.position_lps_mm)[0][::-1]).astype(int)
    reach = np.ceil(6.0 / labels.spacing_mm[::-1]).astype(int)
    low = np.maximum(kji - reach, 0)
    block = labels.array_kji[tuple(slice(a, b) for a, b in zip(low, kji + reach + 1, strict=True))]
    near = np.argwhere(block == centroid.level.verse_label)
    if near.size == 0:
        return float("inf")
    points = labels.to_lps((near + low)[:, ::-1])
    distance = float(np.linalg.norm(points - centroid.position_lps_mm, axis=1).min())
    return max(0.0, distance - float(np.linalg.norm(labels.spacing_mm)) / 2)
