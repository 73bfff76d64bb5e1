"""Versioned JSON to Frame: the way back from `snapshot.document`, with a clear word for what does not fit."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from capmon.errors import SnapshotError
from capmon.model.frame import Frame
from capmon.model.text import one_line
from capmon.snapshot import KIND, SCHEMA_VERSION, Scene, is_moment

MOST_BYTES = 64 * 1024 * 1024
"""Bytes of a file that is read at most; a snapshot of a large host has well under one million."""

MOST_NOTES = 20
"""Lines that tell what was left out, at most."""

LONGEST_PLACE = 120
"""Characters of a place in a document that an error names, at most."""

LATEST = 32_503_680_000.0
"""Unix time of the year 3000: no calendar, time zone or forecast leaves its bounds before that."""

BIGGEST = 2**63
"""No count of ours is as large."""

INFINITE = frozenset({("Estimate", "value")})
"""Numbers whose null stands for infinity, which JSON cannot say; elsewhere it stands for no number."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot that was read."""

    frame: Frame
    """What it shows."""

    scene: Scene | None
    """What the screen showed; None where it was taken without one."""

    version: str
    """`schema_version` of the document."""

    notes: tuple[str, ...] = ()
    """What of it was left out, because this version does not know it."""

    versions: Mapping[str, str] = field(default_factory=dict)
    """Versions of capmon, Python and packages that made it."""

    config_path: str = ""
    """The configuration that it was made with; empty where there was none."""

    origins: Mapping[str, str] = field(default_factory=dict)
    """Where each setting that is no default came from, by dotted key."""


def read(path: Path) -> Snapshot:
    """Read a snapshot from a file.

    Raises:
        SnapshotError: It cannot be read, or is no snapshot; the text names the file and the fault.
    """
    try:
        with path.open("rb") as file:
            body = file.read(MOST_BYTES + 1)
    except OSError as fault:
        raise SnapshotError(f"cannot read {path}: {fault.strerror or fault}") from None
    if len(body) > MOST_BYTES:
        raise SnapshotError(f"{path}: more than {MOST_BYTES >> 20} MiB, which no snapshot has")
    try:
        content = json.loads(body, parse_constant=_refused)
    except (ValueError, RecursionError) as fault:
        raise SnapshotError(f"{path} is no JSON: {fault}") from None
    try:
        return snapshot_of(content)
    except SnapshotError as fault:
        raise SnapshotError(f"{path}: {fault}") from None


def _refused(word: str) -> Any:
    """JSON has no such numbers, and a snapshot writes null for them."""
    raise ValueError(f"{word} is no number of JSON")


def snapshot_of(content: Any) -> Snapshot:
    """A snapshot from its document.

    Raises:
        SnapshotError: It is none, of another major version, or holds what does not fit.
    """
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise SnapshotError("no snapshot of capmon")
    version = content.get("schema_version")
    ours = SCHEMA_VERSION.partition(".")[0]
    if not isinstance(version, str) or version.partition(".")[0] != ours:
        raise SnapshotError(f"schema version {_brief(version)}, and this capmon reads {ours}.x")
    notes: list[str] = []
    frame = revived(Frame, content.get("frame"), notes)
    scene = content.get("scene")
    config = content.get("config")
    config = config if isinstance(config, dict) else {}
    path = config.get("path")
    return Snapshot(
        frame,
        None if scene is None else revived(Scene, scene, notes),
        version,
        tuple(notes),
        _words(content.get("versions")),
        path if isinstance(path, str) else "",
        _words(config.get("origins")),
    )


def _words(found: Any) -> dict[str, str]:
    """Texts by name; what is none is left out, for nothing is computed from these."""
    entries = found.items() if isinstance(found, dict) else ()
    return {k: v for k, v in entries if isinstance(v, str)}


def revived(kind: Any, document: Any, notes: list[str] | None = None) -> Any:
    """A value of a type of a frame from what `snapshot.plain` made of it.

    A field that is missing takes its default, and one that this version does not know is left out
    and noted: minor versions add fields.

    Args:
        kind: A dataclass of `capmon.model`, or a type of one of its fields.
        document: Plain values.
        notes: Receives one line for each field that is left out.

    Raises:
        SnapshotError: Something else stands there; the text says where.
    """
    place = kind.__name__ if isinstance(kind, type) else "value"
    try:
        return _value(kind, document, place, [] if notes is None else notes)
    except RecursionError:  # to show what stands there takes as many calls as it is deep
        raise SnapshotError(f"{place}: nested too deeply") from None


def _value(kind: Any, found: Any, place: str, notes: list[str]) -> Any:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return _option(get_args(kind), found, place, notes)
    if origin is Literal:
        return _checked(found in get_args(kind), found, place, kind)
    if origin is tuple:
        return _tuple(get_args(kind), found, place, notes)
    if origin is not None and issubclass(origin, Mapping):
        _checked(isinstance(found, dict), found, place, "an object")
        inner = get_args(kind)[1]
        return {k: _value(inner, v, f"{place}.{k}", notes) for k, v in found.items()}
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _record(kind, found, place, notes)
    return _single(kind, found, place)


def _option(kinds: tuple[Any, ...], found: Any, place: str, notes: list[str]) -> Any:
    if found is None and NoneType in kinds:
        return None
    fault: SnapshotError | None = None
    for kind in kinds:
        if kind is NoneType:
            continue
        try:
            return _value(kind, found, place, notes)
        except SnapshotError as why:
            fault = fault or why
    raise fault or SnapshotError(f"{_cut(place)}: {_brief(found)} is not expected there")


def _tuple(kinds: tuple[Any, ...], found: Any, place: str, notes: list[str]) -> tuple[Any, ...]:
    _checked(isinstance(found, list), found, place, "a list")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        if kinds[0] is float:  # the long ones: trends
            return tuple(_number(v, place) for v in found)
        return tuple(_value(kinds[0], v, f"{place}[{i}]", notes) for i, v in enumerate(found))
    _checked(len(found) == len(kinds), found, place, f"{len(kinds)} values")
    return tuple(
        _value(k, v, f"{place}[{i}]", notes)
        for i, (k, v) in enumerate(zip(kinds, found, strict=True))
    )


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _record(kind: Any, found: Any, place: str, notes: list[str]) -> Any:
    _checked(isinstance(found, dict), found, place, "an object")
    hints = _hints(kind)
    values = {}
    for name, value in found.items():
        if name not in hints:
            if not _added(kind, name) and len(notes) < MOST_NOTES:
                notes.append(f"{_cut(f'{place}.{name}')} is not known here")
            continue
        at = f"{place}.{name}"
        if is_moment(kind, name):
            values[name] = _moment(value, at, notes, needed=hints[name] is float)
        elif value is None and (kind.__name__, name) in INFINITE:
            values[name] = math.inf
        else:
            values[name] = _value(hints[name], value, at, notes)
    try:
        return kind(**values)
    except TypeError:  # a field without a default is missing
        need = [
            f.name
            for f in dataclasses.fields(kind)
            if f.default is dataclasses.MISSING
            and f.default_factory is dataclasses.MISSING
            and f.name not in values
        ]
        raise SnapshotError(f"{_cut(place)}: {', '.join(need)} is missing") from None


def _added(kind: type, name: str) -> bool:
    """Whether the writer adds a field for readers, that says nothing new."""
    return kind.__name__ == "Reading" and name in ("unit", "age_seconds")


def _single(kind: Any, found: Any, place: str) -> Any:
    if kind is float:
        return _number(found, place)
    if kind is str and found is None:  # what is empty is null in some places of the document
        return ""
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(found)
        except ValueError:
            raise SnapshotError(f"{_cut(place)}: {_brief(found)} is no {kind.__name__}") from None
    if kind is Any:
        return found
    if kind is int:
        ok = isinstance(found, int) and not isinstance(found, bool) and abs(found) < BIGGEST
        return _checked(ok, found, place, "a whole number")
    return _checked(isinstance(found, kind), found, place, getattr(kind, "__name__", str(kind)))


def _number(found: Any, place: str) -> float:
    if found is None:  # JSON has no other way to say it
        return math.nan
    ok = isinstance(found, int | float) and not isinstance(found, bool)
    try:
        return float(_checked(ok, found, place, "a number"))
    except OverflowError:
        return math.inf if found > 0 else -math.inf


def _checked(ok: bool, found: Any, place: str, expected: Any) -> Any:
    if not ok:
        raise SnapshotError(f"{_cut(place)}: expected {expected}, found {_brief(found)}")
    return found


def _brief(found: Any) -> str:
    """What stands there, cut: it may be megabytes, or a number of too many digits to be written."""
    try:
        shown = repr(found[:40] if isinstance(found, str | list) else found)
    except ValueError:
        return "a number of too many digits"
    return shown if len(shown) <= 40 else f"{shown[:39]}…"


def _cut(place: str) -> str:
    """A place fit for one line: keys of mappings stand in it as they are."""
    place = one_line(place)
    return place if len(place) <= LONGEST_PLACE else f"{place[: LONGEST_PLACE - 1]}…"


def _moment(found: Any, place: str, notes: list[str], *, needed: bool) -> float | None:
    if found is None and not needed:
        return None
    try:
        at = datetime.fromisoformat(found)
        seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        raise SnapshotError(f"{_cut(place)}: {_brief(found)} is no moment") from None
    if 0 <= seconds < LATEST:
        return seconds
    if needed:
        raise SnapshotError(f"{_cut(place)}: {_brief(found)} is before 1970 or after 2999")
    if len(notes) < MOST_NOTES:
        notes.append(f"{_cut(place)} is before 1970 or after 2999")
    return None
