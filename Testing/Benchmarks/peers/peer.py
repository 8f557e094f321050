"""A DRR program of somebody else as a measured process; see ReVerteRLib/bench/serve.py for the messages.

    .venv-peers/bin/python Testing/Benchmarks/peers/peer.py itk-rtk

Runs in the peers' own environment and imports nothing of ReVerteRLib but that file. Each program gets the same
attenuation (HU above air) in its own form, prepared outside the clock, and each is given the same rays. Settings are
the defaults of the program unless a comment says why not.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve()
RAYS_AT_ONCE = 1 << 16  # on a CPU; more rays at once run these programs out of memory


class Scene:
    """The volume and the views, as written by the bench."""

    def __init__(self, job: dict[str, Any]) -> None:
        record = json.loads(Path(job["geometry"]).read_text())
        hu = np.load(job["volume"])
        self.values = np.maximum(hu, -1000).astype(np.float32) + 1000.0  # [k, j, i]
        self.matrix = np.array(record["ijk_to_lps_mm"])
        self.spacing = np.linalg.norm(self.matrix[:3, :3], axis=0)
        self.views = record["views"]
        self.sad, self.sdd = float(record["sad_mm"]), float(record["sdd_mm"])
        self.threads, self.device = int(job["threads"]), str(job.get("device", "cpu"))
        self.hw = tuple(self.views[0]["projection"]["image_hw"])
        self.parallel = self.views[0]["source_lps_mm"] is None

    def rays(self, view: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Ends (N, 3) of each pixel's ray in LPS mm: the source, and a point as far behind the reference plane."""
        row, column, first, beam = (
            np.array(view[k]) for k in ("row_step_mm", "column_step_mm", "pixel_0_lps_mm", "beam")
        )
        r, c = (n.reshape(-1, 1) for n in np.meshgrid(*(np.arange(n) for n in self.hw), indexing="ij"))
        plane = first + r * row + c * column
        if self.parallel:
            return plane - self.sad * beam, plane + (self.sdd - self.sad) * beam
        source = np.broadcast_to(np.array(view["source_lps_mm"]), plane.shape)
        return source, source + (plane - source) * self.sdd / self.sad

    def middle(self, view: dict[str, Any]) -> np.ndarray:
        """Where the central ray meets the reference plane."""
        row, column, first = (np.array(view[k]) for k in ("row_step_mm", "column_step_mm", "pixel_0_lps_mm"))
        return first + row * (self.hw[0] - 1) / 2 + column * (self.hw[1] - 1) / 2


def _torch(scene: Scene) -> Any:
    import torch

    torch.set_num_threads(scene.threads)
    torch.set_grad_enabled(False)
    return torch


class Rtk:
    """ITK-RTK's Joseph projector; the volume stays in an ITK image."""

    def load(self, job: dict[str, Any]) -> dict[str, Any]:
        import itk
        from itk import RTK as rtk  # noqa: N811

        self.scene = scene = Scene(job)
        if scene.device != "cpu":
            raise RuntimeError("its wheel has no GPU code")
        itk.MultiThreaderBase.SetGlobalMaximumNumberOfThreads(scene.threads)
        self.itk, self.rtk = itk, rtk
        self.kind = itk.Image[itk.F, 3]
        # one projection stack per volume image; parallel views are had by turning the volume
        groups = [[v] for v in scene.views] if scene.parallel else [scene.views]
        self.stacks = [(self._volume(group[0]), self._geometry(group), len(group)) for group in groups]
        return {"version": importlib.metadata.version("itk-rtk")}

    def _volume(self, view: dict[str, Any]) -> Any:
        scene, itk = self.scene, self.itk
        turn, shift = np.eye(3), np.zeros(3)
        if scene.parallel:  # RTK's gantry at 0 degrees looks along -z, with x and y as columns and upward rows
            row, column, beam = (np.array(view[k]) for k in ("row_step_mm", "column_step_mm", "beam"))
            turn = np.stack([column / np.linalg.norm(column), -row / np.linalg.norm(row), -beam])
            shift = scene.middle(view)
        image = itk.image_from_array(scene.values)
        image.SetSpacing(scene.spacing.tolist())
        image.SetOrigin((turn @ (scene.matrix[:3, 3] - shift)).tolist())
        image.SetDirection(itk.matrix_from_array(turn @ (scene.matrix[:3, :3] / scene.spacing)))
        return image

    def _geometry(self, views: list[dict[str, Any]]) -> Any:
        scene = self.scene
        geometry = self.rtk.ThreeDCircularProjectionGeometry.New()
        for view in views:
            if scene.parallel:
                geometry.AddProjection(scene.sad, 0.0, 0.0)
                continue
            source = np.array(view["source_lps_mm"])
            column, row = (np.array(view[k]) for k in ("column_step_mm", "row_step_mm"))
            detector = source + scene.sdd * np.array(view["beam"])
            axes = [(axis / np.linalg.norm(axis)).tolist() for axis in (column, row)]
            if geometry.AddProjection(source.tolist(), detector.tolist(), *axes) is False:
                raise RuntimeError("RTK refused the geometry")
        return geometry

    def run(self) -> np.ndarray:
        scene, rtk = self.scene, self.rtk
        pixel = float(np.linalg.norm(scene.views[0]["row_step_mm"]))
        pixel *= 1.0 if scene.parallel else scene.sdd / scene.sad
        images = []
        for volume, geometry, count in self.stacks:
            empty = rtk.ConstantImageSource[self.kind].New()
            empty.SetSize([scene.hw[1], scene.hw[0], count])
            empty.SetSpacing([pixel, pixel, 1.0])
            empty.SetOrigin([-pixel * (scene.hw[1] - 1) / 2, -pixel * (scene.hw[0] - 1) / 2, 0.0])
            empty.SetConstant(0.0)
            projector = rtk.JosephForwardProjectionImageFilter[self.kind, self.kind].New()
            projector.SetGeometry(geometry)
            projector.SetInput(0, empty.GetOutput())
            projector.SetInput(1, volume)
            projector.Update()
            found = self.itk.array_from_image(projector.GetOutput())
            images.append(found[:, ::-1] if scene.parallel else found)
        return np.concatenate(images)


class Plastimatch:
    """The program `plastimatch drr`, exact (Siddon-like) tracing; started anew for each view, as it has to be."""

    def load(self, job: dict[str, Any]) -> dict[str, Any]:
        from plastimatch import _lookup

        self.scene = scene = Scene(job)
        if scene.parallel:
            raise RuntimeError("no parallel rays")
        if scene.device != "cpu":
            raise RuntimeError("its wheel has no GPU code")
        self.program = str(_lookup("plastimatch"))
        self.folder = tempfile.TemporaryDirectory()
        self.volume = Path(self.folder.name) / "volume.mha"
        header = [
            "ObjectType = Image", "NDims = 3", "BinaryData = True", "BinaryDataByteOrderMSB = False",
            "CompressedData = False", "TransformMatrix = 1 0 0 0 1 0 0 0 1",
            "Offset = " + " ".join(map(str, scene.matrix[:3, 3])),
            "ElementSpacing = " + " ".join(map(str, scene.spacing)),
            "DimSize = " + " ".join(map(str, scene.values.shape[::-1])),
            "ElementType = MET_FLOAT", "ElementDataFile = LOCAL",
        ]  # fmt: skip
        with self.volume.open("wb") as file:
            file.write(("\n".join(header) + "\n").encode())
            file.write(scene.values.tobytes())
        return {"version": importlib.metadata.version("plastimatch")}

    def run(self) -> np.ndarray:
        return np.stack([self._view(view) for view in self.scene.views])

    def _view(self, view: dict[str, Any]) -> np.ndarray:
        scene, (height, width) = self.scene, self.scene.hw
        pixel = float(np.linalg.norm(view["row_step_mm"])) * scene.sdd / scene.sad
        up = -np.array(view["row_step_mm"]) / np.linalg.norm(view["row_step_mm"])
        prefix = Path(self.folder.name) / "view"

        def numbers(values: Any) -> str:
            return " ".join(f"{float(v):.9g}" for v in values)

        command = [
            self.program, "drr", "-A", "cpu", "-i", "exact", "-P", "none", "-t", "pfm",
            "-n", numbers(-np.array(view["beam"])), "--vup", numbers(up), "-o", numbers(scene.middle(view)),
            "--sad", str(scene.sad), "--sid", str(scene.sdd), "-r", f"{height} {width}",
            "-z", f"{height * pixel} {width * pixel}", "-c", f"{(height - 1) / 2} {(width - 1) / 2}",
            "-I", str(self.volume), "-O", str(prefix),
        ]  # fmt: skip
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found = next(Path(self.folder.name).glob("view*.pfm"))
        data = found.read_bytes()
        found.unlink()
        image = np.frombuffer(data[-4 * height * width :], dtype="<f4").reshape(height, width)
        return image * PLASTIMATCH_UNIT


PLASTIMATCH_UNIT = 10.0  # its lengths are in cm


class DiffDrr:
    """DiffDRR's renderers with the given rays, in patches of rays as its `patch_size` does."""

    def __init__(self, renderer: str) -> None:
        self.renderer = renderer

    def load(self, job: dict[str, Any]) -> dict[str, Any]:
        from diffdrr.renderers import Siddon, Trilinear

        self.scene = scene = Scene(job)
        self.torch = torch = _torch(scene)
        device = scene.device
        self.volume = torch.from_numpy(np.ascontiguousarray(scene.values.transpose(2, 1, 0))).to(device)
        self.render = (Siddon() if self.renderer == "siddon" else Trilinear()).to(device)
        inverse = np.linalg.inv(scene.matrix)
        self.ends = []
        for view in scene.views:
            source, target = scene.rays(view)
            length = np.linalg.norm(target - source, axis=1)
            ends = [p @ inverse[:3, :3].T + inverse[:3, 3] for p in (source, target)]
            self.ends.append([torch.tensor(a, dtype=torch.float32, device=device)[None] for a in (*ends, length)])
        return {"version": importlib.metadata.version("diffdrr")}

    def run(self) -> np.ndarray:
        samples = sum(self.volume.shape) if self.renderer == "siddon" else 500
        count = max(64, min(RAYS_AT_ONCE, (1 << 25) // samples))
        images = []
        for source, target, length in self.ends:
            parts = [
                self.render(self.volume, s, t, one[:, None])
                for s, t, one in zip(
                    source.split(count, 1), target.split(count, 1), length.split(count, 1), strict=True
                )
            ]
            images.append(self.torch.cat(parts, dim=-1).reshape(self.scene.hw))
        return self.torch.stack(images).cpu().numpy()


class NanoDrr:
    """nanodrr's renderer; 500 samples in the volume, its default. On a CPU in bands of rows, for memory."""

    def load(self, job: dict[str, Any]) -> dict[str, Any]:
        from nanodrr.data import Subject
        from torchio import ScalarImage

        self.scene = scene = Scene(job)
        self.torch = torch = _torch(scene)
        image = ScalarImage(tensor=torch.from_numpy(scene.values.transpose(2, 1, 0).copy())[None], affine=scene.matrix)
        self.subject = Subject.from_images(image, convert_to_mu=False).to(scene.device)
        pixel = float(np.linalg.norm(scene.views[0]["row_step_mm"])) * (1 if scene.parallel else scene.sdd / scene.sad)
        self.pixel = pixel
        places = []
        for view in scene.views:
            place = np.eye(4)
            for n, key in enumerate(("column_step_mm", "row_step_mm", "beam")):
                place[:3, n] = np.array(view[key]) / np.linalg.norm(view[key])
            place[:3, 3] = scene.middle(view) - scene.sad * np.array(view["beam"])
            places.append(torch.tensor(place, dtype=torch.float32, device=scene.device)[None])
        self.places = places
        return {"version": importlib.metadata.version("nanodrr")}

    def run(self) -> np.ndarray:
        from nanodrr.drr import render

        torch, (height, width), pixel = self.torch, self.scene.hw, self.pixel
        band = height if self.scene.device != "cpu" else max(1, min(height, (1 << 15) // width))
        sdd = torch.tensor([self.scene.sdd], device=self.scene.device)
        images = []
        for place in self.places:
            parts = []
            for top in range(0, height, band):
                rows = min(band, height - top)
                scale = pixel / self.scene.sdd
                inverse = torch.tensor(
                    [[[scale, 0, -scale * width / 2], [0, scale, scale * (top - height / 2)], [0, 0, 1.0]]],
                    device=self.scene.device,
                )
                options = {"orthographic": self.scene.parallel}
                parts.append(render(self.subject, inverse, place, sdd, rows, width, **options)[0, 0])
            images.append(torch.cat(parts))
        return torch.stack(images).cpu().numpy()


class FlashDrr:
    """flashdrr's raycaster; its fused kernel on a GPU, the loop of grid_sample on a CPU (256 samples, its default)."""

    def load(self, job: dict[str, Any]) -> dict[str, Any]:
        from flashdrr.rendering import VolumeRaycaster

        self.scene = scene = Scene(job)
        if scene.parallel:
            raise RuntimeError("no parallel rays")
        self.torch = torch = _torch(scene)
        self.caster = VolumeRaycaster(1.0, resolution=(scene.hw[1], scene.hw[0]), return_tau=True).to(scene.device)
        row, column = scene.hw
        pixel = float(np.linalg.norm(scene.views[0]["row_step_mm"])) / scene.sad
        y, x = np.meshgrid(*((np.arange(n) - (n - 1) / 2) * pixel for n in (row, column)), indexing="ij")
        rays = np.stack([x, -y, np.ones_like(x)], axis=-1)
        rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
        self.caster.dirs_cam = torch.tensor(rays, dtype=torch.float32, device=scene.device)
        self.volume = torch.from_numpy(scene.values.transpose(2, 1, 0).copy())[None, None].to(scene.device)
        self.inverse = torch.tensor(np.linalg.inv(scene.matrix), dtype=torch.float32, device=scene.device)
        places = []
        for view in scene.views:
            place = np.eye(4)
            for n, (key, sign) in enumerate((("column_step_mm", 1), ("row_step_mm", -1), ("beam", 1))):
                place[:3, n] = sign * np.array(view[key]) / np.linalg.norm(view[key])
            place[:3, 3] = view["source_lps_mm"]
            places.append(place)
        self.places = torch.tensor(np.stack(places), dtype=torch.float32, device=scene.device)
        return {"version": importlib.metadata.version("flashdrr")}

    def run(self) -> np.ndarray:
        fused = self.scene.device != "cpu"
        places = [self.places] if fused else self.places.split(1)
        images = [self.caster(self.volume, p, self.inverse, triton=fused)[:, 0] for p in places]
        return self.torch.cat(images).cpu().numpy() * 10.0  # its steps are in cm


def start(name: str) -> Any:
    kinds = {"itk-rtk": Rtk, "plastimatch": Plastimatch, "nanodrr": NanoDrr, "flashdrr": FlashDrr}
    return kinds[name]() if name in kinds else DiffDrr(name.split()[1])


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    specification = importlib.util.spec_from_file_location("serve", HERE.parents[3] / "ReVerteRLib/bench/serve.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    module.serve(start, sys.argv[1])
