"""What takes hours to see is looked at in turn, one thing a tick, and says what it waits for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from capmon.analysis.days.longview import PACE, LongView, growing
from capmon.config.schema import Settings
from capmon.model.frame import Reading

END = 1_700_006_400.0
RATE, DISK = "http.server.request.rate", 'system.filesystem.utilization{mountpoint="/"}'
READINGS = {RATE: Reading(100.0, END), DISK: Reading(0.5, END), "system.memory.usage": Reading(1e9, END)}  # fmt: skip


def filled(history, hours: float, ready: int = 4) -> None:
    """A service of 4 replicas and 8 host cores with 30 ms of CPU a request, for so many hours."""
    t = np.arange(END - hours * 3600, END, 10.0)
    rng = np.random.default_rng(1)
    rate = 100 + 40 * np.sin(2 * math.pi * t / 86400) + rng.normal(0, 5, len(t))
    users = 2.5 * rate
    for key, values in {
        RATE: rate,
        DISK: 0.4 + 1e-6 * (t - t[0]),
        "system.cpu.limit": np.full(len(t), 8.0),
        "system.cpu.utilization": (0.4 + 0.03 * rate) / 8 + rng.normal(0, 0.002, len(t)),
        "app.users.active": users,
        "replicas.ready": np.full(len(t), float(ready)),
        "process.memory.usage": 1.7e9 + 23e6 * users / ready + rng.normal(0, 1e6, len(t)),
        "system.memory.usage": 4e9 + rng.normal(0, 1e7, len(t)),
    }.items():
        history.put(key, t, values)


def looked(history, ticks: int = 12) -> LongView:
    """A long view after some ticks."""
    view = LongView(Settings(), "Europe/Berlin")
    for i in range(ticks):
        view.step(history, END, float(i), READINGS)
    return view


def test_what_a_request_costs(history) -> None:
    """30 ms of CPU a request, 23 MB a user over 1.7 GB: the service as it was made."""
    filled(history, 3, ready=1)
    cpu, memory = looked(history).demands
    assert (
        cpu.per_unit is not None and cpu.per_unit.low is not None and cpu.per_unit.high is not None
    )
    assert cpu.per_unit.low < 0.03 < cpu.per_unit.high
    assert cpu.base is not None and cpu.base.value == pytest.approx(0.4, abs=0.2)
    assert memory.per_unit is not None and memory.per_unit.value == pytest.approx(23e6, rel=0.05)
    assert memory.base is not None and memory.base.value == pytest.approx(1.7e9, rel=0.05)


def test_replicas_elsewhere_share_no_cpu_with_this_host(history) -> None:
    """All requests over the CPU of one host of several would make each too cheap."""
    filled(history, 3, ready=4)
    cpu, memory = looked(history).demands
    assert cpu.per_unit is None and cpu.problem == "replicas may run on other hosts"
    assert memory.per_unit is not None


def test_a_young_history_says_what_it_waits_for(history) -> None:
    """Three hours have no days: the reason stands where the pattern would."""
    filled(history, 3)
    found = looked(history).patterns
    assert found is not None and "2 d" in found.problem
    assert found.hours == () and found.time_zone == "Europe/Berlin"
    assert found.seconds == pytest.approx(3 * 3600)


def test_two_days_have_hours(history) -> None:
    """After two days each hour has a median of two days."""
    filled(history, 49)
    view = looked(history)
    assert view.patterns is not None and view.patterns.problem == ""
    assert len(view.patterns.hours) == 24
    disk = next(g for g in view.growth if g.metric == DISK)
    assert disk.per_day is not None and disk.per_day.value == pytest.approx(0.0864, rel=0.01)


def test_one_thing_a_tick_each_in_its_turn(history) -> None:
    """Every look has its own tick, and what shows something is looked at once a minute."""
    filled(history, 49)
    asked: list[tuple[str, ...]] = []
    window = history.window
    history.window = lambda keys, *rest: asked.append(tuple(keys)) or window(keys, *rest)
    view = LongView(Settings(), "UTC")
    counts = []
    for i in range(int(PACE)):
        before = len(asked)
        view.step(history, END, float(i), READINGS)
        counts.append(len(asked) - before)
    assert max(counts) == 1
    assert sum(counts[:5]) == 5
    assert sum(counts) == 5


def test_nothing_known_has_reasons(history) -> None:
    """An empty history gives refusals, not errors."""
    view = looked(history)
    assert all(d.problem for d in view.demands)
    assert view.patterns is not None and view.patterns.problem
    assert [g.metric for g in view.growth] == list(growing(READINGS))
    assert all(g.problem for g in view.growth)
