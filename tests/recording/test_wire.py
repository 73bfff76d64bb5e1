"""What travels between recorder and screen: every frame comes back as it was, and changes are small."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.errors import SnapshotError
from capmon.model.frame import Frame, Reading, Trend
from capmon.recording import wire

sys.path.append(str(Path(__file__).parent.parent / "ui"))
import frames

ALL: Mapping[str, Frame] = {name: make() for name, make in frames.ALL.items()}


def over_the_line(value: object) -> object:
    """What the other process reads."""
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("name", ALL)
def test_every_frame_comes_back_as_it_was(name: str) -> None:
    """Infinity, NaN, enumerations and tuples survive the way there."""
    assert repr(wire.unpack(over_the_line(wire.pack(ALL[name])))) == repr(ALL[name])


@pytest.mark.parametrize("of", [5, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ALL)
def test_any_frame_can_follow_any_other(name: str, of: int) -> None:
    """The change from one frame to another makes exactly that other, order included."""
    for other in [ALL[n] for n in sorted(ALL)][list(ALL).index(name) % of :: of]:
        found = wire.change(ALL[name], other)
        if found is not wire.SAME:
            assert repr(wire.changed(ALL[name], over_the_line(found))) == repr(other)
        else:
            assert repr(ALL[name]) == repr(other)


def test_only_what_changed_travels() -> None:
    """A tick that changes one reading and moves one course on is a small line."""
    before = ALL["busy"]
    key, reading = next((k, r) for k, r in before.readings.items() if r.value is not None)
    name, trend = next(iter(before.trends.items()))
    after = replace(
        before,
        sequence=before.sequence + 1,
        readings={**before.readings, key: Reading(0.123, before.at)},
        trends={
            **before.trends,
            name: Trend(trend.end + trend.step, trend.step, (*trend.values[1:], 0.5)),
        },
    )
    line = json.dumps(wire.change(before, after))
    assert reading.value != 0.123
    assert len(line) < 400 < len(json.dumps(wire.pack(after))) / 20
    assert wire.changed(before, json.loads(line)) == after


numbers = st.floats(allow_nan=True, allow_infinity=True, width=16)
courses = st.lists(numbers, max_size=12).map(tuple)


@given(old=courses, new=courses, drop=st.integers(0, 4), tail=courses)
def test_courses_come_out_right_however_they_move(
    old: tuple[float, ...], new: tuple[float, ...], drop: int, tail: tuple[float, ...]
) -> None:
    """Shifted, cut, grown or unrelated: the other end holds what was sent."""
    for wanted in (new, old[drop:] + tail):
        a, b = Trend(1.0, 1.0, old), Trend(2.0, 1.0, wanted)
        made = wire.changed(a, over_the_line(wire.change(a, b)))
        assert repr(made).replace("-0.0", "0.0") == repr(b).replace("-0.0", "0.0")


@pytest.mark.parametrize(
    "body",
    [{"Frame": 3}, {"NoSuchType": []}, {"=Severity": "awful"}, {"a": 1, "b": 2}, {"Trend": [1]}],
)
def test_what_is_no_frame_is_refused(body: object) -> None:
    """A broken line is our own error, and makes no object of any other kind."""
    with pytest.raises(SnapshotError, match="not a frame"):
        wire.unpack(body)


@pytest.mark.parametrize("body", [["?"], ["f", {"999": ["=", 1]}], ["i", {"0": 3}], 7, None])
def test_what_is_no_change_is_refused(body: object) -> None:
    """The same for a change that does not fit."""
    with pytest.raises(SnapshotError, match="not a change"):
        wire.changed(ALL["busy"], body)


def test_names_of_types_are_unique() -> None:
    """A name stands for one type, so that nothing is made as something else."""
    seen: dict[str, str] = {}
    for name, module in list(sys.modules.items()):
        if name.startswith("capmon.model."):
            for word, kind in vars(module).items():
                if wire._ours(kind, name):
                    assert seen.setdefault(word, name) == name
    assert {"Frame", "Reading", "Severity"} <= set(wire.types())
