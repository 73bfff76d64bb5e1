"""The way back from JSON: what was written comes back, and what was not is refused with a clear word."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capmon.config.load import Loaded
from capmon.config.schema import Settings
from capmon.errors import SnapshotError
from capmon.model.curves import Estimate
from capmon.model.frame import Event, Frame, HostFacts, Reading, Trend
from capmon.snapshot import SCHEMA_VERSION, Scene, document, encode, is_moment, plain, write
from capmon.snapshot_read import INFINITE, LATEST, MOST_NOTES, read, revived, snapshot_of
from capmon.snapshot_schema import docstrings

AT = 1_772_375_527.12
CPU = "system.cpu.utilization"
LOADED = Loaded(Settings(), {"app.url": "capmon.yaml:3", "interval": "default"}, Path("capmon.yaml"), "")  # fmt: skip

MOMENTS = st.integers(0, int(LATEST) * 8 - 1).map(lambda eighths: eighths / 8)
TEXTS = st.text(st.characters(), max_size=8)
FLOATS = st.floats() | st.just(0.5)


def types_below(cls: Any, seen: set[type]) -> set[type]:
    """All dataclasses that a type can hold, itself among them."""
    if dataclasses.is_dataclass(cls) and isinstance(cls, type):
        if cls not in seen:
            seen.add(cls)
            for hint in get_type_hints(cls).values():
                types_below(hint, seen)
    else:
        for inner in get_args(cls):
            types_below(inner, seen)
    return seen


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Anything that a field of this type can hold."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return st.one_of([st.none() if h is NoneType else values(h) for h in inner])
    if origin is tuple and inner[1:] == (...,):
        return st.lists(values(inner[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values, inner))
    if origin is Mapping:
        return st.dictionaries(TEXTS, values(inner[1]), max_size=2)
    if dataclasses.is_dataclass(hint):
        return records(hint)
    if issubclass(hint, Enum):
        return st.sampled_from(hint)
    basic = {bool: st.booleans(), int: st.integers(-(2**62), 2**62), float: FLOATS, str: TEXTS}
    return basic[hint]


def records(cls: Any) -> st.SearchStrategy[Any]:
    """Any instance of a dataclass whose moments lie in a calendar."""
    fields = {}
    for name, hint in get_type_hints(cls).items():
        moment = MOMENTS if hint is float else st.none() | MOMENTS
        fields[name] = moment if is_moment(cls, name) else st.deferred(lambda h=hint: values(h))
    return st.builds(cls, **fields)


ALL = sorted(types_below(Frame, set()) - {Frame}, key=lambda c: c.__name__)


@pytest.mark.parametrize("cls", ALL, ids=lambda c: c.__name__)
def test_everything_in_a_frame_comes_back(cls: type) -> None:
    """For any value of any type, what is written of it and read again would be written the same."""

    @settings(max_examples=8)
    @given(records(cls))
    def there_and_back(value: Any) -> None:
        once = plain(value)
        notes: list[str] = []
        again = revived(cls, json.loads(json.dumps(once)), notes)
        assert type(again) is cls
        assert plain(again) == once
        assert notes == []

    there_and_back()


@settings(max_examples=40)
@given(st.dictionaries(TEXTS, FLOATS, max_size=3), TEXTS, MOMENTS)
def test_a_finite_frame_comes_back_equal(texts: dict[str, float], name: str, at: float) -> None:
    """Equal to the last bit, where every number is one."""
    trends = {k: Trend(at, 5.0, (v, 0.1)) for k, v in texts.items() if math.isfinite(v)}
    frame = Frame(3, at, 1.0, 300.0, app_name=name, trends=trends, readings={CPU: Reading(0.5, at)})
    content = json.loads(encode(document(frame, LOADED, Scene(size=(80, 24)))))
    found = snapshot_of(content)
    assert found.frame == frame
    assert found.scene == Scene(size=(80, 24))
    assert (found.version, found.notes) == (SCHEMA_VERSION, ())


def test_what_made_it_comes_along() -> None:
    """Versions, the configuration's file, and where settings came from."""
    found = snapshot_of(document(Frame(0, AT, 1.0, 300.0), LOADED))
    assert found.versions.keys() >= {"capmon", "python"}
    assert (found.config_path, found.origins) == ("capmon.yaml", {"app.url": "capmon.yaml:3"})
    assert found.scene is None


# Null for what JSON cannot say


def test_null_is_infinite_where_the_field_says_so() -> None:
    """A curve that left every scale comes back infinite, a gap as no number, an open end as none."""
    said = {
        (cls.__name__, field)
        for cls in ALL
        for field, text in docstrings(cls).items()
        if "infinite" in text and field
    }
    assert said == INFINITE
    estimate = revived(Estimate, plain(Estimate(math.inf, 2.0, math.inf)))
    assert estimate == Estimate(math.inf, 2.0, None)
    trend = revived(Trend, plain(Trend(AT, 5.0, (math.nan, math.inf, 1.0))))
    assert [math.isnan(v) for v in trend.values] == [True, True, False]
    assert revived(Reading, plain(Reading(math.nan, AT))) == Reading(None, AT)


# Other versions


def content(**changes: Any) -> dict[str, Any]:
    """A document with some fields of its frame changed."""
    made = document(Frame(7, AT, 1.0, 300.0), LOADED)
    made["frame"] |= changes
    return json.loads(encode(made))  # type: ignore[no-any-return]


def test_an_older_minor_version_lacks_fields() -> None:
    """They take their defaults, and nothing is noted."""
    made = content()
    made["schema_version"] = "1.0"
    for name in ("past", "recording", "came", "scaling", "patterns"):
        del made["frame"][name]
    found = snapshot_of(made)
    assert (found.frame, found.notes, found.version) == (Frame(7, AT, 1.0, 300.0), (), "1.0")


def test_a_newer_minor_version_has_more_fields() -> None:
    """They are left out, and each is noted with its place; not more of them than a screen holds."""
    made = content(colour="red", events=[{"at": "2026-03-01T14:00:00Z", "kind": "note", "text": "x", "mood": 1}])  # fmt: skip
    made["schema_version"] = "1.99"
    found = snapshot_of(made)
    assert set(found.notes) == {
        "Frame.colour is not known here",
        "Frame.events[0].mood is not known here",
    }
    many = snapshot_of(content(**{f"x{i}": 1 for i in range(1000)}))
    assert len(many.notes) == MOST_NOTES


@pytest.mark.parametrize("version", ["2.0", "0.9", "", None, 1.2, [], "x" * 10_000])
def test_another_major_version_is_refused(version: Any) -> None:
    """With both versions named, however the other is written."""
    made = content() | {"schema_version": version}
    with pytest.raises(SnapshotError, match=r"schema version .*this capmon reads 1\.x") as fault:
        snapshot_of(made)
    assert len(str(fault.value)) < 120


# Hostile documents


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"at": AT}, "Frame.at: 1772375527.12 is no moment"),
        ({"at": None}, "Frame.at: None is no moment"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "is before 1970 or after 2999"),
        ({"at": "9999-12-31T23:59:59-14:00"}, "is before 1970 or after 2999"),
        ({"sequence": 1.5}, "Frame.sequence: expected a whole number, found 1.5"),
        ({"sequence": True}, "Frame.sequence: expected a whole number, found True"),
        ({"sequence": 10**30}, "Frame.sequence: expected a whole number"),
        ({"interval": "1"}, "Frame.interval: expected a number, found '1'"),
        ({"interval": False}, "Frame.interval: expected a number, found False"),
        ({"app_name": ["x"]}, "Frame.app_name: expected str, found ['x']"),
        ({"engine_ready": 1}, "Frame.engine_ready: expected bool, found 1"),
        ({"priority": "soon"}, "Frame.priority: 'soon' is no Priority"),
        ({"priority": []}, "Frame.priority: [] is no Priority"),
        ({"readings": []}, "Frame.readings: expected an object, found []"),
        ({"trends": {"x" * 5000: 1}}, "Frame.trends.xxxxx"),
        ({"trends": {"\x1b[2J\n": 1}}, "Frame.trends.[2J: expected an object"),
        ({"events": {}}, "Frame.events: expected a list, found {}"),
        ({"events": [{"at": "2026-03-01T14:00:00Z"}]}, "Frame.events[0]: kind, text is missing"),
        ({"outcomes": ["x" * 10_000]}, "Frame.outcomes[0]: expected an object, found 'xxx"),
        ({"host": 7}, "Frame.host: expected an object, found 7"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, Any], said: str) -> None:
    """Where it stands, what was expected and what was found, in one short line."""
    with pytest.raises(SnapshotError) as fault:
        snapshot_of(content(**change))
    assert said in str(fault.value)
    assert len(str(fault.value)) < 240
    assert str(fault.value).isprintable()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1, 2]",
        b'"text"',
        b"<html>",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"kind": "capmon.snapshot", "schema_version": "1.0"}',
        b'{"kind": "capmon.snapshot", "schema_version": "1.0", "frame": NaN}',
        b'{"kind": "capmon.snapshot", "schema_version": "1.0", "frame": [Infinity]}',
        b"1" * 5000,
    ],
    ids=lambda b: f"{b[:12]!r}",
)
def test_what_is_no_snapshot_is_refused(tmp_path: Path, body: bytes) -> None:
    """Half a body, HTML, depth without end, numbers that JSON does not know: one error, naming the file."""
    path = tmp_path / "a.json"
    path.write_bytes(body)
    with pytest.raises(SnapshotError, match=r"a\.json") as fault:
        read(path)
    assert len(str(fault.value)) < 400


def test_depth_where_a_value_belongs_is_refused() -> None:
    """However deep it is, it is never printed whole."""
    deep: Any = 0
    for _ in range(20_000):
        deep = [deep]
    made = content()
    made["frame"]["interval"] = deep
    with pytest.raises(SnapshotError) as fault:
        snapshot_of(made)
    assert len(str(fault.value)) < 240


def test_a_number_beyond_any_float_is_infinite() -> None:
    """Four hundred digits are a number of JSON."""
    found = revived(Reading, {"value": 10**400, "at": None, "reason": None})
    assert found == Reading(math.inf, None)


def test_a_moment_of_no_use_is_left_out_where_it_may_be() -> None:
    """A host that started in the year 1 has no known start; that is noted."""
    host = HostFacts("a", "b", 1, 1.0, "machine", 1.0, 1.0, "machine", AT)
    notes: list[str] = []
    found = revived(HostFacts, plain(host) | {"boot_time": "0001-01-01T00:00:00Z"}, notes)
    assert (found.boot_time, len(notes)) == (None, 1)


def test_a_moment_without_a_zone_is_utc() -> None:
    """As every moment of a snapshot is."""
    found = revived(Event, {"at": "2026-03-01T14:32:07", "kind": "note", "text": ""})
    assert found.at == datetime(2026, 3, 1, 14, 32, 7, tzinfo=UTC).timestamp()


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Through the disk, with half a surrogate pair in a name."""
    frame = Frame(1, AT, 1.0, 300.0, app_name="a\udc80 \x1b[31m ü")
    path = write(document(frame, LOADED), tmp_path / "a.json")
    assert read(path).frame == frame


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, and a folder."""
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(SnapshotError, match=f"cannot read {path}"):
            read(path)


def test_a_file_without_end_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """No more than the limit and one byte of it."""
    monkeypatch.setattr("capmon.snapshot_read.MOST_BYTES", 1000)
    path = tmp_path / "a.json"
    path.write_text(" " * 1001)
    with pytest.raises(SnapshotError, match="which no snapshot has"):
        read(path)
