"""Arrays as bytes: what goes in comes out, as exactly as is said, and damage never passes."""

from __future__ import annotations

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from capmon.store.history_codec import (
    PRECISION,
    Damaged,
    decode_ints,
    decode_values,
    encode_ints,
    encode_values,
    seal,
    unseal,
)
from capmon.store.history_kept import decode, document_of, encode, text_of
from capmon.store.history_tail import decode_rows, encode_row

FLOATS = arrays(np.float64, st.integers(0, 60), elements=st.floats())
DECIMALS = arrays(np.int64, st.integers(1, 60), elements=st.integers(-(10**6), 10**6))


@given(arrays(np.int64, st.integers(0, 60), elements=st.integers(-(2**58), 2**58)))
def test_whole_numbers_come_back(whole: np.ndarray) -> None:
    """Whatever their order and size."""
    assert decode_ints(encode_ints(whole)).tolist() == whole.tolist()


@given(FLOATS)
def test_exact_values_come_back_as_they_are(values: np.ndarray) -> None:
    """What is not finite comes back as a gap."""
    expected = np.where(np.isfinite(values), values, np.nan)
    found = decode_values(encode_values(values, exact=True))
    assert np.array_equal(found, expected, equal_nan=True)


@given(FLOATS)
def test_rounded_values_stay_near(values: np.ndarray) -> None:
    """Within 2^-15 of themselves, the least and the greatest floats too."""
    expected = np.where(np.isfinite(values), values, np.nan)
    found = decode_values(encode_values(values))
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    known = ~np.isnan(expected)
    with np.errstate(over="ignore"):
        assert (np.abs(found - expected)[known] <= PRECISION * np.abs(expected[known])).all()


@given(FLOATS)
def test_rounding_again_changes_nothing(values: np.ndarray) -> None:
    """A chunk that is made anew loses nothing more."""
    once = decode_values(encode_values(values))
    assert np.allclose(decode_values(encode_values(once)), once, rtol=1e-11, atol=0, equal_nan=True)


@given(DECIMALS, st.integers(0, 4))
def test_decimals_are_exact(whole: np.ndarray, places: int) -> None:
    """To the last bit, when they must be."""
    values = whole / 10.0**places
    assert decode_values(encode_values(values, exact=True)).tolist() == values.tolist()


def test_constants_and_counts_are_small() -> None:
    """An hour of one value in twenty bytes, of a slow count in few more than that of its changes."""
    assert len(encode_values(np.full(3600, 8.5e9))) < 20
    steps = np.repeat(np.arange(36.0), 100)
    assert len(encode_values(steps)) < 120
    noise = np.random.default_rng(0).normal(0.4, 0.05, 3600)
    assert len(encode_values(noise)) < 2 * 3600


@given(st.binary(max_size=200), st.data())
@settings(max_examples=60)
def test_a_changed_byte_is_seen(body: bytes, draw: st.DataObject) -> None:
    """By the checksum."""
    sealed = bytearray(seal(body))
    sealed[draw.draw(st.integers(0, len(sealed) - 1))] ^= draw.draw(st.integers(1, 255))
    with pytest.raises(Damaged):
        unseal(bytes(sealed))


@given(st.binary(max_size=60))
def test_foreign_bytes_are_damage(body: bytes) -> None:
    """Never another error, which would end a reader."""
    for decoded in (decode_ints, decode_values):
        try:
            decoded(body)
        except Damaged:
            continue


@given(
    st.lists(
        st.tuples(
            st.integers(0, 20), st.dictionaries(st.integers(1, 4), st.floats(-9, 9), min_size=1)
        ),
        max_size=12,
    ),
    st.integers(1, 3),
)
def test_rows_of_a_tail_join_as_written(
    batches: list[tuple[int, dict[int, float]]], size: int
) -> None:
    """Times rise, and of two values of one time the later counts."""
    rows = [(i, encode_row(batches[i : i + size])) for i in range(0, len(batches), size)]
    block = decode_rows(rows, [])
    expected: dict[int, dict[int, float]] = {}
    for at, values in batches:
        for series, value in values.items():
            expected.setdefault(series, {})[at] = value
    for series, known in expected.items():
        times, values = block.of(series)
        assert dict(zip(times.tolist(), values.tolist(), strict=True)) == known
        assert times.tolist() == sorted(known)


def test_findings_are_told_apart() -> None:
    """A document beside one much like it takes little, and comes back with seven digits."""
    first = {"fits": [{"k": i / 7, "text": f"metric {i}"} for i in range(300)], "host": {"a": 1}, "x": None}  # fmt: skip
    second = {**first, "x": {"v": 1.23456789, "big": 1234567890.1234}}
    base = text_of(first)
    whole = encode(base, None)
    part = encode(text_of(second), base)
    assert len(part) < 80 < len(whole) < len(base) / 3
    found = document_of(decode(part, decode(whole, None)))
    assert found["x"] == {"v": 1.234568, "big": 1234567890.123}
    assert found["fits"][1]["k"] == pytest.approx(1 / 7, rel=1e-6)
    other = text_of({"new": 1})
    assert document_of(decode(encode(other, base), base)) == {"new": 1}


@given(st.binary(max_size=80), st.integers(0, 10**6), st.integers(0, 7))
def test_findings_that_are_damaged_are_refused(other: bytes, at: int, bit: int) -> None:
    """One bit, another base or no frame at all: never a document that was not kept."""
    base = text_of({"fits": [{"k": i / 7} for i in range(40)]})
    text = text_of({"fits": [{"k": i / 7} for i in range(41)]})
    blob = encode(text, base)
    hurt = bytearray(blob)
    hurt[at % len(blob)] ^= 1 << bit
    for bytes_, known in ((bytes(hurt), base), (blob, other + base[:-9]), (other, base)):
        try:
            assert decode(bytes_, known) == text
        except Damaged:
            continue
    with pytest.raises(Damaged, match="no document"):
        document_of(b"[1]")
    with pytest.raises(Damaged, match="bytes"):
        decode(zstandard.ZstdCompressor().compress(bytes(2**25 + 1)), None)
