"""Texts from outside as YAML scalars and as parts of PromQL."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from capmon.report.promql import (
    bound,
    duration,
    either,
    matcher,
    selector,
    string,
    template,
    unspeakable,
)
from capmon.report.scalars import comment, scalar

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(TEXT)
def test_a_scalar_reads_back_as_the_text_it_was(text: str) -> None:
    """Whatever a name holds, YAML gives back exactly that and nothing around it changes."""
    assert yaml.safe_load(f"a: {scalar(text)}\nb: 1\n") == {"a": text, "b": 1}


@pytest.mark.parametrize("word", ["yes", "No", "on", "null", "~", "1", "0x1f", "1e3", "12:30", "- a", "a: b", "#", ""])  # fmt: skip
def test_words_that_mean_something_are_quoted(word: str) -> None:
    """What YAML would take for a number, a list or a truth stays a text."""
    assert yaml.safe_load(scalar(word)) == word


@given(st.text(max_size=40))
def test_a_comment_stays_on_its_line(text: str) -> None:
    """No line break of any kind leads out of a comment."""
    assert yaml.safe_load(f"{comment(text)}\na: 1\n") == {"a": 1}


@given(TEXT)
def test_a_string_literal_is_one_printable_line(text: str) -> None:
    """A label's value ends where its quotes end."""
    written = string(text)
    assert written.isprintable()
    assert written[0] == written[-1] == '"'
    inner = written[1:-1].replace("\\\\", "").replace('\\"', "")
    assert '"' not in inner


def test_durations_are_whole_numbers_of_one_unit() -> None:
    """Prometheus knows no 1.5h; ninety seconds are 90s."""
    assert [duration(s) for s in (0, 0.25, 30, 60, 90, 5400, 86400, 259200, 604800)] == [
        "0s", "250ms", "30s", "1m", "90s", "90m", "1d", "3d", "7d",
    ]  # fmt: skip


def test_a_selector_knows_exact_labels_and_patterns() -> None:
    """A pattern that could match nothing still demands the label."""
    assert selector("a") == "a"
    assert selector("a", {"b": "=~5.."}, {"c": 'x"y'}) == 'a{b=~"5..",c="x\\"y"}'
    assert matcher("b", "=~.*") == 'b=~".*",b!=""'
    assert either("/", "/var.d") == "/|/var\\.d"
    assert bound(0.25) == 'le="0.25"'
    assert bound(1.0) == 'le=~"1(\\\\.0)?"'


@pytest.mark.parametrize("pattern", ["a(?=b)", "(?<!x)y", r"(a)\1", "a*+", "(?P=n)", "a\\Z", "("])
def test_patterns_that_re2_does_not_know_are_told(pattern: str) -> None:
    """What only Python understands is not written into a rule."""
    assert unspeakable({"code": "=~" + pattern})
    assert not unspeakable({"code": pattern})


def test_a_label_that_prometheus_does_not_know_is_told() -> None:
    """A label's name is letters, digits and underscores."""
    assert "not the name" in unspeakable({"http.code": "500"})


def test_braces_are_escaped_one_by_one() -> None:
    """Even a brace beside an action of ours begins none."""
    assert template("a{{b}}") == 'a{{ "{" }}{{ "{" }}b}}'
