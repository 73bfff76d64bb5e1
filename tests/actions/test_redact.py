"""Foreign text made fit to show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.actions.redact import foreign, printable, redact_argv, redact_text, redact_url


@given(st.text())
def test_printable_is_one_short_printable_line(text: str) -> None:
    """Whatever comes in, nothing that acts on a terminal comes out."""
    shown = printable(text, 50)
    assert shown.isprintable()
    assert len(shown) <= 50


@pytest.mark.parametrize(
    "text",
    [
        "a\x1b[31mb\x1b[0m",
        "a\x1b]0;title\x07b",
        "a\x1b]52;c;ZXZpbA==\x1b\\b",
        "a\x1b[?1049hb",
        "a\x1bcb",
        "a\x1bPq#0\x1b\\b",
    ],
)
def test_sequences_go_whole(text: str) -> None:
    """An escape sequence goes with its parameters."""
    assert printable(text) == "ab"


def test_lines_and_invisible_characters_become_spaces() -> None:
    """Newlines, bells, right-to-left overrides and C1 controls are gone."""
    assert printable("a\r\nb\x07c\u202ed\x9be") == "a b c d e"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h:1/scale", "http://h:1/scale"),
        ("https://user:pw@h/scale", "https://***@h/scale"),
        ("https://h/s?token=abc&n=1#frag", "https://h/s?token=***&n=***"),
        ("https://h/s?abc", "https://h/s?***"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("http://h:port/x", "***"),
    ],
)
def test_url(url: str, shown: str) -> None:
    """User, password and values of the query are hidden; where it points to stays."""
    assert redact_url(url) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer S3CRETS3CRET",
        "curl -H 'Authorization: Basic S3CRETS3CRET'",
        "token=S3CRET",
        'password: "S3CRET S3CRET"',
        '{"api_key": "S3CRET"}',
        "DB_PASSWORD=S3CRET,S3CRET;S3CRET",
        "cannot reach postgres://u:S3CRET@db/x?sslmode=S3CRET",
        "sent bearer S3CRETS3CRET",
        "pass\x1b[0mword=S3CRET",
    ],
)
def test_text_keeps_no_secret(text: str) -> None:
    """Messages of other programs lose the secrets that they repeat."""
    assert "S3CRET" not in foreign(text)
    assert redact_text("no suitable node (insufficient resources)") == (
        "no suitable node (insufficient resources)"
    )


def test_argv_stays_one_to_one() -> None:
    """A command shown has as many arguments as the one run, secrets and controls replaced."""
    argv = ["curl", "-u", "me:S3CRET", "--token", "S3CRET", "--api-key=S3CRET", "a\nb;$(x)\x1b[2J"]
    assert redact_argv(argv) == (
        "curl",
        "-u",
        "***",
        "--token",
        "***",
        "--api-key=***",
        "a\\nb;$(x)\\x1b[2J",
    )
