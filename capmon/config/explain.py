"""Show the settings that hold, each with where it came from, without their secrets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from capmon.config.expand import literal_part
from capmon.config.loaded import Loaded
from capmon.config.redact import HIDDEN, is_scheme, is_secret_name, redact, redact_argv
from capmon.config.shape import (
    Hint,
    alternatives,
    is_list,
    is_mapping,
    is_section,
    member,
    settings_of,
)
from capmon.config.write import quote, written

COLUMN = 40
"""Where origins stand, unless a value is longer."""


def as_text(loaded: Loaded) -> str:
    """The settings as YAML, each value followed by its origin.

    Secrets are left out: values that came from variables in the file show the variable, and
    headers, users in URLs and arguments with a telling name show asterisks.
    """
    head = f"# {loaded.path}" if loaded.path else "# no file: the defaults"
    lines = [head]
    if loaded.untrusted:
        lines.append(f"# not trusted, so its commands will not run: {loaded.untrusted}")
    lines += _section(loaded, loaded.settings, "", "")
    return "\n".join(lines) + "\n"


def _section(loaded: Loaded, section: Any, key: str, indent: str) -> Iterator[str]:
    for setting in settings_of(type(section)).values():
        at = f"{key}.{setting.key}" if key else setting.key
        value = getattr(section, setting.attribute)
        yield from _value(loaded, setting.hint, value, at, f"{indent}{setting.key}:", indent)


def _value(
    loaded: Loaded, hint: Hint, value: Any, key: str, head: str, indent: str
) -> Iterator[str]:
    """Lines of one value; `head` is what stands before it."""
    if is_section(hint):
        yield head
        yield from _section(loaded, value, key, indent + "  ")
    elif is_mapping(hint) and value:
        yield head
        for name, inner in value.items():
            inside = f"{indent}  {quote(name)}:"
            yield from _value(loaded, member(hint), inner, f"{key}.{name}", inside, indent + "  ")
    elif isinstance(value, tuple) and value:
        yield from _list(loaded, hint, value, key, head, indent)
    else:
        text = f"{head} {_shown(loaded, hint, value, key)}"
        yield _with_origin(text, loaded.origins.get(key, ""))


def _list(
    loaded: Loaded, hint: Hint, value: tuple[Any, ...], key: str, head: str, indent: str
) -> Iterator[str]:
    of = next(member(h) for h in alternatives(hint) if is_list(h))
    if not is_section(of):
        words = redact_argv(value)
        shown = [_word(loaded, f"{key}[{i}]", word) for i, word in enumerate(words)]
        yield _with_origin(f"{head} [{', '.join(shown)}]", loaded.origins.get(key, ""))
        return
    yield _with_origin(head, loaded.origins.get(key, ""))
    for i, item in enumerate(value):
        lines = list(_section(loaded, item, f"{key}[{i}]", indent + "    "))
        lines[0] = f"{indent}  - {lines[0].lstrip()}"
        yield from lines


def _word(loaded: Loaded, key: str, word: str) -> str:
    """A member of a list that is already without secrets."""
    return quote(loaded.shown[key]) if key in loaded.shown else written(str, word)


def _shown(loaded: Loaded, hint: Hint, value: Any, key: str) -> str:
    """A value fit to be seen."""
    text = loaded.shown.get(key)
    secret = key.startswith("app.headers.") and is_secret_name(key.rpartition(".")[2])
    if secret:
        # Around a variable, the name of a scheme such as Bearer is no secret; anything else may be.
        return quote(text if text is not None and is_scheme(literal_part(text)) else HIDDEN)
    if text is not None:
        return quote(redact(text))
    if isinstance(value, str):
        return written(hint, redact(value))
    return written(hint, value)


def _with_origin(text: str, origin: str) -> str:
    return f"{text.ljust(COLUMN)}  # {origin}" if origin else text
