"""Text of others made fit to show: secrets removed, control characters gone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

HIDDEN = "***"
"""What stands where a secret was."""

SHOWN = 300
"""Characters of a foreign message that are kept."""

_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor, modes
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # OSC, DCS, SOS, PM, APC: titles, clipboard, links
    r"|\x1b[ -/]*[0-~]",
    re.DOTALL,
)
_SENSITIVE = r"(?:pass(?:word|wd|phrase)?|secret|token|api[-_]?key|auth(?:orization)?|credentials?|private[-_]?key|signature)"
_NAMED = re.compile(
    rf"(?i)([\w.-]*{_SENSITIVE}[\w.-]*[\"']?\s*[:=]\s*)"
    r"(?:(?:bearer|basic|token)\s+)?(?:\"[^\"]*\"?|'[^']*'?|[^\s\"'&]+)"
)
_SCHEME = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}")
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s\"'<>]+")
_FLAG = re.compile(rf"(?i)^--?[\w-]*{_SENSITIVE}[\w-]*$")
_USER_FLAGS = ("-u", "--user", "--proxy-user")


def printable(text: str, limit: int = SHOWN) -> str:
    """One line without escape sequences, control or invisible characters, cut to `limit`."""
    line = " ".join("".join(c if c.isprintable() else " " for c in unescape(text)).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def unescape(text: str) -> str:
    """Text without the sequences that act on a terminal."""
    return _SEQUENCE.sub("", text)


def redact_text(text: str) -> str:
    """A message without the secrets that it may repeat: URLs, headers, `password=…`."""
    text = _URL.sub(lambda m: redact_url(m[0]), text)
    text = _NAMED.sub(lambda m: m[1] + HIDDEN, text)
    return _SCHEME.sub(lambda m: f"{m[1]} {HIDDEN}", text)


def foreign(text: str, limit: int = SHOWN) -> str:
    """What another program said, fit to show: without secrets, printable, cut to `limit`."""
    # Escape sequences go first: one in the middle of a secret would hide it from the patterns.
    return printable(redact_text(printable(text, 16 * limit)), limit)


def redact_url(url: str) -> str:
    """A URL without user, password, values of its query, and fragment."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return HIDDEN
    host = parts.netloc.rpartition("@")[2]
    user = f"{HIDDEN}@" if "@" in parts.netloc else ""
    query = "&".join(_hide_value(pair) for pair in parts.query.split("&")) if parts.query else ""
    return f"{parts.scheme}://{user}{host}{parts.path}{'?' + query if query else ''}"


def redact_argv(argv: Iterable[str]) -> tuple[str, ...]:
    r"""A command as it may be shown and written down; elements stay one to one.

    Control characters stand as their escapes (`\n`, `\x1b`), so that what will run can be
    seen in full and cannot act on the terminal.
    """
    shown: list[str] = []
    previous = ""
    for argument in argv:
        if _FLAG.match(previous) or (previous in _USER_FLAGS and ":" in argument):
            text = HIDDEN
        else:
            text = redact_text(argument)
        shown.append("".join(c if c.isprintable() else ascii(c)[1:-1] for c in text))
        previous = argument
    return tuple(shown)


def _hide_value(pair: str) -> str:
    name, sign, _ = pair.partition("=")
    return f"{name}={HIDDEN}" if sign else HIDDEN
