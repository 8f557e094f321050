"""One reconstruction from radiographs to files: what `reverter reconstruct`, the worker and the batch all do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ReVerteRLib.cli.staging import StageClock
from ReVerteRLib.errors import CancelledError, InputError
from ReVerteRLib.progress import Cancelled, Progress

if TYPE_CHECKING:
    from ReVerteRLib.anatomy import Level
    from ReVerteRLib.centroids import CentroidSet
    from ReVerteRLib.imaging.radiograph import RadiographPair
    from ReVerteRLib.inference import Reconstructor
    from ReVerteRLib.inference.kept import KeptVertebrae
    from ReVerteRLib.inference.result import SpineReconstruction, VertebraResult

_MOVED_MM = 0.05


@dataclass(frozen=True)
class CaseInputs:
    """What is reconstructed.

    sources: where it came from, for the report ("ap", "lateral", "centroids").
    """

    pair: RadiographPair
    centroids: CentroidSet
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CaseOptions:
    """How much is done.

    levels:          only these; None for all that have a centroid.
    base:            folder of an earlier result whose other levels are kept.
    pictures, scene: whether to draw pictures and to write scene.mrb.
    """

    levels: Sequence[Level] | None = None
    base: Path | None = None
    pictures: bool = True
    scene: bool = True


@dataclass(frozen=True)
class CaseHooks:
    """Who is told; see `Reconstructor.reconstruct`. stage: called with the name of what begins."""

    progress: Progress | None = None
    cancelled: Cancelled | None = None
    on_vertebra: Callable[[VertebraResult], None] | None = None
    stage: Callable[[str], None] | None = None

    def begin(self, stage: str) -> None:
        """Tells the stage. Raises CancelledError when the user does not want it any more."""
        if self.cancelled is not None and self.cancelled():
            raise CancelledError(f"cancelled before '{stage}'", remedy="Earlier results are unchanged")
        if self.stage is not None:
            self.stage(stage)


@dataclass(frozen=True)
class CaseResult:
    """A finished case.

    record: what report.json holds.
    notes:  those of its notes that were not logged as warnings while it ran.
    """

    record: dict[str, Any]
    notes: tuple[str, ...]


def read_pair(ap: Path, lateral: Path) -> RadiographPair:
    """Both radiographs. Raises VolumeError, GeometryError, InputError (exchanged, one file twice)."""
    from ReVerteRLib.geometry import View
    from ReVerteRLib.imaging.radiograph import RadiographPair, read_radiograph

    if ap.is_file() and lateral.is_file() and ap.samefile(lateral):
        # It would be reported as a wrong view otherwise, which is true but not what happened.
        raise InputError(
            "the same file is given as AP and as lateral radiograph",
            where=lateral,
            remedy="Give one AP and one lateral radiograph of the same patient",
        )
    return RadiographPair(read_radiograph(ap, View.AP), read_radiograph(lateral, View.LATERAL))


def reconstruct_case(
    inputs: CaseInputs,
    reconstructor: Reconstructor,
    folder: Path,
    options: CaseOptions | None = None,
    hooks: CaseHooks | None = None,
    *,
    clock: StageClock | None = None,
) -> CaseResult:
    """Reconstructs and writes all files of a case in `folder` (a staged one).

    Writes spine.seg.nrrd, labels.nii.gz, models/<LEVEL>.stl, vertebrae.npz (for later runs of single levels),
    report.json, and, unless switched off, pictures and scene.mrb. Levels of `options.base` are kept if they still
    have a centroid; a note names those whose centroid has moved since. Raises what Reconstructor.reconstruct raises,
    InputError for a base that does not belong to these radiographs and weights, OutputError.
    """
    from ReVerteRLib.files import write_json

    options, hooks, clock = options or CaseOptions(), hooks or CaseHooks(), clock or StageClock()
    hashes = _hashes(inputs.pair)
    kept, kept_notes = _kept(inputs, options, hashes)
    _check_weights(kept, reconstructor, options)
    hooks.begin("network")
    spine = reconstructor.reconstruct(
        inputs.pair,
        inputs.centroids,
        options.levels,
        hooks.progress,
        hooks.cancelled,
        kept=kept.vertebrae if kept else (),
        on_vertebra=hooks.on_vertebra,
    )
    for name, seconds in spine.timings_s.items():
        clock.add(name, seconds)
    hooks.begin("files")
    files, file_notes = _write_files(spine, inputs, hashes, folder, options, clock=clock)
    notes = (*kept_notes, *file_notes)
    record = {
        **reconstruction_record(spine),
        "kept": [v.level.name for v in kept.vertebrae] if kept else [],
        "inputs": dict(inputs.sources),
        "notes": [*spine.notes, *notes],
        "stages_s": clock.rounded(),
        "files": {**files, "report": "report.json"},
    }
    write_json(folder / "report.json", record)
    return CaseResult(record, notes)


def _hashes(pair: RadiographPair) -> dict[str, str]:
    from ReVerteRLib.inference.kept import radiograph_hash

    return {radiograph.view.value: radiograph_hash(radiograph.image_hw) for radiograph in pair}


def _kept(
    inputs: CaseInputs, options: CaseOptions, hashes: Mapping[str, str]
) -> tuple[KeptVertebrae | None, list[str]]:
    """What stays of the base, without the levels that are redone or have no centroid any more; and notes."""
    import numpy as np

    from ReVerteRLib.inference.kept import FILE_NAME, KeptVertebrae, read_kept

    if options.base is None:
        return None, []
    base = read_kept(Path(options.base) / FILE_NAME)
    if dict(base.radiographs) != dict(hashes):
        raise InputError(
            "the earlier result was made from other radiographs",
            where=options.base,
            remedy="Reconstruct all levels of these radiographs",
        )
    stay, notes = [], []
    for vertebra in base.vertebrae:
        centroid = inputs.centroids.get(vertebra.level)
        if centroid is None or (options.levels is None or vertebra.level in options.levels):
            continue
        stay.append(vertebra)
        moved = float(np.linalg.norm(np.subtract(centroid.position_lps_mm, vertebra.grid.centroid_lps_mm)))
        if moved > _MOVED_MM:
            notes.append(f"{vertebra.level.name}: its centroid moved by {moved:.1f} mm since it was reconstructed")
    return KeptVertebrae(tuple(stay), base.weights_sha256, base.radiographs), notes


def _check_weights(kept: KeptVertebrae | None, reconstructor: Reconstructor, options: CaseOptions) -> None:
    if kept is not None and kept.vertebrae and kept.weights_sha256 != reconstructor.weights_sha256:
        raise InputError(
            "the earlier result was made with other weights",
            where=options.base or "",
            remedy="Choose the weights that it was made with, or reconstruct all levels",
        )


def _write_files(
    spine: SpineReconstruction,
    inputs: CaseInputs,
    hashes: Mapping[str, str],
    folder: Path,
    options: CaseOptions,
    *,
    clock: StageClock,
) -> tuple[dict[str, str], list[str]]:
    from ReVerteRLib.cli.outputs import write_case
    from ReVerteRLib.inference.kept import FILE_NAME, write_kept

    used = inputs.centroids.selected([v.level for v in spine.vertebrae])
    files, notes = write_case(spine, inputs.pair, used, folder, clock, pictures=options.pictures, scene=options.scene)
    with clock.stage("files"):
        write_kept(spine, hashes, folder / FILE_NAME)
    return {**files, "vertebrae": FILE_NAME}, notes


def reconstruction_record(spine: SpineReconstruction) -> dict[str, Any]:
    """The part of report.json that describes the reconstruction itself."""
    from ReVerteRLib import __version__

    return {
        "reverter": __version__,
        "use": "research use only",
        "weights": {"name": spine.weights_name, "sha256": spine.weights_sha256},
        "device": spine.device,
        "frame": "LPS",
        "unit": "mm",
        "vertebrae": [
            {
                "level": v.level.name,
                "label": v.level.verse_label,
                "centroid_lps_mm": [round(float(c), 3) for c in v.grid.centroid_lps_mm],
                "volume_ml": round(float((spine.labels.array_kji == v.level.verse_label).sum()) * _ml(spine), 3),
                "confidence": round(v.confidence, 4),
                "seconds": round(v.seconds, 3),
                "empty": v.level not in spine.surfaces,
            }
            for v in spine.vertebrae
        ],
    }


def _ml(spine: SpineReconstruction) -> float:
    """Millilitres per voxel."""
    return float(spine.labels.spacing_mm.prod()) / 1000.0
