"""The tutorial in Resources/Docs/benchmark.md works as it is written."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

from toy_benchmark import write_corpus

from ReVerteRLib.benchmark.records import read_training
from ReVerteRLib.cli.main import main
from ReVerteRLib.networks import systems

PAGE = Path(__file__).parents[3] / "Resources" / "Docs" / "benchmark.md"


def test_a_system_of_ones_own_takes_one_file_and_one_line(tmp_path: Path, monkeypatch) -> None:
    text = PAGE.read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    module = types.ModuleType("my_network")
    monkeypatch.setitem(sys.modules, "my_network", module)
    exec(compile(code, str(PAGE), "exec"), module.__dict__)  # noqa: S102 - the page's own code
    assert "\n    my_network.SYSTEM,\n" in text  # the line
    monkeypatch.setattr(systems, "SYSTEMS", (*systems.SYSTEMS, module.SYSTEM))

    options = ["--systems", "my-network", "--budget", "6", "--train-only", "--threads", "1", "--device", "cpu"]
    out, corpus = tmp_path / "out", write_corpus(tmp_path / "corpus")
    assert main(["--quiet", "benchmark", *options, "--corpus", str(corpus), "--out", str(out)]) == 0
    record = read_training(out / "trained" / "my-network" / "seed-0")
    assert record is not None
    assert (record.samples, record.steps, record.batch) == (6, 2, 4)
    assert record.parameters == 4 * 8 * 64 + 8 + 8 * 64 + 1
