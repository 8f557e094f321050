"""No picture is mirrored on its way in, whatever way it is stored and whatever kind of file it is in."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from dicom_samples import ALL_TURNS, letter_image, orientation_of, reads_as_f, stored_as, write_dicom

from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.geometry import Beam, PatchGrid, View
from ReVerteRLib.imaging.header import RadiographHeader, RawRadiograph
from ReVerteRLib.imaging.importing import (
    Overrides,
    RadiographSource,
    import_radiograph,
    isocentric_projection,
    read_radiograph_file,
)
from ReVerteRLib.imaging.orientation import (
    Certainty,
    Turn,
    ViewPosition,
    edge_letters,
    find_view,
    quarter_turns,
)

F = letter_image()
SPACED = {"PixelSpacing": [0.5, 0.5], "PixelSpacingCalibrationType": "GEOMETRY"}


def _standard_letters(image):
    edges = image.edges
    across = ("R", "L") if image.radiograph.view is View.AP else ("A", "P")
    return (edges.left, edges.right, edges.top, edges.bottom) == (*across, "H", "F")


@pytest.mark.parametrize("view", list(View))
@pytest.mark.parametrize("turn", ALL_TURNS, ids=lambda t: t.description)
def test_the_letter_f_reads_as_f_from_dicom_stored_in_all_eight_ways(tmp_path, view, turn):
    path = write_dicom(
        tmp_path / "f.dcm",
        stored_as(turn, F),
        PatientOrientation=list(orientation_of(turn, view)),
        PixelSpacing=[0.5, 0.4],
        PixelSpacingCalibrationType="GEOMETRY",
    )
    image = import_radiograph(RadiographSource(path), view)
    assert np.array_equal(image.radiograph.image_hw, F.astype(np.float32))
    assert image.turn == turn
    assert not image.unknown_orientation
    assert image.radiograph.projection.spacing_mm == ((0.4, 0.5) if turn.transpose else (0.5, 0.4))
    assert _standard_letters(image)
    assert find_view(image.raw.header).view is view


@pytest.mark.parametrize("view", list(View))
@pytest.mark.parametrize("turn", ALL_TURNS, ids=lambda t: t.description)
def test_the_letter_f_reads_as_f_from_a_picture_whose_orientation_the_user_gives(tmp_path, view, turn):
    sitk.WriteImage(sitk.GetImageFromArray(stored_as(turn, F)), str(tmp_path / "f.png"))
    overrides = Overrides(spacing_mm=(0.5, 0.5), orientation=orientation_of(turn, view))
    image = import_radiograph(RadiographSource(tmp_path / "f.png", overrides), view)
    assert np.array_equal(image.radiograph.image_hw, F.astype(np.float32))
    assert _standard_letters(image)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".nii.gz"])
@pytest.mark.parametrize("view", list(View))
@pytest.mark.parametrize("turn", ALL_TURNS, ids=lambda t: t.description)
def test_the_letter_f_reads_as_f_from_a_slice_that_lies_in_its_plane(tmp_path, view, turn, suffix):
    letters = orientation_of(turn, view)
    axes = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "H": (0, 0, 1), "F": (0, 0, -1)}
    column, row = (np.array(axes[letter], dtype=float) for letter in letters)
    slice_image = sitk.GetImageFromArray(stored_as(turn, F)[None])
    slice_image.SetDirection(np.stack([column, row, np.cross(column, row)], axis=1).ravel().tolist())
    slice_image.SetSpacing((0.4, 0.5, 1.0))
    sitk.WriteImage(slice_image, str(tmp_path / f"f{suffix}"))
    image = import_radiograph(RadiographSource(tmp_path / f"f{suffix}"), view)
    assert np.array_equal(image.radiograph.image_hw, F.astype(np.float32))
    assert image.radiograph.projection.spacing_mm == pytest.approx((0.4, 0.5) if turn.transpose else (0.5, 0.4))


@pytest.mark.parametrize("how", ["plain", "rle", "frames", "monochrome1", "jpeg2000", "jpeg lossless"])
def test_the_letter_f_reads_as_f_from_every_kind_of_pixel_data(tmp_path, how):
    turn, path = Turn(True, False, True), tmp_path / "f.dcm"
    stored = stored_as(turn, F)
    tags = {**SPACED, "PatientOrientation": list(orientation_of(turn, View.AP))}
    if how == "monochrome1":
        tags["PhotometricInterpretation"] = "MONOCHROME1"
        write_dicom(path, (4000 - stored).astype(np.uint16), **tags)
    elif how == "frames":
        frames = np.stack([np.zeros_like(stored), stored, stored // 2])
        write_dicom(path, frames, NumberOfFrames=3, Modality="XA", **tags)
    elif how.startswith("jpeg"):
        _write_compressed(path, stored, "JPEG2000" if how == "jpeg2000" else "JPEG", tags["PatientOrientation"])
        tags = {}
    else:
        write_dicom(path, stored, rle=how == "rle", **tags)
    image = import_radiograph(RadiographSource(path, Overrides(spacing_mm=(0.5, 0.5))), View.AP)
    assert reads_as_f(image.radiograph.image_hw)
    assert np.ptp(image.radiograph.image_hw) == np.ptp(F)
    assert image.raw.frames == (3 if how == "frames" else 1)


def _write_compressed(path, pixels, compressor, orientation, photometric="MONOCHROME2"):
    import pydicom

    writer = sitk.ImageFileWriter()
    writer.SetImageIO("GDCMImageIO")
    writer.UseCompressionOn()
    writer.SetCompressor(compressor)
    writer.SetFileName(str(path))
    writer.Execute(sitk.GetImageFromArray(pixels[None]))
    dataset = pydicom.dcmread(path)
    dataset.Modality, dataset.PatientOrientation, dataset.PhotometricInterpretation = "CR", orientation, photometric
    dataset.save_as(path)


def test_what_only_the_second_decoder_can_read_is_still_as_it_was_stored(tmp_path):
    """GDCM inverts MONOCHROME1 and applies the rescale on its own; neither may happen twice."""
    _write_compressed(tmp_path / "f.dcm", F, "JPEG", ["L", "F"], photometric="MONOCHROME1")
    raw = read_radiograph_file(tmp_path / "f.dcm")
    assert np.array_equal(raw.pixels_hw, F)
    assert raw.header.photometric == "MONOCHROME1"


def test_rotations_and_flips_by_the_user_move_the_anatomy_under_the_letters(tmp_path):
    path = write_dicom(tmp_path / "f.dcm", F, PatientOrientation=["L", "F"], **SPACED)
    image = import_radiograph(RadiographSource(path, Overrides(flip_horizontal=True)), View.AP)
    assert np.array_equal(image.radiograph.image_hw, F[:, ::-1])
    assert _standard_letters(image)
    image = import_radiograph(RadiographSource(path, Overrides(rotate_deg=90, flip_vertical=True)), View.AP)
    assert np.array_equal(image.radiograph.image_hw, np.rot90(F, -1)[::-1])
    assert _standard_letters(image)


@pytest.mark.parametrize("first", ALL_TURNS)
@pytest.mark.parametrize("second", ALL_TURNS)
def test_two_turns_in_a_row_are_one_turn(first, second):
    picture = np.arange(12).reshape(3, 4)
    assert np.array_equal(first.then(second).array(picture), second.array(first.array(picture)))


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_quarter_turns_go_clockwise(degrees):
    picture = np.arange(12).reshape(3, 4)
    assert np.array_equal(quarter_turns(degrees).array(picture), np.rot90(picture, -degrees // 90))
    with pytest.raises(ArgumentError, match="45"):
        quarter_turns(45)


def test_without_orientation_the_usual_way_is_assumed_and_said(tmp_path):
    path = write_dicom(tmp_path / "f.dcm", F, ViewPosition="PA", **SPACED)
    image = import_radiograph(RadiographSource(path), View.AP)
    assert image.unknown_orientation
    assert any("Orientation unknown" in w and "patient's right on the image's left" in w for w in image.warnings)
    assert np.array_equal(image.radiograph.image_hw, F)
    image = import_radiograph(RadiographSource(path, Overrides(orientation=("L", "F"))), View.AP)
    assert not image.unknown_orientation
    assert not any("Orientation" in w for w in image.warnings)


def test_an_orientation_of_another_view_is_not_used(tmp_path):
    path = write_dicom(tmp_path / "f.dcm", F, PatientOrientation=["P", "F"], **SPACED)
    image = import_radiograph(RadiographSource(path), View.AP)
    assert image.unknown_orientation
    with pytest.raises(ArgumentError, match="cannot be that of the ap view"):
        import_radiograph(RadiographSource(path, Overrides(orientation=("A", "F"))), View.AP)


def _find(**header):
    found = find_view(RadiographHeader(**header))
    return found.view, found.position, found.certainty


@pytest.mark.parametrize(
    ("header", "view", "position", "certainty"),
    [
        ({"view_position": "AP"}, View.AP, ViewPosition.AP, Certainty.STATED),
        ({"view_position": "pa "}, View.AP, ViewPosition.PA, Certainty.STATED),
        ({"view_position": "RL"}, View.LATERAL, ViewPosition.RL, Certainty.STATED),
        ({"view_position": "LAT", "laterality": "R"}, View.LATERAL, ViewPosition.RL, Certainty.STATED),
        ({"view_position": "LATERAL"}, View.LATERAL, None, Certainty.STATED),
        ({"view_position": "RLO"}, None, None, Certainty.ASSUMED),
        ({"view_code": "antero-posterior"}, View.AP, ViewPosition.AP, Certainty.STATED),
        ({"view_code": "left lateral"}, View.LATERAL, ViewPosition.LL, Certainty.STATED),
        ({"patient_orientation": ("A", "F")}, View.LATERAL, None, Certainty.DERIVED),
        ({"patient_orientation": ("F", "R")}, View.AP, None, Certainty.DERIVED),
        ({"patient_orientation": ("L", "P")}, None, None, Certainty.ASSUMED),
        ({"positioner_angle_deg": 0.0}, View.AP, ViewPosition.PA, Certainty.DERIVED),
        ({"positioner_angle_deg": 90.0}, View.LATERAL, ViewPosition.LL, Certainty.DERIVED),
        ({"positioner_angle_deg": -85.0}, View.LATERAL, ViewPosition.RL, Certainty.DERIVED),
        ({"positioner_angle_deg": 178.0}, View.AP, ViewPosition.AP, Certainty.DERIVED),
        ({"positioner_angle_deg": 45.0}, None, None, Certainty.ASSUMED),
        ({"description": "LWS_seitlich"}, View.LATERAL, None, Certainty.ASSUMED),
        ({"description": "L-Spine AP"}, View.AP, ViewPosition.AP, Certainty.ASSUMED),
        ({"description": "L-Spine AP/LAT"}, None, None, Certainty.ASSUMED),
        ({"description": "Chapter of nothing"}, None, None, Certainty.ASSUMED),
    ],
)
def test_the_view_is_found_in_the_header(header, view, position, certainty):
    assert _find(**header) == (view, position, certainty)


@pytest.mark.parametrize("position", list(ViewPosition))
def test_the_beam_runs_as_the_position_says_and_the_picture_stays(position):
    raw = RawRadiograph(F.astype(np.float32), RadiographHeader(view_position=position.value))
    overrides = Overrides(spacing_mm=(0.5, 0.5), sad_mm=1000, sdd_mm=1250)
    image = import_radiograph(RadiographSource(raw, overrides), position.view)
    projection = image.radiograph.projection
    expected = {"AP": (0, -1000, 0), "PA": (0, 1000, 0), "LL": (-1000, 0, 0), "RL": (1000, 0, 0)}[position.value]
    assert projection.beam is Beam.CONE
    np.testing.assert_allclose(projection.source_lps_mm, expected, atol=1e-9)
    assert np.array_equal(image.radiograph.image_hw, F)
    assert _standard_letters(image)
    assert projection.detector_spacing_mm == pytest.approx((0.625, 0.625))
    middle = projection.plane_point((np.array(projection.image_hw)[None] - 1) / 2)
    np.testing.assert_allclose(middle, 0.0, atol=1e-9)


@pytest.mark.parametrize("position", list(ViewPosition))
def test_patches_follow_the_ray_from_either_side(position):
    """The perspective that the network is told must agree with the projection, also for PA and right lateral."""
    raw = RawRadiograph(F.astype(np.float32), RadiographHeader(view_position=position.value))
    overrides = Overrides(spacing_mm=(0.5, 0.5), sad_mm=600, sdd_mm=900)
    projection = import_radiograph(RadiographSource(raw, overrides), position.view).radiograph.projection
    grid = PatchGrid((10.0, -5.0, 20.0), size=40)
    zyx = np.array([[3.0, 30.0, 4.0], [35.0, 6.0, 33.0]])
    row, column, inverse_row, inverse_column = grid.perspective(projection)
    seen, behind = (2, 1) if position.view is View.AP else (1, 2)
    depth = zyx[:, behind] - grid.centroid_zyx[behind]
    lifted = np.stack(
        [
            row + (zyx[:, 0] - row) / (1 + depth * inverse_row),
            column + (zyx[:, seen] - column) / (1 + depth * inverse_column),
        ],
        axis=1,
    )
    np.testing.assert_allclose(lifted, grid.patch_coordinates(projection, grid.points_lps_mm(zyx)), atol=1e-9)


def test_edge_letters_follow_the_projection_whatever_it_is():
    raw = RawRadiograph(F.astype(np.float32), RadiographHeader())
    source = RadiographSource(raw, Overrides(spacing_mm=(0.5, 0.5)))
    projection = import_radiograph(source, View.LATERAL).radiograph.projection
    turned = dataclasses.replace(projection, row_direction=(0.0, -1.0, 0.0), column_direction=(0.0, 0.0, 1.0))
    edges = edge_letters(turned)
    assert (edges.top, edges.bottom, edges.left, edges.right) == ("P", "A", "F", "H")


def test_the_isocentric_place_is_that_of_the_simulator():
    """Middle of the image at the origin, reference plane through it: as Projection.covering puts a centred box."""
    from ReVerteRLib.geometry import Projection
    from ReVerteRLib.imaging.calibration import Calibration, SpacingRule

    for position in (ViewPosition.AP, ViewPosition.LL):
        box = [[-40.0, -30.0, -60.0], [40.0, 30.0, 60.0]]
        expected = Projection.covering(position.view, box, beam=Beam.CONE, sad_mm=1000, sdd_mm=1300)
        scale = Calibration(
            (1.0, 1.0), Beam.CONE, SpacingRule.CHOSEN, Certainty.CHOSEN, "", "", Certainty.CHOSEN, 1000, 1300
        )
        assert isocentric_projection(position, expected.image_hw, (1.0, 1.0), scale) == expected
