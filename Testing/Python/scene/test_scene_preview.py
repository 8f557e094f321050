from __future__ import annotations

import colorsys
import dataclasses

import numpy as np
import pytest
import scene_samples as samples
from PIL import Image

from ReVerteRLib.errors import GeometryError
from ReVerteRLib.geometry import Beam, Projection, View
from ReVerteRLib.imaging.radiograph import Radiograph
from ReVerteRLib.scene.preview import DOT_RGB, Upright, preview_radiograph


def _letter_f(view=View.AP, **changes):
    """A letter F on the standard plane: stem on the left, both bars to the right, the longer one on top."""
    geometry = dataclasses.replace(samples.projection(view), image_hw=(60, 48), **changes)
    image = np.zeros((60, 48), dtype=np.float32)
    image[10:50, 10:16] = 1.0
    image[10:16, 10:38] = 1.0
    image[26:32, 10:28] = 1.0
    return Radiograph(image, geometry)


def _flipped(radiograph, axis):
    """The same picture in the same place, stored the other way round along rows (0) or columns (1)."""
    geometry = radiograph.projection
    step = np.array(geometry.row_direction if axis == 0 else geometry.column_direction)
    size = geometry.image_hw[axis] - 1
    origin = np.array(geometry.origin_lps_mm) + step * size * geometry.spacing_mm[axis]
    name = "row_direction" if axis == 0 else "column_direction"
    changed = dataclasses.replace(geometry, **{"origin_lps_mm": tuple(origin), name: tuple(-step)})
    return Radiograph(np.flip(radiograph.image_hw, axis).copy(), changed)


def _transposed(radiograph):
    geometry = radiograph.projection
    changed = dataclasses.replace(
        geometry,
        image_hw=geometry.image_hw[::-1],
        spacing_mm=geometry.spacing_mm[::-1],
        row_direction=geometry.column_direction,
        column_direction=geometry.row_direction,
    )
    return Radiograph(radiograph.image_hw.T.copy(), changed)


@pytest.mark.parametrize("view", list(View))
def test_the_letter_f_is_upright_and_readable_whatever_way_it_is_stored(view):
    original = _letter_f(view)
    expected = preview_radiograph(original, height_px=240).astype(int)
    gray = expected[:, :, 0]
    assert gray[60:180, 44:60].mean() > 150
    assert gray[44:60, 60:150].mean() > 150
    assert gray[150:230, 120:180].mean() < 60
    stored = (_flipped(original, 0), _flipped(original, 1), _flipped(_flipped(original, 0), 1), _transposed(original))
    for other in stored:
        picture = preview_radiograph(other, height_px=240).astype(int)
        assert picture.shape == expected.shape
        assert np.abs(picture - expected).mean() < 1.0


def test_pixels_become_square():
    geometry = samples.projection(View.AP)
    tall = dataclasses.replace(geometry, image_hw=(100, 100), spacing_mm=(2.0, 0.5))
    image = np.random.default_rng(1).random((100, 100)).astype(np.float32)
    assert preview_radiograph(Radiograph(image, tall), height_px=400).shape == (400, 100, 3)


@pytest.mark.parametrize("beam", [Beam.PARALLEL, Beam.CONE])
@pytest.mark.parametrize("view", list(View))
def test_dots_lie_on_the_shadows_of_the_centroids(view, beam):
    original = samples.radiograph(view, beam)
    height, width = original.image_hw.shape
    empty = Radiograph(np.linspace(0, 1, height * width, dtype=np.float32).reshape(height, width), original.projection)
    pixels = preview_radiograph(empty, centroids=samples.centroids(), height_px=4 * height)
    for position in samples.POSITIONS_LPS_MM.values():
        row, column = original.projection.project(position)[0]
        assert tuple(pixels[round(4 * (row + 0.5)), round(4 * (column + 0.5))]) == DOT_RGB


def test_centroids_outside_the_picture_are_not_drawn():
    radiograph = samples.radiograph(View.AP)
    far = samples.CentroidSet((samples.Centroid(samples.LEVELS[0], (900.0, 0.0, 0.0)),))
    assert np.array_equal(preview_radiograph(radiograph, centroids=far), preview_radiograph(radiograph))


@pytest.mark.parametrize(("view", "letters"), [(View.AP, ("H", "F", "R", "L")), (View.LATERAL, ("H", "F", "A", "P"))])
def test_marks_name_the_sides_of_the_patient(view, letters):
    radiograph = _letter_f(view)
    for stored in (radiograph, _flipped(radiograph, 0), _flipped(radiograph, 1), _transposed(radiograph)):
        assert Upright(stored.projection, 100).marks() == letters


def test_an_outline_is_drawn_around_a_silhouette_and_not_in_it():
    radiograph = samples.radiograph(View.AP)
    mask = np.zeros(radiograph.image_hw.shape, dtype=bool)
    mask[40:80, 30:70] = True
    level = samples.LEVELS[1]
    hue = colorsys.rgb_to_hsv(*level.color_rgb)[0]
    color = [round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.85, 1.0)]  # the level's hue, more vivid
    height = 4 * mask.shape[0]
    pixels = preview_radiograph(radiograph, silhouettes={level: mask}, height_px=height)
    drawn = (pixels == color).all(axis=2)
    rows, columns = np.nonzero(drawn)
    assert (rows.min(), rows.max()) == (pytest.approx(160, abs=2), pytest.approx(319, abs=2))
    assert (columns.min(), columns.max()) == (pytest.approx(120, abs=2), pytest.approx(279, abs=2))
    assert not drawn[170:310, 130:270].any()


def test_a_silhouette_of_another_size_is_refused():
    with pytest.raises(GeometryError, match="L1: the silhouette"):
        preview_radiograph(samples.radiograph(View.AP), silhouettes={samples.LEVELS[1]: np.zeros((3, 3), bool)})


def test_the_file_holds_the_returned_picture(tmp_path):
    path = tmp_path / "previews" / "ap.png"
    pixels = preview_radiograph(samples.radiograph(View.AP), path, centroids=samples.centroids())
    assert np.array_equal(np.asarray(Image.open(path)), pixels)
    assert pixels.shape[0] == 900


def test_a_tilted_plane_is_still_shown_head_up():
    angle = np.deg2rad(20.0)
    geometry = Projection(
        view=View.AP,
        beam=Beam.PARALLEL,
        image_hw=(60, 48),
        spacing_mm=(1.0, 1.0),
        origin_lps_mm=(0.0, 0.0, 0.0),
        row_direction=(np.sin(angle), 0.0, np.cos(angle)),
        column_direction=(-np.cos(angle), 0.0, np.sin(angle)),
        beam_direction=(0.0, 1.0, 0.0),
    )
    upright = Upright(geometry, 100)
    assert upright.marks() == ("H", "F", "R", "L")
    assert (upright.flip_rows, upright.flip_columns) == (True, True)
