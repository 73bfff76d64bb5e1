"""Environment variables inside values: `${NAME}` and `${NAME:-default}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_REFERENCE = re.compile(
    r"\$(?P<literal>\$\{)|\$\{(?:(?P<name>[A-Za-z_]\w*)(?::-(?P<default>[^{}]*))?\})?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Expanded:
    """A value with its variables put in."""

    text: str
    """What the setting gets."""

    shown: str | None = None
    """What may be shown in its place, because part of it came from the environment; else None."""

    problem: str = ""
    """Why it cannot be put in; empty when it can."""


def expand(text: str, environ: Mapping[str, str]) -> Expanded:
    """Put variables in.

    As in a shell, `:-` stands in for a variable that is unset or empty; `$${` is a literal `${`.
    """
    problems: list[str] = []
    secret = False

    def value(match: re.Match[str]) -> str:
        nonlocal secret
        if match["literal"]:
            return "${"
        name, default = match["name"], match["default"]
        if name is None:
            problems.append(
                "'${' must be followed by a name and '}'; write $${ for the text itself"
            )
            return ""
        found = environ.get(name)
        if default is not None and not found:
            return str(default)
        if found is None:
            problems.append(f"the variable {name} is not set; write ${{{name}:-…}} for a default")
            return ""
        secret = True
        return found

    result = _REFERENCE.sub(value, text)
    if problems:
        return Expanded("", problem=problems[0])
    return Expanded(result, template(text) if secret else None)


def template(text: str) -> str:
    """The text as written, without the defaults of its variables, which may be secrets too."""
    return _REFERENCE.sub(lambda m: f"${{{m['name']}}}" if m["name"] else m[0], text)


def literal_part(text: str) -> str:
    """What is left of a text without its variables."""
    return _REFERENCE.sub("", text)
