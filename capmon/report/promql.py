"""PromQL put together from names, labels and numbers that may hold anything."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

PATTERN = "=~"
"""What begins a label's value that is a regular expression, as in capmon's configuration."""

_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
# What Python's regular expressions know and RE2 does not.
_NOT_RE2 = re.compile(r"\(\?[=!>(#]|\(\?<[=!]|\(\?P=|\(\?[aLux]|\\[1-9]|\\Z|[*+?}]\+|\\[NuU]")
_STEPS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"))


def speakable(metric: str) -> bool:
    """Whether a name can stand in an expression."""
    return _METRIC.fullmatch(metric) is not None


def unspeakable(labels: Mapping[str, str]) -> str:
    """Why labels cannot stand in a selector; empty when they can."""
    for name, value in labels.items():
        if not _LABEL.fullmatch(name):
            return f"{name!r} is not the name of a label in Prometheus"
        if not value.startswith(PATTERN):
            continue
        pattern = value.removeprefix(PATTERN)
        try:
            re.compile(pattern)
        except re.error:
            return f"the pattern of label {name} is no regular expression"
        if _NOT_RE2.search(pattern):
            return f"the pattern of label {name} uses what Prometheus' RE2 does not know"
    return ""


def string(text: str) -> str:
    """A string literal in double quotes that prints on one line."""
    return '"' + "".join(map(_escaped, text.encode("utf-8", "replace").decode())) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def matcher(name: str, value: str) -> str:
    """One matcher: `code=~"5.."` for a pattern, else equality.

    A pattern that matches nothing at all would let series without the label in; capmon wants it there.
    """
    if not value.startswith(PATTERN):
        return f"{name}={string(value)}"
    pattern = value.removeprefix(PATTERN)
    present = f',{name}!=""' if re.fullmatch(pattern, "") else ""
    return f"{name}=~{string(pattern)}{present}"


def selector(metric: str, *labels: Mapping[str, str], raw: str = "") -> str:
    """A series selector; `raw` holds matchers that are PromQL already."""
    parts = [matcher(k, v) for each in labels for k, v in each.items()]
    parts += [raw] if raw else []
    return f"{metric}{{{','.join(parts)}}}" if parts else metric


def either(*values: str) -> str:
    """A pattern that matches these texts and no others, after `=~`."""
    return "|".join(re.sub(r"[.+*?()|\[\]{}^$\\]", r"\\\g<0>", v) for v in values)


def bound(le: float) -> str:
    """A matcher of one bucket: Prometheus 3 writes 1 as 1.0, its predecessors as the page does."""
    text = number(le)
    if le == int(le) and abs(le) < 1e15:
        return f'le=~"{int(le)}(\\\\.0)?"'
    return f'le="{text}"'


def number(value: float) -> str:
    """A number without noise from binary fractions: 0.7, 250, 1e+12."""
    return f"{value:.12g}"


def duration(seconds: float) -> str:
    """A duration as Prometheus writes it: `30s`, `5m`, `1d`; at least a millisecond, or `0s`."""
    if seconds <= 0 or not math.isfinite(seconds):
        return "0s"
    thousandths = max(1, round(seconds * 1000))
    for size, name in _STEPS:
        if thousandths % size == 0:
            return f"{thousandths // size}{name}"
    return f"{thousandths}ms"


def template(text: str) -> str:
    """A text as the templates of labels and annotations give it back.

    Two braces begin an action. Each is escaped, for the text around may end with another one.
    """
    return text.replace("{", '{{ "{" }}')
