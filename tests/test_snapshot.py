"""The snapshot: one document, versioned, valid against its schema, without secrets."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
import socket
import stat
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, get_args, get_type_hints

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capmon.config.load import Loaded, load
from capmon.errors import SnapshotError
from capmon.headless import gather
from capmon.model.curves import Coefficient, Estimate, Fit, FitKind, Headroom
from capmon.model.frame import (
    Event,
    Frame,
    HostFacts,
    ProcessUse,
    Reading,
    TopProcesses,
    Trend,
)
from capmon.model.results import (
    Bottleneck,
    Coverage,
    Evidence,
    Forecast,
    Health,
    Priority,
    Recommendation,
    Severity,
    SourceState,
    TimeToLimit,
    UtilizationReport,
    When,
)
from capmon.model.scaling import ActionState, Advice, Outcome, Predicted, ReplicaState
from capmon.snapshot import SCHEMA_VERSION, Scene, default_name, document, encode, is_moment, write
from capmon.snapshot_schema import docstrings, snapshot_schema

SCHEMA_FILE = Path(__file__).parent.parent / "schemas" / "snapshot.schema.json"
AT = 1_772_375_527.12
CPU, P95, RATE = (
    "system.cpu.utilization",
    "http.server.request.duration.p95",
    "http.server.request.rate",
)
DISK = 'system.filesystem.utilization{mountpoint="/"}'
SECRET = "Hunter2Swordfish"

FORMATS = jsonschema.FormatChecker()
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@FORMATS.checks("date-time", raises=ValueError)
def is_date_time(text: object) -> bool:
    """Whether a text is RFC 3339 in UTC; the library alone would let any text pass."""
    if not isinstance(text, str):
        return True
    return MOMENT.fullmatch(text) is not None and bool(datetime.fromisoformat(text))


def closed(schema: Any) -> Any:
    """The schema with nothing allowed that it does not name."""
    if isinstance(schema, list):
        return [closed(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {k: closed(v) for k, v in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        inner.setdefault("additionalProperties", False)
    return inner


VALIDATOR = jsonschema.Draft202012Validator(closed(snapshot_schema()), format_checker=FORMATS)


def faults(content: Any) -> list[str]:
    """What is wrong with a document as it is read back from its text."""
    found = VALIDATOR.iter_errors(json.loads(encode(content)))
    return [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in found]


def full_frame() -> Frame:
    """A frame in which every field holds something."""
    predicted = Predicted(P95, 0.187, Estimate(0.149, 0.14, 0.16), problem="")
    todo = Recommendation("add a replica", When.IMMEDIATE, "cpu")
    return Frame(
        sequence=7,
        at=AT,
        interval=1.0,
        window=300.0,
        host=HostFacts(
            "web-01", "Debian 12", 2, 1.5, "cgroup v2", 16e9, 8e9, "machine", boot_time=AT - 3e5
        ),
        app_name="semantic-text-processor",
        app_source="json",
        readings={CPU: Reading(0.62, AT), P95: Reading(None, AT - 3, "refused"), RATE: Reading(None, None, "never")},
        trends={CPU: Trend(AT, 5.0, (math.nan, 0.5, 0.62))},
        texts={"db.status": "healthy"},
        processes=TopProcesses(
            by_cpu=(ProcessUse(1, "java", None, 5e9, None),),
            by_memory=(ProcessUse(1, "java", 1.5, 5e9, 3.0),),
            by_io=(ProcessUse(2, "cron", 0.0, 1e6, 0.0),),
        ),
        engine_ready=True,
        fits=(
            Fit(CPU, RATE, FitKind.LINEAR, (Coefficient("slope", 0.005, None),), 0.98, 60, 90.0, 130.0, 0.02, 110.0, 9e3, 2.0, 3600.0, True),
            Fit(P95, RATE, FitKind.EXPONENTIAL, problem="not enough load variation"),
        ),
        headroom=(
            Headroom(CPU, 0.8, "utilization_target", RATE, Estimate(130.0, 122.0, None), 118.0, 1.1, True),
            Headroom(P95, 0.25, "objectives.latency_p95", RATE, None, None, problem="no curve"),
        ),
        forecasts=(
            Forecast(
                RATE, AT, 30.0, (1.0, math.nan), (1.0,), (0.5,), (2.0,), 0.95, "lines", 164.0, 0.34,
                TimeToLimit(None, 60.0, None), Coverage(9, 0.94, None, 86400.0),
            ),
            Forecast(DISK, AT, problem="needs 12 points, has 3"),
        ),
        bottlenecks=(
            Bottleneck("cpu", Severity.HIGH, CPU, 0.9, 0.7, AT - 60, 60.0, "slow", (Evidence(CPU, None, "90 % > 70 %"),), "java", (todo,), True),
        ),
        priority=Priority.URGENT,
        recommendations=(todo,),
        utilization=UtilizationReport(
            0.9, -0.1, None, None, 0.4, 1e9, "/", 0.2, 0.05, 0.9, "good", "immediate", 0.8
        ),
        replicas=ReplicaState("swarm", "web", 4, 4, AT, "", 2, 10, "17"),
        advice=Advice(5, "cpu", (predicted,)),
        outcomes=(Outcome("a1", AT, 4, 5, ActionState.DONE, "", (predicted,), ((P95, 0.15),), True),),
        health=(Health("host", SourceState.LIVE, "", AT, AT - 60, 1.0, 0.002, 0),),
        events=(Event(AT, "notice", "hello"),),
    )  # fmt: skip


DEFAULTS = load(environ={}, cwd=Path("/"))


# The schema


def test_the_schema_in_the_tree_is_that_of_the_types() -> None:
    """Whoever changes a type writes the schema anew."""
    written = SCHEMA_FILE.read_text(encoding="utf-8")
    fresh = json.dumps(snapshot_schema(), indent=2, ensure_ascii=False) + "\n"
    assert written == fresh, (
        "run: python -m capmon.snapshot_schema > schemas/snapshot.schema.json"
        " (and think of SCHEMA_VERSION)"
    )


def test_the_schema_is_one() -> None:
    """It follows its own dialect, and describes everything it names."""
    schema = snapshot_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for name, entry in schema["$defs"].items():
        assert entry["description"], name
        for field, inner in entry.get("properties", {}).items():
            assert inner["description"], f"{name}.{field}"
    assert set(schema["$defs"]["Frame"]["properties"]) == {
        f.name for f in dataclasses.fields(Frame)
    }


def types_below(cls: Any, seen: set[type] | None = None) -> set[type]:
    """All dataclasses that a frame can hold."""
    seen = set() if seen is None else seen
    if dataclasses.is_dataclass(cls) and isinstance(cls, type):
        if cls not in seen:
            seen.add(cls)
            for hint in get_type_hints(cls).values():
                types_below(hint, seen)
    else:
        for inner in get_args(cls):
            types_below(inner, seen)
    return seen


def test_unix_times_and_moments_are_the_same_fields() -> None:
    """A field whose docstring says Unix time is written as a moment, and no other field is."""
    for cls in types_below(Frame):
        docs = docstrings(cls)
        for field in dataclasses.fields(cls):
            says = docs[field.name].startswith("Unix time")
            assert says == is_moment(cls, field.name), f"{cls.__name__}.{field.name}"


# Documents


def test_a_full_frame_is_valid() -> None:
    """Every field that there is passes, with a scene and without."""
    scene = Scene(size=(120, 40), paused=True)
    assert faults(document(full_frame(), DEFAULTS, scene)) == []
    assert faults(document(full_frame(), DEFAULTS)) == []
    assert faults(document(Frame(0, AT, 1.0, 300.0), DEFAULTS)) == []


def test_the_schema_refuses_what_is_not_so() -> None:
    """A wrong moment, a missing field, an unknown word and a text for a number are found."""
    for change in (
        lambda d: d["frame"].update(at=AT),
        lambda d: d["frame"].update(at="2026-03-01"),
        lambda d: d["frame"].pop("priority"),
        lambda d: d["frame"].update(priority="soon"),
        lambda d: d["frame"].update(interval=None),
        lambda d: d["frame"]["readings"][CPU].update(value="0.6"),
        lambda d: d["frame"].update(colour="red"),
        lambda d: d.update(schema_version="2.0"),
    ):
        content = document(full_frame(), DEFAULTS)
        change(content)
        assert len(faults(content)) == 1, faults(content)


def test_what_a_document_says_of_itself() -> None:
    """Version, kind and moment, and the versions of what made it."""
    content = document(full_frame(), DEFAULTS)
    assert content["schema_version"] == SCHEMA_VERSION
    assert content["kind"] == "capmon.snapshot"
    assert content["made_at"] == content["frame"]["at"] == "2026-03-01T14:32:07.120Z"
    assert content["versions"].keys() >= {"capmon", "python", "numpy", "textual"}
    assert content["scene"] is None


def test_readings_carry_unit_age_and_reason() -> None:
    """What a reader needs to judge a value stands beside it."""
    readings = document(full_frame(), DEFAULTS)["frame"]["readings"]
    assert readings[CPU] == {
        "value": 0.62,
        "unit": "1",
        "at": "2026-03-01T14:32:07.120Z",
        "age_seconds": 0.0,
        "reason": None,
    }
    assert readings[P95]["value"] is None
    assert (readings[P95]["age_seconds"], readings[P95]["reason"]) == (3.0, "refused")
    assert (readings[RATE]["at"], readings[RATE]["age_seconds"]) == (None, None)


def test_what_is_no_number_is_null() -> None:
    """NaN and infinity stand as null, so that any JSON reader can read the file."""
    frame = dataclasses.replace(
        full_frame(),
        readings={CPU: Reading(math.nan, AT)},
        trends={CPU: Trend(AT, 5.0, (math.nan, math.inf, 1.0))},
        advice=Advice(5, "", (Predicted(P95, None, Estimate(math.inf, -math.inf, math.nan)),)),
    )
    content = document(frame, DEFAULTS)
    assert content["frame"]["trends"][CPU]["values"] == [None, None, 1.0]
    assert content["frame"]["readings"][CPU]["value"] is None
    assert faults(content) == []


@pytest.mark.parametrize("at", [math.nan, math.inf, 1e18, -1e18])
def test_a_time_that_no_calendar_holds_is_null(at: float) -> None:
    """A machine that tells nonsense of its start does not cost the snapshot."""
    host = dataclasses.replace(full_frame().host, boot_time=at)  # type: ignore[type-var]
    content = document(dataclasses.replace(full_frame(), host=host), DEFAULTS)
    assert content["frame"]["host"]["boot_time"] is None
    assert faults(content) == []


def test_headroom_is_at_a_load_and_not_at_a_moment() -> None:
    """The one field called `at` that is no time stays a number with its interval."""
    content = document(full_frame(), DEFAULTS)
    assert content["frame"]["headroom"][0]["at"]["value"] == 130.0


def test_the_same_frame_gives_the_same_bytes() -> None:
    """Also when its readings came in another order."""
    frame = full_frame()
    backwards = dataclasses.replace(
        frame,
        readings=dict(reversed(frame.readings.items())),
        texts={"z": "1", "db.status": "healthy"},
    )
    frame = dataclasses.replace(frame, texts={"db.status": "healthy", "z": "1"})
    assert encode(document(frame, DEFAULTS)) == encode(document(backwards, DEFAULTS))


def test_a_type_that_is_not_foreseen_is_an_error_of_ours() -> None:
    """Nothing is written by its repr."""
    frame = dataclasses.replace(full_frame(), texts={"x": {1, 2}})  # type: ignore[dict-item]
    with pytest.raises(SnapshotError, match="cannot hold a set"):
        document(frame, DEFAULTS)


@given(st.text(alphabet=st.characters()), st.floats())
def test_any_text_and_any_number_can_be_written(text: str, value: float) -> None:
    """Names with quotes, controls or half a surrogate pair come back as they went in."""
    frame = Frame(0, AT, 1.0, 300.0, app_name=text, readings={CPU: Reading(value, AT)})
    written = encode(document(frame, DEFAULTS)).encode("utf-8")
    again = json.loads(written)
    assert again["frame"]["app_name"] == text
    assert "\n" not in json.dumps(again["frame"]["app_name"])


# Files


def test_a_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Mode 0600 whatever the umask says, the whole text, and nothing beside it."""
    before = os.umask(0)
    try:
        written = write(document(full_frame(), DEFAULTS), tmp_path / "a.json")
    finally:
        os.umask(before)
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert written.read_text(encoding="utf-8") == encode(document(full_frame(), DEFAULTS))
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full in the middle costs nothing that was there, and leaves nothing behind."""
    path = tmp_path / "a.json"
    path.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SnapshotError, match=r"cannot write .*a\.json: No space left on device"):
        write({"a": 1}, path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.json"]


def test_an_interrupt_leaves_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl+C in the middle of writing goes through and cleans up."""

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write({"a": 1}, tmp_path / "a.json")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["missing/a.json", ".", "file/a.json", "x" * 300, "a\0b"])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, name: str) -> None:
    """No folder, a folder, a file for a folder, a name too long: always our own error."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SnapshotError, match="cannot write "):
        write({"a": 1}, tmp_path / name)
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    """Permission denied is said with the path."""
    tmp_path.chmod(0o500)
    with pytest.raises(SnapshotError, match="Permission denied"):
        write({"a": 1}, tmp_path / "a.json")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes have no names there")
def test_a_link_and_a_pipe_stay_what_they_are(tmp_path: Path) -> None:
    """`-o /dev/stdout` writes to standard output: the device is not replaced by a file."""
    target, link, pipe = tmp_path / "target", tmp_path / "link", tmp_path / "pipe"
    target.write_text("a much longer text than the document")
    link.symlink_to(target)
    write({"a": 1}, link)
    assert link.is_symlink()
    assert json.loads(target.read_text()) == {"a": 1}
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write({"a": 2}, pipe)
        assert json.loads(os.read(reader, 100)) == {"a": 2}
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@given(st.text(max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_default_name_is_one_file(host: str) -> None:
    """Whatever the host is called, the name has no folder in it and no blank."""
    name = default_name(AT, host)
    assert "/" not in name
    assert "\0" not in name
    assert name == "".join(name.split())
    assert name.startswith("capmon-")
    assert name.endswith("-20260301T143207Z.json")


# Of a real run


@pytest.fixture(scope="module")
def nowhere() -> int:
    """A port at which nothing answers."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def real(nowhere: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Frame, Loaded]]:
    """Frame and configuration of this host, with an application and a target that do not answer, and secrets everywhere."""
    folder = tmp_path_factory.mktemp("config")
    path = folder / "capmon.yaml"
    path.write_text(
        f"""
interval: 200ms
app:
  source: json
  url: http://admin:{SECRET}@127.0.0.1:{nowhere}/api?api_key={SECRET}
  interval: 200ms
  timeout: 500ms
  headers: {{Authorization: "Bearer {SECRET}", X-Api-Key: "{SECRET}"}}
scaling:
  target:
    kind: http
    url: http://admin:{SECRET}@127.0.0.1:{nowhere}/scale?token={SECRET}
    interval: 200ms
"""
    )
    path.chmod(0o600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder))
        loaded = load(path, environ={})
        yield gather(loaded, samples=2), loaded


def test_a_real_snapshot_is_valid(real: tuple[Frame, Loaded]) -> None:
    """Of this host, with nothing answering: every reading has a value or a reason."""
    frame, loaded = real
    content = document(frame, loaded)
    assert faults(content) == []
    readings = json.loads(encode(content))["frame"]["readings"]
    assert readings["system.memory.utilization"]["value"] > 0
    assert readings[P95]["value"] is None
    assert "connection refused" in readings[P95]["reason"]
    for name, reading in readings.items():
        assert (reading["value"] is None) == bool(reading["reason"]), name


def test_a_snapshot_holds_no_secret(real: tuple[Frame, Loaded]) -> None:
    """Not in the configuration, nor in the reasons of failed sources, nor in a target's name."""
    frame, loaded = real
    text = encode(document(frame, loaded, Scene()))
    assert {h.state for h in frame.health if h.source in ("app", "replicas")} == {
        SourceState.FAILING
    }
    assert frame.replicas is not None
    assert "127.0.0.1" in frame.replicas.name
    assert SECRET not in text
    assert '"app.headers' in text
    assert text.count("admin") == 0
