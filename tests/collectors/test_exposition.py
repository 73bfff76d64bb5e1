"""The page reader agrees with the reference parser, and survives pages that are none."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families as text_families

from capmon.collectors.exposition import SampleReader, Samples

PAGES = sorted((Path(__file__).parent.parent / "data" / "openmetrics").glob("*.txt"))

Flat = list[tuple[str, tuple[tuple[str, str], ...], str]]


def flat(samples: Samples) -> Flat:
    """Everything that was read, comparable: NaN equals itself, 0 is not -0."""
    return sorted(
        (name, tuple(sorted(s.labels.items())), repr(s.value))
        for name, found in samples.by_name.items()
        for s in found
    )


def reference(page: str, families: object = text_families) -> Flat:
    """The same from the reference parser."""
    return sorted(
        (s.name, tuple(sorted(s.labels.items())), repr(float(s.value)))
        for family in families(page)  # type: ignore[operator]
        for s in family.samples
    )


def names(found: Flat) -> set[str]:
    """Names among samples."""
    return {name for name, _, _ in found}


def read(page: str, *wanted: str) -> Samples:
    """One page read by a fresh reader."""
    return SampleReader(wanted).read(page)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_agrees_with_the_reference_on_real_pages(path: Path) -> None:
    """Every sample of a page from a real exporter is read as the reference parser reads it."""
    page = path.read_text()
    expected = reference(page)
    reader = SampleReader(names(expected))
    first, second = reader.read(page), reader.read(page)
    assert len(expected) > 100
    assert flat(first) == expected
    assert flat(second) == expected  # by way of what it remembers of the first
    assert not first.broken
    assert flat(reader.read(page.replace("\n", "\r\n"))) == expected


def test_agrees_with_the_reference_on_openmetrics() -> None:
    """Exemplars, created times, units and the end mark are no obstacle."""
    registry = CollectorRegistry()
    histogram = Histogram(
        "lat_seconds", 'Say "hi"\\\n', ["path"], registry=registry, unit="seconds"
    )
    histogram.labels('/a"\\\n{},= #é').observe(0.3, {"trace_id": "x} 5"})
    histogram.labels("/b").observe(7)
    Counter("hits", "Hits.", registry=registry).inc(3, {"trace_id": "abc"})
    Gauge("odd", "Odd.", registry=registry).set(math.nan)
    page = generate_openmetrics(registry).decode()
    assert ' # {trace_id="' in page
    expected = reference(page, openmetrics_families)
    assert flat(SampleReader(names(expected)).read(page)) == expected
    old = generate_latest(registry).decode()
    assert flat(SampleReader(names(reference(old))).read(old)) == reference(old)


@pytest.mark.parametrize(
    ("line", "labels", "value"),
    [
        ("a 5", {}, 5.0),
        ("  a\t 5 1700000000000", {}, 5.0),
        ("a{} 5", {}, 5.0),
        ("a{ } 5", {}, 5.0),
        ('a{b="c",} 1e-3', {"b": "c"}, 0.001),
        ('a{ b = "c" , d = "" } 1E+3 -1.5', {"b": "c", "d": ""}, 1000.0),
        ('a {b="c"} +Inf', {"b": "c"}, math.inf),
        ("a -Inf", {}, -math.inf),
        (r'a{b="x\\n\n\"}{,"} 1', {"b": 'x\\n\n"}{,'}, 1.0),
        ('a{b="c"} 5 # {id="}"} 0.5 1.5', {"b": "c"}, 5.0),
        ('a{b="c"} 5 1.5 # {} 0.5', {"b": "c"}, 5.0),
        ("a 5\r", {}, 5.0),
    ],
)
def test_line_is_read(line: str, labels: dict[str, str], value: float) -> None:
    """Each form that a sample may take gives its labels and its value, twice the same."""
    reader = SampleReader(["a"])
    for _ in range(2):
        samples = reader.read(f"# HELP a a 7\n\n{line}\n# EOF\n")
        assert not samples.broken
        (one,) = samples.by_name["a"]
        assert (dict(one.labels), one.value) == (labels, value)


@pytest.mark.parametrize(
    "line",
    [
        "a x",
        "a 1_000",
        "a 5 later",
        'a{b="c" 5',
        'a{b="c} 5',
        "a{b=c} 5",
        'a{b="c";d="e"} 5',
        'a{b="c",b="d"} 5',
        'a{1b="c"} 5',
        'a{b="c"}',
        "a ",
        "a ٥",
    ],
)
def test_line_that_cannot_be_read_spoils_its_own_name(line: str) -> None:
    """The broken line is named by number; other names on the page stand."""
    samples = read(f"b 1\n{line}\nb 2\n", "a", "b")
    assert samples.broken == {"a": "line 2 of the page cannot be read"}
    assert [s.value for s in samples.by_name["b"]] == [1.0, 2.0]


def test_only_wanted_names_are_read() -> None:
    """A name is no prefix of another, and comments are no samples."""
    page = "ab 1\n# TYPE a gauge\na_total 2\n#a 3\na:b 4\na 5\n"
    assert flat(read(page, "a")) == [("a", (), "5.0")]
    assert flat(read(page)) == []


def test_series_that_left_the_page_are_not_remembered() -> None:
    """What the reader keeps is never more than one page has."""
    reader = SampleReader(["a"])
    for i in range(50):
        reader.read(f'a{{i="{i}"}} 1\n')
    assert len(reader._known) == 1


LABEL = st.from_regex(re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,4}", re.ASCII), fullmatch=True)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(
    st.dictionaries(LABEL, TEXT, max_size=3),
    st.floats(),
    st.sampled_from(["", " 1700000000000", " -5"]),
)
def test_every_series_that_can_be_written_is_read_back(
    labels: dict[str, str], value: float, time: str
) -> None:
    """Any labels and any value survive, whatever characters they hold."""
    escaped = {
        k: v.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
        for k, v in labels.items()
    }
    inside = ",".join(f'{k}="{v}"' for k, v in escaped.items())
    page = f"a{{{inside}}} {value!r}{time}\n"
    samples = read(page, "a")
    assert not samples.broken
    (one,) = samples.by_name["a"]
    assert dict(one.labels) == labels
    assert repr(one.value) == repr(value)


@given(st.lists(st.sampled_from('a{}b="\\\n,# 5.e+NaIf_\r\t\x00é'), max_size=60).map("".join))
def test_no_page_raises(page: str) -> None:
    """Any text is read, to samples or to broken lines."""
    reader = SampleReader(["a"])
    assert flat(reader.read(page)) == flat(reader.read(page))
