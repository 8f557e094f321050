"""The weights store: safetensors files with a card inside, verified by SHA-256 before they are parsed.

A pickle can run any code when it is opened, so none is ever opened: not by suffix and not by content.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ReVerteRLib.errors import ArgumentError, InputError, OutputError, WeightsError
from ReVerteRLib.files import sha256_of, write_json, written_aside
from ReVerteRLib.resources import resources_folder

if TYPE_CHECKING:
    import torch

    from ReVerteRLib.datasets.patches import PatchSettings
    from ReVerteRLib.networks.config import GeneratorConfig

DEFAULT = "default"
CARD_KEYS = ("name", "preset", "generator", "patches", "seed", "steps", "metrics", "data", "licence", "date")
"""What every card states; see `save_weights`."""

_PICKLE_SUFFIXES = {".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".joblib"}
_MAX_HEADER = 100_000_000


@dataclass(frozen=True)
class LoadedWeights:
    """A network with its weights, ready to run.

    network: in evaluation mode, on the CPU, float32.
    card:    what `save_weights` was given.
    sha256:  of the file.
    path:    the file.
    note:    "" for shipped weights; otherwise a sentence that says that they are not.
    """

    network: torch.nn.Module
    card: Mapping[str, Any]
    sha256: str
    path: Path
    note: str = ""

    @property
    def name(self) -> str:
        """The name in the card."""
        return str(self.card["name"])

    @property
    def threshold(self) -> float:
        """Probability from which a voxel is bone: the card's, chosen on validation subjects, or 0.5.

        Raises WeightsError when it is not between 0 and 1.
        """
        value = self.card.get("threshold", 0.5)
        if not isinstance(value, float) or not 0.0 < value < 1.0:
            raise WeightsError(
                f"the card's threshold {value!r} is impossible", where=self.path, remedy="Use other weights"
            )
        return value

    @property
    def mirror(self) -> bool:
        """Whether a vertebra is looked at twice, the second time mirrored: the card's, else for all but `fast`.

        On the validation subjects this gives `recommended` 0.003 in Dice and `fast` nothing, for twice the time.
        Raises WeightsError when the card says neither true nor false.
        """
        value = self.card.get("mirror", self.generator_config.preset != "fast")
        if not isinstance(value, bool):
            raise WeightsError(
                f"the card's mirror {value!r} is impossible", where=self.path, remedy="Use other weights"
            )
        return value

    @property
    def shape_prior(self) -> float:
        """Weight of the mean shape in logits per mm (prior.ShapePrior): the card's, or 0 for none.

        Raises WeightsError when it is negative or no number.
        """
        value = self.card.get("shape_prior_per_mm", 0.0)
        if not isinstance(value, float) or not 0.0 <= value <= 10.0:
            raise WeightsError(
                f"the card's shape prior {value!r} is impossible", where=self.path, remedy="Use other weights"
            )
        return value

    @property
    def generator_config(self) -> GeneratorConfig:
        """What the network consists of. Raises WeightsError."""
        config: GeneratorConfig = _generator_config(self.card["generator"], self.path)
        return config

    @property
    def patch_settings(self) -> PatchSettings:
        """How patches must be cut for these weights."""
        from ReVerteRLib.datasets.patches import PatchSettings

        return _settings(PatchSettings, self.card["patches"], self.path)


# --- the store -----------------------------------------------------------------------------------


def weights_folder() -> Path:
    """Resources/Weights."""
    return resources_folder() / "Weights"


def weights_index(folder: Path | None = None) -> dict[str, Any]:
    """{"default": NAME or None, "weights": {NAME: {"file", "sha256"}}} of the store. Raises WeightsError."""
    index = (folder or weights_folder()) / "index.json"
    if not index.is_file():
        return {"default": None, "weights": {}}
    try:
        record = json.loads(index.read_text(encoding="utf-8"))
        for entry in record["weights"].values():
            _ = (str(entry["file"]), str(entry["sha256"]))
        return {"default": record.get("default"), "weights": dict(record["weights"])}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"the list of weights is damaged ({error!r})", where=index, remedy="Install ReVerteR again"
        ) from error


def register_weights(path: Path, name: str, *, default: bool = False, folder: Path | None = None) -> None:
    """Enters a file of the store's folder, with its SHA-256, in index.json. Raises WeightsError, OutputError."""
    folder = folder or weights_folder()
    if Path(path).resolve().parent != folder.resolve():
        raise WeightsError("only files in the store can be listed", where=path, remedy=f"Copy it to {folder} first")
    record = weights_index(folder)
    record["weights"][name] = {"file": Path(path).name, "sha256": sha256_of(path)}
    if default or not record["default"]:
        record["default"] = name
    index = folder / "index.json"
    whole = json.loads(index.read_text(encoding="utf-8")) if index.is_file() else {}
    write_json(index, {**whole, **record})  # detectors are listed in the same file (detection.store)


def find_weights(name_or_path: str | Path = DEFAULT, folder: Path | None = None) -> tuple[Path, str | None]:
    """The file meant and the SHA-256 that it must have (None for files outside the store).

    A known name wins; anything with a folder or a suffix in it is a path. Raises WeightsError for unknown names,
    with the known ones in the message, and for files that are missing.
    """
    text = str(name_or_path)
    looks_like_path = isinstance(name_or_path, Path) or "/" in text or "\\" in text or bool(Path(text).suffix)
    if looks_like_path:
        path = _existing(Path(name_or_path), "Check the path")
        return path, _listed_hash(path, folder)
    folder = folder or weights_folder()
    record = weights_index(folder)
    name = record["default"] if text == DEFAULT else text
    if name not in record["weights"]:
        known = ", ".join(sorted(record["weights"])) or "none are installed"
        what = "no default weights are installed" if name is None else f"there are no weights called '{name}'"
        raise WeightsError(what, where=folder, remedy=f"Known names: {known}; or give a .safetensors file")
    entry = record["weights"][name]
    return _existing(folder / str(entry["file"]), "Install ReVerteR again"), str(entry["sha256"]).lower()


def _listed_hash(path: Path, folder: Path | None) -> str | None:
    """The SHA-256 of a path that leads into the store, None for files elsewhere or where there is no store."""
    try:
        folder = folder or weights_folder()
    except InputError:
        return None
    for entry in weights_index(folder)["weights"].values():
        if path.resolve() == (folder / str(entry["file"])).resolve():
            return str(entry["sha256"]).lower()
    return None


def _existing(path: Path, remedy: str) -> Path:
    if not path.is_file():
        raise WeightsError("no such weights file", where=path, remedy=remedy)
    return path


# --- reading -------------------------------------------------------------------------------------


def load_weights(name_or_path: str | Path = DEFAULT, folder: Path | None = None) -> LoadedWeights:
    """Reads, verifies and builds. `folder` is another store than the shipped one.

    The file is read once; its hash is compared before a byte of it is interpreted. Raises WeightsError for unknown
    names, wrong hashes, pickles, damaged files and weights that do not fit the network of their card.
    """
    import torch

    from ReVerteRLib.networks.registry import build_generator

    path, expected = find_weights(name_or_path, folder)
    _refuse_pickle_suffix(path)
    content = path.read_bytes()
    digest = _verified_digest(content, expected, path)
    card = _card_of(content, path)
    _refuse_other_kind(card, path)
    with torch.random.fork_rng(devices=[]):  # building draws initial weights; loading must not move the global seed
        network = build_generator(_generator_config(card["generator"], path))
    _fill(network, content, path)
    note = "" if expected else f"{path.name} is not in the list of shipped weights (SHA-256 {digest})"
    return LoadedWeights(network.eval(), card, digest, path, note)


def read_card(path: Path) -> dict[str, Any]:
    """The card inside a weights file, without building the network. Raises WeightsError."""
    path = _existing(Path(path), "Check the path")
    _refuse_pickle_suffix(path)
    return _card_of(path.read_bytes(), path)


def read_generator_card(path: Path) -> dict[str, Any]:
    """As `read_card`, for weights that can reconstruct. Raises WeightsError, also for those of a detector."""
    card = read_card(path)
    _refuse_other_kind(card, Path(path))
    return card


def _refuse_other_kind(card: Mapping[str, Any], path: Path) -> None:
    """Detectors have the same form of card; their own loader refuses a generator's likewise."""
    if card["preset"] == "detector":
        raise WeightsError(
            "these are weights of a detector, which finds vertebrae, not of a reconstruction",
            where=path,
            remedy="Give weights that 'reverter train' wrote",
        )


def _verified_digest(content: bytes, expected: str | None, path: Path) -> str:
    import hashlib

    digest = hashlib.sha256(content).hexdigest()
    if expected is not None and digest != expected:
        raise WeightsError(
            f"the file is not the one that was shipped (SHA-256 {digest[:12]}..., expected {expected[:12]}...)",
            where=path,
            remedy="It was altered or copied incompletely; install ReVerteR again, or give your own file by its path",
        )
    return digest


def _refuse_pickle_suffix(path: Path) -> None:
    if path.suffix.lower() in _PICKLE_SUFFIXES:
        raise _pickle_error(path)


def _pickle_error(path: Path) -> WeightsError:
    return WeightsError(
        "this is a pickle (torch.save) file, which can run code when opened, so it is not opened",
        where=path,
        remedy="Use weights in the .safetensors format, as 'reverter train' writes them",
    )


def _looks_like_pickle(content: bytes) -> bool:
    """Zip archives (torch.save), pickle protocols 2 to 5, and the old text protocol's usual beginnings."""
    binary = len(content) > 1 and content[0] == 0x80 and content[1] in (2, 3, 4, 5)
    return content[:4] == b"PK\x03\x04" or binary or content[:2] in (b"(d", b"(l", b"}q", b"]q", b"c_")


def _header_of(content: bytes, path: Path) -> dict[str, Any]:
    """The safetensors header: 8 bytes length (little endian), then JSON."""
    length = int.from_bytes(content[:8], "little")
    if len(content) < 9 or content[8:9] != b"{" or length > min(_MAX_HEADER, len(content) - 8):
        if _looks_like_pickle(content):
            raise _pickle_error(path)
        raise WeightsError("the file is not in the safetensors format or is cut short", where=path)
    try:
        header = json.loads(content[8 : 8 + length])
    except ValueError as error:
        raise WeightsError("the header of the weights file is damaged", where=path) from error
    return header if isinstance(header, dict) else {}


def _card_of(content: bytes, path: Path) -> dict[str, Any]:
    try:
        card = json.loads(_header_of(content, path).get("__metadata__", {})["card"])
        missing = [key for key in CARD_KEYS if key not in card]
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            "the file carries no card, so the network that it belongs to is unknown",
            where=path,
            remedy="Use weights that 'reverter train' wrote",
        ) from error
    if missing:
        raise WeightsError(f"the card in the file lacks {', '.join(missing)}", where=path)
    return dict(card)


def _generator_config(record: Mapping[str, Any], path: Path) -> Any:
    from ReVerteRLib.networks.config import GeneratorConfig

    return _settings(GeneratorConfig, record, path)


def _settings(kind: Any, record: Mapping[str, Any], path: Path) -> Any:
    """A settings dataclass from its JSON form: `kind.from_dict` where there is one, else its fields."""
    try:
        if hasattr(kind, "from_dict"):
            return kind.from_dict(dict(record))
        return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in record.items()})
    except (TypeError, ValueError, KeyError, ArgumentError) as error:
        raise WeightsError(
            f"the card describes {kind.__name__} in a way that this version does not know ({error})",
            where=path,
            remedy="Update ReVerteR, or use weights made for this version",
        ) from error


def _fill(network: torch.nn.Module, content: bytes, path: Path) -> None:
    import safetensors.torch
    from safetensors import SafetensorError

    try:
        tensors = safetensors.torch.load(content)
    except SafetensorError as error:
        raise WeightsError(f"the weights are damaged ({error})", where=path, remedy="Copy the file again") from error
    try:
        network.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise WeightsError(
            f"the weights do not fit the network of their card ({reason})", where=path, remedy="Train or export again"
        ) from error


# --- writing -------------------------------------------------------------------------------------


def save_weights(path: Path, network: torch.nn.Module, card: Mapping[str, Any], *, half: bool = False) -> str:
    """Writes a network and its card as safetensors in one step; returns the SHA-256.

    card: JSON-ready with at least CARD_KEYS: name, preset, generator (GeneratorConfig as dict), patches
          (PatchSettings as dict), seed, steps, metrics, data, licence, date.
    half: store float32 tensors as float16 where they fit its range (rounding 5e-4 of each value).
    Raises WeightsError for incomplete cards and numbers that are not finite, OutputError when it cannot be written.
    """
    import safetensors.torch

    path = Path(path)
    missing = [key for key in CARD_KEYS if key not in card]
    if missing:
        raise WeightsError(f"the card lacks {', '.join(missing)}", where=path)
    if path.suffix != ".safetensors":
        raise WeightsError("weights are stored as .safetensors only", where=path, remedy="Change the suffix")
    tensors = {name: _stored(name, tensor, half, path) for name, tensor in network.state_dict().items()}
    text = json.dumps(dict(card), allow_nan=False)
    with written_aside(path) as aside:
        try:
            safetensors.torch.save_file(tensors, str(aside), metadata={"card": text, "format": "pt"})
        except safetensors.SafetensorError as error:
            raise OutputError(
                f"cannot be written ({error})", where=path, remedy="Check free space and permissions"
            ) from error
    return sha256_of(path)


def _stored(name: str, tensor: torch.Tensor, half: bool, path: Path) -> torch.Tensor:
    import torch

    tensor = tensor.detach().to("cpu").clone().contiguous()
    if not torch.is_floating_point(tensor):
        return tensor
    if not bool(torch.isfinite(tensor).all()):
        raise WeightsError(f"the tensor '{name}' holds numbers that are not finite", where=path, remedy="Train again")
    fits = tensor.numel() == 0 or float(tensor.abs().max()) < 6e4
    return tensor.to(torch.float16) if half and fits else tensor.to(torch.float32)
