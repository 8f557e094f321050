"""What a synthetic patient may have beyond a free-form change: posture, shapes, ailments, metal and things worn.

Every chance is the share of patients (of vertebrae where it says so) that have it. Plain data, read from and written
to the corpus record.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PostureSettings:
    """How the drawn posture is used.

    upright_chance:  share of patients that stand: curves steeper, the upper end over the lower one. The others lie,
                     as in the CT scans of the statistics.
    upright_gain:    range of the factor on kyphosis and lordosis when standing.
    plumb_mm:        standard deviation of the sagittal offset between both ends of the spine when standing.
    scoliosis_chance, scoliosis_cobb_deg: share of patients with a structural curve and the range of its angle.
    scoliosis_turn:  axial rotation of the apex as a share of the Cobb angle, towards the convex side.
    spread:          factor on all statistical deviations, which are cut at 2.2 standard deviations.
    largest_bend_deg: limit of the change of direction from the source spine.
    """

    upright_chance: float = 0.6
    upright_gain: tuple[float, float] = (1.0, 1.35)
    plumb_mm: float = 22.0
    scoliosis_chance: float = 0.15
    scoliosis_cobb_deg: tuple[float, float] = (10.0, 45.0)
    scoliosis_turn: float = 0.45
    spread: float = 1.0
    largest_bend_deg: float = 32.0


@dataclass(frozen=True)
class ShapeSettings:
    """Standard deviations of the logarithm of a vertebra's measures against those of its source.

    width, depth:    common to a patient.
    level_width, level_depth, level_height: of single vertebrae, blended into their neighbours.
    process, level_process: length of what lies behind the body, of the patient and of single vertebrae.
    """

    width: float = 0.05
    depth: float = 0.05
    level_width: float = 0.025
    level_depth: float = 0.025
    level_height: float = 0.035
    process: float = 0.08
    level_process: float = 0.06


@dataclass(frozen=True)
class AilmentSettings:
    """Changes of the bone, in CT and mask alike.

    fracture_chance: share of patients with broken bodies (from T3 to L5).
    fractures:       largest number of them.
    height_loss:     range of the lost share of the body's height.
    spur_chance:     share of patients with osteophytes.
    spur_share:      share of their end-plate rims that have one.
    spur_mm:         range of their length.
    """

    fracture_chance: float = 0.2
    fractures: int = 3
    height_loss: tuple[float, float] = (0.15, 0.5)
    spur_chance: float = 0.4
    spur_share: float = 0.3
    spur_mm: tuple[float, float] = (2.0, 7.0)


@dataclass(frozen=True)
class ForeignSettings:
    """What covers the bone on the radiographs and is not in the mask: implants, calcium, cables, chains."""

    screws_chance: float = 0.08
    cement_chance: float = 0.05
    aorta_chance: float = 0.25
    cables_chance: float = 0.2
    necklace_chance: float = 0.06
    tube_chance: float = 0.08


@dataclass(frozen=True)
class PatientSettings:
    """Everything above; a part that is None is off."""

    posture: PostureSettings | None = None
    shape: ShapeSettings | None = None
    ailments: AilmentSettings | None = None
    foreign: ForeignSettings | None = None

    @classmethod
    def rich(cls) -> PatientSettings:
        """All of it."""
        return cls(PostureSettings(), ShapeSettings(), AilmentSettings(), ForeignSettings())

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready record."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> PatientSettings:
        """The settings of a record; lists become tuples again. Raises TypeError for unknown names."""
        parts = {"posture": PostureSettings, "shape": ShapeSettings}
        kinds: dict[str, Any] = {**parts, "ailments": AilmentSettings, "foreign": ForeignSettings}
        made = {
            name: None if values is None else kinds[name](**{k: _tuple(v) for k, v in values.items()})
            for name, values in record.items()
        }
        return cls(**made)


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
