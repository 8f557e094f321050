"""Arguments of a request as a typed dataclass, with errors that name the argument."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from ReVerteRLib.errors import ArgumentError

T = TypeVar("T")


def parse_arguments(kind: type[T], arguments: Mapping[str, Any]) -> T:
    """`kind` (a dataclass of Path, str, float, int, bool, tuples of str, and None) from JSON values.

    Raises ArgumentError for unknown, missing and wrong arguments.
    """
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = [name for name in arguments if name not in fields]
    if unknown:
        raise ArgumentError(f"unknown argument '{unknown[0]}'", remedy=f"Known ones: {', '.join(fields)}")
    needed = [name for name, field in fields.items() if field.default is dataclasses.MISSING]
    missing = [name for name in needed if arguments.get(name) is None]
    if missing:
        raise ArgumentError(f"the argument '{missing[0]}' is missing", remedy=f"Needed: {', '.join(needed)}")
    return kind(**{name: _value(name, hints[name], value) for name, value in arguments.items()})


def _value(name: str, hint: Any, value: Any) -> Any:
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    for kind in kinds:
        found = _converted(kind, value)
        if found is not None or (value is None and kind is type(None)):
            return found
    raise ArgumentError(f"the argument '{name}' cannot be {value!r}", remedy=f"It is {_described(kinds)}")


def _converted(kind: Any, value: Any) -> Any:
    """The value as this kind, None when it is not one."""
    if kind is Path:
        return Path(value) if isinstance(value, str) and value else None
    if kind is float:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    if typing.get_origin(kind) is tuple:
        return tuple(value) if isinstance(value, list) and all(isinstance(v, str) for v in value) else None
    if kind is int and isinstance(value, bool):
        return None
    return value if kind is not type(None) and isinstance(value, kind) else None


def _described(kinds: tuple[Any, ...]) -> str:
    texts = {Path: "a path", str: "text", float: "a number", int: "a whole number", bool: "true or false"}
    return " or ".join("null" if k is type(None) else texts.get(k, "a list of texts") for k in kinds)
