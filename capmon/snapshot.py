"""Frame to versioned JSON: times as RFC 3339 UTC, values in base units, unknown as null."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import platform
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from capmon import __version__
from capmon.clock import rfc3339
from capmon.config.loaded import Loaded
from capmon.errors import SnapshotError
from capmon.model.frame import Frame
from capmon.model.metric import metric

SCHEMA_VERSION = "1.2"

KIND = "capmon.snapshot"
"""What a snapshot calls itself."""

MOMENTS = frozenset(
    {
        "at", "since", "made_at", "last_success", "boot_time", "end", "results_at", "until", "by",
        "begin",
    }
)  # fmt: skip
"""Fields that hold Unix times, and moments in the document."""

PACKAGES = ("textual", "psutil", "httpx", "numpy", "scipy", "pandas")

# Headroom.at is a load, not a moment.
_NOT_MOMENTS = frozenset({("Headroom", "at")})


@dataclasses.dataclass(frozen=True, slots=True)
class Scene:
    """What the screen showed when the snapshot was taken."""

    screen: str = "overview"
    """View."""

    focus: str = ""
    """Focused pane."""

    filter: str = ""
    """Filter in force."""

    window: str = "5m"
    """Window that trends cover."""

    maximised: str = ""
    """Pane that filled the screen."""

    paused: bool = False
    """Whether the screen stood still."""

    size: tuple[int, int] | None = None
    """Columns and rows; None without a terminal."""


def document(frame: Frame, loaded: Loaded, scene: Scene | None = None) -> dict[str, Any]:
    """The snapshot of a frame as plain values, fit for JSON.

    Args:
        frame: What to write.
        loaded: The configuration and where each value came from.
        scene: What the screen showed; None when there is no screen.
    """
    body = plain(frame)
    body["readings"] = {k: _reading(k, frame, r) for k, r in sorted(frame.readings.items())}
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": KIND,
        "made_at": rfc3339(frame.at),
        "versions": {"capmon": __version__, "python": platform.python_version()} | _packages(),
        "config": {
            "path": str(loaded.path) if loaded.path else None,
            "origins": {k: o for k, o in sorted(loaded.origins.items()) if o != "default"},
        },
        "scene": plain(scene) if scene is not None else None,
        "frame": body,
    }


def _packages() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _reading(metric_key: str, frame: Frame, reading: Any) -> dict[str, Any]:
    value = reading.value
    return {
        "value": value if value is not None and math.isfinite(value) else None,
        "unit": str(metric(metric_key).unit),
        "at": _moment(reading.at),
        "age_seconds": None if reading.at is None else round(max(0.0, frame.at - reading.at), 3),
        "reason": reading.reason or None,
    }


def plain(value: Any) -> Any:
    """Dataclasses, mappings, tuples and enums as JSON knows them; NaN and infinity as null."""
    if value is None or (isinstance(value, str | bool | int) and not isinstance(value, Enum)):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _field(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    raise SnapshotError(f"a snapshot cannot hold a {type(value).__name__}")


def _field(owner: Any, name: str) -> Any:
    value = getattr(owner, name)
    return _moment(value) if is_moment(type(owner), name) else plain(value)


def is_moment(owner: type, name: str) -> bool:
    """Whether a field holds a Unix time, and a moment in the document."""
    return name in MOMENTS and (owner.__name__, name) not in _NOT_MOMENTS


def _moment(at: float | None) -> str | None:
    """A moment as text; None for one that no calendar holds."""
    if at is None:
        return None
    try:
        return rfc3339(at)
    except (ValueError, OverflowError, OSError):
        return None


def encode(content: Mapping[str, Any]) -> str:
    """A document as JSON text, readable and with its keys in a stable order."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    # Half of a surrogate pair, from a name that is not UTF-8, stands as its JSON escape.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def write(content: Mapping[str, Any], path: Path) -> Path:
    """Write a document atomically, readable by its owner alone.

    A link, a pipe or a device is written through and stays what it is.

    Raises:
        SnapshotError: The place cannot be written; the text names it.
    """
    body = encode(content).encode()
    try:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            _write_through(body, path)
        else:
            _replace(body, path)
    except (OSError, ValueError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else ""
        raise SnapshotError(f"cannot write {path}: {why or fault}") from fault
    return path


def _write_through(body: bytes, path: Path) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(body)


def _replace(body: bytes, path: Path) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".capmon-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def default_name(at: float, hostname: str) -> str:
    """`capmon-web-01-20260301T143207Z.json`."""
    safe = "".join(c if c.isalnum() or c in "-." else "-" for c in hostname) or "host"
    return f"capmon-{safe}-{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}.json"
