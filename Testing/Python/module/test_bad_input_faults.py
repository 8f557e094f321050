"""What the computer does wrong, without a panel: words for other libraries' errors, and writers on a full disk."""

from __future__ import annotations

import errno
import resource

import numpy as np
import pytest

from ReVerteRLib.errors import OutputError, ResourceError, as_any, as_known
from ReVerteRLib.imaging.volume import LabelVolume, read_labels, write_volume
from ReVerteRLib.worker.client import _crash_name

WINDOWS = OSError(errno.ENOENT, "The filename or extension is too long")
WINDOWS.winerror = 206


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (WINDOWS, OutputError, "the path is too long. Choose a shorter name"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "/x"), OutputError, "/x: the path is too long"),
        (OSError(errno.EFBIG, "File too large", "/x"), ResourceError, "/x: the disk is full (File too large)"),
        (RuntimeError("std::bad_alloc"), ResourceError, "the memory does not suffice (std::bad_alloc)"),
        (ImportError("numpy.core.multiarray failed to import", name="torch"), ResourceError, "torch cannot be loaded"),
    ],
)
def test_faults_of_the_computer_are_known_with_their_place_and_remedy(error, kind, words):
    known = as_known(error)
    assert type(known) is kind
    assert words in known.message()
    assert known.remedy


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        ModuleNotFoundError("No module named 'ReVerteRLib.gone'", name="ReVerteRLib.gone"),
        FileNotFoundError(errno.ENOENT, "No such file or directory", "/x"),
        ValueError("x"),
    ],
)
def test_faults_of_the_program_are_not_taken_for_faults_of_the_computer(error):
    assert as_known(error) is None
    assert as_any(error).exit_code == 1
    assert "report it" in as_any(error).message()


def test_a_crash_is_called_by_its_name():
    assert [_crash_name(code) for code in (-11, -6, 139, 0xC0000005, -1073741819)] == [
        "SIGSEGV", "SIGABRT", "SIGSEGV", "0xC0000005", "0xC0000005",
    ]  # fmt: skip
    assert [_crash_name(code) for code in (0, 1, 23, 130, None)] == [None] * 5


def test_a_pytorch_for_the_cpu_only_says_so(monkeypatch):
    import torch

    from ReVerteRLib.devices import gpu_problem, pick_device

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    assert gpu_problem() == "this PyTorch is built for the CPU only"
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    assert gpu_problem() == "no graphics card with a working driver"
    assert pick_device("auto").type == "cpu"


@pytest.fixture
def small_files():
    """Files of this process grow to 20 000 bytes only, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("name", ["labels.nii.gz", "labels.nii", "labels.nrrd", "labels.mha"])
def test_a_volume_that_does_not_fit_the_disk_is_an_error_and_the_earlier_one_stays(tmp_path, name, small_files):  # noqa: ARG001
    small = LabelVolume(np.eye(8, dtype=np.uint8)[None].repeat(8, 0), np.eye(4))
    write_volume(small, tmp_path / name)
    noise = np.random.default_rng(0).integers(0, 9, (60, 60, 60)).astype(np.uint8)
    with pytest.raises(OutputError, match="cannot be written completely") as caught:
        write_volume(LabelVolume(noise, np.eye(4)), tmp_path / name)
    assert caught.value.where == str(tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    np.testing.assert_array_equal(read_labels(tmp_path / name).array_kji, small.array_kji)


@pytest.mark.parametrize("suffix", [".stl", ".obj", ".ply"])
def test_a_mesh_that_does_not_fit_the_disk_is_an_error(tmp_path, suffix, small_files):  # noqa: ARG001
    import vtk

    from ReVerteRLib.export.meshes import write_mesh

    sphere = vtk.vtkSphereSource()
    sphere.SetThetaResolution(8)
    sphere.Update()
    write_mesh(sphere.GetOutput(), tmp_path / f"L1{suffix}", "L1")
    before = (tmp_path / f"L1{suffix}").read_bytes()
    sphere.SetThetaResolution(150)
    sphere.SetPhiResolution(60)
    sphere.Update()
    with pytest.raises(OutputError, match="cannot be written"):
        write_mesh(sphere.GetOutput(), tmp_path / f"L1{suffix}", "L1")
    assert (tmp_path / f"L1{suffix}").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [f"L1{suffix}"]
