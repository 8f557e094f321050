"""What a file says about spacing, beam and grey values, and files that cannot be used."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from dicom_samples import letter_image, reads_as_f, write_dicom
from pydicom.dataset import Dataset

from ReVerteRLib.errors import ArgumentError, GeometryError, InputError, VolumeError
from ReVerteRLib.geometry import Beam, View
from ReVerteRLib.imaging.calibration import SpacingRule, calibrate
from ReVerteRLib.imaging.greys import Grey, bone_bright, exposed_field, looks_inverted
from ReVerteRLib.imaging.header import RadiographHeader, RawRadiograph
from ReVerteRLib.imaging.importing import Overrides, RadiographSource, import_radiograph, read_radiograph_file
from ReVerteRLib.imaging.orientation import Certainty

F = letter_image()
NONE = Overrides()
IMAGER, PIXEL = (0.2, 0.2), (0.16, 0.16)


# --- spacing -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "spacing", "rule", "certainty", "beam"),
    [
        ({"pixel_spacing_mm": PIXEL, "imager_spacing_mm": IMAGER, "calibration": "GEOMETRY"},
         0.16, SpacingRule.CALIBRATED, Certainty.STATED, Beam.PARALLEL),
        ({"pixel_spacing_mm": PIXEL, "calibration": "FIDUCIAL"},
         0.16, SpacingRule.CALIBRATED, Certainty.STATED, Beam.PARALLEL),
        ({"pixel_spacing_mm": PIXEL, "imager_spacing_mm": IMAGER},
         0.16, SpacingRule.DIFFERENT, Certainty.DERIVED, Beam.PARALLEL),
        ({"pixel_spacing_mm": PIXEL, "imager_spacing_mm": IMAGER, "sdd_mm": 1500.0},
         0.16, SpacingRule.DIFFERENT, Certainty.DERIVED, Beam.CONE),
        ({"pixel_spacing_mm": IMAGER, "imager_spacing_mm": IMAGER, "calibration": "GEOMETRY"},
         0.2, SpacingRule.DETECTOR_ONLY, Certainty.ASSUMED, Beam.PARALLEL),
        ({"imager_spacing_mm": IMAGER, "magnification": 1.25},
         0.16, SpacingRule.MAGNIFICATION, Certainty.DERIVED, Beam.PARALLEL),
        ({"imager_spacing_mm": IMAGER, "magnification": 1.25, "sdd_mm": 1500.0, "sad_mm": 1190.0},
         0.16, SpacingRule.MAGNIFICATION, Certainty.DERIVED, Beam.CONE),
        ({"imager_spacing_mm": IMAGER, "pixel_spacing_mm": IMAGER, "sdd_mm": 1500.0, "sad_mm": 1200.0},
         0.16, SpacingRule.DISTANCES, Certainty.DERIVED, Beam.CONE),
        ({"scanned_spacing_mm": IMAGER, "sdd_mm": 1500.0, "sad_mm": 1200.0},
         0.16, SpacingRule.DISTANCES, Certainty.DERIVED, Beam.CONE),
        ({"imager_spacing_mm": IMAGER, "sdd_mm": 1500.0},
         0.2, SpacingRule.DETECTOR_ONLY, Certainty.ASSUMED, Beam.PARALLEL),
        ({"pixel_spacing_mm": PIXEL}, 0.16, SpacingRule.UNSPECIFIED, Certainty.ASSUMED, Beam.PARALLEL),
        ({"file_spacing_mm": PIXEL}, 0.16, SpacingRule.FILE, Certainty.DERIVED, Beam.PARALLEL),
        ({"file_spacing_mm": (1.0, 1.0)}, 1.0, SpacingRule.FILE, Certainty.ASSUMED, Beam.PARALLEL),
    ],
)  # fmt: skip
def test_the_spacing_follows_the_tags(header, spacing, rule, certainty, beam):
    found = calibrate(RadiographHeader(**header), NONE)
    assert found.spacing_mm == pytest.approx((spacing, spacing))
    assert (found.rule, found.certainty, found.beam) == (rule, certainty, beam)
    assert f"{spacing:g}" in found.sentence
    assert (certainty is Certainty.ASSUMED) == any("scale is uncertain" in w for w in found.warnings)
    if beam is Beam.CONE:
        assert found.sdd_mm == 1500.0
        assert found.sad_mm == pytest.approx(1200.0)
        assert found.magnification == pytest.approx(1.25)


def test_no_spacing_is_an_error_that_says_what_to_give():
    with pytest.raises(InputError, match=r"picture\.png.*how large its pixels are.*--ap-spacing"):
        calibrate(RadiographHeader(), NONE, "picture.png")


def test_a_magnification_factor_and_distances_that_differ_are_said():
    header = RadiographHeader(imager_spacing_mm=IMAGER, magnification=1.25, sdd_mm=1500.0, sad_mm=1400.0)
    found = calibrate(header, NONE)
    assert any("differ" in w for w in found.warnings)
    assert found.sad_mm == pytest.approx(1200.0)


@pytest.mark.parametrize("distances", [(1000.0, 1500.0), (5000.0, 100.0)])
def test_impossible_distances_in_a_file_are_said_and_left_out(distances):
    header = RadiographHeader(imager_spacing_mm=IMAGER, sdd_mm=distances[0], sad_mm=distances[1])
    found = calibrate(header, NONE)
    assert found.beam is Beam.PARALLEL
    assert found.rule is SpacingRule.DETECTOR_ONLY
    assert any("impossible" in w for w in found.warnings)


def test_everything_the_user_chooses_comes_first():
    header = RadiographHeader(pixel_spacing_mm=PIXEL, imager_spacing_mm=IMAGER, calibration="GEOMETRY", sdd_mm=1500.0)
    assert calibrate(header, Overrides(spacing_mm=(0.3, 0.31))).spacing_mm == (0.3, 0.31)
    magnified = calibrate(header, Overrides(magnification=2.0))
    assert magnified.spacing_mm == pytest.approx((0.1, 0.1))
    assert magnified.sad_mm == pytest.approx(750.0)
    distant = calibrate(RadiographHeader(imager_spacing_mm=IMAGER), Overrides(sad_mm=1000, sdd_mm=1250))
    assert distant.spacing_mm == pytest.approx(PIXEL)
    assert distant.beam is Beam.CONE
    film = calibrate(RadiographHeader(), Overrides(detector_spacing_mm=(0.1, 0.1), magnification=1.25))
    assert film.spacing_mm == pytest.approx((0.08, 0.08))
    assert calibrate(header, Overrides(beam=Beam.PARALLEL)).beam is Beam.PARALLEL
    assert all(c.certainty is Certainty.CHOSEN for c in (magnified, film))


@pytest.mark.parametrize(
    "overrides",
    [
        Overrides(spacing_mm=(0.0, 0.1)),
        Overrides(magnification=0.5),
        Overrides(sad_mm=1500, sdd_mm=1000),
        Overrides(beam=Beam.CONE),
        Overrides(sdd_mm=float("nan")),
    ],
)
def test_impossible_choices_are_refused(overrides):
    with pytest.raises(ArgumentError):
        calibrate(RadiographHeader(pixel_spacing_mm=PIXEL), overrides)


@pytest.mark.parametrize("stated", [{"detector_configuration": "SLOT"}, {"maker": "EOS imaging EOS"}])
def test_a_slot_scanner_magnifies_columns_only(stated):
    header = RadiographHeader(imager_spacing_mm=(0.25, 0.25), sdd_mm=1300.0, sad_mm=1040.0, **stated)
    found = calibrate(header, NONE)
    assert found.beam is Beam.SLOT
    assert found.spacing_mm == pytest.approx((0.25, 0.2))
    calibrated = RadiographHeader(pixel_spacing_mm=(0.18, 0.18), calibration="GEOMETRY", **stated)
    assert calibrate(calibrated, NONE).spacing_mm == (0.18, 0.18)
    assert any("slot scanner without distances" in w for w in calibrate(calibrated, NONE).warnings)


def test_tags_of_a_dicom_file_arrive_in_the_projection(tmp_path):
    path = write_dicom(
        tmp_path / "xa.dcm",
        np.stack([F] * 4),
        NumberOfFrames=4,
        Modality="XA",
        ImagerPixelSpacing=[0.4, 0.3],
        DistanceSourceToDetector=1200.0,
        DistanceSourceToPatient=800.0,
        PositionerPrimaryAngle=0.0,
        PatientOrientation="L\\F",
    )
    image = import_radiograph(RadiographSource(path), View.AP)
    projection = image.radiograph.projection
    assert projection.spacing_mm == pytest.approx((0.4 / 1.5, 0.2))
    assert (projection.sad_mm, projection.sdd_mm, projection.beam) == (800.0, 1200.0, Beam.CONE)
    assert projection.beam_direction == (0.0, -1.0, 0.0)  # the receptor is in front of the patient
    assert image.raw.frame == 2
    assert any("Frame 2 of 4" in w for w in image.warnings)
    assert read_radiograph_file(path, frame=4).frame == 4
    with pytest.raises(ArgumentError, match="frames 1 to 4"):
        read_radiograph_file(path, frame=5)


def test_an_enhanced_object_keeps_its_spacing_in_functional_groups(tmp_path):
    pixel_data, group = Dataset(), Dataset()
    pixel_data.ImagerPixelSpacing = [0.3, 0.3]
    group.FramePixelDataPropertiesSequence = [pixel_data]
    path = write_dicom(
        tmp_path / "enhanced.dcm", np.stack([F, F]), NumberOfFrames=2, Modality="XA",
        SharedFunctionalGroupsSequence=[group],
    )  # fmt: skip
    assert read_radiograph_file(path).header.imager_spacing_mm == (0.3, 0.3)


def test_a_file_with_no_tags_at_all_needs_its_spacing_and_says_the_rest(tmp_path):
    path = write_dicom(tmp_path / "bare.dcm", F, Modality=None, PatientID=None, PatientName=None)
    with pytest.raises(InputError, match="how large"):
        import_radiograph(RadiographSource(path), View.AP)
    image = import_radiograph(RadiographSource(path, Overrides(spacing_mm=(0.7, 0.7))), View.AP)
    assert reads_as_f(image.radiograph.image_hw)
    assert image.unknown_orientation
    assert any("does not say that it is a radiograph" in w for w in image.warnings)


# --- grey values -----------------------------------------------------------------------------------


def _grey(kind="DICOM", tone_curve=None, **header):
    raw = RawRadiograph(F.astype(np.float32), RadiographHeader(**header), kind=kind, tone_curve=tone_curve)
    return bone_bright(raw)


@pytest.mark.parametrize(
    ("header", "meaning"),
    [
        ({"photometric": "MONOCHROME2"}, Grey.AS_STORED),
        ({"photometric": "MONOCHROME1"}, Grey.INVERTED),
        ({"photometric": "MONOCHROME1", "lut_shape": "INVERSE"}, Grey.INVERTED),
        ({"photometric": "MONOCHROME2", "lut_shape": "INVERSE"}, Grey.INVERTED),
        ({"photometric": "MONOCHROME1", "intent": "FOR PROCESSING", "intensity": "LIN", "intensity_sign": 1},
         Grey.INTENSITY),
        ({"photometric": "MONOCHROME1", "intent": "FOR PROCESSING", "intensity": "LOG", "intensity_sign": -1},
         Grey.AS_STORED),
        ({"photometric": "MONOCHROME2", "modality": "XA", "intensity": "LIN"}, Grey.INTENSITY),
        ({"photometric": "MONOCHROME2", "modality": "XA", "intensity": "LOG"}, Grey.INVERTED),
        ({"photometric": "MONOCHROME2", "modality": "XA", "intensity": "DISP"}, Grey.AS_STORED),
        ({"photometric": "MONOCHROME2", "intent": "FOR PRESENTATION", "intensity": "LIN"}, Grey.AS_STORED),
    ],
)  # fmt: skip
def test_grey_values_are_turned_to_bone_bright_by_the_header(header, meaning):
    result = _grey(**header)
    assert result.meaning is meaning
    bright_f = reads_as_f(result.image_hw)
    assert bright_f == (meaning is Grey.AS_STORED)  # the F is stored bright in all of them


def test_intensities_become_line_integrals():
    tau = np.linspace(0, 5, 6400).reshape(80, 80)
    counts = (60000 * np.exp(-tau)).astype(np.float32)
    header = RadiographHeader(intent="FOR PROCESSING", intensity="LIN", intensity_sign=1)
    result = bone_bright(RawRadiograph(counts, header, kind="DICOM"))
    assert np.abs(result.image_hw - tau).max() < 0.01


def test_rescale_and_voi_lut_are_applied_and_a_window_is_not(tmp_path):
    table = Dataset()
    table.LUTDescriptor = [4096, 0, 16]
    curve = (65535 * (np.arange(4096) / 4095) ** 2).astype(np.uint16)
    table.LUTData = curve.tobytes()
    path = write_dicom(
        tmp_path / "lut.dcm", F, VOILUTSequence=[table], RescaleSlope="2", RescaleIntercept="-100",
        RescaleType="US", WindowCenter="600", WindowWidth="10",
    )  # fmt: skip
    raw = read_radiograph_file(path)
    assert np.array_equal(raw.pixels_hw, 2.0 * F - 100)
    expected = np.interp(2.0 * F - 100, np.arange(4096), curve)
    np.testing.assert_allclose(bone_bright(raw).image_hw, expected, rtol=1e-5)


def test_signed_pixels_keep_their_sign(tmp_path):
    signed = (F.astype(np.int32) - 2000).astype(np.int16)
    path = write_dicom(tmp_path / "signed.dcm", signed, PixelRepresentation=1)
    assert np.array_equal(read_radiograph_file(path).pixels_hw, signed)


def _body(shape=(300, 240)):
    """A body as an ellipse of soft edge with a dense column in it, line integrals."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    half = 0.38 * shape[1] * (1 + 0.15 * np.sin(rows / 40))
    chord = np.sqrt(np.clip(1 - ((columns - shape[1] / 2) / half) ** 2, 0, None))
    column = np.exp(-(((columns - shape[1] / 2) / 14) ** 2)) * (1 + 0.3 * np.sin(rows / 6))
    noise = np.random.default_rng(5).normal(0, 0.02, shape)
    return (4 * chord + 1.5 * column + noise).astype(np.float32)


def test_an_image_with_bright_air_is_called_inverted_and_a_right_one_is_not():
    body, everywhere = _body(), np.ones((300, 240), dtype=bool)
    assert not looks_inverted(body, everywhere)
    assert looks_inverted(body.max() - body, everywhere)
    source = RadiographSource(RawRadiograph(body.max() - body), Overrides(spacing_mm=(1.0, 1.0)))
    assert any("looks inverted" in w for w in import_radiograph(source, View.AP).warnings)
    righted = RadiographSource(RawRadiograph(body.max() - body), Overrides(spacing_mm=(1.0, 1.0), grey=Grey.INVERTED))
    assert not import_radiograph(righted, View.AP).warnings[1:]


def test_air_beside_the_body_is_no_border():
    ramp = np.abs(np.linspace(-3, 3, 240))[None] ** 3 + np.random.default_rng(1).normal(0, 0.02, (300, 240))
    assert exposed_field(ramp.astype(np.float32)).share == 1.0
    assert exposed_field(_body()).share == 1.0
    assert exposed_field(_body().max() - _body()).share == 1.0


@pytest.mark.parametrize("shape", ["rectangle", "tilted", "circle"])
@pytest.mark.parametrize("uneven", [0.0, 1.0])
def test_unexposed_borders_are_found_in_the_pixels(shape, uneven):
    body = _body()
    rows, columns = np.mgrid[:300, :240] - np.array([150, 120])[:, None, None]
    if shape == "rectangle":
        field = (np.abs(rows) < 120) & (np.abs(columns) < 90)
    elif shape == "tilted":
        a, b = rows + 0.1 * columns, columns - 0.1 * rows
        field = (np.abs(a) < 115) & (np.abs(b) < 85)
    else:
        field = rows**2 + columns**2 < 110**2
    blades = 9.0 + uneven * np.random.default_rng(2).normal(0, 0.3, body.shape)
    found = exposed_field(np.where(field, body, blades).astype(np.float32)).field_hw
    assert not (found & ~field).any()
    assert (found & field).sum() > 0.9 * field.sum()


def test_blades_that_scatter_makes_darker_than_the_spine_are_found_by_their_edges():
    field = np.zeros((300, 240), dtype=bool)
    field[25:270, 18:220] = True
    intensity = np.exp(-(_body() + np.where(field, 0.0, 4.0))) + 0.02
    image = -np.log(intensity).astype(np.float32)
    assert np.median(image[~field]) < np.percentile(image[field], 99.5)
    found = exposed_field(image).field_hw
    assert not (found & ~field).any()
    assert (found & field).sum() > 0.93 * field.sum()


def test_bright_air_at_straight_sides_is_called_inverted_though_it_looks_like_a_frame():
    rng, columns = np.random.default_rng(4), np.arange(240)
    image = np.where((columns > 50) & (columns < 190), 3.0, 8.0) + rng.normal(0, 0.1, (300, 240))
    assert exposed_field(image.astype(np.float32)).share < 0.6
    source = RadiographSource(RawRadiograph(image.astype(np.float32)), Overrides(spacing_mm=(1.0, 1.0)))
    assert any("looks inverted" in w for w in import_radiograph(source, View.AP).warnings)


def test_an_inverted_image_is_called_so_inside_a_black_shutter_too():
    body, image = _body(), np.full((340, 300), -3.0, dtype=np.float32)
    image[20:320, 30:270] = body.max() - body
    everywhere = np.ones(image.shape, dtype=bool)
    assert exposed_field(image).share == 1.0
    assert looks_inverted(image, everywhere)
    image[20:320, 30:270] = body
    assert not looks_inverted(image, everywhere)


def test_percentiles_of_the_imported_image_are_those_of_the_anatomy():
    body = _body()
    image = np.full_like(body, 40.0)
    image[40:260, 30:210] = body[40:260, 30:210]
    source = RadiographSource(RawRadiograph(image), Overrides(spacing_mm=(1.0, 1.0)))
    result = import_radiograph(source, View.AP)
    clean = np.percentile(body[40:260, 30:210], [1, 99])
    np.testing.assert_allclose(np.percentile(result.radiograph.image_hw, [1, 99]), clean, atol=0.35)
    assert np.percentile(image, 99) == 40.0


def test_shutters_and_padding_in_the_header_are_used(tmp_path):
    padded = F.copy()
    padded[:, :10] = 9999
    path = write_dicom(
        tmp_path / "shutter.dcm", padded, PixelSpacing=[0.5, 0.5], PixelPaddingValue=9999, ShutterShape="RECTANGULAR",
        ShutterLeftVerticalEdge=0, ShutterRightVerticalEdge=161, ShutterUpperHorizontalEdge=20,
        ShutterLowerHorizontalEdge=181,
    )  # fmt: skip
    image = import_radiograph(RadiographSource(path), View.AP)
    expected = np.zeros(F.shape, dtype=bool)
    expected[20:180, 10:160] = True
    assert np.array_equal(image.field_hw, expected)
    assert image.radiograph.image_hw.max() < 9999


# --- kinds of files --------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_pictures_keep_every_value(tmp_path, suffix):
    sitk.WriteImage(sitk.GetImageFromArray(F), str(tmp_path / f"f{suffix}"))
    raw = read_radiograph_file(tmp_path / f"f{suffix}")
    assert np.array_equal(raw.pixels_hw, F)
    assert raw.header.file_spacing_mm is None


def test_a_coloured_picture_gives_its_luminance_and_a_gray_one_in_colours_its_gray(tmp_path):
    gray = (F // 16).astype(np.uint8)
    coloured = np.stack([gray, gray, np.zeros_like(gray)], axis=-1)
    for name, image in (("gray.png", np.stack([gray] * 3, axis=-1)), ("colour.png", coloured)):
        sitk.WriteImage(sitk.GetImageFromArray(image, isVector=True), str(tmp_path / name))
    plain, bright = (read_radiograph_file(tmp_path / name) for name in ("gray.png", "colour.png"))
    assert np.array_equal(plain.pixels_hw, gray)
    assert not plain.notes
    np.testing.assert_allclose(bright.pixels_hw, 0.886 * gray, rtol=1e-5)
    assert "coloured" in bright.notes[0]


def test_a_jpeg_and_a_flat_nrrd_are_read(tmp_path):
    gray = (F // 16).astype(np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(gray), str(tmp_path / "f.jpg"))
    assert np.abs(read_radiograph_file(tmp_path / "f.jpg").pixels_hw - gray).mean() < 3
    flat = sitk.GetImageFromArray(F)
    flat.SetSpacing((0.3, 0.4))
    sitk.WriteImage(flat, str(tmp_path / "f.nrrd"))
    assert read_radiograph_file(tmp_path / "f.nrrd").header.file_spacing_mm == pytest.approx((0.4, 0.3))


@pytest.mark.parametrize(
    ("modality", "remedy"), [("CT", "reverter simulate"), ("MG", "Mammograms"), ("MR", "modality DX, CR, XA or RF")]
)
def test_other_modalities_are_refused_with_a_remedy(tmp_path, modality, remedy):
    path = write_dicom(tmp_path / "other.dcm", F, Modality=modality)
    with pytest.raises(VolumeError, match=f"modality {modality}.*{remedy}"):
        read_radiograph_file(path)


def test_a_ct_slice_that_claims_to_be_nothing_is_known_by_its_class(tmp_path):
    path = write_dicom(tmp_path / "ct.dcm", F, Modality="CT")
    import pydicom

    dataset = pydicom.dcmread(path)
    dataset.Modality = "DX"
    dataset.save_as(path)
    with pytest.raises(VolumeError, match="modality CT"):
        read_radiograph_file(path)


def test_unusable_files_are_named_with_fault_and_remedy(tmp_path):
    whole = write_dicom(tmp_path / "whole.dcm", F, PixelSpacing=[0.5, 0.5])
    content = whole.read_bytes()
    cases = {
        "cut.dcm": (content[: len(content) // 2], "cut short"),
        "header.dcm": (content[:300], "cannot be read|holds no image|is an image of"),
        "empty.dcm": (b"", "cannot be read"),
        "noise.dcm": (b"x" * 500, "cannot be read"),
        "text.txt": (b"hello", "kind of file is unknown"),
        "broken.png": (b"\x89PNG\r\n", "cannot be read"),
    }
    for name, (data, said) in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(VolumeError, match=said) as caught:
            read_radiograph_file(tmp_path / name)
        assert caught.value.remedy, name
        assert name in caught.value.where
        assert (tmp_path / name).read_bytes() == data
    with pytest.raises(VolumeError, match="no such file"):
        read_radiograph_file(tmp_path / "missing.dcm")


@pytest.mark.filterwarnings("ignore:End of file reached")
def test_a_cut_compressed_file_is_refused(tmp_path):
    path = write_dicom(tmp_path / "rle.dcm", F, rle=True)
    path.write_bytes(path.read_bytes()[:-4000])
    with pytest.raises(VolumeError, match="cut short"):
        read_radiograph_file(path)


def test_blank_tiny_and_thick_images_are_refused(tmp_path):
    with pytest.raises(VolumeError, match="blank"):
        read_radiograph_file(write_dicom(tmp_path / "blank.dcm", np.full((50, 50), 7, np.uint16)))
    with pytest.raises(VolumeError, match="too few"):
        read_radiograph_file(write_dicom(tmp_path / "tiny.dcm", F[:20, :20].copy()))
    sitk.WriteImage(sitk.GetImageFromArray(np.stack([F, F])), str(tmp_path / "ct.nrrd"))
    with pytest.raises(VolumeError, match="simulate"):
        read_radiograph_file(tmp_path / "ct.nrrd")
    (tmp_path / "many").mkdir()
    for page in ("a.dcm", "b.dcm"):
        write_dicom(tmp_path / "many" / page, F)
    with pytest.raises(VolumeError, match="holds 2 files"):
        read_radiograph_file(tmp_path / "many")


def test_a_geometry_of_another_image_is_refused(tmp_path):
    (tmp_path / "geometry.json").write_text('{"ap": {"view": "ap"}}')
    sitk.WriteImage(sitk.GetImageFromArray(F[None]), str(tmp_path / "ap.nrrd"))
    with pytest.raises(GeometryError):
        read_radiograph_file(tmp_path / "ap.nrrd")
