"""Frames between two processes of one version: plain values that come back as they were, and what changed.

A dataclass is `{"Fit": [values]}`, an enumeration `{"=Severity": "high"}`, a mapping `{"": {...}}`
and a tuple a list. NaN and infinity stay what they are, unlike in a snapshot.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import sys
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any

import capmon.model.frame as _frame  # with it come all modules whose types a frame may hold
from capmon.errors import SnapshotError

SAME: Any = object()
"""Nothing changed."""

FAR = 3
"""Cells by which a course may have moved on since the frame before."""

_PLAIN = (str, int, float, bool, type(None))


@cache
def types() -> Mapping[str, type]:
    """Every type of `capmon.model` that may stand in a frame, by its name."""
    found: dict[str, type] = {}
    inside = _frame.__name__.rpartition(".")[0]
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{inside}."):
            found |= {k: v for k, v in vars(module).items() if _ours(v, name)}
    return found


def _ours(kind: Any, module: str) -> bool:
    return (
        isinstance(kind, type)
        and kind.__module__ == module
        and (dataclasses.is_dataclass(kind) or issubclass(kind, Enum))
    )


_known_names: dict[Any, tuple[str, ...]] = {}


def _names(kind: Any) -> tuple[str, ...]:
    found = _known_names.get(kind)
    if found is None:
        found = _known_names[kind] = tuple(f.name for f in dataclasses.fields(kind))
    return found


def shape() -> str:
    """Digest of what the types hold: only processes that agree in it understand each other."""
    seen = dict.fromkeys(_reachable(_frame.Frame))
    lines = sorted(f"{t.__name__}:{','.join(_names(t))}" for t in seen)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _reachable(kind: type) -> list[type]:
    """The dataclasses that the annotations of one name, itself among them."""
    known, found, todo = types(), {kind.__name__: kind}, [kind]
    while todo:
        for text in todo.pop().__annotations__.values():
            for word in _words(str(text)):
                other = known.get(word)
                if other is not None and word not in found and dataclasses.is_dataclass(other):
                    found[word] = other
                    todo.append(other)
    return list(found.values())


def _words(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in text).split()


def pack(value: Any) -> Any:
    """A value as JSON can carry it.

    Raises:
        SnapshotError: A frame does not hold such a value.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is tuple or kind is list:
        return [pack(v) for v in value]
    if isinstance(value, Enum):
        return {f"={kind.__name__}": value.value}
    if dataclasses.is_dataclass(value):
        return {kind.__name__: [pack(getattr(value, n)) for n in _names(kind)]}
    if isinstance(value, Mapping):
        return {"": {k: pack(v) for k, v in value.items()}}
    raise SnapshotError(f"a frame cannot hold a {kind.__name__}")


def unpack(packed: Any) -> Any:
    """The value of what `pack` made.

    Raises:
        SnapshotError: It is not what `pack` makes.
    """
    if isinstance(packed, list):
        return tuple(v if type(v) is float else unpack(v) for v in packed)
    if not isinstance(packed, dict):
        return packed
    try:
        [(name, inside)] = packed.items()
        if not name:
            return {k: unpack(v) for k, v in inside.items()}
        if name.startswith("="):
            return types()[name[1:]](inside)
        return types()[name](*map(unpack, inside))
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise SnapshotError(f"not a frame of this version: {fault!r}") from None


def change(old: Any, new: Any) -> Any:
    """What makes the new value out of the old one, for JSON; `SAME` where they are equal."""
    if old is new:
        return SAME
    kind = type(new)
    if type(old) is not kind:
        return ["=", pack(new)]
    if kind is float:
        return SAME if old == new or (old != old and new != new) else ["=", new]
    if kind is tuple:
        return _of_tuple(old, new)
    if dataclasses.is_dataclass(new):
        return _of_fields(old, new)
    if isinstance(new, Mapping):
        return _of_mapping(old, new)
    return SAME if old == new else ["=", pack(new)]


def _of_fields(old: Any, new: Any) -> Any:
    changed = {}
    for at, name in enumerate(_names(type(new))):
        found = change(getattr(old, name), getattr(new, name))
        if found is not SAME:
            changed[str(at)] = found
    return ["f", changed] if changed else SAME


def _of_mapping(old: Mapping[str, Any], new: Mapping[str, Any]) -> Any:
    kept = [k for k in old if k in new]
    if [*kept, *(k for k in new if k not in old)] != list(new):
        return ["=", pack(new)]  # the order of what is shown is part of it
    changed = {}
    for key, value in new.items():
        found = change(old[key], value) if key in old else ["=", pack(value)]
        if found is not SAME:
            changed[key] = found
    gone = [k for k in old if k not in new]
    return ["m", changed, gone] if changed or gone else SAME


def _of_tuple(old: tuple[Any, ...], new: tuple[Any, ...]) -> Any:
    if old == new:
        return SAME
    if new and type(new[0]) is float:
        return _of_course(old, new)
    if len(old) != len(new):
        return ["=", pack(new)]
    changed = {}
    for at, (before, value) in enumerate(zip(old, new, strict=True)):
        found = change(before, value)
        if found is not SAME:
            changed[str(at)] = found
    return ["i", changed] if changed else SAME


def _of_course(old: tuple[Any, ...], new: tuple[Any, ...]) -> Any:
    """A course that moves on keeps most of its cells: how many to drop, how many to keep, and the rest."""
    for drop in range(FAR):
        kept = 0
        for before, value in zip(old[drop:], new, strict=False):
            if before != value and not (before != before and value != value):
                break
            kept += 1
        if 2 * kept > len(new) or (kept == len(new) == len(old) - drop):
            if not drop and kept == len(new) == len(old):
                return SAME
            return ["s", drop, kept, list(new[kept:])]
    return ["=", list(new)]


def changed(old: Any, difference: Any) -> Any:
    """The value that `change` was given as the new one.

    Raises:
        SnapshotError: The difference does not fit the old value.
    """
    try:
        return _changed(old, difference)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as fault:
        raise SnapshotError(f"not a change of this version: {fault!r}") from None


def _changed(old: Any, difference: Any) -> Any:
    match difference:
        case ["=", packed]:
            return unpack(packed)
        case ["f", inside]:
            names = _names(type(old))
            return dataclasses.replace(
                old, **{names[int(i)]: _changed(getattr(old, names[int(i)]), d) for i, d in inside.items()}
            )  # fmt: skip
        case ["m", inside, gone]:
            kept = {k: v for k, v in old.items() if k not in gone} if gone else dict(old)
            for key, d in inside.items():
                kept[key] = _changed(old.get(key), d)
            return kept
        case ["i", inside]:
            parts = list(old)
            for at, d in inside.items():
                parts[int(at)] = _changed(parts[int(at)], d)
            return tuple(parts)
        case ["s", int(drop), int(kept), list(rest)]:
            return (*old[drop : drop + kept], *rest)
    raise ValueError(f"no change: {str(difference)[:40]}")


def is_whole(value: Any) -> bool:
    """Whether a number from outside is one to be used: finite, and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
