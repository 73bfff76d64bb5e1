"""What a setting's type hint says: its kind, its name in a file, and what is expected of it."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from capmon.config.faults import choices
from capmon.config.schema import Duration, Ratio, Size
from capmon.model.units import parse_bytes, parse_duration, parse_ratio

Hint = Any
"""A type hint as `get_type_hints` returns it."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """How one kind of quantity is read and written."""

    parse: Callable[[str | float], float]
    """Its value from text."""

    expected: str
    """What to write."""

    suffixes: Mapping[str, float]
    """Units to write it in, greatest first, and what one is worth."""

    fallback: str
    """Unit for a value that is no round number of any."""


QUANTITIES: dict[Hint, Quantity] = {
    Duration: Quantity(
        parse_duration,
        "a duration such as 250ms, 30s or 5m",
        {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3},
        "s",
    ),
    Ratio: Quantity(parse_ratio, "a share such as 70% or 0.7", {"%": 0.01}, ""),
    Size: Quantity(
        parse_bytes,
        "a size such as 4GiB or 512MB",
        {"TiB": 2.0**40, "GiB": 2.0**30, "MiB": 2.0**20, "KiB": 2.0**10},
        "B",
    ),
}
"""The quantities by their type."""

WHOLE = {"positive": 1, "natural": 0}
"""Least value of each kind of whole number."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of a settings class."""

    key: str
    """Its name in a file: `for`."""

    attribute: str
    """Its name in Python: `for_`."""

    hint: Hint
    """Its type."""

    required: bool
    """Whether it has no default."""


def settings_of(cls: Hint) -> Mapping[str, Setting]:
    """The fields of a settings class by their key, in order."""
    return _settings_of(cls)


@cache
def _settings_of(cls: type) -> Mapping[str, Setting]:
    hints = get_type_hints(cls, include_extras=True)
    found = {}
    for f in dataclasses.fields(cls):
        required = f.default is f.default_factory is dataclasses.MISSING
        key = f.name.rstrip("_")
        found[key] = Setting(key, f.name, hints[f.name], required)
    return found


def _origin(hint: Hint) -> Any:
    """What a hint is made from: `tuple`, `Mapping`, `Literal`; None for a plain type."""
    return get_origin(hint)


def is_section(hint: Hint) -> bool:
    """Whether the hint is a settings class."""
    return isinstance(hint, type) and dataclasses.is_dataclass(hint)


def alternatives(hint: Hint) -> tuple[Hint, ...]:
    """The members of a union, None left out; the hint alone when it is no union."""
    if _origin(hint) in {Union, types.UnionType}:
        return tuple(h for h in get_args(hint) if h is not types.NoneType)
    return (hint,)


def is_optional(hint: Hint) -> bool:
    """Whether the value may be none."""
    return types.NoneType in get_args(hint)


def literals(hint: Hint) -> tuple[str, ...]:
    """The words of a Literal; empty for anything else."""
    return get_args(hint) if _origin(hint) is Literal else ()


def member(hint: Hint) -> Hint:
    """Type of the members of a tuple or of the values of a mapping; None for anything else."""
    origin = _origin(hint)
    if origin is tuple:
        return get_args(hint)[0]
    return get_args(hint)[1] if origin is Mapping else None


def is_mapping(hint: Hint) -> bool:
    """Whether keys are free to choose."""
    return _origin(hint) is Mapping


def is_list(hint: Hint) -> bool:
    """Whether the hint is a tuple."""
    return _origin(hint) is tuple


def least_whole(hint: Hint) -> int | None:
    """Least value of a whole number; None for anything else."""
    return WHOLE[get_args(hint)[1]] if _origin(hint) is Annotated else None


def expected(hint: Hint) -> str:
    """What to write for a hint, after the word expected."""
    parts = [_expected(h) for h in alternatives(hint)]
    return " or ".join(parts)


def _expected(hint: Hint) -> str:
    if hint in QUANTITIES:
        return QUANTITIES[hint].expected
    if words := literals(hint):
        return choices(words)
    if (least := least_whole(hint)) is not None:
        return f"a whole number of {least} or more"
    if is_section(hint):
        return f"a section with {choices(list(settings_of(hint))[:3])}"
    if is_list(hint):
        return "a list of sections" if is_section(member(hint)) else "a list such as [a, b]"
    if is_mapping(hint):
        return "names with a section each" if is_section(member(hint)) else "names with a text each"
    return {bool: "true or false", float: "a number", str: "a text"}[hint]


def leaves(cls: type, prefix: str = "") -> dict[str, Hint]:
    """Every key that holds no fixed section, by its dotted name, with its hint."""
    found: dict[str, Hint] = {}
    for setting in settings_of(cls).values():
        key = f"{prefix}{setting.key}"
        if is_section(setting.hint):
            found |= leaves(setting.hint, f"{key}.")
        else:
            found[key] = setting.hint
    return found
