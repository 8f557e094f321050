"""What may be wrong with radiographs, centroids and levels, and how it is brought about.

A disturbance is a gap between how a radiograph was taken (the true projection) and what the reconstruction is told
(its projection, its centroids, its levels). Everything is seeded; one seed gives the same inputs to every system.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ReVerteRLib.anatomy import VERTEBRAE, Level, level_from_name
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.datasets.verse import LoadedSubject
from ReVerteRLib.errors import ArgumentError
from ReVerteRLib.evaluation.runner import ViewSettings
from ReVerteRLib.geometry import Array, Beam, Projection, View, triangulate
from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair
from ReVerteRLib.imaging.volume import CtVolume

Projections = tuple[Projection, Projection]
"""AP and lateral."""


@dataclass(frozen=True)
class Disturbance:
    """One row of the robustness table; every field but the names is off by default.

    key, text, detail: name for files and options, name in tables, and what exactly is done.
    centroid_mm:       every centroid is displaced by exactly this length, each in a random direction of its own.
    ap_turn_deg, lateral_turn_deg: the true view is turned about the vertical axis through the mean of the centroids,
                       right-handed about the direction to the head; the reconstruction is told the standard view.
    spacing_factor:    the pixel spacing told, over the true one; the image's middle keeps its place.
    photons:           quanta per pixel in the open beam; 0 = no noise.
    crop_margin_mm:    both radiographs end this far above the topmost and below the lowest centroid; None = whole.
    beam:              shape of the beam, known to the reconstruction.
    neighbours:        False: each vertebra is reconstructed from its own centroid alone.
    level_shift:       +1: each vertebra bears the name of the next level towards the feet, -1: towards the head.
    level_known:       False: the network is not told the level.
    synthetic:         the CT is synthesised from the mask, although there is a real one.
    edges_only:        only the topmost and the lowest vertebra are scored.
    """

    key: str
    text: str
    detail: str
    centroid_mm: float = 0.0
    ap_turn_deg: float = 0.0
    lateral_turn_deg: float = 0.0
    spacing_factor: float = 1.0
    photons: float = 0.0
    crop_margin_mm: float | None = None
    beam: Beam = Beam.PARALLEL
    neighbours: bool = True
    level_shift: int = 0
    level_known: bool = True
    synthetic: bool = False
    edges_only: bool = False

    @property
    def wrong_geometry(self) -> bool:
        """The projections told are not the true ones.

        Nobody knows the true frame then: the centroids are those that one marks in the disturbed radiographs and
        triangulates with the geometry told, and each vertebra is scored after moving it back by its centroid's error.
        """
        return bool(self.ap_turn_deg or self.lateral_turn_deg or self.spacing_factor != 1.0)


UNDISTURBED = Disturbance("undisturbed", "Undisturbed", "parallel rays, true geometry, reference centroids and levels")
_CROP_MM = 5.0
_IN_OWN_FRAME = "centroids as marked in these radiographs; scored in the vertebra's own frame"


def _centroid_row(length_mm: float) -> Disturbance:
    return Disturbance(
        f"centroid-{length_mm:g}mm",
        f"Centroid error {length_mm:g} mm",
        f"every centroid displaced by exactly {length_mm:g} mm in a random direction of its own",
        centroid_mm=length_mm,
    )


def _angle_row(view: View, degrees: float) -> Disturbance:
    """Both views turn towards each other, so that they are less than 90 degrees apart."""
    is_ap = view is View.AP
    name = "AP" if is_ap else "lateral"
    return Disturbance(
        f"{view.value}-{degrees:g}deg",
        f"{name[0].upper()}{name[1:]} view off by {degrees:g}°",
        f"the views are {90 - degrees:g}° apart because the {name} one is turned about the vertical axis through the "
        f"mean of the centroids; 90° are assumed; {_IN_OWN_FRAME}",
        ap_turn_deg=-degrees if is_ap else 0.0,
        lateral_turn_deg=0.0 if is_ap else degrees,
    )


def _noise_row(photons: int) -> Disturbance:
    return Disturbance(
        f"noise-{photons}",
        f"Noise, {photons:,} quanta a pixel",
        f"Poisson noise of {photons:,} quanta per pixel in the open beam",
        photons=float(photons),
    )


DISTURBANCES: tuple[Disturbance, ...] = (
    UNDISTURBED,
    *(_centroid_row(length) for length in (2.0, 4.0, 8.0)),
    *(_angle_row(view, degrees) for view in (View.LATERAL, View.AP) for degrees in (5.0, 10.0)),
    Disturbance(
        "magnification-5pct",
        "Magnification 5 % wrong",
        f"the pixel spacing told is 5 % too large in both views; {_IN_OWN_FRAME}",
        spacing_factor=1.05,
    ),
    *(_noise_row(photons) for photons in (100_000, 10_000, 1_000)),
    Disturbance(
        "cut-view",
        "Field of view cut, all vertebrae",
        f"both radiographs end {_CROP_MM:g} mm above the topmost and below the lowest centroid; all are scored",
        crop_margin_mm=_CROP_MM,
    ),
    Disturbance(
        "cut-view-edges",
        "Field of view cut, the two at its edges",
        f"both radiographs end {_CROP_MM:g} mm above the topmost and below the lowest centroid; these two are scored",
        crop_margin_mm=_CROP_MM,
        edges_only=True,
    ),
    Disturbance("cone", "Cone beam", "source 1.5 m from the patient; the geometry is known", beam=Beam.CONE),
    Disturbance("slot", "Slot scan", "rays diverge along the columns only; the geometry is known", beam=Beam.SLOT),
    Disturbance("no-neighbours", "No neighbouring centroids", "each vertebra from its own centroid", neighbours=False),
    Disturbance("level-above", "Level named one too high", "L1 is called T12 and so on", level_shift=-1),
    Disturbance("level-below", "Level named one too low", "T12 is called L1 and so on", level_shift=1),
    Disturbance("level-unknown", "Level unknown", "the network is not told the level", level_known=False),
    Disturbance(
        "synthetic-ct",
        "Synthetic CT of the same spine",
        "the CT is synthesised from the mask of a subject that has a real one",
        synthetic=True,
    ),
)
"""All rows of the table in its order; the first is what the others are compared with."""


def select_disturbances(keys: Sequence[str] | None) -> tuple[Disturbance, ...]:
    """The rows with these keys in the table's order, always with the undisturbed one; all for None.

    Raises ArgumentError for a key that there is not.
    """
    known = [d.key for d in DISTURBANCES]
    unknown = [key for key in keys or () if key not in known]
    if unknown:
        raise ArgumentError(f"there is no disturbance '{unknown[0]}'", remedy=f"Choose among {', '.join(known)}")
    return tuple(d for d in DISTURBANCES if keys is None or d.key in keys or d is UNDISTURBED)


# --- geometry ------------------------------------------------------------------------------------


def turned(projection: Projection, degrees: float, pivot_lps_mm: ArrayLike) -> Projection:
    """The projection turned about the vertical axis through a point, right-handed about the direction to the head."""
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0.0], [np.sin(angle), np.cos(angle), 0.0], [0.0, 0.0, 1.0]])
    pivot = np.asarray(pivot_lps_mm, dtype=np.float64)
    return dataclasses.replace(
        projection,
        origin_lps_mm=_triple(turn @ (np.array(projection.origin_lps_mm) - pivot) + pivot),
        row_direction=_triple(turn @ np.array(projection.row_direction)),
        column_direction=_triple(turn @ np.array(projection.column_direction)),
        beam_direction=_triple(turn @ np.array(projection.beam_direction)),
    )


def with_spacing_factor(projection: Projection, factor: float) -> Projection:
    """The projection with all pixels `factor` times as large; the image's middle keeps its place."""
    middle = projection.plane_point((np.array(projection.image_hw) - 1.0) / 2.0)[0]
    origin = middle + factor * (np.array(projection.origin_lps_mm) - middle)
    row, column = projection.spacing_mm
    return dataclasses.replace(projection, spacing_mm=(row * factor, column * factor), origin_lps_mm=_triple(origin))


def rows_cropped(radiograph: Radiograph, first: int, stop: int) -> Radiograph:
    """Only the rows first to stop - 1; the pixels that stay keep their places."""
    projection = radiograph.projection
    row, column = projection.principal_rc
    shown = radiograph.image_hw[first:stop].copy()
    moved = dataclasses.replace(
        projection,
        image_hw=(shown.shape[0], shown.shape[1]),
        origin_lps_mm=_triple(projection.plane_point([[first, 0]])[0]),
        principal_point_rc=(float(row - first), float(column)),
    )
    return Radiograph(shown, moved, radiograph.source)


def cropped_to(radiograph: Radiograph, points_lps_mm: ArrayLike, margin_mm: float) -> Radiograph:
    """The radiograph cut this far above the topmost and below the lowest of the points (N, 3)."""
    rows = radiograph.projection.project(points_lps_mm)[:, 0]
    margin = margin_mm / radiograph.projection.spacing_mm[0]
    first = max(round(float(rows.min() - margin)), 0)
    stop = min(round(float(rows.max() + margin)) + 1, radiograph.image_hw.shape[0])
    return rows_cropped(radiograph, first, stop)


def _triple(values: Array) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in values)
    return x, y, z


# --- centroids and levels ------------------------------------------------------------------------


def displaced(centroids: CentroidSet, length_mm: float, seed: int, subject: str) -> CentroidSet:
    """Every centroid moved by exactly this length; its direction depends on seed, subject and level alone."""
    moved = []
    for centroid in centroids:
        rng = np.random.default_rng([seed, zlib.crc32(subject.encode()), centroid.level.order])
        direction = rng.standard_normal(3)
        step = length_mm * direction / np.linalg.norm(direction)
        moved.append(_at(centroid, np.array(centroid.position_lps_mm) + step))
    return CentroidSet(tuple(moved), centroids.source)


def as_marked(centroids: CentroidSet, true: Projections, told: Projections) -> CentroidSet:
    """What somebody gets who marks the centroids without error in both radiographs, taken with the projections
    `true`, and triangulates them with the projections `told`.
    """
    found = []
    for centroid in centroids:
        pixels = [view.project([centroid.position_lps_mm])[0] for view in true]
        found.append(_at(centroid, triangulate(list(zip(told, pixels, strict=True))).point_lps_mm))
    return CentroidSet(tuple(found), centroids.source)


def _at(centroid: Centroid, position_lps_mm: Array) -> Centroid:
    return dataclasses.replace(centroid, position_lps_mm=_triple(position_lps_mm))


def shifted_names(levels: Iterable[Level], shift: int) -> dict[Level, Level]:
    """The name that each vertebra gets when all are named `shift` levels too low (or too high when negative).

    T13 and L6 are counted where this spine has them; below the last lumbar level comes L6. A vertebra beyond the
    first or last name (C1 named higher, L6 named lower) is left out, and so is what is no vertebra.
    """
    present = set(levels)
    rare = {level_from_name("T13"), level_from_name("L6")}
    last = level_from_name("L6")
    chain = [level for level in VERTEBRAE if level not in rare or level in present or (shift > 0 and level == last)]
    places = {level: place for place, level in enumerate(chain)}
    return {
        level: chain[places[level] + shift]
        for level in sorted(present)
        if level in places and 0 <= places[level] + shift < len(chain)
    }


# --- one subject's inputs ------------------------------------------------------------------------


@dataclass(frozen=True)
class DisturbedInputs:
    """What a reconstruction is given, and what it takes to score it.

    pair:      the radiographs with the projections told.
    centroids: as told, under their true names.
    names:     true level to the name told, of the levels to reconstruct.
    ct:        'real' or 'synthetic'.
    """

    pair: RadiographPair
    centroids: CentroidSet
    names: dict[Level, Level]
    ct: str


class SubjectInputs:
    """Disturbed inputs of one subject; the CT is read once, and every projection of it is made once.

    case:     with its CT where there is one; else one is synthesised from its mask once.
    settings: pixel size, distances, device, seed and atlas; the beam is the disturbance's.
    """

    def __init__(self, case: LoadedSubject, settings: ViewSettings) -> None:
        self.case = case
        self._settings = settings
        self._synthetic: CtVolume | None = None
        self._pairs: dict[tuple[object, ...], tuple[RadiographPair, Projections]] = {}

    def make(self, disturbance: Disturbance) -> DisturbedInputs:
        """The inputs under one disturbance."""
        taken, true = self._imaged(disturbance)
        ap, lateral = (self._degraded(radiograph, disturbance) for radiograph in taken)
        centroids = self.case.centroids
        if disturbance.wrong_geometry:
            centroids = as_marked(centroids, true, (ap.projection, lateral.projection))
        if disturbance.centroid_mm:
            centroids = displaced(centroids, disturbance.centroid_mm, self._settings.seed, self.case.subject.key)
        is_real = self.case.ct is not None and not disturbance.synthetic
        ct = "real" if is_real else "synthetic"
        return DisturbedInputs(RadiographPair(ap, lateral), centroids, self._names(disturbance), ct)

    def _degraded(self, radiograph: Radiograph, disturbance: Disturbance) -> Radiograph:
        """Noise, wrong pixel spacing and a cut field of view, none of which needs the CT."""
        if disturbance.photons:
            radiograph = self._noisy(radiograph, disturbance.photons)
        if disturbance.spacing_factor != 1.0:
            radiograph = _told(radiograph, with_spacing_factor(radiograph.projection, disturbance.spacing_factor))
        if disturbance.crop_margin_mm is not None:
            radiograph = cropped_to(radiograph, self._whole_points(), disturbance.crop_margin_mm)
        return radiograph

    def _names(self, disturbance: Disturbance) -> dict[Level, Level]:
        levels = [level for level in self.case.whole_levels if self.case.centroids.get(level) is not None]
        if disturbance.edges_only:
            levels = [level for level in levels if level in (levels[0], levels[-1])]
        if not disturbance.level_shift:
            return {level: level for level in levels}
        names = shifted_names(self.case.levels, disturbance.level_shift)
        return {level: names[level] for level in levels if level in names}

    def _whole_points(self) -> Array:
        whole = set(self.case.whole_levels)
        return np.array([c.position_lps_mm for c in self.case.centroids if c.level in whole])

    def _imaged(self, disturbance: Disturbance) -> tuple[RadiographPair, Projections]:
        """The radiographs with the standard projections, and the projections with which they were taken."""
        from ReVerteRLib.drr import projections_for, simulate_views

        turns = (disturbance.ap_turn_deg, disturbance.lateral_turn_deg)
        key = (disturbance.beam, disturbance.synthetic, *turns)
        if key not in self._pairs:
            settings, ct = self._settings, self._ct(disturbance.synthetic)
            told = projections_for(
                ct,
                beam=disturbance.beam,
                spacing_mm=settings.spacing_mm,
                sad_mm=settings.sad_mm,
                sdd_mm=settings.sdd_mm,
            )
            pivot = self._whole_points().mean(axis=0)
            ap, lateral = (turned(p, degrees, pivot) if degrees else p for p, degrees in zip(told, turns, strict=True))
            taken = simulate_views(ct, [ap, lateral], device=settings.device)
            pair = RadiographPair(*(_told(radiograph, p) for radiograph, p in zip(taken, told, strict=True)))
            self._pairs[key] = pair, (ap, lateral)
        return self._pairs[key]

    def _ct(self, synthetic: bool) -> CtVolume:
        if self.case.ct is not None and not synthetic:
            return self.case.ct
        if self._synthetic is None:
            from ReVerteRLib.datasets.synthesis import synthesise_ct

            case, settings = self.case, self._settings
            self._synthetic = synthesise_ct(case.labels, case.centroids, settings.seed, atlas=settings.atlas)
        return self._synthetic

    def _noisy(self, radiograph: Radiograph, photons: float) -> Radiograph:
        from ReVerteRLib.drr.realism import Realism, apply_realism

        seed = self._settings.seed
        noisy = apply_realism(radiograph.image_hw, radiograph.projection, Realism(photons=photons), seed)
        return dataclasses.replace(radiograph, image_hw=noisy)


def _told(radiograph: Radiograph, projection: Projection) -> Radiograph:
    return dataclasses.replace(radiograph, projection=projection)
