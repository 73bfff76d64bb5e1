"""The incident summary: short, honest about what is unknown, and harmless in a chat."""

from __future__ import annotations

import dataclasses
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.model.frame import Event, Past
from capmon.report.incident import LINES, LONGEST, escaped, incident

sys.path.insert(0, str(Path(__file__).parents[1] / "ui"))
import frames
import frames_scaling


def test_a_busy_service_in_lines() -> None:
    """Headline, what is wrong with evidence, headroom, forecasts, what was done, events, environment."""
    lines = incident(frames.busy()).splitlines()
    assert lines[0] == (
        "**◆ CRITICAL · semantic-text-processor on web-01 · disk /var, memory, latency and 1 more"
        " · 2026-03-01 14:32:07 UTC**"
    )
    for said in (
        "**Wrong (scaling priority: urgent)**",
        "- ▲ high **memory** since 14:28: 88 % > 80 % for 4 m; what memory does to the service; java 5.1 GiB → first thing to do about memory",
        "**Headroom, load now 118 req/s**",
        "- p95 reaches 250 ms at 128 (121–136) req/s, 1.08 times now",
        "- p95: 34 % to pass 250 ms within 6 h",
        "- 2026-03-01 12:32 3 → 4 replicas, done; app cpu 62 % → 52 %, expected 50 %, p95 187 ms → 152 ms, expected 149 ms",
        "- 2026-03-01 12:02 4 → 3 replicas, failed: no such service: web",
        "- 2026-03-01 14:17:07 source: app live",
        "- web-01, Debian 12, 2 cores (cgroup v2 1.5), 23.5 GiB",
        "- 4 of 4 replicas ready, swarm web",
    ):  # fmt: skip
        assert said in lines


def test_what_is_not_known_is_said() -> None:
    """A silent application has no rate of 0, and replicas that are not counted are not 1."""
    text = incident(frames.app_down())
    assert "- source app failing: connection refused" in text
    assert "Headroom, load now unknown (connection refused)" in text
    assert "unknown of unknown replicas ready (docker: timed out)" in text
    assert "UNKNOWN · " in incident(frames.starting())
    assert "nothing was analysed yet" in incident(frames.starting())


def test_nothing_wrong_is_said() -> None:
    """With a headline of its own."""
    assert incident(frames.calm()).startswith("**✓ OK · semantic-text-processor on web-01 · no bottleneck")  # fmt: skip


def test_a_note_is_never_left_out_for_other_events() -> None:
    """It is old, and still there; how many others are not is said."""
    note = Event(frames.NOW - 9000, "note", "deployed 1.4")
    many = tuple(Event(frames.NOW - i, "source", f"{i}") for i in range(50))
    text = incident(dataclasses.replace(frames.busy(), events=(*many, note)))
    assert "- 2026-03-01 12:02:07 **note**: deployed 1.4" in text
    assert "- … and 43 more" in text


def test_a_frame_of_a_file_says_so() -> None:
    """Nobody takes it for the state of now."""
    past = Past("file", "a_b.json", None, 0.0, frames.NOW)
    text = incident(dataclasses.replace(frames.busy(), past=past))
    assert "file a\\_b.json" in text


@pytest.mark.parametrize(
    "frame",
    [frames.busy(), frames.hostile(), frames_scaling.scaled(), frames_scaling.wild()],
    ids=["busy", "hostile", "scaled", "wild"],
)
def test_it_is_short_and_has_no_controls(frame: frames.Frame) -> None:
    """At most sixty lines that end with the environment, each printable, small enough for any clipboard."""
    text = incident(frame)
    lines = text.splitlines()
    assert len(lines) <= LINES
    assert "**Environment**" in lines
    assert all(line.isprintable() for line in lines if "\u200b" not in line)
    assert len(text.encode("utf-8", "replace")) < 40_000


@given(st.text(st.characters()))
def test_foreign_words_are_one_line_without_markup(text: str) -> None:
    """No control character, and no special one without a backslash; as long as allowed."""
    found = escaped(text)
    bare = re.sub(r"\\.", "", found)
    assert not set(bare) & set("\\`*_[]<~|&")
    assert not found.lstrip().startswith(("#", ">", "-", "+", "="))
    assert found.replace("\u200b", "").isprintable()
    assert len(found) <= 3 * LONGEST


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1. one", "1\\. one"),
        ("1.5 cores", "1.5 cores"),
        ("# title", "\\# title"),
        ("-5 ms", "\\-5 ms"),
        ("[a](http://x)", "\\[a\\](http\u200b://x)"),
        ("<@U123> <!here>", "\\<\u200b@U123> \\<!here>"),
        ("@all", "\u200b@all"),
        ("<img src=x>", "\\<img src=x>"),
        ("a\nb", "a b"),
        ("&lt;", "\\&lt;"),
    ],
)
def test_what_a_chat_would_act_on_is_text(text: str, said: str) -> None:
    """Headings, lists, links, tags, mentions."""
    assert escaped(text) == said
