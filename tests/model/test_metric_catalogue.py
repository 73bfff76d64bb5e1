"""The catalogue of metrics, and the keys that name them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.collectors.defaults import JSON_FIELDS, OPENMETRICS_FIELDS
from capmon.errors import CapmonError
from capmon.model import names
from capmon.model.metric import (
    CATALOGUE,
    Metric,
    Summary,
    Unit,
    Worse,
    key,
    label_of,
    metric,
    split,
)

LABEL = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True).filter(lambda n: n != "name")


@given(st.sampled_from(sorted(CATALOGUE)), st.dictionaries(LABEL, st.text(), max_size=4))
def test_a_key_gives_back_what_it_was_made_of(name: str, labels: dict[str, str]) -> None:
    """Any label text survives: quotes, braces, commas, newlines, backslashes."""
    made = key(name, **labels)
    assert split(made) == (name, labels)
    assert metric(made) is CATALOGUE[name]
    for label, text in labels.items():
        assert label_of(made, label) == text


@given(st.dictionaries(LABEL, st.text(), min_size=2, max_size=4))
def test_the_order_of_labels_does_not_matter(labels: dict[str, str]) -> None:
    """The same labels make the same key."""
    backwards = dict(reversed(labels.items()))
    assert key("replicas.ready", **labels) == key("replicas.ready", **backwards)


@given(st.text())
def test_a_text_is_a_key_or_our_own_error(text: str) -> None:
    """No text makes `split` fail in another way, and what it accepts it can write again."""
    try:
        name, labels = split(text)
    except CapmonError as fault:
        assert str(fault).isprintable()
    else:
        assert split(key(name, **labels)) == (name, labels)


@pytest.mark.parametrize(
    "text", ["", " ", "a\n", 'a{b="c"}\n', 'a{b="c"', "a{b=c}", 'a{b="c" }', 'a{b="c"x="d"}', "1a"]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    """A text that is nearly a key is none."""
    with pytest.raises(CapmonError):
        split(text)


def test_unknown_names_are_refused() -> None:
    """A name that the catalogue does not hold has no unit to guess."""
    with pytest.raises(CapmonError, match=r"'system\.cpu\.colour' is not a metric"):
        metric("system.cpu.colour")
    assert label_of("replicas.ready", "device") == ""


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=lambda m: m.name)
def test_each_entry_is_complete(entry: Metric) -> None:
    """A name in lower case and dots, a short label, and one sentence of help."""
    assert re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+", entry.name)
    assert 0 < len(entry.label) <= 16
    assert entry.label.lower() == entry.label
    assert entry.help.endswith(".")
    assert "\n" not in entry.help
    assert isinstance(entry.unit, Unit)
    assert isinstance(entry.worse, Worse)


def test_names_and_units_agree() -> None:
    """What a name ends in says what it is measured in, and quantiles are never averaged."""
    by_end = {
        ".utilization": Unit.RATIO,
        "ratio": Unit.RATIO,
        ".avg10": Unit.RATIO,
        ".rate": Unit.PER_SECOND,
        ".p50": Unit.SECONDS,
        ".p95": Unit.SECONDS,
        ".p99": Unit.SECONDS,
    }
    for name, entry in CATALOGUE.items():
        assert name == entry.name
        for end, unit in by_end.items():
            if name.endswith(end):
                assert entry.unit is unit, name
        is_quantile = re.search(r"\.p\d+$", name) is not None
        assert (entry.summary is Summary.MEDIAN) == is_quantile, name
        if name.endswith(".limit"):
            assert entry.summary is Summary.LAST, name


def test_no_name_stands_twice() -> None:
    """The catalogue lists as many entries as it holds: a duplicate would hide one silently."""
    import inspect

    from capmon.model import metric as module

    listed = re.findall(r'^        Metric\("([^"]+)"', inspect.getsource(module), re.MULTILINE)
    assert sorted(listed) == sorted(CATALOGUE)


def test_what_sources_fill_is_in_the_catalogue() -> None:
    """The defaults of every source name metrics that exist."""
    for metric_key in (*JSON_FIELDS, *OPENMETRICS_FIELDS):
        assert metric(metric_key).name == metric_key


def test_every_name_that_is_reasoned_about_is_in_the_catalogue() -> None:
    """A name that is wrong would be silence, not an error."""
    values = [v for k, v in vars(names).items() if k.isupper()]
    keys = [k for v in values for k in ((v,) if isinstance(v, str) else v)]
    assert len(keys) > 10
    assert set(keys) <= CATALOGUE.keys()
