"""The network in OpenVINO, where that package is installed: to see whether it still wins against torch.

The network is traced with the first patches that it sees, so a runner serves either parallel or diverging rays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ReVerteRLib.errors import ResourceError

if TYPE_CHECKING:
    from ReVerteRLib.anatomy import Level
    from ReVerteRLib.datasets.patches import VertebraPatches
    from ReVerteRLib.inference.weights import LoadedWeights


class OpenVinoRunner:
    """A PatchRunner (see inference.runner), one vertebra at a time, mirrored once more where the weights ask for it.

    precision: 'fp32' or 'bf16'. Raises ResourceError where openvino is not installed.
    """

    def __init__(self, weights: LoadedWeights, precision: str, threads: int) -> None:
        try:
            import openvino
        except ImportError as error:
            raise ResourceError("openvino is not installed", remedy="pip install openvino") from error
        self._openvino = openvino
        self._network, self._mirror = weights.network.eval(), weights.mirror
        kind = {"fp32": "f32", "bf16": "bf16"}[precision]
        self._settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": kind,
        }
        self._compiled: Any = None
        self.notes: list[str] = []
        self.device = "cpu"

    @property
    def batch_size(self) -> int:
        """1: more gives nothing on a CPU."""
        return 1

    def probabilities(self, patches: Sequence[VertebraPatches], levels: Sequence[Level]) -> NDArray[np.float32]:
        """(N, S, S, S) probabilities [z, y, x]."""
        found = []
        for patch, level in zip(patches, levels, strict=True):
            one = self._one(patch, level)
            found.append((one + self._one(patch.mirrored(), level)[..., ::-1]) / 2.0 if self._mirror else one)
        return np.stack(found)

    def _one(self, patch: VertebraPatches, level: Level) -> NDArray[np.float32]:
        inputs = [patch.ap, patch.lateral, patch.centroid_zyx, patch.perspective]
        arrays = [np.asarray(a, dtype=np.float32)[None] for a in inputs]
        arrays.append(np.array([level.order], dtype=np.int64))
        if patch.prior is not None:
            arrays.append(np.asarray(patch.prior, dtype=np.float32)[None, None])
        if self._compiled is None:
            self._compiled = self._compile(arrays)
        logits = self._compiled(arrays)[0]
        probability: NDArray[np.float32] = 1.0 / (1.0 + np.exp(-logits[0, 0]))
        return probability

    def _compile(self, arrays: list[NDArray[Any]]) -> Any:
        import torch

        network = self._network

        class Positional(torch.nn.Module):
            """OpenVINO wants positional inputs."""

            def __init__(self) -> None:
                super().__init__()
                self.network = network

            def forward(self, *given: torch.Tensor) -> torch.Tensor:
                """Logits [1, 1, S, S, S] of ap, lateral, centroid, perspective, level and, if there is one, prior."""
                ap, lateral, centroid, perspective, level, *prior = given
                extra = {"prior": prior[0]} if prior else {}
                found: torch.Tensor = self.network(
                    ap, lateral, level=level, centroid_zyx=centroid, perspective=perspective, **extra
                )
                return found

        example = tuple(torch.from_numpy(a) for a in arrays)
        shapes = [list(a.shape) for a in arrays]
        with torch.inference_mode(mode=False), torch.no_grad():
            model = self._openvino.convert_model(Positional().eval(), example_input=example, input=shapes)
        return self._openvino.compile_model(model, "CPU", self._settings)
