"""Started by torchrun in test_parallel.py: trains in each process and leaves the first one's checkpoint."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from synthetic import Shapes

from ReVerteRLib.training.config import config_from_dict
from ReVerteRLib.training.loop import Trainer
from ReVerteRLib.training.parallel import torchrun_workers

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    config = config_from_dict(json.loads((folder / "wanted.json").read_text()))
    with torchrun_workers("cpu") as workers:
        trainer = Trainer(config, Shapes(8), Shapes(3), folder / "together", workers=workers)
        trainer.run(resume=(folder / "together" / "checkpoint.pt").is_file(), stop_after=2)
        report = {"rank": workers.rank, "size": workers.size, "seconds": trainer.seconds, "step": trainer.step}
        (folder / f"rank{workers.rank}.json").write_text(json.dumps({**report, "dice": trainer.validation_dice}))
