"""How quickly the Slicer panel answers with 24 vertebrae, and what huge radiographs cost.

    python Testing/Benchmarks/panel.py [--out panel.json] [--without cancel huge]

The real panel runs under the tests' host (Testing/Python/module): Qt off-screen, Slicer's own scene, and for the slider
Slicer's own displayable managers that draw into an off-screen VTK window by software OpenGL where there is no graphics
card. In the application the same work is drawn by the card. Aims: opens in less than 1 s, at least 20 pictures a second
while the slider moves, undo in less than 100 ms, a running reconstruction cancelled in less than 2 s.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
for folder in ("Testing/Python/imaging", "Testing/Python/module", "."):
    sys.path.insert(0, str(REPOSITORY / folder))

AIMS = {"open_s": 1.0, "slider_fps": 20.0, "undo_ms": 100.0, "cancel_s": 2.0}
VIEW_WH = (640, 800)
HUGE = 8192
PARTS = ("panel", "cancel", "huge")


class Clock:
    """Seconds on the wall and seconds of processor time (all threads) of what is done in `measure`.

    On a busy machine only the processor time says how long the same would take on a free one.
    """

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.processor: list[float] = []

    def measure(self, action: Callable[[], Any]) -> Any:
        started, worked = time.perf_counter(), time.process_time()
        value = action()
        self.wall.append(time.perf_counter() - started)
        self.processor.append(time.process_time() - worked)
        return value


# --- the panel and a spine of 24 vertebrae ------------------------------------------------------------------


@contextlib.contextmanager
def application() -> Iterator[Any]:
    """Scene and Qt as in the tests; yields (host, app)."""
    import conftest
    import pytest
    import qt_host

    with pytest.MonkeyPatch.context() as patch, _fixture(conftest.host, patch) as host:
        with _fixture(conftest.qt_app, host, patch) as app:
            try:
                yield host, app
            except Exception:  # noqa: BLE001 - it is printed
                traceback.print_exc()
                os._exit(1)  # Qt and VTK do not survive the way out
        qt_host.application().processEvents()


@contextlib.contextmanager
def _fixture(fixture: Any, *arguments: Any) -> Iterator[Any]:
    """A test's fixture without a test."""
    function = getattr(fixture, "_get_wrapped_function", lambda: getattr(fixture, "__wrapped__", fixture))()
    yield from function(*arguments)


def opened(host: Any, clock: Clock | None = None) -> Any:
    """The panel as Slicer opens it, timed from its construction until it is drawn."""
    import qt_host
    import stand_ins

    host.slicer.app.layoutManager().setLayout(3)
    module = stand_ins.load_module(REPOSITORY / "ReVerteR" / "ReVerteR.py")  # Slicer does this when it starts
    module.makeLibraryImportable()
    qt_host.allow_properties()
    outer = SimpleNamespace(addWidget=lambda panel: setattr(widget, "panel", panel))
    widget: Any = None

    def begin() -> None:
        nonlocal widget
        widget = module.ReVerteRWidget(SimpleNamespace(isEntered=True, layout=lambda: outer))
        widget.setup()
        widget.enter()
        widget.panel.show()
        qt_host.application().processEvents()

    (clock or Clock()).measure(begin)
    return widget


def closed(widget: Any) -> None:
    import qt_host

    widget.cleanup()
    for selector in widget.panel.findChildren(qt_host.qMRMLNodeComboBox):
        selector.release()
    widget.panel.deleteLater()
    qt_host.application().processEvents()


def spine_of_24(host: Any) -> Any:
    """C1 to L5 of mean shape with simulated radiographs, centroids, segmentation and models in the scene."""
    import numpy as np

    from ReVerteRLib.anatomy import parse_levels
    from ReVerteRLib.drr import simulate_pair
    from ReVerteRLib.geometry import PatchGrid
    from ReVerteRLib.inference.assembly import LevelPatch, assemble
    from ReVerteRLib.inference.surfaces import surface_from_field
    from ReVerteRLib.scene.builder import build_scene
    from ReVerteRLib.scene.phantom import phantom_centroids, phantom_ct
    from ReVerteRLib.shapes.store import load_shapes

    levels = [level for level in parse_levels("C1-L5") if level.name != "T13"]
    spine, shapes, patches = phantom_centroids(levels), load_shapes(), []
    for centroid in spine:
        grid = PatchGrid(centroid.position_lps_mm, 120, 1.0, 12.0)
        distance_mm = np.clip(shapes.distance(centroid.level, centroid.position_lps_mm, spine, grid), -20, 20)
        patches.append(LevelPatch(centroid.level, (1.0 / (1.0 + np.exp(distance_mm))).astype(np.float32), grid))
    labels, fields = assemble(patches, 0.5)
    surfaces = {field.level: surface_from_field(field.values, field.zyx_to_lps_mm) for field in fields}
    pair = simulate_pair(phantom_ct(spine), device="cpu")
    return build_scene(host.scene, radiographs=pair, centroids=spine, labels=labels, surfaces=surfaces)


def noise_of_24(host: Any) -> Any:
    """Two radiographs of noise and 24 centroids: the network is as long at work with them as with a patient."""
    import numpy as np

    from ReVerteRLib.anatomy import parse_levels
    from ReVerteRLib.geometry import INFERIOR, LEFT, POSTERIOR, Beam, Projection, View
    from ReVerteRLib.imaging.radiograph import Radiograph, RadiographPair
    from ReVerteRLib.scene.builder import build_scene
    from ReVerteRLib.scene.phantom import phantom_centroids

    spine = phantom_centroids([level for level in parse_levels("C1-L5") if level.name != "T13"])
    top, films = max(c.position_lps_mm[2] for c in spine) + 80.0, []
    for view, axis, column, beam in ((View.AP, 0, LEFT, POSTERIOR), (View.LATERAL, 1, POSTERIOR, LEFT)):
        origin = [0.0, 0.0, top]
        origin[axis] = -150.0
        shape = (int(2 * top), 301)
        projection = Projection(view, Beam.PARALLEL, shape, (1.0, 1.0), tuple(origin), INFERIOR, column, beam)
        noise = np.random.default_rng(axis).uniform(0.0, 3.0, shape).astype(np.float32)
        films.append(Radiograph(noise, projection))
    return build_scene(host.scene, radiographs=RadiographPair(*films), centroids=spine)


# --- measurements --------------------------------------------------------------------------------------------


def measure_panel() -> dict[str, Any]:
    """Opening, the slider and undo; in a fresh process, so that opening loads the library for the first time."""
    with application() as (host, _app):
        clock = Clock()
        closed(opened(host, clock))
        widget = opened(host, clock)
        spine = spine_of_24(host)
        node = widget.parameterNode
        node.ap, node.lateral, node.centroids = spine.ap, spine.lateral, spine.centroids
        node.segmentation = spine.segmentation
        triangles = sum(model.GetPolyData().GetNumberOfCells() for model in spine.models.values())
        found = {
            "open_s": round(clock.wall[0], 3),
            "open_processor_s": round(clock.processor[0], 3),
            "open_again_s": round(clock.wall[1], 3),
            "open_again_processor_s": round(clock.processor[1], 3),
            "vertebrae": len(spine.models),
            "triangles": triangles,
            **measure_slider(widget, host),
            **measure_undo(widget),
        }
        closed(widget)
        tell(found)
    return found


def measure_slider(widget: Any, host: Any) -> dict[str, Any]:
    """Pictures a second while the rotation slider moves, with drawing and without."""
    import qt_host

    from ReVerteRLib.scene import layout, render
    from ReVerteRLib.scene.windows import OffscreenWindow

    slicer, slider = host.slicer, widget.ui.rotationSlider
    widget.showLayout()
    logic = slicer.vtkSlicerApplicationLogic()
    logic.SetMRMLScene(host.scene)
    logic.SetModuleLogic("Markups", slicer.modules.markups.logic())
    view_node = host.scene.GetSingletonNode(layout.THREED_VIEW, "vtkMRMLViewNode")
    places = []

    def turn(angle: float, window: Any = None) -> None:
        slider.setProperty("value", angle)
        qt_host.application().processEvents()
        if window is not None:
            window.window.Render()
            places.append(window.renderer.GetActiveCamera().GetPosition())

    try:
        with (
            OffscreenWindow(VIEW_WH) as window,
            render._managed(window, logic, view_node, render._THREED_MANAGERS),
        ):
            renderer = window.window.GetClassName()
            turn(1.0, window)
            drawn = Clock()
            for angle in range(2, 62):
                drawn.measure(lambda a=angle: turn(a, window))
            shown = window.renderer.GetActors().GetNumberOfItems()
    finally:
        logic.SetMRMLScene(None)
    bare = Clock()
    for angle in range(62, 122):
        bare.measure(lambda a=angle: turn(a))
    return {
        "slider_fps": round(1.0 / statistics.mean(drawn.wall), 1),
        "slider_slowest_ms": round(1000 * max(drawn.wall), 1),
        "slider_processor_ms": round(1000 * statistics.mean(drawn.processor), 1),
        "slider_without_drawing_ms": round(1000 * statistics.median(bare.wall), 1),
        "slider_without_drawing_processor_ms": round(1000 * statistics.mean(bare.processor), 1),
        "slider_turns": len(set(places)) == len(places) and shown > 0,
        "slider_window": f"{renderer}, {VIEW_WH[0]} x {VIEW_WH[1]} pixels",
    }


def measure_undo(widget: Any) -> dict[str, Any]:
    """Undo of a moved centroid, from the click until the table and both views are drawn anew."""
    import qt_host

    editor, moves, undos = widget.vertebrae.editor, Clock(), Clock()
    events = qt_host.application().processEvents
    for repeat in range(12):
        x, y, z = editor.points[repeat].position_lps_mm
        moves.measure(lambda i=repeat, p=(x + 1.0, y, z): (widget.vertebrae.edit("move", i, p), events()))
        undos.measure(lambda: (widget.ui.undoButton.click(), events()))
        if editor.points[repeat].position_lps_mm != (x, y, z):
            raise RuntimeError("undo did not bring the centroid back")
    return {
        "undo_ms": round(1000 * statistics.median(undos.wall), 1),
        "undo_slowest_ms": round(1000 * max(undos.wall), 1),
        "undo_processor_ms": round(1000 * statistics.mean(undos.processor), 1),
        "move_ms": round(1000 * statistics.median(moves.wall), 1),
    }


def measure_cancel() -> dict[str, Any]:
    """Cancelling 24 vertebrae in the real worker: while it starts, and while the network computes."""
    import qt_host
    from panel_steps import plain_qt

    found: dict[str, Any] = {}
    with application() as (host, app):
        widget = opened(host)
        plain_qt(__name__)
        spine = noise_of_24(host)
        node = widget.parameterNode
        node.ap, node.lateral, node.centroids = spine.ap, spine.lateral, spine.centroids
        widget.ui.pythonPathLineEdit.setProperty("currentPath", sys.executable)
        for name in ("cancel_while_starting_s", "cancel_s"):
            widget.ui.reconstructButton.click()
            if name == "cancel_s":
                qt_host.spin(lambda: _stage(widget) == "network", app, 300.0)
                _spin_for(2.0)
            started = time.perf_counter()
            widget.ui.cancelButton.click()
            clicked = time.perf_counter() - started
            qt_host.spin(lambda: not widget.busy, app, 60.0)
            found[name] = round(time.perf_counter() - started, 2)
            found["cancel_blocks_the_window_s"] = round(max(clicked, found.get("cancel_blocks_the_window_s", 0.0)), 3)
        closed(widget)
        tell(found)
    return found


def _stage(widget: Any) -> str:
    """What the worker does now."""
    job = widget.controller.client.job
    return str(job.progress.get("stage", "")) if job is not None else ""


def _spin_for(seconds: float) -> None:
    import qt_host

    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        qt_host.application().processEvents()
        time.sleep(0.01)


def measure_huge() -> dict[str, Any]:
    """Two DICOM radiographs of 8192 x 8192 pixels: import, window, scene, files for the worker, one vertebra."""
    from ReVerteRLib.geometry import View
    from ReVerteRLib.inference import Reconstructor, load_weights
    from ReVerteRLib.scene.bootstrap import SceneHost
    from ReVerteRLib.scene.import_session import ImportSession
    from ReVerteRLib.scene.phantom import phantom_centroids
    from ReVerteRLib.scene.task_inputs import write_pair

    found: dict[str, Any] = {"huge_pixels": HUGE}

    def step(name: str, action: Callable[[], Any]) -> Any:
        clock = Clock()
        value = clock.measure(action)
        found[f"huge_{name}_s"] = round(clock.wall[0], 2)
        found[f"huge_{name}_processor_s"] = round(clock.processor[0], 2)
        found[f"huge_{name}_peak_gib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)
        return value

    with tempfile.TemporaryDirectory() as name, SceneHost() as host:
        folder = Path(name)
        _make_huge(folder)
        session = ImportSession()
        session.set_files(folder / "ap.dcm", folder / "lateral.dcm")
        step("import", session.result)
        step("pictures", lambda: [session.picture(view) for view in View])
        ap, lateral = step("into_the_scene", lambda: session.add_to_scene(host.scene))
        files = step("files", lambda: write_pair(ap, lateral, folder))
        centroids = phantom_centroids()
        reconstructor = Reconstructor(load_weights("fast"), "cpu")
        levels = [list(centroids)[4].level]
        step("vertebra", lambda: reconstructor.reconstruct(files.pair, centroids, levels))
    return found


def _make_huge(folder: Path) -> None:
    """In a process of its own, whose memory does not count."""
    code = (
        "import sys; sys.path[:0] = sys.argv[2:]\nimport numpy as np\nfrom dicom_samples import write_dicom\n"
        f"n = {HUGE}\nz, x = np.linspace(0, 1, n, dtype=np.float32)[:, None], np.linspace(0, 1, n, dtype=np.float32)\n"
        "for name, position, across, middle in (('ap', 'AP', 'L', 0.5), ('lateral', 'LL', 'P', 0.55)):\n"
        "    image = 2000 * np.exp(-(((x - middle) / 0.12) ** 2)) * (1 + 0.25 * np.sin(2 * np.pi * z * 17))\n"
        "    image += np.random.default_rng(len(name)).integers(0, 60, (n, n), dtype=np.int16)\n"
        "    write_dicom(f'{sys.argv[1]}/{name}.dcm', image.astype(np.uint16), ViewPosition=position,\n"
        "                PixelSpacing=[410 / n, 410 / n], PatientOrientation=[across, 'F'])\n"
    )
    paths = [str(REPOSITORY / "Testing/Python/imaging"), str(REPOSITORY)]
    subprocess.run([sys.executable, "-c", code, str(folder), *paths], check=True)


# --- the script ------------------------------------------------------------------------------------------------


def in_fresh_process(part: str) -> dict[str, Any]:
    """The figures of one part, measured by this script in a process of its own."""
    command = [sys.executable, str(Path(__file__).resolve()), "--part", part]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONUTF8": "1"}, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise SystemExit(f"{part} could not be measured:\n{done.stderr[-3000:]}")
    return json.loads(lines[-1])


def tell(found: dict[str, Any]) -> None:
    """Gives the figures of a part to the script that started this process, and ends it: Qt and VTK need not tidy up."""
    print(json.dumps(found))
    sys.stdout.flush()
    os._exit(0)


def verdicts(found: dict[str, Any]) -> list[str]:
    """One line for each aim."""
    lines = []
    for key, aim in AIMS.items():
        if key in found:
            more = key.endswith("fps")
            met = found[key] >= aim if more else found[key] < aim
            aimed = f"at least {aim:g}" if more else f"less than {aim:g}"
            lines.append(f"{'met   ' if met else 'MISSED'} {key}: {found[key]} (aim: {aimed})")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description="Timings of the Slicer panel.")
    parser.add_argument("--out", type=Path, help="also write the figures as JSON")
    parser.add_argument("--without", nargs="*", default=[], choices=PARTS, help="parts to leave out")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        tell({"panel": measure_panel, "cancel": measure_cancel, "huge": measure_huge}[arguments.part]())
    found: dict[str, Any] = {"load_average": round(os.getloadavg()[0], 1), "cores": os.cpu_count()}
    for part in PARTS:
        if part not in arguments.without:
            found |= in_fresh_process(part)
    for key, value in found.items():
        print(f"{key:34} {value}")
    print("\n".join(verdicts(found)))
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
