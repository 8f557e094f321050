"""Frames, projections, triangulation and patch grids.

Everything here is DICOM patient space: LPS millimetres (x to the patient's left, y to the back,
z to the head). The change to Slicer's RAS happens in ReVerteRLib.scene alone.

Image and patch conventions (radiologist's view, patient facing the reader):
- AP image      rows run superior to inferior, columns patient right to left.
- lateral image rows run superior to inferior, columns anterior to posterior.
- patch volume  [z, y, x] = [superior to inferior, anterior to posterior, patient right to left].
Pixel and voxel centres have integer coordinates, as in ITK.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ReVerteRLib.errors import GeometryError

Array = NDArray[np.float64]

LEFT: tuple[float, float, float] = (1.0, 0.0, 0.0)
POSTERIOR: tuple[float, float, float] = (0.0, 1.0, 0.0)
INFERIOR: tuple[float, float, float] = (0.0, 0.0, -1.0)

PATCH_SIZE = 120
PATCH_SPACING_MM = 1.0


class View(Enum):
    """Which of the two orthogonal radiographs."""

    AP = "ap"
    LATERAL = "lateral"


class Beam(Enum):
    """Shape of the X-ray beam. SLOT diverges along columns only (EOS-like slot scanning)."""

    PARALLEL = "parallel"
    CONE = "cone"
    SLOT = "slot"


_COLUMN_DIRECTION = {View.AP: LEFT, View.LATERAL: POSTERIOR}
# The beam enters at the front for AP and at the patient's right for the lateral view (left side on the detector).
_BEAM_DIRECTION = {View.AP: POSTERIOR, View.LATERAL: LEFT}


@dataclass(frozen=True)
class Projection:
    """One radiograph's geometry: from patient space to pixels and back.

    Pixels live on the *reference plane*, the plane through the patient parallel to the detector at the
    distance `sad_mm` from the source: `spacing_mm` is the pixel size there, so one pixel of 1 mm is 1 mm
    of anatomy at that depth. The detector itself has `detector_spacing_mm`.

    view:               AP or lateral.
    beam:               parallel, cone or slot.
    image_hw:           rows and columns.
    spacing_mm:         row and column spacing on the reference plane.
    origin_lps_mm:      centre of pixel (row 0, column 0) on the reference plane.
    row_direction:      unit vector of increasing row index.
    column_direction:   unit vector of increasing column index.
    beam_direction:     unit normal of the plane, pointing from the source to the detector.
    sad_mm, sdd_mm:     source to reference plane ("patient", DICOM 0018,1111) and source to detector
                        (DICOM 0018,1110). Ignored for parallel rays.
    principal_point_rc: pixel where the source's perpendicular meets the plane; the image centre if None.
    """

    view: View
    beam: Beam
    image_hw: tuple[int, int]
    spacing_mm: tuple[float, float]
    origin_lps_mm: tuple[float, float, float]
    row_direction: tuple[float, float, float] = INFERIOR
    column_direction: tuple[float, float, float] = LEFT
    beam_direction: tuple[float, float, float] = POSTERIOR
    sad_mm: float = 1500.0
    sdd_mm: float = 1800.0
    principal_point_rc: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        _check_projection(self)

    # --- parts ---------------------------------------------------------------------------------

    @property
    def axes_lps(self) -> Array:
        """3x3, columns are the unit vectors of row, column and beam."""
        return np.array([self.row_direction, self.column_direction, self.beam_direction], dtype=np.float64).T

    @property
    def principal_rc(self) -> Array:
        """Principal point in pixels, shape (2,)."""
        if self.principal_point_rc is not None:
            return np.array(self.principal_point_rc, dtype=np.float64)
        return (np.array(self.image_hw, dtype=np.float64) - 1.0) / 2.0

    @property
    def source_lps_mm(self) -> Array:
        """Position of the focal spot, shape (3,). Raises GeometryError for parallel rays, which have none."""
        if self.beam is Beam.PARALLEL:
            raise GeometryError("parallel rays have no source", where=self.view.value)
        return self.plane_point(self.principal_rc[None])[0] - self.sad_mm * np.array(self.beam_direction)

    @property
    def detector_spacing_mm(self) -> tuple[float, float]:
        """Row and column spacing on the detector itself."""
        scale_rc = {Beam.PARALLEL: (1.0, 1.0), Beam.CONE: (self.sdd_mm / self.sad_mm,) * 2}.get(
            self.beam, (1.0, self.sdd_mm / self.sad_mm)
        )
        return self.spacing_mm[0] * scale_rc[0], self.spacing_mm[1] * scale_rc[1]

    @property
    def ijk_to_lps_mm(self) -> Array:
        """4x4 of the image as a one-slice volume: i = column, j = row, k = beam (1 mm)."""
        matrix = np.eye(4)
        matrix[:3, 0] = np.array(self.column_direction) * self.spacing_mm[1]
        matrix[:3, 1] = np.array(self.row_direction) * self.spacing_mm[0]
        matrix[:3, 2] = self.beam_direction
        matrix[:3, 3] = self.origin_lps_mm
        return matrix

    def plane_point(self, pixels_rc: ArrayLike) -> Array:
        """Points (N, 3) on the reference plane under pixels (N, 2)."""
        pixels = np.atleast_2d(np.asarray(pixels_rc, dtype=np.float64))
        steps_mm = pixels * np.array(self.spacing_mm)
        return np.array(self.origin_lps_mm) + steps_mm @ self.axes_lps[:, :2].T

    # --- patient space to pixels and back ------------------------------------------------------

    def depth_mm(self, points_lps_mm: ArrayLike) -> Array:
        """Signed distance (N,) behind the reference plane; negative lies towards the source."""
        points = np.atleast_2d(np.asarray(points_lps_mm, dtype=np.float64))
        return (points - np.array(self.origin_lps_mm)) @ np.array(self.beam_direction)

    def scale_at(self, depth_mm: ArrayLike) -> Array:
        """(N, 2) factors by which row and column offsets grow when a point at this depth is projected."""
        depth = np.atleast_1d(np.asarray(depth_mm, dtype=np.float64))
        if self.beam is Beam.PARALLEL:
            return np.ones((depth.size, 2))
        with np.errstate(divide="ignore"):
            scale = np.where(depth > -self.sad_mm, self.sad_mm / (self.sad_mm + depth), np.nan)
        rows = scale if self.beam is Beam.CONE else np.ones_like(scale)
        return np.stack([rows, scale], axis=1)

    def project(self, points_lps_mm: ArrayLike) -> Array:
        """Pixels (N, 2) as (row, column) of points (N, 3); NaN for points behind the source."""
        points = np.atleast_2d(np.asarray(points_lps_mm, dtype=np.float64))
        offsets_mm = (points - np.array(self.origin_lps_mm)) @ self.axes_lps[:, :2]
        principal = self.principal_rc
        relative = offsets_mm / np.array(self.spacing_mm) - principal
        return principal + relative * self.scale_at(self.depth_mm(points))

    def back_project(self, pixels_rc: ArrayLike) -> tuple[Array, Array]:
        """Rays of pixels (N, 2): points (N, 3) on the reference plane and unit directions (N, 3)."""
        points = self.plane_point(pixels_rc)
        beam = np.array(self.beam_direction)
        if self.beam is Beam.PARALLEL:
            return points, np.broadcast_to(beam, points.shape).copy()
        source = np.broadcast_to(self.source_lps_mm, points.shape).copy()
        if self.beam is Beam.SLOT:  # the source moves along the rows with the slot
            row = np.array(self.row_direction)
            source += ((points - source) @ row)[:, None] * row
        directions = points - source
        return points, directions / np.linalg.norm(directions, axis=1, keepdims=True)

    def point_at_depth(self, pixels_rc: ArrayLike, depth_mm: float) -> Array:
        """Points (N, 3) where the rays of pixels (N, 2) cross the plane at this depth behind the reference plane."""
        points, directions = self.back_project(pixels_rc)
        along = depth_mm / (directions @ np.array(self.beam_direction))
        return points + along[:, None] * directions

    def contains(self, pixels_rc: ArrayLike) -> NDArray[np.bool_]:
        """(N,) whether pixels lie inside the image."""
        pixels = np.atleast_2d(np.asarray(pixels_rc, dtype=np.float64))
        return np.all((pixels >= -0.5) & (pixels <= np.array(self.image_hw) - 0.5), axis=1)

    # --- building and storing ------------------------------------------------------------------

    @classmethod
    def covering(
        cls,
        view: View,
        corners_lps_mm: ArrayLike,
        *,
        spacing_mm: float = 1.0,
        beam: Beam = Beam.PARALLEL,
        sad_mm: float = 1500.0,
        sdd_mm: float = 1800.0,
    ) -> Projection:
        """The standard view of a box: reference plane through its middle, image just large enough for its shadow.

        corners_lps_mm: (N, 3) points that must be seen, for example the corners of a CT.
        """
        corners = np.atleast_2d(np.asarray(corners_lps_mm, dtype=np.float64))
        if not (np.isfinite(spacing_mm) and spacing_mm > 0):
            raise GeometryError(f"pixel spacing {spacing_mm} mm is impossible", remedy="Use a positive number")
        column, beam_axis = np.array(_COLUMN_DIRECTION[view]), np.array(_BEAM_DIRECTION[view])
        centre = (corners.min(axis=0) + corners.max(axis=0)) / 2.0
        seed = cls(
            view=view,
            beam=beam,
            image_hw=(1, 1),
            spacing_mm=(spacing_mm, spacing_mm),
            origin_lps_mm=_triple(centre),
            column_direction=_triple(column),
            beam_direction=_triple(beam_axis),
            sad_mm=sad_mm,
            sdd_mm=sdd_mm,
        )
        if beam is not Beam.PARALLEL and seed.depth_mm(corners).min() <= -sad_mm:
            raise GeometryError(
                f"the source, {sad_mm:g} mm from the patient's middle, would lie inside the volume",
                where=view.value,
                remedy="Use a larger source-to-patient distance (--sad)",
            )
        half = np.ceil(np.abs(seed.project(corners)).max(axis=0) - 1e-6)
        height, width = (2 * half.astype(int) + 1).tolist()
        origin = centre - spacing_mm * (half[0] * np.array(INFERIOR) + half[1] * column)
        return dataclasses.replace(seed, image_hw=(height, width), origin_lps_mm=_triple(origin))

    @classmethod
    def from_image_matrix(cls, view: View, ijk_to_lps_mm: Array, image_hw: tuple[int, int]) -> Projection:
        """A parallel projection onto the plane in which a one-slice image lies (i = column, j = row).

        Raises GeometryError when the image does not lie about in the plane of the view.
        """
        column, row = ijk_to_lps_mm[:3, 0], ijk_to_lps_mm[:3, 1]
        spacing = (float(np.linalg.norm(row)), float(np.linalg.norm(column)))
        normal = np.cross(column / spacing[1], row / spacing[0])
        along = float(normal @ np.array(_BEAM_DIRECTION[view]))
        if abs(along) < 0.7:
            raise GeometryError(
                f"the image does not lie in the plane of the {view.value} view and carries no geometry",
                remedy="Keep geometry.json beside it, or store it with its orientation (rows head to foot)",
            )
        return cls(
            view=view,
            beam=Beam.PARALLEL,
            image_hw=image_hw,
            spacing_mm=spacing,
            origin_lps_mm=_triple(ijk_to_lps_mm[:3, 3]),
            row_direction=_triple(row / spacing[0]),
            column_direction=_triple(column / spacing[1]),
            beam_direction=_triple(normal if along > 0 else -normal),
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready description; `from_dict` restores an equal object."""
        record = dataclasses.asdict(self)
        return {**record, "view": self.view.value, "beam": self.beam.value, "frame": "LPS", "unit": "mm"}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Projection:
        """Inverse of `to_dict`. Raises GeometryError when fields are missing or impossible."""
        if record.get("frame", "LPS") != "LPS":
            raise GeometryError(f"frame {record['frame']} is not supported", remedy="Store the geometry in LPS mm")
        names = {field.name for field in dataclasses.fields(cls)}
        try:
            values: dict[str, Any] = {
                key: tuple(v) if isinstance(v, list) else v for key, v in record.items() if key in names
            }
            values["view"], values["beam"] = View(values["view"]), Beam(values["beam"])
            values["image_hw"] = tuple(int(n) for n in values["image_hw"])
            return cls(**values)
        except (KeyError, TypeError, ValueError) as error:
            raise GeometryError(
                f"the projection geometry cannot be read ({error})", remedy="Write it with 'reverter simulate'"
            ) from error


def _triple(vector: ArrayLike) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in np.asarray(vector, dtype=np.float64).ravel())
    return x, y, z


def _check_projection(projection: Projection) -> None:
    def refuse(what: str, remedy: str = "") -> None:
        raise GeometryError(what, where=f"{projection.view.value} projection", remedy=remedy)

    if len(projection.image_hw) != 2 or min(projection.image_hw) < 1:
        refuse(f"image size {projection.image_hw} is impossible")
    numbers = [*projection.spacing_mm, *projection.origin_lps_mm, projection.sad_mm, projection.sdd_mm]
    if not np.isfinite(numbers).all() or min(projection.spacing_mm) <= 0:
        refuse(f"spacing {projection.spacing_mm} mm or origin {projection.origin_lps_mm} is impossible")
    axes = projection.axes_lps
    if not np.allclose(axes.T @ axes, np.eye(3), atol=1e-4):
        refuse("row, column and beam direction are not orthogonal unit vectors")
    if projection.beam is not Beam.PARALLEL and not 0 < projection.sad_mm <= projection.sdd_mm:
        refuse(
            f"source-patient distance {projection.sad_mm:g} mm must be positive and at most the source-detector "
            f"distance {projection.sdd_mm:g} mm",
            "Check --sad and --sdd",
        )


# --- two views -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Triangulation:
    """A point and how far its two rays miss each other (mm)."""

    point_lps_mm: Array
    residual_mm: float


def triangulate(views: list[tuple[Projection, ArrayLike]]) -> Triangulation:
    """The point nearest to all rays in the least-squares sense, from one pixel (row, column) per view.

    The residual is the distance between the two rays (with more than two, the largest distance between a ray
    and the point, doubled). Raises GeometryError for fewer than two views or for rays that are almost parallel.
    """
    if len(views) < 2:
        raise GeometryError("one view gives a ray, not a point", remedy="Mark the vertebra in both radiographs")
    points, directions = (np.concatenate(parts) for parts in zip(*(p.back_project(rc) for p, rc in views), strict=True))
    across = np.eye(3) - directions[:, :, None] * directions[:, None, :]
    normal = across.sum(axis=0)
    if np.linalg.cond(normal) > 1e6:
        raise GeometryError("the rays are almost parallel", remedy="Use two different views, AP and lateral")
    point = np.linalg.solve(normal, np.einsum("nij,nj->i", across, points))
    misses = np.linalg.norm(np.einsum("nij,nj->ni", across, point - points), axis=1)
    return Triangulation(point, float(2.0 * misses.max()))


def epipolar_line(projection: Projection, pixel_rc: ArrayLike, other: Projection, half_length_mm: float) -> Array:
    """(2, 2) pixels in `other`: the shadow there of the ray through a pixel here, +-half_length_mm about its plane."""
    points, directions = projection.back_project(np.atleast_2d(np.asarray(pixel_rc, dtype=np.float64)))
    ends = points + np.array([[-half_length_mm], [half_length_mm]]) * directions
    return other.project(ends)


# --- patches -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PatchGrid:
    """The cube that the network fills around one centroid, and its two images.

    centroid_lps_mm:     the annotated vertebral centre.
    size, spacing_mm:    voxels per edge and their size; 120 and 1.0 mm in the paper (systems.md 4.13).
    posterior_offset_mm: shift of the cube's middle towards the back, so that long spinous processes fit (4.14).
    """

    centroid_lps_mm: tuple[float, float, float]
    size: int = PATCH_SIZE
    spacing_mm: float = PATCH_SPACING_MM
    posterior_offset_mm: float = 0.0

    @property
    def centre_lps_mm(self) -> Array:
        """Middle of the cube, shape (3,)."""
        return np.array(self.centroid_lps_mm, dtype=np.float64) + self.posterior_offset_mm * np.array(POSTERIOR)

    @property
    def zyx_to_lps_mm(self) -> Array:
        """4x4 from voxel index [z, y, x, 1] to LPS."""
        matrix = np.eye(4)
        matrix[:3, :3] = np.array([INFERIOR, POSTERIOR, LEFT], dtype=np.float64).T * self.spacing_mm
        matrix[:3, 3] = self.centre_lps_mm - matrix[:3, :3].sum(axis=1) * (self.size - 1) / 2.0
        return matrix

    @property
    def centroid_zyx(self) -> Array:
        """The centroid in voxel coordinates, shape (3,)."""
        zyx: Array = np.linalg.solve(self.zyx_to_lps_mm, np.append(self.centroid_lps_mm, 1.0))[:3]
        return zyx

    def points_lps_mm(self, zyx: ArrayLike) -> Array:
        """LPS positions (..., 3) of voxel coordinates (..., 3)."""
        coordinates = np.asarray(zyx, dtype=np.float64)
        matrix = self.zyx_to_lps_mm
        return coordinates @ matrix[:3, :3].T + matrix[:3, 3]

    def image_pixels(self, projection: Projection) -> Array:
        """(size, size, 2) radiograph pixels (row, column) under the patch image of this view.

        The patch image is the grid [z, x] (AP) or [z, y] (lateral) on the plane through the centroid, so for a
        cone beam the patch is rescaled to the true size of the vertebra.
        """
        z, other = np.meshgrid(np.arange(self.size), np.arange(self.size), indexing="ij")
        in_plane = self.centroid_zyx
        if projection.view is View.AP:
            zyx = np.stack([z, np.full(z.shape, in_plane[1]), other], axis=-1)
        else:
            zyx = np.stack([z, other, np.full(z.shape, in_plane[2])], axis=-1)
        pixels = projection.project(self.points_lps_mm(zyx).reshape(-1, 3))
        return pixels.reshape(self.size, self.size, 2)

    def patch_coordinates(self, projection: Projection, points_lps_mm: ArrayLike) -> Array:
        """(N, 2) patch-image coordinates of points (N, 3): where the ray through each crosses the centroid's plane.

        For parallel rays along the patient axes this is just (z, x) or (z, y); for cone beams it is the
        projection-aware lift.
        """
        plane_depth = float(projection.depth_mm(self.centroid_lps_mm)[0])
        crossing = projection.point_at_depth(projection.project(points_lps_mm), plane_depth)
        zyx = (crossing - self.zyx_to_lps_mm[:3, 3]) @ np.linalg.inv(self.zyx_to_lps_mm[:3, :3]).T
        return zyx[:, [0, 2]] if projection.view is View.AP else zyx[:, [0, 1]]

    def perspective(self, projection: Projection) -> Array:
        """(4,) perspective of this view in patch pixels: principal point row and column, then the inverse distances
        (1 / source-to-centroid-plane, in voxels) for rows and columns; 0 means parallel.

        A voxel `d` voxels to the back (AP) or to the patient's left (lateral) of the centroid's plane is seen in the
        patch image at `principal + (position - principal) / (1 + d * inverse)`; `inverse` is negative where the beam
        comes from the other side (PA, right lateral).
        """
        if projection.beam is Beam.PARALLEL:
            return np.zeros(4)
        depth = float(projection.depth_mm(self.centroid_lps_mm)[0])
        source = projection.source_lps_mm
        foot = source + (projection.sad_mm + depth) * np.array(projection.beam_direction)
        zyx = np.linalg.inv(self.zyx_to_lps_mm[:3, :3]) @ (foot - self.zyx_to_lps_mm[:3, 3])
        along = float(np.dot(projection.beam_direction, _BEAM_DIRECTION[projection.view]))
        inverse = float(np.copysign(self.spacing_mm / (projection.sad_mm + depth), along))
        column = zyx[2] if projection.view is View.AP else zyx[1]
        return np.array([zyx[0], column, 0.0 if projection.beam is Beam.SLOT else inverse, inverse])
