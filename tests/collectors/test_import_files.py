"""Files of others become readings, or faults that name file, line and column."""

from __future__ import annotations

import gzip
import itertools
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.collectors.imports.mapping import Columns, parse_map, spelled
from capmon.collectors.imports.moments import Moments, zone_of
from capmon.collectors.imports.reader import Found, Request, read
from capmon.errors import CapmonError

NOW = 1_795_473_500.0
SYSSTAT = Path(__file__).parents[1] / "data" / "sysstat"
CPU = "system.cpu.utilization"
RATE = "http.server.request.rate"
P95 = "http.server.request.duration.p95"


OPEN: list[Found] = []
"""What a test has read."""


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Close what a test has read."""
    yield
    while OPEN:
        OPEN.pop().spool.close()


def written(folder: Path, text: str, name: str = "load.csv") -> str:
    """A file with a text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def readings(found: Found) -> dict[str, list[tuple[float, float]]]:
    """Times and values by metric."""
    out = {}
    for series, _ in found.series:
        pieces = found.spool.pieces(series, found.shift)
        out[series.key] = [(t, v) for a, b in pieces for t, v in zip(a, b, strict=True)]
    return out


def got(path: str, maps: Mapping[str, tuple[str, str]] | None = None, **asked: object) -> Found:
    """A file that is read."""
    columns = {n: asked.pop(n) for n in ("metric", "unit", "counters") if n in asked}
    OPEN.append(read([path], Request(Columns(maps=maps or {}, **columns), now=NOW, **asked)))  # type: ignore[arg-type]
    return OPEN[-1]


def test_wide_csv_is_mapped_by_names_and_units(tmp_path: Path) -> None:
    """Percent become shares and milliseconds seconds; what is not known is listed."""
    text = "Timestamp;cpu%;p95 (ms);mem_used_mb;colour\n1795000000000;12;250;812;7\n1795000001000;20;n/a;813;8\n"
    found = got(written(tmp_path, text))
    values = readings(found)
    assert values[CPU] == [(1795000000.0, 0.12), (1795000001.0, 0.2)]
    assert values[P95] == [(1795000000.0, 0.25)]
    assert values["system.memory.usage"][0][1] == 812e6
    assert [name for name, _ in found.left_out] == ["colour"]
    assert "semicolon" in found.notes[0] and "Unix time in ms" in found.notes[0]
    assert found.empty == 1


def test_long_csv_has_a_metric_a_row(tmp_path: Path) -> None:
    """A unit column counts."""
    text = "time,metric,value,unit\n2026-11-20T10:00:00Z,cpu,50,%\n2026-11-20T10:00:00Z,rps,7,\n"
    values = readings(got(written(tmp_path, text)))
    assert values[CPU][0][1] == 0.5
    assert values[RATE][0][1] == 7.0


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("1,234", "thousands"),
        ("x", "no number"),
        ("-3", "less than 0"),
        ("87", "--unit %"),
        ("inf", "no number"),
        ("1_0", "no number"),
        ("5 ms", "not a unit here"),
    ],
)
def test_a_cell_at_fault_is_named(tmp_path: Path, cell: str, said: str) -> None:
    """File, line and column stand before what is wrong."""
    path = written(tmp_path, f"time;cpu\n1795000000;0.5\n1795000001;{cell}\n")
    faults = got(path).faults
    assert faults.count == 1
    assert faults.lines[0].startswith(f"{path}:3: column cpu: ")
    assert said in faults.lines[0]


def test_a_unit_that_does_not_fit_names_its_column(tmp_path: Path) -> None:
    """Memory is not measured in milliseconds."""
    path = written(tmp_path, "time,memory_ms\n1795000000,3\n")
    with pytest.raises(CapmonError, match=r"load\.csv:1: column memory_ms: 'ms' is not a unit"):
        got(path)


def test_the_future_is_refused_unless_shifted(tmp_path: Path) -> None:
    """Shifted, the last reading is at the end asked for."""
    path = written(tmp_path, "time,cpu\n1895000000,0.5\n1895000060,0.6\n")
    assert "future" in got(path).faults.lines[0]
    assert readings(got(path, ends=NOW))[CPU] == [(NOW - 60, 0.5), (NOW, 0.6)]


def test_times_in_any_order_are_sorted_and_the_later_of_two_counts(tmp_path: Path) -> None:
    """The table can tell both."""
    path = written(tmp_path, "time,cpu\n1795000002,0.3\n1795000001,0.1\n1795000002,0.4\n")
    found = got(path)
    assert readings(found)[CPU] == [(1795000001.0, 0.1), (1795000002.0, 0.4)]
    series, described = found.series[0]
    assert (series.rising, described.repeated) == (False, 1)


def test_a_counter_becomes_a_rate_without_its_reset(tmp_path: Path) -> None:
    """The interval in which it began anew has none."""
    path = written(tmp_path, "time,hits\n1795000000,100\n1795000010,200\n1795000020,5\n1795000030,25\n")  # fmt: skip
    found = got(path, maps={"hits": (RATE, "")}, counters=frozenset({"hits"}))
    assert readings(found)[RATE] == [(1795000010.0, 10.0), (1795000030.0, 2.0)]
    assert found.series[0][1].resets == 1


def test_steps_under_a_header_need_their_metric_and_an_end(tmp_path: Path) -> None:
    """A gap within stays one."""
    path = written(tmp_path, "# group=web name=x step_s=60 start=None\nvalue\n1\n\n3\n")
    with pytest.raises(CapmonError, match="--ends now"):
        got(path, metric=RATE)
    with pytest.raises(CapmonError, match="--metric KEY"):
        got(path, ends=NOW)
    found = got(path, metric=RATE, ends=NOW)
    assert readings(found)[RATE] == [(NOW - 120, 1.0), (NOW, 3.0)]


def test_json_lines_nested_and_by_metric(tmp_path: Path) -> None:
    """Nested names are dotted; one reading a line has time, metric and value."""
    text = '{"time": 1795000000, "system": {"cpu": {"utilization": 0.5}}, "who": "me"}\n'
    text += '{"time": 1795000001, "metric": "system.filesystem.utilization", "value": 0.4, "labels": {"mountpoint": "/"}}\n'
    found = got(written(tmp_path, text, "a.jsonl"))
    assert set(readings(found)) == {CPU, 'system.filesystem.utilization{mountpoint="/"}'}
    assert [name for name, _ in found.left_out] == ["who"]
    broken = got(written(tmp_path, '{"time": 1}\n{"time"\n', "b.jsonl")).faults
    assert broken.lines[-1].startswith(f"{tmp_path}/b.jsonl:2: no JSON")


def test_a_line_without_end_and_damaged_gzip_are_said(tmp_path: Path) -> None:
    """Neither takes the memory."""
    path = written(tmp_path, "time,cpu\n1795000000," + "1" * (1 << 20) + "\n")
    with pytest.raises(CapmonError, match=r"load\.csv:2: longer than 1 MiB"):
        got(path)
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(b"time,cpu\n1795000000,0.5\n" * 400)[:-9])
    with pytest.raises(CapmonError, match=r"a\.csv\.gz: damaged"):
        got(str(packed))


def test_sysstat_becomes_the_metrics_of_the_host() -> None:
    """Numbers of the file, in base units; the total of the memory follows from the percentage."""
    found = got(str(SYSSTAT / "sadf-12.6.json"))
    values = {key: [v for _, v in series] for key, series in readings(found).items()}
    assert found.faults.count == 0
    assert len(values[CPU]) == 7
    assert values[CPU][0] == pytest.approx(0.005)
    assert values["system.memory.available"][0] == 24075432 * 1024
    assert values["system.memory.limit"][0] == (22170828 + 146100 + 84584 + 1828428 + 454144) * 1024
    assert values["system.pressure.io.some.avg10"][0] == pytest.approx(0.0141)
    assert values["system.cpu.limit"][0] == 2.0
    assert 'system.disk.io.time{device="vda"}' in values
    assert 'system.network.receive{device="lo"}' not in values


def test_short_sysstat_knows_what_it_can() -> None:
    """Columns of plain -u -r are read as well."""
    values = readings(got(str(SYSSTAT / "sadf-12.6-short.json")))
    assert values[CPU][0][1] == pytest.approx(0.005)
    assert len(values["system.memory.available"]) == 7


def test_sysstat_of_several_hosts_asks_whose(tmp_path: Path) -> None:
    """Records of two machines are never mixed."""
    one = (SYSSTAT / "sadf-12.6-short.json").read_text()
    inner = one[one.index("[") + 1 : one.rindex("]")]
    both = '{"sysstat": {"hosts": [' + inner + "," + inner.replace("web-01", "web-02") + "]}}"
    path = written(tmp_path, both, "both.json")
    with pytest.raises(CapmonError, match="--host says whose"):
        got(path)
    assert len(readings(got(path, host="web-02"))[CPU]) == 7
    cut = written(tmp_path, both[: len(both) // 4], "cut.json")
    with pytest.raises(CapmonError, match="ends in the middle"):
        got(cut)


def test_an_hour_that_came_twice_is_read_in_its_order() -> None:
    """Berlin, 25 October 2026: clocks went back from 03:00 to 02:00."""
    moments = Moments(zone_of("Europe/Berlin"))
    times = [moments.read(f"2026-10-25 {t}") for t in ("01:30", "02:00", "02:30", "02:00", "02:30", "03:00")]  # fmt: skip
    assert [b - a for a, b in itertools.pairwise(times)] == [1800.0] * 5
    assert "came twice" in moments.note
    skipped = Moments(zone_of("Europe/Berlin"))
    assert skipped.read("2026-03-29 02:30") == skipped.read("2026-03-29T01:30:00Z")


@given(st.floats(1e9, 4e9), st.sampled_from([("s", 1.0), ("ms", 1e3), ("µs", 1e6), ("ns", 1e9)]))
def test_counts_of_any_unit_are_the_same_moment(at: float, unit: tuple[str, float]) -> None:
    """The size of the number tells its unit."""
    moments = Moments(None)
    assert math.isclose(moments.read(at * unit[1]), at, rel_tol=1e-12)
    assert moments.note == f"Unix time in {unit[0]}"


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_said_to_be_none(text: str) -> None:
    """Nothing but a ValueError comes of it."""
    try:
        assert math.isfinite(Moments(None).read(text))
    except ValueError as fault:
        assert "no time" in str(fault)


@given(st.text(max_size=60))
def test_any_mapping_is_read_or_refused(text: str) -> None:
    """A mapping that is read names a column and a key."""
    try:
        column, (key, _) = parse_map(text)
    except CapmonError:
        return
    assert column and key


def test_names_say_their_unit() -> None:
    """In brackets or as a sign; a label's colon is no unit."""
    assert spelled("P95 (ms)") == ("p95", "ms")
    assert spelled("%memused") == ("memused", "%")
    key = 'system.disk.read{device="a:b"}'
    assert parse_map(f"x={key}:kB") == ("x", (key, "kB"))
