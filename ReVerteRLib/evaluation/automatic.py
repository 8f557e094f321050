"""Automatic centroids in place of a data set's own, for `runner.evaluate` and `comparison.compare`."""

from __future__ import annotations

from collections.abc import Callable

from ReVerteRLib.centroids import CentroidSet
from ReVerteRLib.datasets.verse import LoadedSubject
from ReVerteRLib.errors import InputError
from ReVerteRLib.evaluation.annotation import PairAnnotator
from ReVerteRLib.geometry import Projection
from ReVerteRLib.imaging.radiograph import RadiographPair


class AutomaticCentroids:
    """A `CentroidFinder` that annotates each subject once, so that all systems get the same centroids.

    A subject in which nothing is found has no centroid at all: every vertebra of it counts as missed. Centroids outside
    a radiograph, from which nothing can be reconstructed, are left out.
    told: called with each warning.
    """

    def __init__(self, annotator: PairAnnotator, *, told: Callable[[str], None] | None = None) -> None:
        self._annotator = annotator
        self._told = told or (lambda _text: None)
        self._made: dict[str, CentroidSet] = {}

    def __call__(self, case: LoadedSubject, pair: RadiographPair) -> CentroidSet:
        """The centroids of a subject."""
        key = case.subject.key
        if key not in self._made:
            self._made[key] = self._annotated(key, pair)
        return self._made[key]

    def _annotated(self, key: str, pair: RadiographPair) -> CentroidSet:
        try:
            annotation = self._annotator.annotate(pair)
        except InputError as error:
            self._told(f"{key}: {error.message()}")
            return CentroidSet((), key)
        for warning in annotation.warnings:
            self._told(f"{key}: {warning}")
        return visible_centroids(annotation.centroids, pair)


def visible_centroids(centroids: CentroidSet, pair: RadiographPair) -> CentroidSet:
    """Those inside both radiographs."""

    def sees(projection: Projection, place: tuple[float, float, float]) -> bool:
        return bool(projection.contains(projection.project([place]))[0])

    kept = tuple(c for c in centroids if all(sees(r.projection, c.position_lps_mm) for r in pair))
    return CentroidSet(kept, centroids.source)
