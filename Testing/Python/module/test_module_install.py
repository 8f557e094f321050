"""Packages that Slicer lacks: asked for, installed through the right door, and never behind the user's back."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from stand_ins import REPOSITORY

from ReVerteRLib.errors import ResourceError
from ReVerteRLib.scene import install

REQUIREMENTS = REPOSITORY / "Resources" / "requirements.txt"


class Machine:
    """A Slicer that lacks packages, and a user who answers."""

    def __init__(self, monkeypatch, missing: set[str], *, agrees: bool = True, works: bool = True) -> None:
        self.missing, self.agrees, self.works, self.installed = missing, agrees, works, []
        util = SimpleNamespace(confirmOkCancelDisplay=lambda _text: self.agrees, pip_install=self.pip_install)
        monkeypatch.setattr(install, "import_slicer", lambda: SimpleNamespace(util=util))
        monkeypatch.setattr(install, "missing_packages", lambda: sorted(self.missing))

    def pip_install(self, requirements: str) -> None:
        self.installed.append(requirements)
        self.missing -= {"safetensors"} if self.works else set()

    def offer_torch(self, monkeypatch) -> None:
        def install_torch(*, askConfirmation: bool):  # noqa: N803 - Slicer's name
            assert askConfirmation
            if not self.agrees:
                return None
            self.installed.append("torch")
            self.missing.discard("torch")
            return object()

        logic = SimpleNamespace(installTorch=install_torch)
        monkeypatch.setitem(sys.modules, "PyTorchUtils", SimpleNamespace(PyTorchUtilsLogic=lambda: logic))


def test_nothing_is_asked_where_everything_is_there(monkeypatch):
    machine = Machine(monkeypatch, set(), agrees=False)
    assert install.ensure_packages(REQUIREMENTS) is True
    assert machine.installed == []


def test_torch_comes_through_its_extension_and_the_rest_by_name(monkeypatch):
    machine = Machine(monkeypatch, {"torch", "safetensors"})
    machine.offer_torch(monkeypatch)
    assert install.ensure_packages(REQUIREMENTS) is True
    assert machine.installed == ["torch", "safetensors>=0.5"]


@pytest.mark.parametrize("missing", ["torch", "safetensors"])
def test_a_user_who_declines_gets_nothing_installed(monkeypatch, missing):
    machine = Machine(monkeypatch, {missing}, agrees=False)
    machine.offer_torch(monkeypatch)
    assert install.ensure_packages(REQUIREMENTS) is False
    assert machine.installed == []


def test_without_the_extension_the_message_says_how_to_get_it(monkeypatch):
    Machine(monkeypatch, {"torch"})
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    with pytest.raises(ResourceError, match="Extensions Manager"):
        install.ensure_packages(REQUIREMENTS)


def test_an_installation_that_changed_nothing_is_an_error(monkeypatch):
    Machine(monkeypatch, {"safetensors"}, works=False)
    with pytest.raises(ResourceError, match="safetensors could not be installed"):
        install.ensure_packages(REQUIREMENTS)


def test_missing_packages_are_found_without_importing_them(monkeypatch):
    monkeypatch.setattr(install.importlib.util, "find_spec", lambda name: None if name == "torch" else object())
    assert install.missing_packages() == ["torch"]
