"""Label maps as one segmentation node with a segment per level, in both directions."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.anatomy import LEVELS, Level, level_from_name, terminology_tag
from ReVerteRLib.errors import ArgumentError, GeometryError, VolumeError
from ReVerteRLib.geometry import Array
from ReVerteRLib.imaging.volume import LabelVolume
from ReVerteRLib.scene import roles
from ReVerteRLib.scene.bootstrap import import_slicer
from ReVerteRLib.scene.frames import from_vtk_matrix, matrix_to_lps, matrix_to_ras, to_vtk_matrix

_LOGGER = logging.getLogger("ReVerteR")
LABELMAP = "Binary labelmap"


def add_segmentation(scene: Any, labels: LabelVolume, name: str = "Vertebrae") -> Any:
    """A vtkMRMLSegmentationNode with one segment per level that occurs, from the head down.

    Segments carry the level's name, colour, SNOMED CT terminology and VerSe label and share one label map, whose
    geometry is the node's reference geometry. Labels that are no levels are left out with a logged warning.
    Raises VolumeError when no level occurs and GeometryError for sheared label maps, which Slicer cannot hold.
    """
    present = _levels_in(labels)
    image = _oriented_image(labels, present)
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    roles.mark(node, roles.SEGMENTATION)
    node.CreateDefaultDisplayNodes()
    node.SetSourceRepresentationToBinaryLabelmap()
    _set_reference_geometry(node, image)
    for level in present:
        node.GetSegmentation().AddSegment(_segment(level, image), level.name)
    return node


def labels_from_node(node: Any) -> LabelVolume:
    """The label map (VerSe labels, LPS) of a segmentation node whose segments are named by level.

    It covers the node's reference geometry where it has one, else the extent of its segments. Where segments
    overlap, the level nearer to the feet wins. Segments without a level's name raise VolumeError, None InputError.
    """
    roles.given(node, "result", "Reconstruct first, or choose a segmentation")
    levels = _segments_by_level(node)
    merged = _reference_image(node, levels)
    array = np.zeros(merged.GetDimensions()[::-1], dtype=np.uint8)
    for level, segment_id in levels.items():
        array[_segment_mask(node, segment_id, merged)] = level.verse_label
    return LabelVolume(array, matrix_to_lps(_matrix_of(merged)), node.GetName())


def _levels_in(labels: LabelVolume) -> list[Level]:
    occurring = {int(label) for label in np.unique(labels.array_kji)} - {0}
    present = [level for level in LEVELS if level.verse_label in occurring]
    unknown = sorted(occurring - {level.verse_label for level in present})
    if unknown:
        _LOGGER.warning("%s: labels %s are no vertebral levels and are left out", labels.source, unknown)
    if not present:
        raise VolumeError("the label map holds no vertebra", where=labels.source, remedy="Give one with VerSe labels")
    return present


def _oriented_image(labels: LabelVolume, present: list[Level]) -> Any:
    from vtkmodules.util.numpy_support import numpy_to_vtk

    known = np.isin(labels.array_kji, [level.verse_label for level in present])
    array = np.where(known, labels.array_kji, 0).astype(np.uint8)
    image = import_slicer().vtkOrientedImageData()
    image.SetDimensions(array.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(array.ravel(), deep=True))
    matrix = matrix_to_ras(labels.ijk_to_lps_mm)
    axes = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    if not np.allclose(axes.T @ axes, np.eye(3), atol=1e-3):
        raise GeometryError("a sheared label map cannot be shown", where=labels.source, remedy="Resample it first")
    image.SetImageToWorldMatrix(to_vtk_matrix(matrix))
    return image


def _segment(level: Level, shared_image: Any) -> Any:
    segment = import_slicer().vtkSegment()
    segment.SetName(level.name)
    segment.SetColor(*level.color_rgb)
    segment.SetTag(segment.GetTerminologyEntryTagName(), terminology_tag(level))
    segment.SetLabelValue(level.verse_label)
    segment.AddRepresentation(LABELMAP, shared_image)
    return segment


def _set_reference_geometry(node: Any, image: Any) -> None:
    converter = import_slicer().vtkSegmentationConverter
    node.GetSegmentation().SetConversionParameter(
        converter.GetReferenceImageGeometryParameterName(), converter.SerializeImageGeometry(image)
    )


def _segments_by_level(node: Any) -> dict[Level, str]:
    segmentation = node.GetSegmentation()
    found = {}
    for index in range(segmentation.GetNumberOfSegments()):
        segment_id = segmentation.GetNthSegmentID(index)
        try:
            found[level_from_name(segmentation.GetSegment(segment_id).GetName())] = segment_id
        except ArgumentError as error:
            raise VolumeError(error.what, where=node.GetName(), remedy=error.remedy) from error
    if not found:
        raise VolumeError("the segmentation has no segment", where=node.GetName())
    return dict(sorted(found.items()))


def _reference_image(node: Any, levels: dict[Level, str]) -> Any:
    """An image with the geometry to read back in; its extent need not begin at 0."""
    slicer = import_slicer()
    converter = slicer.vtkSegmentationConverter
    text = node.GetSegmentation().GetConversionParameter(converter.GetReferenceImageGeometryParameterName())
    image = slicer.vtkOrientedImageData()
    if text:
        converter.DeserializeImageGeometry(text, image, False)
        return image
    first = node.GetBinaryLabelmapInternalRepresentation(next(iter(levels.values())))
    image.ShallowCopy(first)
    return image


def _segment_mask(node: Any, segment_id: str, reference: Any) -> NDArray[np.bool_]:
    from vtkmodules.util.numpy_support import vtk_to_numpy

    slicer = import_slicer()
    mask = slicer.vtkOrientedImageData()
    node.GetBinaryLabelmapRepresentation(segment_id, mask)
    on_grid = slicer.vtkOrientedImageData()
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(mask, reference, on_grid)
    scalars = vtk_to_numpy(on_grid.GetPointData().GetScalars())
    return scalars.reshape(on_grid.GetDimensions()[::-1]) > 0


def _matrix_of(image: Any) -> Array:
    """4x4 index-to-RAS for an array that begins at the first voxel of the image's extent."""
    import vtk

    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    first_voxel = np.eye(4)
    first_voxel[:3, 3] = image.GetExtent()[::2]
    return from_vtk_matrix(matrix) @ first_voxel
