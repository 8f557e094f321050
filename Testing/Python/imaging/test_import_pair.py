"""Two files become one pair: round trip through DICOM, exchanged views, heights, what is written."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from dicom_samples import ALL_TURNS, orientation_of, stored_as, write_dicom

from ReVerteRLib.drr import simulate
from ReVerteRLib.errors import ArgumentError, InputError
from ReVerteRLib.geometry import Beam, Projection, View, triangulate
from ReVerteRLib.imaging import CtVolume, read_radiograph, write_radiograph
from ReVerteRLib.imaging.header import RadiographHeader, RawRadiograph
from ReVerteRLib.imaging.importing import Overrides, RadiographSource, read_radiograph_file
from ReVerteRLib.imaging.orientation import ViewPosition
from ReVerteRLib.imaging.pairing import Views, import_pair, write_import

SAD, SDD, SPACING = 800.0, 1100.0, 1.6
BEADS = np.array([[35.0, -28.0, 62.0], [-30.0, 20.0, -45.0], [12.0, 31.0, 8.0]])


def _phantom() -> CtVolume:
    """A soft body with a lopsided row of bones and three beads, 3 mm voxels, its middle at the origin."""
    shape = (66, 40, 44)  # k, j, i
    z, y, x = (3.0 * (index - (n - 1) / 2) for index, n in zip(np.indices(shape), shape, strict=True))
    hu = np.full(shape, -1000.0)
    hu[(x / 60) ** 2 + (y / 52) ** 2 < 1] = 20.0
    for number, centre in enumerate(range(-80, 81, 32)):
        hu[(np.abs(x - 3 * number) < 18) & (np.abs(y - 22) < 15) & (np.abs(z - centre) < 11)] = 350.0 + 60 * number
    for bead in BEADS:
        hu[(x - bead[0]) ** 2 + (y - bead[1]) ** 2 + (z - bead[2]) ** 2 < 5.0**2] = 9000.0
    matrix = np.diag([3.0, 3.0, 3.0, 1.0])
    matrix[:3, 3] = [-1.5 * (n - 1) for n in shape[::-1]]
    return CtVolume(hu.astype(np.float32), matrix, "phantom")


@pytest.fixture(scope="module")
def ct() -> CtVolume:
    torch.set_num_threads(1)
    return _phantom()


def _projection(position: ViewPosition, hw=(170, 124), raise_mm=0.0) -> Projection:
    column = (1.0, 0.0, 0.0) if position.view is View.AP else (0.0, 1.0, 0.0)
    corner = -np.array(column) * (hw[1] - 1) / 2 * SPACING + [0, 0, (hw[0] - 1) / 2 * SPACING + raise_mm]
    return Projection(
        view=position.view, beam=Beam.CONE, image_hw=hw, spacing_mm=(SPACING, SPACING), origin_lps_mm=tuple(corner),
        column_direction=column, beam_direction=position.beam_direction, sad_mm=SAD, sdd_mm=SDD,
    )  # fmt: skip


def _as_dicom(path, image, position, turn, **tags):
    """The simulated radiograph as a detector would store it: 16 bits, turned, spacing at the detector."""
    stored = np.rint(stored_as(turn, image) * 4000).astype(np.uint16)
    if tags.get("PhotometricInterpretation") == "MONOCHROME1":
        stored = np.uint16(65535) - stored
    detector = SPACING * SDD / SAD
    defaults = {
        "ViewPosition": position.value,
        "PatientOrientation": list(orientation_of(turn, position.view)),
        "ImagerPixelSpacing": [detector, detector],
        "DistanceSourceToDetector": SDD,
        "DistanceSourceToPatient": SAD,
    }
    return write_dicom(path, stored, **{**defaults, **tags})


@pytest.fixture(scope="module")
def files(ct, tmp_path_factory):
    """All four positions as DICOM, each stored in its own way, and the simulated pictures."""
    folder = tmp_path_factory.mktemp("radiographs")
    found = {}
    for number, position in enumerate(ViewPosition):
        picture = simulate(ct, _projection(position), device="cpu").image_hw
        polarity = "MONOCHROME1" if number % 2 else "MONOCHROME2"
        path = _as_dicom(
            folder / f"{position.value}.dcm",
            picture,
            position,
            ALL_TURNS[2 * number + 1],
            PhotometricInterpretation=polarity,
        )
        found[position] = (path, picture)
    return found


@pytest.mark.parametrize("first", [ViewPosition.AP, ViewPosition.PA])
@pytest.mark.parametrize("second", [ViewPosition.LL, ViewPosition.RL])
def test_a_simulated_pair_comes_back_through_dicom_with_pixels_and_geometry(files, first, second):
    imported = import_pair(RadiographSource(files[first][0]), RadiographSource(files[second][0]))
    assert not imported.swapped
    for image, position in ((imported.ap, first), (imported.lateral, second)):
        expected = _projection(position)
        projection = image.radiograph.projection
        for name in ("origin_lps_mm", "spacing_mm", "row_direction", "column_direction", "beam_direction"):
            np.testing.assert_allclose(getattr(projection, name), getattr(expected, name), atol=1e-9)
        assert (projection.beam, projection.sad_mm, projection.sdd_mm) == (Beam.CONE, SAD, pytest.approx(SDD))
        picture, found = files[position][1], image.radiograph.image_hw / 4000
        assert np.abs((found - found.min()) - (picture - picture.min())).max() < 3e-4
        assert image.field_hw.all()
        assert image.position is position


@pytest.mark.parametrize("first", [ViewPosition.AP, ViewPosition.PA])
@pytest.mark.parametrize("second", [ViewPosition.LL, ViewPosition.RL])
def test_beads_seen_in_the_imported_images_lie_where_they_were_in_the_ct(files, first, second):
    imported = import_pair(RadiographSource(files[first][0]), RadiographSource(files[second][0]))
    for bead in BEADS:
        views = []
        for image, projection in (
            (i.radiograph.image_hw, i.radiograph.projection) for i in (imported.ap, imported.lateral)
        ):
            row, column = (round(v) for v in projection.project(bead)[0])
            part = image[row - 5 : row + 6, column - 5 : column + 6].astype(float)
            weight = np.clip(part - np.percentile(part, 70), 0, None)
            offsets = np.indices(part.shape).reshape(2, -1) @ weight.ravel() / weight.sum() - 5
            views.append((projection, offsets + np.array([row, column])))
        found = triangulate(views)
        assert np.linalg.norm(found.point_lps_mm - bead) < 1.2
        assert found.residual_mm < 1.2


def test_exchanged_files_are_put_right_and_said(files):
    lateral, ap = RadiographSource(files[ViewPosition.LL][0]), RadiographSource(files[ViewPosition.AP][0])
    imported = import_pair(lateral, ap)
    assert imported.swapped
    assert imported.ap.raw.source == str(files[ViewPosition.AP][0])
    assert any("exchanged" in w for w in imported.warnings)
    forced = import_pair(lateral, ap, views=Views.AS_GIVEN)
    assert forced.ap.raw.source == str(files[ViewPosition.LL][0])
    assert forced.ap.unknown_orientation
    swapped = import_pair(ap, lateral, views=Views.SWAPPED)
    assert swapped.ap.raw.source == str(files[ViewPosition.LL][0])


def test_the_same_image_or_view_twice_is_refused(files):
    ap, pa = RadiographSource(files[ViewPosition.AP][0]), RadiographSource(files[ViewPosition.PA][0])
    with pytest.raises(InputError, match="same image"):
        import_pair(ap, ap)
    with pytest.raises(InputError, match="both files say that they are the ap view"):
        import_pair(ap, pa)


def _textured(seed, hw=(260, 120), shift=0.0):
    """Rows of unequal bones, the same for each seed's heights; columns of noise."""
    rng = np.random.default_rng(3)
    heights, sizes = np.cumsum(rng.uniform(22, 42, 9)) - 30, rng.uniform(0.4, 1.5, 9)
    z = np.arange(hw[0])[:, None] + shift
    rows = sum(s * np.exp(-(((z - h) / 7.0) ** 2)) for h, s in zip(heights, sizes, strict=True))
    return (rows + np.random.default_rng(seed).normal(0, 0.3, hw)).astype(np.float32)


def _sources(first, second, header_ap=None, header_lateral=None, **overrides):
    chosen = Overrides(spacing_mm=(1.0, 1.0), **overrides)
    return (
        RadiographSource(RawRadiograph(first, header_ap or RadiographHeader(), "a"), chosen),
        RadiographSource(RawRadiograph(second, header_lateral or RadiographHeader(), "b"), chosen),
    )


@pytest.mark.parametrize("shift", [-33.0, 0.0, 18.0])
def test_the_height_of_the_lateral_image_is_estimated_and_taken_when_asked(shift):
    """Anatomy that is `shift` pixels higher in the lateral picture must be lowered by as much."""
    sources = _sources(_textured(1), _textured(2, shift=shift))
    left = import_pair(*sources)
    assert left.vertical_offset_mm == 0.0
    assert left.offset.reliable
    assert left.offset.offset_mm == pytest.approx(-shift, abs=2)
    assert any("Heights may differ" in w for w in left.warnings) == (abs(shift) > 5)
    raised = import_pair(*sources, vertical_offset_mm="estimate")
    moved = raised.lateral.radiograph.projection.origin_lps_mm[2] - left.lateral.radiograph.projection.origin_lps_mm[2]
    assert moved == pytest.approx(-shift, abs=2)
    assert import_pair(*sources, vertical_offset_mm=7.5).lateral.radiograph.projection.origin_lps_mm[
        2
    ] == pytest.approx(129.5 + 7.5)


def test_noise_gives_no_reliable_height():
    rng = np.random.default_rng(8)
    sources = _sources(*(rng.normal(0, 1, (200, 150)).astype(np.float32) for _ in range(2)))
    imported = import_pair(*sources, vertical_offset_mm="estimate")
    assert not imported.offset.reliable
    assert imported.vertical_offset_mm == 0.0
    assert any("not reliable" in w for w in imported.warnings)


def test_a_regular_row_of_vertebrae_is_not_called_reliable():
    z = np.arange(300)[:, None]
    images = [
        (np.sin(2 * np.pi * (z + s) / 30) + np.random.default_rng(s).normal(0, 0.2, (300, 120))).astype(np.float32)
        for s in (0, 5)
    ]
    assert not import_pair(*_sources(*images)).offset.reliable


def test_doubts_about_the_pair_are_said_and_do_not_stop_it():
    patients = [RadiographHeader(patient_key=key, study_uid="1") for key in ("aa", "bb")]
    imported = import_pair(*_sources(_textured(1), _textured(2), *patients))
    assert any("different patient" in w for w in imported.warnings)
    studies = [RadiographHeader(patient_key="aa", study_uid=uid) for uid in ("1", "2")]
    assert any("different studies" in w for w in import_pair(*_sources(_textured(1), _textured(2), *studies)).warnings)
    small, large = _sources(_textured(1, (90, 60)), _textured(2, (300, 120)))
    wide = dataclasses.replace(large, overrides=Overrides(spacing_mm=(3.0, 3.0)))
    said = import_pair(small, wide)
    assert any("only 60 x 90 mm" in w for w in said.ap.warnings)
    assert any("unusually large" in w for w in said.lateral.warnings)
    assert any("high; check the spacings" in w for w in said.warnings)
    words = RadiographHeader(description="spine lateral")
    assert any(
        "reads like the lateral view" in w for w in import_pair(*_sources(_textured(1), _textured(2), words)).warnings
    )


def test_an_oblique_view_is_said():
    oblique = RadiographHeader(view_position="RAO")
    imported = import_pair(*_sources(_textured(1), _textured(2), oblique))
    assert any("neither frontal nor lateral" in w for w in imported.ap.warnings)


def test_what_is_written_reads_back_and_the_sources_stay(files, tmp_path):
    paths = [files[ViewPosition.PA][0], files[ViewPosition.LL][0]]
    before = [p.read_bytes() for p in paths]
    imported = import_pair(*(RadiographSource(p) for p in paths))
    written = write_import(imported, tmp_path)
    for kind, image, view in (("ap", imported.ap, View.AP), ("lateral", imported.lateral, View.LATERAL)):
        back = read_radiograph(written[kind], view)
        assert np.array_equal(back.image_hw, image.radiograph.image_hw)
        assert back.projection == image.radiograph.projection
    record = json.loads(written["import"].read_text())
    assert record["ap"]["position"] == "PA"
    assert record["ap"]["letters_at_the_edges"] == {"top": "H", "bottom": "F", "left": "R", "right": "L"}
    assert record["ap"]["spacing_rule"] == "detector spacing / (SID / SOD)"
    assert {d["topic"] for d in record["lateral"]["decisions"]} == {
        "file", "view", "orientation", "pixel size", "beam", "grey values", "field"
    }  # fmt: skip
    text = written["import"].read_text()
    assert "Test^Person" not in text
    assert "P1" not in text
    assert [p.read_bytes() for p in paths] == before


def test_imported_radiographs_import_unchanged_and_are_never_overwritten(files, tmp_path):
    imported = import_pair(*(RadiographSource(files[p][0]) for p in (ViewPosition.PA, ViewPosition.RL)))
    raised = import_pair(
        *(RadiographSource(files[p][0]) for p in (ViewPosition.PA, ViewPosition.RL)), vertical_offset_mm=12.0
    )
    write_import(raised, tmp_path)
    again = import_pair(RadiographSource(tmp_path / "ap.nrrd"), RadiographSource(tmp_path / "lateral.nrrd"))
    for image, first in ((again.ap, raised.ap), (again.lateral, raised.lateral)):
        assert image.radiograph.projection == first.radiograph.projection
        assert np.array_equal(image.radiograph.image_hw, first.radiograph.image_hw)
        assert image.position is first.position
    assert again.vertical_offset_mm == 0.0
    with pytest.raises(ArgumentError, match="replace the radiograph"):
        write_import(again, tmp_path)
    with pytest.raises(InputError, match="Exchange"):
        import_pair(
            RadiographSource(tmp_path / "lateral.nrrd"), RadiographSource(tmp_path / "ap.nrrd"), views=Views.AS_GIVEN
        )
    assert imported.ap.radiograph.projection == raised.ap.radiograph.projection


def test_a_stored_projection_gives_way_to_the_users_spacing(files, tmp_path):
    imported = import_pair(*(RadiographSource(files[p][0]) for p in (ViewPosition.PA, ViewPosition.RL)))
    write_radiograph(imported.ap.radiograph, tmp_path / "one.nrrd")
    raw = read_radiograph_file(tmp_path / "one.nrrd")
    ap = RadiographSource(raw, Overrides(spacing_mm=(0.8, 0.8)))
    mixed = import_pair(ap, RadiographSource(files[ViewPosition.RL][0]))
    assert mixed.ap.radiograph.projection.spacing_mm == (0.8, 0.8)
    assert mixed.ap.radiograph.projection.beam is Beam.PARALLEL
    kept = import_pair(RadiographSource(raw), RadiographSource(files[ViewPosition.RL][0]))
    assert any("Only one image holds its place" in w for w in kept.warnings)
