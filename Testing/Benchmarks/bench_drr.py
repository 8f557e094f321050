"""Time and memory of the DRR simulator on a 320 x 256 x 256 float32 volume, 256 x 256 pixels.

    python Testing/Benchmarks/bench_drr.py [--out bench_drr.json] [--threads 2] [--repeats 15]

Prints minimum and median wall time over the repeats, and the least processor time. On a busy machine only the
processor time of one thread (--threads 1) tells much. ITK-RTK's
Joseph projector and DiffDRR are measured beside it where they can be imported. The memory is the growth of the
peak resident size of a fresh process over that before the projection, as a multiple of the volume's float32 size,
plus one for the volume itself.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from ReVerteRLib.geometry import Beam, Projection, View  # noqa: E402

SHAPE_KJI = (320, 256, 256)
IMAGE_HW = (256, 256)
TARGET_MS = {"parallel pair": 50.0, "cone ap": 100.0, "cone lateral": 100.0}
_MEMORY_RUNS = ("parallel", "cone", "oblique")


def volume() -> tuple[np.ndarray, np.ndarray]:
    """Seeded HU noise (smooth bodies take exactly as long) on 1 mm axes along LPS, float32."""
    hu = np.random.default_rng(0).standard_normal(SHAPE_KJI, dtype=np.float32)
    hu *= 300.0  # in place: the memory measurement starts from one volume
    return hu, np.eye(4)


def views(beam: Beam) -> list[Projection]:
    """AP and lateral, 256 x 256 pixels of 1.25 x 1 mm, which show all of the volume's shadow but a rim."""
    size_ijk = np.array(SHAPE_KJI[::-1])
    centre = (size_ijk - 1) / 2.0
    result = []
    for view, column, beam_direction in (
        (View.AP, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
        (View.LATERAL, (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)),
    ):
        origin = centre + np.array([0.0, 0.0, 1.25 * 127.5]) - 127.5 * np.array(column)
        result.append(
            Projection(
                view, beam, IMAGE_HW, (1.25, 1.0), tuple(origin.tolist()),
                column_direction=column, beam_direction=beam_direction,
            )
        )  # fmt: skip
    return result


def timed(run: Callable[[], Any], repeats: int) -> dict[str, float]:
    """Wall time (minimum, median) and processor time of all threads (minimum) in ms after one warm-up."""
    run()
    times, work = [], []
    for _ in range(repeats):
        start, busy = time.perf_counter(), time.process_time()
        run()
        times.append((time.perf_counter() - start) * 1e3)
        work.append((time.process_time() - busy) * 1e3)
    return {"min_ms": min(times), "median_ms": statistics.median(times), "cpu_ms": min(work), "repeats": repeats}


def own(repeats: int) -> dict[str, dict[str, float]]:
    """Our simulator from HU to line integrals."""
    from ReVerteRLib.drr import simulate, simulate_views
    from ReVerteRLib.imaging import CtVolume

    hu, matrix = volume()
    ct = CtVolume(hu, matrix)
    ap, lateral = views(Beam.CONE)
    tilted = CtVolume(hu, _tilted(matrix))
    return {
        "parallel pair": timed(lambda: simulate_views(ct, views(Beam.PARALLEL), device="cpu"), repeats),
        "cone ap": timed(lambda: simulate(ct, ap, device="cpu"), repeats),
        "cone lateral": timed(lambda: simulate(ct, lateral, device="cpu"), repeats),
        "cone ap, tilted ct": timed(lambda: simulate(tilted, ap, device="cpu"), max(1, repeats // 5)),
    }


def _tilted(matrix: np.ndarray) -> np.ndarray:
    turn = np.eye(4)
    turn[:3, :3] = [[1, 0, 0], [0, np.cos(0.2), -np.sin(0.2)], [0, np.sin(0.2), np.cos(0.2)]]
    return turn @ matrix


def rtk(repeats: int) -> dict[str, dict[str, float]]:
    """ITK-RTK's Joseph projector on prepared attenuation, including the copy into an ITK image."""
    from rtk_reference import joseph

    hu, matrix = volume()
    return {
        f"itk-rtk joseph {p.view.value}": timed(lambda p=p: joseph(hu, matrix, p), repeats) for p in views(Beam.CONE)
    }


def diffdrr(repeats: int) -> dict[str, dict[str, float]]:
    """DiffDRR's two renderers at the same size."""
    import torch
    from diffdrr.data import read
    from diffdrr.drr import DRR
    from torchio import ScalarImage

    subject = read(ScalarImage(tensor=torch.from_numpy(volume()[0].transpose(2, 1, 0).copy())[None]))
    found = {}
    for renderer in ("trilinear", "siddon"):
        drr = DRR(subject, sdd=1800.0, height=IMAGE_HW[0], delx=1.5, renderer=renderer)
        rotation, shift = torch.zeros(1, 3), torch.tensor([[0.0, 1500.0, 0.0]])
        with torch.no_grad():
            found[f"diffdrr {renderer}"] = timed(
                lambda drr=drr, r=rotation, t=shift: drr(r, t, parameterization="euler_angles", convention="ZXY"),
                max(1, repeats // 5),
            )
    return found


def memory_of(kind: str) -> float:
    """Growth of this process's peak resident size in bytes while one pair is made; call in a fresh process."""
    from ReVerteRLib.drr import simulate_views
    from ReVerteRLib.imaging import CtVolume

    hu, matrix = volume()
    ct = CtVolume(hu, _tilted(matrix) if kind == "oblique" else matrix)
    beam = Beam.PARALLEL if kind == "parallel" else Beam.CONE
    small = CtVolume(hu[:32, :32, :32].copy(), ct.ijk_to_lps_mm)
    simulate_views(small, views(beam), device="cpu")  # libraries are loaded now
    before = _high_water_mark()
    simulate_views(ct, views(beam), device="cpu")
    return float(_high_water_mark() - before)


def _high_water_mark() -> int:
    status = Path("/proc/self/status")
    if status.is_file():  # ru_maxrss of a child starts with its parent's peak on Linux
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def peak_memory() -> dict[str, float]:
    """Peak memory as a multiple of the volume's float32 size, the volume included."""
    found = {}
    for kind in _MEMORY_RUNS:
        command = [sys.executable, __file__, "--memory-of", kind]
        grown = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        found[kind] = 1.0 + grown / (4.0 * np.prod(SHAPE_KJI))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--memory-of", choices=_MEMORY_RUNS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory_of:
        print(memory_of(arguments.memory_of))
        return
    import torch

    torch.set_num_threads(arguments.threads)
    times = own(arguments.repeats)
    for module, measure in (("itk", rtk), ("diffdrr", diffdrr)):
        if importlib.util.find_spec(module):
            times |= measure(arguments.repeats)
    memory = peak_memory()
    print(f"{'what':<28}{'min ms':>10}{'median ms':>12}{'cpu ms':>10}{'target ms':>12}")
    for name, value in times.items():
        target = f"{TARGET_MS[name]:.0f}" if name in TARGET_MS else "-"
        print(f"{name:<28}{value['min_ms']:>10.1f}{value['median_ms']:>12.1f}{value['cpu_ms']:>10.1f}{target:>12}")
    for name, value in memory.items():
        print(f"peak memory, {name:<15}{value:>10.2f} x the volume (target 3)")
    if arguments.out:
        record = {"threads": arguments.threads, "torch": torch.__version__, "times": times, "memory": memory}
        arguments.out.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
