"""The jobs of the worker; each is also callable in this process (see batch.runners.DirectRunner)."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ReVerteRLib.cli.staging import StageClock, staged_folder
from ReVerteRLib.errors import ArgumentError, ReVerteRError, as_known
from ReVerteRLib.worker.arguments import parse_arguments
from ReVerteRLib.worker.context import JobContext
from ReVerteRLib.worker.protocol import PROTOCOL

if TYPE_CHECKING:
    from ReVerteRLib.inference.result import VertebraResult

_LOG = logging.getLogger("ReVerteR")


@dataclass(frozen=True)
class HelloRequest:
    """device: the one to be described."""

    device: str = "auto"


@dataclass(frozen=True)
class SimulateRequest:
    """Radiographs from a CT: ap.nrrd, lateral.nrrd, geometry.json and previews in `out`; see drr.simulate_pair."""

    ct: Path
    out: Path
    beam: str = "parallel"
    spacing_mm: float = 1.0
    sad_mm: float = 1500.0
    sdd_mm: float = 1800.0
    device: str = "auto"


@dataclass(frozen=True)
class ReconstructRequest:
    """Vertebrae from two radiographs and a centroid file; the result is the record of report.json.

    out:      folder of the result; the earlier content stays as it is on any failure.
    levels:   names or ranges ("T12", "T10-L2"); all that have a centroid when empty.
    base:     folder of an earlier result, mostly `out` itself, whose other levels are kept.
    partials: folder in which the surface of each finished vertebra appears at once as <LEVEL>.stl (LPS mm, before
              neighbours compete for shared voxels); none when null. It is the client's to remove.
    pictures, scene: whether to draw pictures and to write scene.mrb.
    """

    ap: Path
    lateral: Path
    centroids: Path
    out: Path
    levels: tuple[str, ...] = ()
    device: str = "auto"
    weights: str = "default"
    base: Path | None = None
    partials: Path | None = None
    pictures: bool = True
    scene: bool = True


JobFunction = Callable[[Mapping[str, Any], JobContext], dict[str, Any]]


def hello(arguments: Mapping[str, Any], context: JobContext) -> dict[str, Any]:
    """Versions, device and weights; a part that is missing is told in its place and stops nothing."""
    from ReVerteRLib import __version__

    request = parse_arguments(HelloRequest, arguments)
    context.begin("look")
    return {
        "protocol": PROTOCOL,
        "reverter": __version__,
        **_told(lambda: _device(request.device)),
        **_told(_weights),
        "annotate": _is_installed("ReVerteRLib.detection.annotator"),
        "measure": _is_installed("ReVerteRLib.measure"),
    }


def _told(look: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return look()
    except Exception as error:
        known = as_known(error)
        if known is None:
            raise
        return {"problem": known.message()}


def _device(device: str) -> dict[str, Any]:
    import torch

    from ReVerteRLib.devices import gpu_problem, pick_device

    chosen = pick_device(device)
    name = torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    problem = {"gpu_problem": gpu_problem()} if device == "auto" and chosen.type == "cpu" else {}
    return {"torch": torch.__version__, "device": str(chosen), "device_name": name, **problem}


def _weights() -> dict[str, Any]:
    from ReVerteRLib.inference.weights import weights_index

    index = weights_index()
    return {"weights": sorted(index["weights"]), "default_weights": index["default"]}


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def simulate(arguments: Mapping[str, Any], context: JobContext) -> dict[str, Any]:
    """See SimulateRequest; the result names the files."""
    from ReVerteRLib.cli.simulate import write_simulation
    from ReVerteRLib.drr import simulate_pair
    from ReVerteRLib.geometry import Beam
    from ReVerteRLib.imaging.volume import read_ct

    request = parse_arguments(SimulateRequest, arguments)
    if request.beam not in {beam.value for beam in Beam}:
        raise ArgumentError(f"beam '{request.beam}' is unknown", remedy="Use parallel or cone")
    with staged_folder(request.out, context.token) as folder:
        context.progress(0, 3, f"reading {request.ct.name}", stage="read")
        ct = read_ct(request.ct)
        context.check()
        context.progress(1, 3, "projecting", stage="simulate")
        pair = simulate_pair(
            ct,
            beam=Beam(request.beam),
            spacing_mm=request.spacing_mm,
            sad_mm=request.sad_mm,
            sdd_mm=request.sdd_mm,
            device=request.device,
        )
        context.check()
        context.progress(2, 3, "writing", stage="files")
        settings = {"geometry": request.beam, "spacing_mm": request.spacing_mm, "device": request.device}
        settings |= {"sad_mm": request.sad_mm, "sdd_mm": request.sdd_mm}
        write_simulation(pair, folder, str(request.ct), settings)
    names = {"ap": "ap.nrrd", "lateral": "lateral.nrrd", "geometry": "geometry.json"}
    return {"out": str(request.out), "files": {kind: str(request.out / name) for kind, name in names.items()}}


def reconstruct(arguments: Mapping[str, Any], context: JobContext) -> dict[str, Any]:
    """See ReconstructRequest."""
    from ReVerteRLib.anatomy import parse_levels
    from ReVerteRLib.centroids import read_centroids
    from ReVerteRLib.worker.reconstruction import CaseInputs, CaseOptions, read_pair, reconstruct_case

    request = parse_arguments(ReconstructRequest, arguments)
    levels, clock = parse_levels(",".join(request.levels)), StageClock()
    with staged_folder(request.out, context.token) as folder:
        context.begin("read")
        with clock.stage("read"):
            centroids = read_centroids(request.centroids)
            if levels:
                centroids.selected(levels)
            pair = read_pair(request.ap, request.lateral)
        context.begin("weights")
        with clock.stage("weights"):
            reconstructor = context.models.reconstructor(request.weights, request.device)
        sources = {"ap": str(request.ap), "lateral": str(request.lateral), "centroids": str(request.centroids)}
        options = CaseOptions(levels or None, request.base, request.pictures, request.scene)
        hooks = _Vertebrae(context, request.partials).hooks()
        result = reconstruct_case(
            CaseInputs(pair, centroids, sources), reconstructor, folder, options, hooks, clock=clock
        )
        context.check()
    _forget_after_fallback(context, request.device, str(result.record["device"]))
    for note in result.notes:
        context.tell("warning", {"text": note})
    return {**result.record, "out": str(request.out)}


def _forget_after_fallback(context: JobContext, wanted: str, used: str) -> None:
    """The memory of a GPU may have been short for a while only, so that the next job tries it again."""
    from ReVerteRLib.devices import pick_device

    if str(pick_device(wanted)) != used:
        context.models.forget()


class _Vertebrae:
    """Tells each finished vertebra, with its surface where that is wanted."""

    def __init__(self, context: JobContext, partials: Path | None) -> None:
        self._context = context
        self._partials = partials
        self._written: Path | None = None

    def hooks(self) -> Any:
        from ReVerteRLib.worker.reconstruction import CaseHooks

        return CaseHooks(self._progress, self._context.cancelled, self._finished, self._stage)

    def _stage(self, stage: str) -> None:
        self._context.estimate.restart()
        self._context.begin(stage)

    def _finished(self, vertebra: VertebraResult) -> None:
        self._written = None
        if self._partials is None or not vertebra.mask.any():
            return
        try:
            self._written = write_partial(vertebra, self._partials)
        except ReVerteRError as error:  # a picture of the work in progress is not worth losing the work
            _LOG.warning("%s is not shown before the end: %s", vertebra.level.name, error.message())

    def _progress(self, done: int, total: int, text: str) -> None:
        self._context.progress(done, total, text, stage="network", level=text, partial=self._written)


def write_partial(vertebra: VertebraResult, folder: Path) -> Path:
    """<LEVEL>.stl (LPS mm) of one vertebra by itself, in one step. Raises OutputError."""
    import numpy as np

    from ReVerteRLib.inference.surfaces import surface_from_mask, write_stl

    found = np.argwhere(vertebra.mask)
    first, last = found.min(axis=0), found.max(axis=0) + 1
    z, y, x = (slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    matrix = vertebra.grid.zyx_to_lps_mm
    matrix[:3, 3] += matrix[:3, :3] @ first
    path = folder / f"{vertebra.level.name}.stl"
    write_stl(surface_from_mask(vertebra.mask[z, y, x], matrix), path, vertebra.level.name)
    return path
