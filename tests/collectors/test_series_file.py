"""Recorded series from files, in both layouts, packed or not, sound or not."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import pytest

from capmon.collectors.series_file import read_series
from capmon.errors import CapmonError


def test_a_header_says_the_step(tmp_path: Path) -> None:
    """One value a line; `nan` and empty lines within are gaps, those at the end are none."""
    path = tmp_path / "a.csv.gz"
    path.write_bytes(
        gzip.compress(b"# group=web name=shop step_s=60 start=None\nvalue\n1\n\n3\nnan\n5\n\n")
    )
    series = read_series(path)
    assert (series.name, series.step, series.start) == ("shop", 60.0, None)
    assert [None if math.isnan(v) else v for v in series.values] == [1, None, 3, None, 5]


@pytest.mark.parametrize(
    "times",
    [
        ["1700000000", "1700000060", "1700000180"],
        ["1700000000000", "1700000060000", "1700000180000"],
        ["2023-11-14T22:13:20Z", "2023-11-14T22:14:20Z", "2023-11-14T22:16:20Z"],
        ["2023-11-14 22:13:20", "2023-11-14 22:14:20", "2023-11-14 22:16:20"],
    ],
    ids=["seconds", "milliseconds", "iso", "iso without zone"],
)
def test_rows_that_are_missing_are_gaps(tmp_path: Path, times: list[str]) -> None:
    """Whatever the times are written in."""
    path = tmp_path / "b.csv"
    path.write_text("timestamp,value\n" + "".join(f"{t},{i}\n" for i, t in enumerate(times)))
    series = read_series(path)
    assert (series.step, series.start) == (60.0, 1_700_000_000.0)
    assert [None if math.isnan(v) else v for v in series.values] == [0, 1, None, 2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("# name=x step_s=soon\n1\n", ":1: step_s=soon is no number of seconds"),
        ("# name=x step_s=60\n1\nfast\n", ":3: 'fast' is no number"),
        ("# name=x step_s=60\nvalue\n", "no values"),
        ("timestamp,value\n1,2\n", "fewer than two rows"),
        ("1,2\n2,3\nsoon,4\n", ":3: 'soon' is no time"),
        ("1,2\n2,3\n2,4\n", ":3: times must increase"),
        ("1\n2\n", ":1: expected timestamp,value"),
        ("0,1\n60,1\n97,1\n200,1\n260,1\n", "not evenly spaced"),
        ("0,1\n60,inf\n", ":2: 'inf' is not finite"),
        ("0,1\n1,1\n2,1\n3,1\n1e12,1\n", "steps of"),
        ("0,1\n60,\x1b[31m\n", "'?[31m'"),
    ],
)
def test_faults_name_the_line(tmp_path: Path, text: str, said: str) -> None:
    """File, line and what was there, with nothing that a terminal would obey."""
    path = tmp_path / "c.csv"
    path.write_text(text)
    with pytest.raises(CapmonError) as fault:
        read_series(path)
    assert said in str(fault.value)
    assert "\x1b" not in str(fault.value)


def test_damaged_files_are_said(tmp_path: Path) -> None:
    """Half an archive, and bytes that are no text."""
    half = tmp_path / "half.csv.gz"
    half.write_bytes(gzip.compress(b"1,2\n" * 1000)[:40])
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00\x01")
    for path, said in ((half, "damaged"), (binary, "not UTF-8"), (tmp_path, "Is a directory")):
        with pytest.raises(CapmonError, match=said):
            read_series(path)
