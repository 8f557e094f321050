"""From two radiographs and centroids to a labelled spine."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import VERTEBRAE, Level
from ReVerteRLib.boxes import box_of
from ReVerteRLib.centroids import Centroid, CentroidSet
from ReVerteRLib.errors import ArgumentError, CancelledError, CentroidError
from ReVerteRLib.imaging.radiograph import RadiographPair
from ReVerteRLib.inference.assembly import THRESHOLD, LevelField, LevelPatch, assemble
from ReVerteRLib.inference.halves import to_half
from ReVerteRLib.inference.predictor import NetworkPredictor, VertebraPredictor, unseen_error
from ReVerteRLib.inference.result import SpineReconstruction, VertebraResult
from ReVerteRLib.inference.runner import NetworkRunner, PatchRunner, RunnerOptions
from ReVerteRLib.inference.weights import LoadedWeights
from ReVerteRLib.progress import Cancelled, Progress

if TYPE_CHECKING:
    import vtk

    from ReVerteRLib.inference.surfaces import SurfaceOptions


_LOG = logging.getLogger("ReVerteR")
_SURFACE_THREADS = 4


class Reconstructor:
    """Runs one set of weights, or another predictor, on radiograph pairs.

    >>> reconstructor = Reconstructor(load_weights())
    >>> spine = reconstructor.reconstruct(pair, read_centroids("centroids.mrk.json"))
    >>> spine.labels, spine.surfaces

    weights:    from `load_weights`, or another predictor of vertebrae.
    device, batch_size, threads, precision, mirror: see RunnerOptions; they concern networks only.
    mirror:     None takes the weights' own.
    threshold:  probability from which a voxel is bone; None takes the weights' own.
    surface_options: smoothing of the surfaces.
    runner:     replaces the network; for tests and other engines.
    """

    def __init__(
        self,
        weights: LoadedWeights | VertebraPredictor,
        device: str = "auto",
        *,
        batch_size: int | None = None,
        threads: int | None = None,
        precision: str = "auto",
        mirror: bool | None = None,
        threshold: float | None = None,
        surface_options: SurfaceOptions | None = None,
        runner: PatchRunner | None = None,
    ) -> None:
        if threshold is None:
            threshold = weights.threshold if isinstance(weights, LoadedWeights) else THRESHOLD
        if not 0.0 < threshold < 1.0:
            raise ArgumentError(f"threshold {threshold} is impossible", remedy="Use a number between 0 and 1")
        self._threshold = threshold
        self._surface_options = surface_options
        self._threads = threads
        self._predictor: VertebraPredictor
        if isinstance(weights, LoadedWeights):
            mirror = weights.mirror if mirror is None else mirror
            options = RunnerOptions(device, batch_size, threads, precision, mirror)
            self._predictor = NetworkPredictor(weights, runner or NetworkRunner(weights.network, options))
        else:
            self._predictor = weights
        self._first_notes = tuple(self._predictor.notes)  # of the start, for example that the GPU cannot be used

    def reconstruct(
        self,
        pair: RadiographPair,
        centroids: CentroidSet,
        levels: Sequence[Level] | None = None,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
        *,
        kept: Sequence[VertebraResult] = (),
        on_vertebra: Callable[[VertebraResult], None] | None = None,
    ) -> SpineReconstruction:
        """The labelled spine of the chosen levels (all with a centroid when None).

        progress is called once per finished vertebra and `cancelled` is asked between batches of one or two
        vertebrae, more on a GPU. kept: vertebrae of an earlier run with the same network, which are assembled with the
        new ones; those of the chosen levels are replaced. on_vertebra is given each new vertebra before its progress is
        told.
        Raises CentroidError for centroids that are missing, outside a radiograph or on a blank part of it,
        ArgumentError for levels that cannot be reconstructed, CancelledError, ResourceError.
        """
        chosen = self._chosen(centroids, levels)
        _check_visible(pair, chosen)
        notes_before = len(self._predictor.notes)
        started = time.perf_counter()
        tell = _teller(len(chosen), progress, on_vertebra)
        new = self._vertebrae(pair, chosen, centroids, tell, cancelled)
        vertebrae = merged(kept, new)
        networked = time.perf_counter()
        labels, fields = assemble([LevelPatch(v.level, v.probability, v.grid) for v in vertebrae], self._threshold)
        assembled = time.perf_counter()
        surfaces = self._surfaces(fields, cancelled)
        timings = {
            "network": networked - started,
            "assemble": assembled - networked,
            "surfaces": time.perf_counter() - assembled,
        }
        new_notes = (*self._first_notes, *self._predictor.notes[notes_before:])
        notes = [*([self._predictor.note] if self._predictor.note else []), *new_notes]
        return SpineReconstruction(
            labels,
            tuple(vertebrae),
            surfaces,
            tuple(notes + _empty_notes(vertebrae, surfaces)),
            timings,
            self._predictor.device,
            self._predictor.name,
            self._predictor.sha256,
        )

    @property
    def weights_sha256(self) -> str:
        """Of what it runs with."""
        return self._predictor.sha256

    # --- steps ---------------------------------------------------------------------------------

    @staticmethod
    def _chosen(centroids: CentroidSet, levels: Sequence[Level] | None) -> CentroidSet:
        wanted = [c.level for c in centroids] if levels is None else list(levels)
        if levels is None:
            wanted = [level for level in wanted if level in VERTEBRAE]
        impossible = [level.name for level in wanted if level not in VERTEBRAE]
        if impossible:
            raise ArgumentError(f"{', '.join(impossible)} cannot be reconstructed", remedy="Choose among C1 to L6")
        if not wanted:
            raise CentroidError("there is no vertebra to reconstruct", where=centroids.source, remedy="Place centroids")
        return centroids.selected(wanted)

    def _vertebrae(
        self,
        pair: RadiographPair,
        chosen: CentroidSet,
        known: CentroidSet,
        tell: Callable[[int, VertebraResult], None],
        cancelled: Cancelled | None,
    ) -> list[VertebraResult]:
        results: list[VertebraResult] = []
        items = list(chosen)
        while len(results) < len(items):
            if cancelled is not None and cancelled():
                raise CancelledError(
                    f"cancelled after {len(results)} of {len(items)} vertebrae", remedy="Nothing was changed"
                )
            batch = items[len(results) : len(results) + self._predictor.batch_size]
            for result in self._batch(pair, batch, known):
                results.append(result)
                tell(len(results), result)
        return results

    def _batch(self, pair: RadiographPair, batch: list[Centroid], known: CentroidSet) -> list[VertebraResult]:
        started = time.perf_counter()
        predicted = self._predictor.predict(pair, batch, known)
        cleaned = [largest_component(np.asarray(p.probability, np.float32), self._threshold) for p in predicted]
        seconds = (time.perf_counter() - started) / len(batch)
        return [
            _result(patch, probability, seconds, self._threshold)
            for patch, probability in zip(predicted, cleaned, strict=True)
        ]

    def _surfaces(self, fields: list[LevelField], cancelled: Cancelled | None) -> dict[Level, vtk.vtkPolyData]:
        """Several at once: VTK's filters run beside each other in threads."""
        from ReVerteRLib.inference.surfaces import surface_from_field

        with ThreadPoolExecutor(self._surface_threads()) as pool:
            futures = [
                (item.level, pool.submit(surface_from_field, item.values, item.zyx_to_lps_mm, self._surface_options))
                for item in fields
            ]
            surfaces: dict[Level, vtk.vtkPolyData] = {}
            for level, future in futures:
                if cancelled is not None and cancelled():
                    pool.shutdown(cancel_futures=True)
                    raise CancelledError("cancelled while surfaces were made", remedy="Nothing was changed")
                surfaces[level] = future.result()
        return surfaces

    def _surface_threads(self) -> int:
        import torch

        return max(1, min(_SURFACE_THREADS, self._threads or torch.get_num_threads()))


def merged(kept: Sequence[VertebraResult], new: Sequence[VertebraResult]) -> list[VertebraResult]:
    """Vertebrae from the head down; a new one replaces a kept one of its level."""
    by_level = {v.level: v for v in (*kept, *new)}
    return [by_level[level] for level in sorted(by_level)]


def _teller(
    total: int, progress: Progress | None, on_vertebra: Callable[[VertebraResult], None] | None
) -> Callable[[int, VertebraResult], None]:
    def tell(done: int, result: VertebraResult) -> None:
        if on_vertebra is not None:
            on_vertebra(result)
        if progress is not None:
            progress(done, total, result.level.name)

    return tell


def largest_component(probability: NDArray[np.float32], threshold: float = THRESHOLD) -> NDArray[np.float32]:
    """The probabilities with all parts over the threshold but the largest (26-neighbours) set to 0."""
    from scipy.ndimage import find_objects, label

    over = probability >= threshold
    whole = box_of(over)
    if whole is None:
        return probability
    components, count = label(over[whole], np.ones((3, 3, 3), dtype=bool))
    if count < 2:
        return probability
    sizes = np.bincount(components.ravel())
    sizes[0] = 0
    keep = int(sizes.argmax())
    cleaned = probability.copy()
    inside = cleaned[whole]
    for number, box in enumerate(find_objects(components), start=1):
        if number != keep and box is not None:
            part = inside[box]
            part[components[box] == number] = 0.0
    return cleaned


def _check_visible(pair: RadiographPair, chosen: CentroidSet) -> None:
    for centroid in chosen:
        for radiograph in (pair.ap, pair.lateral):
            pixel = radiograph.projection.project([centroid.position_lps_mm])
            if not radiograph.projection.contains(pixel)[0]:
                raise unseen_error(centroid, radiograph, "outside", chosen.source)


def _result(patch: LevelPatch, probability: NDArray[np.float32], seconds: float, threshold: float) -> VertebraResult:
    mask = probability >= threshold
    confidence = float(probability[mask].mean()) if mask.any() else 0.0
    return VertebraResult(patch.level, mask, to_half(probability), patch.grid, seconds, confidence)


def _empty_notes(vertebrae: list[VertebraResult], surfaces: dict[Level, vtk.vtkPolyData]) -> list[str]:
    empty = [v.level.name for v in vertebrae if v.level not in surfaces]
    notes = [f"{name}: the network found no bone at this centroid; check its position" for name in empty]
    for note in notes:
        _LOG.warning(note)
    return notes
