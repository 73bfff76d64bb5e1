"""Stand-ins for glyphs are readable and as wide as what they stand for."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from capmon import plain


@pytest.fixture(autouse=True, scope="module")
def _registered() -> None:
    plain.tolerate()


@given(st.characters(min_codepoint=0x80, exclude_categories=["Cs", "Cc", "Cf", "Mn", "Me", "Mc", "Cn", "Co", "Lm"]))  # fmt: skip
def test_any_character_has_a_stand_in(character: str) -> None:
    """One or two ASCII characters, two for those two cells wide."""
    found = character.encode("ascii", plain.NAME).decode("ascii")
    assert 1 <= len(found) <= 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("╭─ cpu ─╮", "+- cpu -+"),
        ("│ ██▌·· │", "| ###.. |"),
        ("▁▂▃▄▅▆▇█", "_.,~=*%#"),
        ("● live", "* live"),
        ("12.3 µs ± 4 → 5", "12.3 us + 4 > 5"),
        ("café", "cafe"),
        ("e\u0301", "e"),
        ("日本", "????"),
        ("⣿⠀", ": "),
    ],
)
def test_what_is_seen(text: str, shown: str) -> None:
    """Frames, bars, sparks and words stay what they are."""
    assert text.encode("ascii", plain.NAME).decode() == shown
    assert cell_len(text) == len(shown)


def test_an_encoding_keeps_what_it_can_hold() -> None:
    """Latin-1 has the middle dot and the umlaut."""
    assert "über · ▲".encode("latin-1", plain.NAME) == "über · ^".encode("latin-1")


def test_streams_take_any_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are made tolerant, and one that is none is left alone."""
    out = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setattr("sys.stderr", None)
    plain.tolerate()
    out.write("5 → 6")
    out.flush()
    assert out.buffer.getvalue() == b"5 > 6"


def test_other_errors_are_not_hidden() -> None:
    """What cannot be read is not made up."""
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("ascii", plain.NAME)
