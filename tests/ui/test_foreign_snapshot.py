"""Snapshots that were tampered with: refused with a word, or drawn by every pane."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import frames
import frames_analysis
import frames_models
import frames_scaling
import pytest

from capmon.config.load import Loaded
from capmon.config.schema import Settings
from capmon.errors import CapmonError
from capmon.model.frame import Frame
from capmon.recording.still import shown
from capmon.report.difference import Side, difference
from capmon.report.difference_table import difference_table
from capmon.report.incident import incident
from capmon.snapshot import document, encode
from capmon.snapshot_read import snapshot_of
from capmon.summary import summary
from capmon.ui.screens import application, bottlenecks, forecast, models, overview, scaling
from capmon.ui.widgets.pane import Pane, View

LOADED = Loaded(Settings(), {}, None, "")
VIEWS = (
    overview.OverviewScreen,
    application.ApplicationScreen,
    models.ModelsScreen,
    forecast.ForecastScreen,
    bottlenecks.BottlenecksScreen,
    scaling.ScalingScreen,
)
NUMBERS: tuple[Any, ...] = (None, -1, 0, 3, 1e300, -1e300, 1e999, 5e-324, 10**18)
WORDS: tuple[Any, ...] = (None, "", "x" * 500, "\x1b[2J", "2026-03-01T14:32:07Z", "0001-01-01T00:00:00Z")  # fmt: skip
TRIALS = 12
"""Documents that are tampered with in one test."""


def places(found: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in a document, and to every list."""
    if isinstance(found, dict):
        for name, value in found.items():
            yield from places(value, (*at, name))
    elif isinstance(found, list):
        yield at
        for i, value in enumerate(found[:3]):
            yield from places(value, (*at, i))
    else:
        yield at


def tampered(frame: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """A document with up to four values exchanged, and lists cut, doubled or turned."""
    made = copy.deepcopy(frame)
    for place in chance.sample(list(places(frame)), chance.choice((1, 1, 2, 4))):
        holder: Any = made
        try:
            for step in place[:-1]:
                holder = holder[step]
            old = holder[place[-1]]
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took it away
        if isinstance(old, list):
            holder[place[-1]] = chance.choice((old[:-1], old * 2, [], old[:1], old[::-1], [None]))
        else:
            holder[place[-1]] = chance.choice(WORDS if isinstance(old, str) else NUMBERS)
    return made


SOURCES = {
    "busy": frames.busy(),
    "models": frames_models.models(),
    "scaled": frames_scaling.scaled(),
    # The absurd one holds times of no calendar, and so is no snapshot from the start.
    **{f"analysed {n}": make() for n, make in frames_analysis.ALL.items() if n != "absurd"},
}


@pytest.mark.parametrize("name", SOURCES)
def test_what_is_read_can_be_drawn(name: str) -> None:
    """In every pane, large and small; and summarised, compared, and written again."""
    content = document(SOURCES[name], LOADED)
    panes = {type(p): p for p in (make() for view in VIEWS for make in view.panes)}.values()
    chance = random.Random(name)
    read = 0
    for _ in range(TRIALS):
        try:
            frame = opened(content | {"frame": tampered(content["frame"], chance)})
        except CapmonError as fault:
            assert str(fault).isprintable()
            assert len(str(fault)) < 300
            continue
        read += 1
        draw(frame, list(panes))
    assert read > TRIALS // 4, "nearly all were refused: this shows nothing"


def opened(content: dict[str, Any]) -> Frame:
    """A document as the screen gets it."""
    return shown(snapshot_of(json.loads(json.dumps(content))), "a.json", LOADED).frame


def draw(frame: Frame, panes: list[Pane]) -> None:
    """Everything that can be made of a frame."""
    for pane in panes:
        for width, height in ((58, 12), (20, 4)):
            pane.draw(frame, View(), width, height)
    assert summary(frame)
    assert incident(frame)
    assert encode(document(frame, LOADED))
    assert difference_table(difference(Side("a", frames.busy()), Side("b", frame)))
