"""A recorded series from a file: `timestamp,value` as CSV, or one value a line under a header that says the step."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import math
import re
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from capmon.errors import CapmonError

MOST_BYTES = 512 * 1024 * 1024
"""Bytes of text that are read at most: a small file must not unpack into all of the memory."""

MOST_STEPS = 20_000_000
"""Steps that a series may have, gaps included."""

IRREGULAR = 0.2
"""Share of intervals that may differ from the usual one before a file counts as irregular."""

_HEADER = re.compile(r"(\w+)=(\S+)")


@dataclass(frozen=True, slots=True)
class RecordedSeries:
    """Values at equal steps."""

    name: str
    """Name from the file, or of the file."""

    step: float
    """Seconds a step."""

    values: tuple[float, ...]
    """One a step, oldest first; NaN where nothing was recorded."""

    start: float | None = None
    """Unix time of the first value; None where the file does not tell."""


def read_series(path: Path) -> RecordedSeries:
    """Read a file; `.gz` is unpacked.

    Raises:
        CapmonError: It cannot be read, with the line where one is at fault.
    """
    lines = _text(path).splitlines()
    first = next((line for line in lines if line.strip()), "")
    if not first:
        raise CapmonError(f"{path}: the file is empty")
    if first.startswith("#") and "step_s=" in first:
        return _stepped(path, lines)
    return _stamped(path, lines)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if not packed:
                content = file.read(MOST_BYTES + 1)
            else:
                with gzip.GzipFile(fileobj=file) as unpacked:
                    content = unpacked.read(MOST_BYTES + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as fault:
        raise CapmonError(f"{path}: damaged: {fault}") from None
    except OSError as fault:
        raise CapmonError(f"{path}: {fault.strerror or fault}") from None
    if len(content) > MOST_BYTES:
        raise CapmonError(f"{path}: more than {MOST_BYTES // 1024**2} MiB of text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CapmonError(f"{path}: not UTF-8 text") from None


def _stepped(path: Path, lines: list[str]) -> RecordedSeries:
    """`# group=web name=x step_s=60 start=None`, then `value`, then one value a line."""
    said = dict(_HEADER.findall(lines[0]))
    try:
        step = float(said["step_s"])
    except ValueError:
        step = math.nan
    if not (math.isfinite(step) and step > 0):
        raise CapmonError(f"{path}:1: step_s={said['step_s']} is no number of seconds")
    values: list[float] = []
    for number, line in enumerate(lines[1:], 2):
        text = line.strip()
        if text.startswith("#") or text == "value":
            continue
        # An empty line at the end is the end; within, it is a gap.
        values.append(math.nan if not text else _value(path, number, text))
    while values and math.isnan(values[-1]):
        values.pop()
    if not values:
        raise CapmonError(f"{path}: no values")
    start = None if said.get("start", "None") == "None" else _time(said["start"])
    return RecordedSeries(said.get("name", path.name), step, tuple(values), start)


def _stamped(path: Path, lines: list[str]) -> RecordedSeries:
    """`timestamp,value` rows; times are Unix seconds, milliseconds, or ISO 8601."""
    times: list[float] = []
    values: list[float] = []
    for number, row in enumerate(csv.reader(io.StringIO("\n".join(lines))), 1):
        if not row or not "".join(row).strip() or row[0].lstrip().startswith("#"):
            continue
        if len(row) < 2:
            raise CapmonError(f"{path}:{number}: expected timestamp,value, got {_cut(row[0])}")
        at = _time(row[0])
        if at is None:
            if not times:
                continue  # the header
            raise CapmonError(f"{path}:{number}: {_cut(row[0])} is no time")
        if times and at <= times[-1]:
            raise CapmonError(f"{path}:{number}: times must increase")
        times.append(at)
        values.append(_value(path, number, row[1].strip()))
    if len(times) < 2:
        raise CapmonError(f"{path}: fewer than two rows of timestamp,value")
    return _even(path, times, values)


def _even(path: Path, times: list[float], values: list[float]) -> RecordedSeries:
    """The rows on a grid of their usual interval; rows that are missing become gaps."""
    intervals = sorted(b - a for a, b in itertools.pairwise(times))
    step = intervals[(len(intervals) - 1) // 2]
    odd = sum(abs(round(i / step) * step - i) > 0.1 * step for i in intervals)
    if odd > IRREGULAR * len(intervals):
        raise CapmonError(f"{path}: times are not evenly spaced (usually {step:g} s)")
    count = round((times[-1] - times[0]) / step) + 1
    if count > MOST_STEPS:
        raise CapmonError(f"{path}: {count} steps of {step:g} s are too many")
    grid = [math.nan] * count
    for at, value in zip(times, values, strict=True):
        grid[min(count - 1, round((at - times[0]) / step))] = value
    return RecordedSeries(path.name, step, tuple(grid), times[0])


def _value(path: Path, number: int, text: str) -> float:
    if text.lower() in ("", "nan", "null", "none", "na"):
        return math.nan
    try:
        value = float(text)
    except ValueError:
        raise CapmonError(f"{path}:{number}: {_cut(text)} is no number") from None
    if math.isinf(value):
        raise CapmonError(f"{path}:{number}: {_cut(text)} is not finite")
    return value


def _time(text: str) -> float | None:
    """Unix seconds; None where the text is no time."""
    text = text.strip()
    try:
        value = float(text)
    except ValueError:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            return None
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(value):
        return None
    # A count of milliseconds since 1970 is beyond any second of this millennium.
    return value / 1000.0 if abs(value) > 1e11 else value


def _cut(text: str) -> str:
    shown = "".join(c if c.isprintable() else "?" for c in text[:40])
    return repr(shown)
