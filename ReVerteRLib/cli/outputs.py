"""What `reconstruct` and `demo` write: segmentation, labels, models, scene, pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ReVerteRLib.cli.staging import StageClock
from ReVerteRLib.errors import ResourceError

if TYPE_CHECKING:
    from ReVerteRLib.anatomy import Level
    from ReVerteRLib.centroids import CentroidSet
    from ReVerteRLib.imaging.radiograph import RadiographPair
    from ReVerteRLib.imaging.volume import LabelVolume
    from ReVerteRLib.inference.result import SpineReconstruction

THREED_VIEWS = ("front", "side", "60")
_OVERVIEW_PX = 600
_SCENE_SKIPPED = (
    "scene.mrb was not written, because 3D Slicer's scene library is missing; install it with "
    "'pip install \"reverter-slicer[slicer]\"' and run again, or open spine.seg.nrrd in 3D Slicer"
)


def write_case(
    spine: SpineReconstruction,
    pair: RadiographPair,
    centroids: CentroidSet,
    folder: Path,
    clock: StageClock,
    *,
    pictures: bool = True,
    scene: bool = True,
) -> tuple[dict[str, str], list[str]]:
    """All files of a reconstruction in `folder`.

    Returns the files by kind, relative to `folder`, and notes on what was left out and why. The models folder is
    always made, so that models of an earlier run do not stay beside the new ones. pictures, scene: whether to write
    them; both take longer than all other files. Raises OutputError.
    """
    from ReVerteRLib.inference.export import write_reconstruction

    with clock.stage("files"):
        (folder / "models").mkdir(parents=True, exist_ok=True)
        written = write_reconstruction(spine, folder)
    notes: list[str] = []
    if pictures:
        with clock.stage("pictures"):
            drawn, notes = write_pictures(spine, pair, centroids, folder)
        written |= drawn
    files = {kind: str(path.relative_to(folder)) for kind, path in written.items()}
    if scene:
        with clock.stage("scene"):
            scene_notes = write_scene(spine, pair, centroids, folder / "scene.mrb")
        notes = notes + scene_notes
        if not scene_notes:
            files["scene"] = "scene.mrb"
    return files, notes


def write_scene(
    spine: SpineReconstruction, pair: RadiographPair, centroids: CentroidSet, path: Path, name: str = "Spine"
) -> list[str]:
    """scene.mrb; without slicer-core it is left out and the returned note says so and how to get it."""
    from ReVerteRLib.scene.bootstrap import import_slicer

    try:
        import_slicer()
    except ResourceError:
        return [_SCENE_SKIPPED]
    from ReVerteRLib.scene.bootstrap import headless_scene
    from ReVerteRLib.scene.builder import build_scene, save_mrb

    with headless_scene() as scene:
        built = build_scene(
            scene,
            radiographs=pair,
            centroids=centroids,
            labels=spine.labels if spine.surfaces else None,
            surfaces=spine.surfaces,
            name=name,
        )
        save_mrb(built, path)
    return []


def write_pictures(
    spine: SpineReconstruction, pair: RadiographPair, centroids: CentroidSet, folder: Path
) -> tuple[dict[str, Path], list[str]]:
    """Pictures by kind and notes on missing ones.

    ap.png and lateral.png with centroids and outlines, 3d_*.png, and overview.png with all of them side by side.
    """
    from ReVerteRLib.scene.preview import preview_radiograph

    files: dict[str, Path] = {}
    for radiograph in pair:
        name = radiograph.view.value
        files[f"picture {name}"] = folder / f"{name}.png"
        preview_radiograph(
            radiograph,
            folder / f"{name}.png",
            centroids=centroids,
            silhouettes=silhouettes(spine.labels, radiograph),
        )
    threed, notes = write_renderings(spine.surfaces, folder)
    files |= threed
    files["picture overview"] = _side_by_side(list(files.values()), folder / "overview.png")
    return files, notes


def _side_by_side(pictures: list[Path], target: Path) -> Path:
    """All pictures in one row of equal height."""
    from PIL import Image

    images = [Image.open(path).convert("RGB") for path in pictures]
    scaled = [image.resize((round(image.width * _OVERVIEW_PX / image.height), _OVERVIEW_PX)) for image in images]
    row = Image.new("RGB", (sum(image.width for image in scaled), _OVERVIEW_PX), "white")
    left = 0
    for image in scaled:
        row.paste(image, (left, 0))
        left += image.width
    row.save(target)
    return target


def silhouettes(labels: LabelVolume, radiograph: Any) -> dict[Level, Any]:
    """Shadow of each level on the radiograph's pixels, bool [rows, columns]."""
    from ReVerteRLib.anatomy import level_from_verse_label
    from ReVerteRLib.drr import project_labels

    shadows = project_labels(labels, radiograph.projection, device="cpu")
    levels = {level_from_verse_label(number): shadow > 0.5 for number, shadow in shadows.items()}
    return {level: shadow for level, shadow in levels.items() if level is not None}


def write_renderings(surfaces: Any, folder: Path) -> tuple[dict[str, Path], list[str]]:
    """3D pictures; where nothing can draw they are left out and the note says why."""
    from ReVerteRLib.scene.render import render_models

    files: dict[str, Path] = {}
    if not surfaces:
        return files, []
    for view in THREED_VIEWS:
        target = folder / f"3d_{view}.png"
        try:
            render_models(surfaces, target, view=view)
        except ResourceError as error:
            return files, [f"the 3D pictures were not drawn: {error.message()}"]
        files[f"picture 3d {view}"] = target
    return files, []
