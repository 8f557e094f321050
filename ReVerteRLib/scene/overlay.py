"""Silhouettes of the result over both radiographs: as model nodes in the scene and as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import Level
from ReVerteRLib.geometry import View
from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair
from ReVerteRLib.measure.quality import SilhouetteQuality
from ReVerteRLib.measure.silhouettes import Silhouette, silhouettes_of
from ReVerteRLib.scene import roles
from ReVerteRLib.scene.frames import points_to_ras
from ReVerteRLib.scene.preview import picture_positions, preview_radiograph, save_png, vivid

if TYPE_CHECKING:
    import vtk

SILHOUETTE_ROLE = "silhouette"
VIEW_ATTRIBUTE = "ReVerteR.View"
FOLDER_NAME = "Silhouettes"
_ALARM_RGB = (255, 90, 70)


def add_silhouettes(
    scene: Any,
    silhouettes: Iterable[Silhouette],
    quality: Sequence[SilhouetteQuality] = (),
    *,
    parent_item: int | None = None,
    view_node_ids: Mapping[View, Sequence[str]] | None = None,
) -> dict[tuple[View, Level], Any]:
    """One vtkMRMLModelNode of lines per silhouette, lying in its radiograph's plane (RAS mm); earlier ones go.

    Names are "L1 AP", with `quality` "L1 AP 1.5 mm". In slice views the lines are shown as projections, because they
    lie in the plane that a cut would be made with.
    parent_item:   subject-hierarchy item to put their folder under; the top of the scene if None.
    view_node_ids: the MRML view nodes that show the silhouettes of each radiograph; all views if None.
    """
    remove_silhouettes(scene)
    hierarchy = scene.GetSubjectHierarchyNode()
    parent = hierarchy.GetSceneItemID() if parent_item is None else parent_item
    folder = hierarchy.CreateFolderItem(parent, FOLDER_NAME)
    by_level = {q.level: q for q in quality}
    nodes = {}
    for silhouette in silhouettes:
        node = _add_lines(scene, silhouette, by_level.get(silhouette.level))
        for identifier in (view_node_ids or {}).get(silhouette.view, ()):
            node.GetDisplayNode().AddViewNodeID(identifier)
        roles.put_under(scene, node, folder)
        nodes[silhouette.view, silhouette.level] = node
    return nodes


def remove_silhouettes(scene: Any) -> None:
    """Takes all silhouettes, and their folder where it is left empty, out of the scene."""
    hierarchy = scene.GetSubjectHierarchyNode()
    folders = set()
    for node in roles.nodes_with_role(scene, SILHOUETTE_ROLE):
        folders.add(hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)))
        roles.remove_node(scene, node)
    for folder in folders:
        if hierarchy.GetItemName(folder) == FOLDER_NAME and hierarchy.GetNumberOfItemChildren(folder) == 0:
            roles.remove_branch(scene, folder)


def set_silhouettes_visible(scene: Any, visible: bool) -> None:
    """Shows or hides all silhouettes."""
    for node in roles.nodes_with_role(scene, SILHOUETTE_ROLE):
        node.GetDisplayNode().SetVisibility(visible)


def _add_lines(scene: Any, silhouette: Silhouette, quality: SilhouetteQuality | None) -> Any:
    view = "AP" if silhouette.view is View.AP else "lateral"
    known = quality is not None and quality.distance_mm is not None
    text = f" {quality.distance_mm:.1f} mm" if quality is not None and known else ""
    node = scene.AddNewNodeByClass("vtkMRMLModelNode", f"{silhouette.level.name} {view}{text}")
    roles.mark(node, SILHOUETTE_ROLE)
    node.SetAttribute(roles.LEVEL, silhouette.level.name)
    node.SetAttribute(VIEW_ATTRIBUTE, silhouette.view.value)
    node.SetAndObservePolyData(_closed_lines([points_to_ras(line) for line in silhouette.outlines_lps_mm]))
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetColor(*vivid(silhouette.level.color_rgb))
    display.SetLineWidth(4 if quality is not None and quality.suspicious else 2)
    display.SetSliceIntersectionThickness(4 if quality is not None and quality.suspicious else 2)
    display.LightingOff()
    display.SetVisibility2D(True)
    display.SetSliceDisplayModeToProjection()
    display.SetScalarVisibility(False)
    return node


def _closed_lines(lines: Sequence[NDArray[np.float64]]) -> vtk.vtkPolyData:
    import vtk
    from vtkmodules.util.numpy_support import numpy_to_vtk

    points, cells = vtk.vtkPoints(), vtk.vtkCellArray()
    stacked = np.concatenate(lines) if lines else np.zeros((0, 3))
    points.SetData(numpy_to_vtk(np.ascontiguousarray(stacked), deep=True))
    first = 0
    for line in lines:
        cells.InsertNextCell(len(line) + 1)
        for number in (*range(first, first + len(line)), first):
            cells.InsertCellPoint(number)
        first += len(line)
    data = vtk.vtkPolyData()
    data.SetPoints(points)
    data.SetLines(cells)
    return data


# --- pictures ------------------------------------------------------------------------------------


def overlay_picture(
    pair: RadiographPair,
    surfaces: Mapping[Level, vtk.vtkPolyData],
    path: Path | None = None,
    *,
    quality: Sequence[SilhouetteQuality] = (),
    height_px: int = 900,
) -> NDArray[np.uint8]:
    """Both radiographs side by side with the outlines in level colours, uint8 [rows, columns, RGB]; PNG at `path`.

    surfaces: vtkPolyData in LPS mm. quality: writes the silhouette distance beside each level, suspicious ones in red.
    Raises OutputError when the file cannot be written.
    """
    pictures = [_one(radiograph, surfaces, quality, height_px) for radiograph in pair]
    pixels = np.concatenate(pictures, axis=1)
    if path is not None:
        save_png(pixels, path)
    return pixels


def _one(
    radiograph: Radiograph,
    surfaces: Mapping[Level, vtk.vtkPolyData],
    quality: Sequence[SilhouetteQuality],
    height_px: int,
) -> NDArray[np.uint8]:
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.fromarray(preview_radiograph(radiograph, height_px=height_px))
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=max(9.0, height_px / 55.0))
    by_level = {q.level: q for q in quality}
    for level, silhouette in silhouettes_of(surfaces, radiograph.projection).items():
        color = tuple(round(255 * part) for part in vivid(level.color_rgb))
        lines = [picture_positions(radiograph.projection, line, height_px) for line in silhouette.outlines_rc]
        for line in lines:
            draw.line([tuple(p) for p in (*line, line[0])], fill=color, width=max(1, round(height_px / 450)))
        if lines:
            text, alarm = _caption(level, by_level.get(level))
            points = np.concatenate(lines)
            x = min(float(points[:, 0].max()), picture.width - draw.textlength(text, font=font) - 6.0) + 3.0
            fill = _ALARM_RGB if alarm else color
            place = (x, float(points[:, 1].mean()))
            draw.text(place, text, fill=fill, font=font, anchor="lm", stroke_width=1, stroke_fill=0)
    return np.asarray(picture)


def _caption(level: Level, quality: SilhouetteQuality | None) -> tuple[str, bool]:
    """The level with its distance, and whether to alarm."""
    if quality is None:
        return level.name, False
    distance = "?" if quality.distance_mm is None else f"{quality.distance_mm:.1f} mm"
    return f"{level.name} {distance}", quality.suspicious
