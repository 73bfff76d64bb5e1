"""Quantities: what people write is read, and what is shown keeps its width."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.errors import QuantityError
from capmon.model.metric import Unit
from capmon.model.units import (
    BYTES,
    DURATIONS,
    SCALES,
    UNKNOWN,
    digits,
    parse_bytes,
    parse_duration,
    parse_ratio,
    percent,
    scale,
    show,
    show_seconds,
    span,
    spans,
)

ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True)
SMALL = st.floats(min_value=0, max_value=99_999.49)
ANYTHING = st.one_of(
    st.text(),
    st.from_regex(r"[-+]?[0-9.]{0,8}(e[0-9]{1,3})?\s?[a-zµ%A-Z]{0,3}([0-9]+[a-z]+)?"),
    st.integers(),
    st.floats(),
    st.booleans(),
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("30s", 30.0),
        ("5m", 300.0),
        ("1h30m", 5400.0),
        ("1h 30m", 5400.0),
        (" 1.5 h ", 5400.0),
        (".5s", 0.5),
        ("2.s", 2.0),
        ("1e3ms", 1.0),
        ("2d", 172_800.0),
        ("1w", 604_800.0),
        ("7µs", 7e-6),
        ("7us", 7e-6),
        ("0", 0.0),
        (2, 2.0),
        (0.25, 0.25),
    ],
)
def test_durations_are_read(text: str | float, seconds: float) -> None:
    """Every way to write a duration gives its seconds."""
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "size"),
    [("4GiB", 4 * 2**30), ("512MB", 512e6), ("1.5kB", 1500), ("3Mi", 3 * 2**20), (7, 7), ("0B", 0)],
)
def test_sizes_are_read(text: str | float, size: float) -> None:
    """Decimal and binary prefixes differ as they should."""
    assert parse_bytes(text) == size


@pytest.mark.parametrize(
    ("text", "ratio"), [("70%", 0.7), ("0.7", 0.7), (0.7, 0.7), ("100 %", 1.0), (0, 0.0), (1, 1.0)]
)
def test_shares_are_read(text: str | float, ratio: float) -> None:
    """A percentage and a ratio mean the same."""
    assert parse_ratio(text) == pytest.approx(ratio)


@pytest.mark.parametrize(
    "text",
    ["", "ms", "-5s", "5 parsecs", "1h30", "1h-30m", "--5s", "5s5", "NaN", "inf", "1e999", "9" * 400, "1e308w", "٣ٮ", True, math.nan, math.inf, 10**400, -1],
)  # fmt: skip
def test_what_is_no_duration_is_refused(text: str | float) -> None:
    """Nothing infinite, negative or foreign passes for a duration."""
    with pytest.raises(QuantityError):
        parse_duration(text)


@pytest.mark.parametrize("text", ["1e308PiB", "-1B", "4 gib", "4GiB4", True, math.inf])
def test_what_is_no_size_is_refused(text: str | float) -> None:
    """Nothing infinite, negative or foreign passes for a size."""
    with pytest.raises(QuantityError):
        parse_bytes(text)


def test_a_number_of_too_many_digits_to_print_is_refused() -> None:
    """A whole number that Python will not even write out gives our own error."""
    with pytest.raises(QuantityError, match="too many digits"):
        parse_bytes(10**5000)


@pytest.mark.parametrize("text", [70, "70", "101%", "-1%", -0.1, 1.01, "0.5ms", True, math.nan])
def test_what_is_no_share_is_refused(text: str | float) -> None:
    """A bare number above one may be meant as percent: it is not guessed at."""
    with pytest.raises(QuantityError):
        parse_ratio(text)


@given(ANYTHING)
def test_parsers_raise_nothing_but_their_own_error(text: str | float) -> None:
    """Whatever is written gives a finite quantity that is not negative, or a QuantityError."""
    for parse in (parse_duration, parse_bytes, parse_ratio):
        try:
            found = parse(text)
        except QuantityError as fault:
            assert str(fault).isprintable()
        else:
            assert math.isfinite(found)
            assert found >= 0


def test_long_runs_of_digits_are_read_in_one_pass() -> None:
    """A text of very many digits is refused; a pattern that tries all partitions would not end."""
    for text in ("1" * 20_000, "1" * 20_000 + "!", "1m" + "2" * 20_000):
        with pytest.raises(QuantityError) as caught:
            parse_duration(text)
        assert len(str(caught.value)) < 200


@given(st.floats(min_value=1e-3, max_value=9e4))
def test_a_shown_duration_can_be_read_back(seconds: float) -> None:
    """Reading what is shown gives the value to three digits, half a millisecond at least."""
    shown = show_seconds(seconds)
    again = parse_duration(f"{shown.number}{shown.unit}")
    assert again == pytest.approx(seconds, rel=0.0051, abs=0.00051)


@given(st.floats(min_value=1, max_value=1e15))
def test_a_shown_size_can_be_read_back(size: float) -> None:
    """Reading what is shown gives the size to three digits."""
    shown = show(size, Unit.BYTES)
    assert parse_bytes(f"{shown.number}{shown.unit}") == pytest.approx(size, rel=0.0051)


@given(SMALL)
def test_digits_keep_their_width(value: float) -> None:
    """Five characters at most below 100,000, six with a minus sign, and never a negative zero."""
    assert len(digits(value)) <= 5
    assert len(digits(-value)) <= 6
    assert float(digits(-value)) != 0 or digits(-value) == "0"


def test_what_is_no_number_is_a_dash() -> None:
    """NaN and infinity have no digits."""
    for value in (math.nan, math.inf, -math.inf):
        assert digits(value) == percent(value) == UNKNOWN


@given(st.floats(min_value=1, max_value=99_999.49))
def test_digits_hold_three_that_count(value: float) -> None:
    """The number shown is within half of the third digit of the value."""
    assert float(digits(value)) == pytest.approx(value, rel=0.00501)


@given(SMALL, SMALL)
def test_digits_never_turn_an_order_around(a: float, b: float) -> None:
    """What is greater is not shown as less."""
    low, high = sorted((a, b))
    assert float(digits(low)) <= float(digits(high))


@given(st.floats(min_value=-10, max_value=10), st.floats(min_value=-10, max_value=10))
def test_percentages_never_turn_an_order_around(a: float, b: float) -> None:
    """What is greater is not shown as less, below zero either."""
    low, high = sorted((a, b))
    assert float(percent(low)) <= float(percent(high))


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(0, "0"), (0.0004, "0"), (-0.0004, "0"), (0.0312, "3.1"), (0.0994, "9.9"), (0.0995, "10"), (0.625, "62"), (1, "100"), (-0.05, "-5.0"), (1e9, "1e11")],
)  # fmt: skip
def test_percentages(ratio: float, text: str) -> None:
    """Whole from ten percent up, one decimal below, and never `-0`."""
    assert percent(ratio) == text


@given(ANY_FLOAT, st.sampled_from(Unit))
def test_whatever_is_shown_keeps_its_width(value: float, unit: Unit) -> None:
    """Any float in any unit takes five characters, six with a sign; unknown is a dash."""
    shown = show(value, unit)
    negative = shown.number.startswith("-")
    assert len(shown.number) <= 5 + negative
    assert len(shown.unit) <= 5
    assert (shown.number == UNKNOWN) == (not math.isfinite(value))
    if math.isfinite(value):
        assert not math.isnan(float(shown.number))
        assert shown.number not in ("-0", "-0.0", "-0.00", "-0.000")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.187, Unit.SECONDS, "187 ms"),
        (12.34, Unit.SECONDS, "12.3 s"),
        (5.1 * 2**30, Unit.BYTES, "5.10 GiB"),
        (1023.4, Unit.BYTES, "1023 B"),
        (1023.9, Unit.BYTES, "1.00 KiB"),
        (12_300_000, Unit.BYTES_PER_SECOND, "12.3 MB/s"),
        (118.04, Unit.PER_SECOND, "118 /s"),
        (0.5, Unit.PER_SECOND, "0.500 /s"),
        (12_345, Unit.PER_SECOND, "12.3 k/s"),
        (999_960, Unit.PER_SECOND, "1.00 M/s"),
        (31, Unit.COUNT, "31"),
        (9999, Unit.COUNT, "9999"),
        (-0.0, Unit.COUNT, "0"),
        (1.5, Unit.CORES, "1.50"),
        (0.62, Unit.RATIO, "62 %"),
        (1e300, Unit.BYTES, "9e284 PiB"),
        (5e-324, Unit.SECONDS, "0 ms"),
        (None, Unit.BYTES, "– GiB"),
        (math.nan, Unit.COUNT, "–"),
    ],
)
def test_values_as_a_screen_has_them(value: float | None, unit: Unit, text: str) -> None:
    """Known values read as written here."""
    assert str(show(value, unit)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (90, "90 s"), (-90, "90 s"), (100, "2 m"), (5400, "90 m"), (6000, "2 h"), (47 * 3600, "47 h"), (12 * 86400, "12 d"), (40 * 31557600, "40 y"), (1e300, "3e292 y"), (math.inf, UNKNOWN), (math.nan, UNKNOWN)],
)  # fmt: skip
def test_spans_of_time(seconds: float, text: str) -> None:
    """One unit for people, whatever the float."""
    assert span(seconds) == text


@given(ANY_FLOAT)
def test_spans_stay_short(seconds: float) -> None:
    """Any span fits seven characters."""
    assert len(span(seconds)) <= 7


@pytest.mark.parametrize(
    ("each", "texts"),
    [
        ((60, 120, 180), ["60 s", "2 m", "3 m"]),
        ((130, 145, 240), ["2 m 10 s", "2 m 25 s", "4 m"]),
        ((130, 130), ["2 m", "2 m"]),
        ((599.7, 610), ["10 m", "10 m"]),
        ((99.7, 119.6), ["1 m 40 s", "2 m"]),
        ((), []),
    ],
)
def test_spans_side_by_side(each: tuple[float, ...], texts: list[str]) -> None:
    """Different spans below ten minutes are never written the same."""
    assert spans(each) == texts


@given(st.lists(st.integers(0, 598), max_size=8))
def test_spans_below_ten_minutes_are_told_apart(each: list[int]) -> None:
    """As many texts as there are different seconds."""
    assert len(set(spans(each))) == len(set(each))


@given(st.lists(ANY_FLOAT, max_size=6))
def test_any_spans_side_by_side(each: list[float]) -> None:
    """Whatever the floats, one text for each."""
    assert len(spans(each)) == len(each)


def test_every_unit_of_a_source_has_a_worth() -> None:
    """Each base unit is among the units accepted for it, and all are worth more than nothing."""
    assert SCALES.keys() == set(Unit)
    for base, table in SCALES.items():
        assert all(worth > 0 for worth in table.values())
        assert 1.0 in table.values(), base
    assert scale("ms", Unit.SECONDS) == DURATIONS["ms"]
    assert scale("KiB/s", Unit.BYTES_PER_SECOND) == BYTES["KiB"]
    with pytest.raises(QuantityError, match="'furlong' is not a unit here: use "):
        scale("furlong", Unit.SECONDS)
