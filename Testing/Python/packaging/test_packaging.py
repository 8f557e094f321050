"""The extension as Slicer packages it: configured and installed with stand-ins for Slicer's CMake files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
STUB = Path(__file__).resolve().parent / "slicer_stub"
MODULES = Path("lib/Slicer/qt-scripted-modules")


def configure(source: Path, build: Path) -> subprocess.CompletedProcess[str]:
    """The project has nothing to compile, so no compiler is asked for."""
    no_compiler = [f"-DCMAKE_{x}_COMPILER={shutil.which('true')}" for x in ("C", "CXX")]
    forced = [f"-DCMAKE_{x}_COMPILER_FORCED=ON" for x in ("C", "CXX")]
    command = ["cmake", "-S", source, "-B", build, f"-DSlicer_DIR={STUB}", "-DBUILD_TESTING=ON", *no_compiler, *forced]
    return subprocess.run(command, capture_output=True, text=True)


def install(build: Path, prefix: Path) -> Path:
    done = subprocess.run(["cmake", "--install", build, "--prefix", prefix], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return prefix / MODULES


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    if shutil.which("cmake") is None or shutil.which("true") is None:
        pytest.skip("cmake is not installed")
    build = tmp_path_factory.mktemp("build")
    done = configure(ROOT, build)
    assert done.returncode == 0, done.stderr
    return build


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory) -> Path:
    return install(built, tmp_path_factory.mktemp("prefix"))


def files_under(folder: Path, root: Path) -> set[str]:
    """Paths that belong to the product: no caches, nothing hidden, no pictures for the README."""
    paths = (p.relative_to(root) for p in folder.rglob("*") if p.is_file())
    return {
        p.as_posix()
        for p in paths
        if "__pycache__" not in p.parts
        and not any(part.startswith(".") for part in p.parts)
        and p.parts[:2] != ("Resources", "Screenshots")
        and p.name != "CMakeLists.txt"
    }


def test_every_file_arrives_where_the_module_looks_for_it(installed):
    expected = files_under(ROOT / "ReVerteRLib", ROOT) | files_under(ROOT / "Resources", ROOT)
    expected |= files_under(ROOT / "ReVerteR", ROOT / "ReVerteR")
    assert files_under(installed, installed) == expected


def test_the_installed_library_runs_by_itself(installed, tmp_path):
    code = (
        "import ReVerteRLib, pathlib;"
        "from ReVerteRLib.resources import resources_folder;"
        "from ReVerteRLib.scene.layout import layout_xml;"
        "print(pathlib.Path(ReVerteRLib.__file__).parent.parent, resources_folder().parent);"
        "print('ReVerteRAP' in layout_xml())"
    )
    environment = {k: v for k, v in os.environ.items() if k != "REVERTER_RESOURCES"} | {"PYTHONPATH": str(installed)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.stdout.split() == [str(installed), str(installed), "True"], done.stderr


def small_copy(target: Path) -> Path:
    for name in ("CMakeLists.txt", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, target / name)
    for name in ("ReVerteR", "ReVerteRLib", "Resources", "Testing"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"))
    return target


@pytest.mark.usefixtures("built")
def test_an_incomplete_source_tree_is_refused(tmp_path):
    source = small_copy(tmp_path)
    (source / "Resources" / "UI" / "ReVerteR.ui").unlink()
    done = configure(source, tmp_path / "build")
    assert done.returncode != 0
    assert "Resources/UI/ReVerteR.ui is missing" in done.stderr


@pytest.mark.usefixtures("built")
def test_a_file_added_later_is_packaged_and_hidden_ones_are_not(tmp_path):
    source = small_copy(tmp_path)
    (source / "ReVerteRLib" / "scene" / "added_later.py").write_text("")
    (source / "Resources" / "Weights" / ".partial-x.safetensors").write_text("")
    assert configure(source, tmp_path / "build").returncode == 0
    arrived = install(tmp_path / "build", tmp_path / "prefix")
    assert (arrived / "ReVerteRLib" / "scene" / "added_later.py").is_file()
    assert not (arrived / "Resources" / "Weights" / ".partial-x.safetensors").exists()
