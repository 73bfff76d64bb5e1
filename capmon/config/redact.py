"""Take secrets out of texts that are shown."""

from __future__ import annotations

import re

HIDDEN = "***"
"""What stands where a secret was."""

_WORDS = r"auth|cookie|token|key|secret|passw|passphrase|pwd|credential|session|signature"
_SECRET = re.compile(_WORDS, re.IGNORECASE)
_USERINFO = re.compile(r"(?P<scheme>(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,30}://)[^/?#\s]*@")
_ASSIGNED = re.compile(
    rf"(?P<name>(?:{_WORDS})[\w.-]{{0,60}}[\"']?(?:=|:\s*))(?P<value>[^&#]+)", re.IGNORECASE
)
_BEARER = re.compile(r"\b(?P<scheme>bearer|basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE)
_SCHEME = re.compile(r"\s*(?:bearer|basic|token|digest|apikey)?\s*", re.IGNORECASE)
_USER_OPTIONS = ("-u", "--user", "--proxy-user")


def is_secret_name(name: str) -> bool:
    """Whether a header, a parameter or an option of this name holds a secret."""
    return _SECRET.search(name) is not None


def is_scheme(text: str) -> bool:
    """Whether a header's text is nothing but the name of a way to authenticate."""
    return _SCHEME.fullmatch(text) is not None


def redact(text: str) -> str:
    """A text without the secrets in it: users in URLs, and values with a telling name."""
    text = _USERINFO.sub(rf"\g<scheme>{HIDDEN}@", text)
    text = _BEARER.sub(rf"\g<scheme> {HIDDEN}", text)
    return _ASSIGNED.sub(rf"\g<name>{HIDDEN}", text)


def redact_argv(argv: tuple[str, ...]) -> tuple[str, ...]:
    """A command line without its secrets; what follows an option such as --token is one."""
    shown = []
    before = ""
    for word in argv:
        named = before.startswith("-") and "=" not in before and is_secret_name(before)
        user = before in _USER_OPTIONS and ":" in word
        shown.append(HIDDEN if named or user else redact(word))
        before = word
    return tuple(shown)
