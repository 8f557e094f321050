"""Gradients against finite differences, values against the plain path, and a registration that uses them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from drr_phantoms import centred

from ReVerteRLib.drr import differentiable
from ReVerteRLib.drr import project as plain_project
from ReVerteRLib.drr.march import march
from ReVerteRLib.drr.ramp import as_float
from ReVerteRLib.errors import ArgumentError, GeometryError
from ReVerteRLib.geometry import Beam, Projection, View

CENTRE = (11.0, -23.0, 57.0)
SHAPE = (20, 18, 22)


def _volume(shape=SHAPE, seed=3) -> torch.Tensor:
    noise = torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.nn.functional.avg_pool3d(noise[None, None], 3, 1, 1)[0, 0]


def _matrix(shape=SHAPE, spacing=1.5) -> np.ndarray:
    linear = np.array([[0.98, -0.17, 0.05], [0.17, 0.98, 0.02], [-0.05, -0.01, 1.0]])
    return centred(np.linalg.qr(linear)[0] * spacing, shape, np.array(CENTRE))


def _view(view=View.AP, beam=Beam.CONE, hw=(9, 11), spacing=4.1) -> Projection:
    column, along = ((1.0, 0, 0), (0, 1.0, 0)) if view is View.AP else ((0, 1.0, 0), (1.0, 0, 0))
    origin = np.array(CENTRE) + spacing * ((hw[0] - 1) / 2 * np.array([0, 0, 1.0]) - (hw[1] - 1) / 2 * np.array(column))
    return Projection(view, beam, hw, (spacing, spacing), tuple(origin), (0, 0, -1.0), column, along, 200, 300)


@pytest.mark.parametrize("beam", list(Beam))
@pytest.mark.parametrize("view", list(View))
def test_gradients_agree_with_finite_differences(view, beam):
    volume, matrix, projection = _volume((7, 6, 5)).requires_grad_(), _matrix((7, 6, 5), 4.0), _view(view, beam, (4, 5))
    motion = torch.tensor([0.03, -0.02, 0.05, 1.3, -0.7, 0.9], dtype=torch.float64, requires_grad=True)

    def image(values: torch.Tensor, six: torch.Tensor) -> torch.Tensor:
        pose = differentiable.rigid_pose(six[:3], six[3:], CENTRE)
        return differentiable.project(values, matrix, projection, pose)

    assert image(volume, motion).detach().max() > 5
    assert torch.autograd.gradcheck(image, (volume, motion), eps=1e-6, atol=1e-5)


@pytest.mark.parametrize("beam", list(Beam))
def test_pictures_equal_those_of_the_plain_path(beam):
    volume, matrix, projection = _volume(), _matrix(), _view(View.LATERAL, beam)
    fine = Projection(**{**vars(projection), "spacing_mm": (1.4, 1.4)})  # voxels are not pooled
    found = differentiable.project(volume.float(), matrix, fine)
    np.testing.assert_allclose(found, plain_project(volume.float(), matrix, fine, "cpu"), atol=1e-4 * found.max())
    slow = march(volume.float(), matrix, fine, as_float)
    assert (found - slow).abs().max() < 0.03 * slow.max()


def test_a_pose_moves_the_patient():
    volume, matrix, projection = _volume(), _matrix(), _view(spacing=1.4)
    pose = differentiable.rigid_pose(
        torch.tensor([0.1, 0.2, -0.1]).double(), torch.tensor([3.0, -2, 5]).double(), CENTRE
    )
    moved = differentiable.project(volume, matrix, projection, pose)
    baked = differentiable.project(volume, pose.numpy() @ matrix, projection)
    np.testing.assert_allclose(moved, baked, atol=1e-12)
    shift = differentiable.rigid_pose(torch.zeros(3).double(), torch.tensor([0.0, 0, 5.0]).double(), CENTRE)
    assert float(shift[2, 3]) == pytest.approx(5.0)
    dot = torch.zeros(SHAPE, dtype=torch.float64)
    dot[10, 9, 11] = 1.0

    def middle_row(pose: torch.Tensor | None) -> float:
        image = differentiable.project(dot, matrix, _view(hw=(41, 41), spacing=1.0), pose)
        return float((torch.arange(41).double()[:, None] * image).sum() / image.sum())

    assert middle_row(None) - middle_row(shift) == pytest.approx(5.0, abs=0.3)  # rows count downwards


def test_a_batch_of_poses_gives_a_batch_of_pictures():
    volume, matrix, projection = _volume(), _matrix(), _view()
    turns = torch.tensor([[0.0, 0, 0], [0, 0, 0.4], [0, 0, 1.4]]).double()
    poses = differentiable.rigid_pose(turns, torch.zeros(3, 3).double(), CENTRE)
    images = differentiable.project(volume, matrix, projection, poses)
    assert images.shape == (3, *projection.image_hw)
    for pose, image in zip(poses, images, strict=True):
        np.testing.assert_array_equal(image, differentiable.project(volume, matrix, projection, pose))


def test_rigid_poses_are_rigid_and_differentiable_at_rest():
    rest = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    pose = differentiable.rigid_pose(rest, torch.zeros(3).double(), CENTRE)
    np.testing.assert_allclose(pose.detach(), np.eye(4), atol=1e-15)
    assert torch.autograd.grad(pose[0, 1], rest)[0].tolist() == [0.0, 0.0, -1.0]
    turn = differentiable.rigid_pose(torch.tensor([0.0, 0.0, np.pi / 2]), torch.zeros(3), (0.0, 0.0, 0.0))
    np.testing.assert_allclose(turn @ torch.tensor([1.0, 0, 0, 1]), [0, 1, 0, 1], atol=1e-6)


def test_wrong_volumes_poses_and_beams_are_refused():
    volume, matrix, projection = _volume(), _matrix(), _view()
    with pytest.raises(ArgumentError, match="floating-point volume"):
        differentiable.project(volume.to(torch.int16), matrix, projection)
    with pytest.raises(ArgumentError, match="4x4 matrix"):
        differentiable.project(volume, matrix, projection, torch.zeros(3))
    with pytest.raises(GeometryError, match="narrower beam"):
        differentiable.project(volume, matrix, Projection(**{**vars(_view(hw=(9, 301))), "sad_mm": 30.0}))


def test_the_registration_in_the_documentation_finds_the_pose():
    from pathlib import Path

    page = (Path(__file__).parents[3] / "Resources" / "Docs" / "speed.md").read_text(encoding="utf-8")
    code = page.split("```python\n# registration", 1)[1].split("```", 1)[0]
    names: dict = {}
    exec("# registration" + code, names)  # noqa: S102
    assert names["before_mm"] > 5
    assert names["after_mm"] < 0.2
