from __future__ import annotations

import subprocess
import sys

import pytest

from ReVerteRLib.cli import simulate
from ReVerteRLib.cli.main import main

HEAVY = (
    "torch",
    "vtk",
    "vtkmodules",
    "SimpleITK",
    "monai",
    "numpy",
    "scipy",
    "skimage",
    "matplotlib",
    "slicer",
    "rich",
)
COMMANDS = ("demo", "simulate", "reconstruct", "batch", "train", "evaluate", "robustness", "doctor")


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom ReVerteRLib.cli.main import main\n"
        f"codes = [main(['--help'])] + [main([c, '--help']) for c in {COMMANDS!r}]\n"
        f"sys.exit(repr([codes, [m for m in {HEAVY!r} if m in sys.modules]]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == repr([[0] * (len(COMMANDS) + 1), []])
    for command in COMMANDS:
        assert f"usage: reverter {command}" in done.stdout


@pytest.mark.parametrize("module", ["ReVerteRLib", "ReVerteRLib.cli.main"])
def test_it_runs_as_a_module(module):
    done = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.startswith("reverter 0.")


def test_the_contract_of_option_names(capsys):
    expected = {
        "demo": ["--out"],
        "simulate": ["--ct", "--out", "--geometry", "--sdd", "--sad", "--spacing", "--device"],
        "reconstruct": ["--ap", "--lateral", "--centroids", "--out", "--levels", "--weights"],
        "batch": ["CASES", "--out", "--levels", "--weights", "--device", "--detector", "--scene", "--no-pictures"],
        "train": ["--config", "--data", "--out", "--resume"],
        "evaluate": ["--data", "--subjects", "--weights", "--centroids", "--out"],
        "robustness": ["--data", "--subjects", "--weights", "--rows", "--seed", "--out", "--device"],
        "doctor": [],
    }
    for command, names in expected.items():
        assert main([command, "--help"]) == 0
        text = capsys.readouterr().out
        assert all(f"{name} " in text or f"{name}]" in text for name in names), command


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
        (["simulate"], "required: --ct, --out"),
        (["simulate", "--ct", "a", "--out", "b", "--spacing", "-1"], "'-1' is not a positive number"),
        (["simulate", "--ct", "a", "--out", "b", "--spacing", "nan"], "'nan' is not a positive number"),
        (["simulate", "--ct", "a", "--out", "b", "--geometry", "fan"], "invalid choice: 'fan'"),
        (["simulate", "--ct", "a", "--out", "b", "--geometry", "cone", "--sad", "2000"], "behind the detector"),
        (["evaluate", "--data", "a", "--out", "b", "--subjects", " , "], "no name is given"),
        (["train", "--data", "a", "--config", "fast", "--out", "b", "--patients", "-1"], "not a whole number"),
    ],
)
def test_bad_arguments_exit_with_2_and_the_reason(reverter, arguments, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = reverter(*arguments)
    assert outcome.code == 2
    assert reason in outcome.err
    assert "Traceback" not in outcome.err
    assert list(tmp_path.iterdir()) == []


def raising(error):
    def run(*_args):
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (KeyboardInterrupt(), 4, "cancelled. Earlier results are unchanged"),
        (MemoryError(), 5, "memory does not suffice"),
        (OSError(28, "No space left on device", "/x/y"), 5, "/x/y: the disk is full"),
        (ValueError("odd"), 1, "unexpected ValueError: odd"),
        (ZeroDivisionError(), 1, "run it again with --debug"),
    ],
)
def test_every_way_to_fail_has_a_code_and_one_line(reverter, monkeypatch, error, code, text):
    monkeypatch.setattr(simulate, "run", raising(error))
    outcome = reverter("simulate", "--ct", "a", "--out", "b")
    assert outcome.code == code
    assert outcome.err.startswith("reverter: error: ")
    assert text in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


def test_debug_shows_the_traceback_wherever_it_stands(reverter, monkeypatch):
    monkeypatch.setattr(simulate, "run", raising(ValueError("odd")))
    for arguments in (["--debug", "simulate"], ["simulate", "--debug"]):
        outcome = reverter(*arguments, "--ct", "a", "--out", "b")
        assert "Traceback" in outcome.err
        assert "reverter: error: unexpected ValueError: odd" in outcome.err


def test_a_polite_kill_counts_as_cancelled(reverter, monkeypatch):
    import os
    import signal

    def kill(*_args):
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(simulate, "run", kill)
    assert reverter("simulate", "--ct", "a", "--out", "b").code == 4
    assert signal.getsignal(signal.SIGTERM) == before
