"""ReVerteR's own simulator as a measured program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ReVerteRLib.bench.serve import Engine, serve


class OwnSimulator:
    """`drr.project_views` from HU as stored (int16) to line integrals in HU above air times mm."""

    def load(self, job: dict[str, Any]) -> dict[str, Any]:
        """The volume as a tensor on the device."""
        import torch

        from ReVerteRLib import __version__
        from ReVerteRLib.geometry import Projection

        torch.set_num_threads(int(job["threads"]))
        record = json.loads(Path(job["geometry"]).read_text(encoding="utf-8"))
        self._device = str(job.get("device", "cpu"))
        self._volume = torch.from_numpy(np.load(job["volume"])).to(self._device)
        self._matrix = np.array(record["ijk_to_lps_mm"])
        self._views = [Projection.from_dict(view["projection"]) for view in record["views"]]
        return {"version": __version__}

    def run(self) -> Any:
        """The views as arrays [rows, columns]; on a GPU the copy back to the processor is part of it, as for peers."""
        from ReVerteRLib.drr import project_views
        from ReVerteRLib.drr.attenuation import above_air

        images = project_views(self._volume, self._matrix, self._views, self._device, above_air)
        return [image.cpu().numpy() for image in images]


def _start(_name: str) -> Engine:
    return OwnSimulator()


if __name__ == "__main__":
    serve(_start, "ReVerteR")
