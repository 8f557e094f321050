"""Radiographs from a CT."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ReVerteRLib.geometry import View
from ReVerteRLib.imaging.radiograph import read_radiograph
from ReVerteRLib.scene.ct import ct_from_node
from ReVerteRLib.scene.task import Call, Task
from ReVerteRLib.scene.task_inputs import write_quickly
from ReVerteRLib.scene.volumes import add_radiograph


class SimulateTask(Task):
    """AP and lateral radiograph of a CT as two new volume nodes named after it; `finish` returns both.

    beam: 'parallel' or 'cone'. spacing_mm: pixel size at the patient.
    """

    title = "Computing the radiographs"

    def __init__(
        self, scene: Any, ct_node: Any, *, beam: str = "parallel", spacing_mm: float = 1.0, device: str = "auto"
    ) -> None:
        self._scene, self._ct_node = scene, ct_node
        self._name = ct_node.GetName()
        self._options = {"beam": beam, "spacing_mm": spacing_mm, "device": device}

    def prepare(self, folder: Path) -> Call:
        """Raises VolumeError, GeometryError (see ct_from_node), OutputError."""
        path = folder / "ct.nrrd"
        write_quickly(ct_from_node(self._ct_node), path)
        self.places = {str(path): self._name}
        return Call("simulate", {"ct": path, "out": folder / "radiographs", **self._options})

    def finish(self, result: Mapping[str, Any]) -> tuple[Any, Any]:
        """The AP and the lateral node."""
        files = result["files"]
        ap = read_radiograph(Path(files["ap"]), View.AP)
        lateral = read_radiograph(Path(files["lateral"]), View.LATERAL)
        node = add_radiograph(self._scene, ap, f"{self._name} AP")
        return node, add_radiograph(self._scene, lateral, f"{self._name} lateral")
