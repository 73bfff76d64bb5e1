"""The rank of a bottleneck: terms that are shown, a score of them, an order that does not flap."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capmon.analysis.bottlenecks.bottleneck import Detector, detect
from capmon.analysis.bottlenecks.context import MOST_CELLS, Context
from capmon.analysis.bottlenecks.rank import MARGIN, Order, score, terms
from capmon.analysis.bottlenecks.sustain import Watch
from capmon.analysis.bottlenecks.thresholds import Rule, rules
from capmon.config.schema import Duration, Settings
from capmon.model.frame import ProcessUse, Reading, TopProcesses
from capmon.model.results import (
    Estimate,
    Forecast,
    Headroom,
    Health,
    ReplicaState,
    Severity,
    SourceState,
    Term,
    TimeToLimit,
)

CPU, APP, P95 = "system.cpu.utilization", "process.cpu.utilization", "http.server.request.duration.p95"  # fmt: skip
MEMORY, RATE, PSI = "system.memory.utilization", "http.server.request.rate", "system.pressure.cpu.some.avg10"  # fmt: skip
DISK = 'system.filesystem.utilization{mountpoint="/srv"}'
BASE = Settings()


def room(target: str, at: float, now: float | None = 125.0, **more: Any) -> Headroom:
    """Headroom over requests."""
    multiple = None if now is None else at / now
    made = Headroom(target, 0.8, "utilization_target", RATE, Estimate(at), now, multiple)
    return replace(made, **more)


def forecast(
    key: str, probability: float | None, t50: float | None = None, **more: Any
) -> Forecast:
    """A forecast of six hours."""
    made = Forecast(key, 0.0, 60.0, (), (0.5,) * 360, limit=0.8, breach_probability=probability,
                    time_to_limit=TimeToLimit(None, t50, None))  # fmt: skip
    return replace(made, **more)


def of(readings: dict[str, float], key: str = CPU, **about: Any) -> dict[str, Term]:
    """The terms of the rule on one metric, by name."""
    read = {k: Reading(v, 0.0) for k, v in readings.items()}
    rule = next(r for r in rules(BASE, read, {}) if r.metric == key)
    watch = Watch()
    watch.step(replace(rule, sustain=0.0), 0.0)
    found = terms(rule, watch, Severity.HIGH, Context(BASE, readings=read, **about))
    return {t.name: t for t in found}


def test_every_term_is_there_with_its_measurement() -> None:
    """With everything known each term has a share and says what it rests on."""
    found = of({CPU: 0.8, PSI: 0.6, "container.cpu.throttled": 0.0}, headroom=[room(CPU, 118.0)],
               forecasts=[forecast(CPU, 0.34, 18000.0)], follows=0.93)  # fmt: skip
    assert list(found) == ["severity", "headroom", "utilization", "pressure", "forecast", "latency"]
    assert {n: t.text for n, t in found.items()} == {
        "severity": "high",
        "headroom": "binds at 118 req/s, .94× now",
        "utilization": "80 % against 70 %, 1.14×",
        "pressure": "cpu pressure 60 %, throttled 0 %",
        "forecast": "34 % to pass 80 % in 6 h, median 5 h",
        "latency": "p95 follows it, r .93",
    }
    shares = {n: t.share for n, t in found.items()}
    assert shares == {
        "severity": pytest.approx(2 / 3),
        "headroom": pytest.approx(1 / (1 + (118 / 125) ** 2)),
        "utilization": pytest.approx(1 / 3),
        "pressure": 0.5,
        "forecast": 0.34,
        "latency": 0.93,
    }


def test_one_half_is_where_a_limit_stands() -> None:
    """At the load that binds, and at the critical thresholds, a share is one half."""
    found = of({CPU: 0.9, PSI: 0.6}, headroom=[room(CPU, 125.0)], forecasts=[forecast(CPU, 0.5)])
    for name in ("headroom", "utilization", "pressure", "forecast"):
        assert found[name].share == pytest.approx(0.5)


def test_unknown_terms_say_why_and_do_not_count() -> None:
    """Without models only the utilization is known, and the score is its share."""
    found = of({CPU: 0.9})
    assert {n: t.text for n, t in found.items() if t.share is None} == {
        "headroom": "no model of load",
        "pressure": "not measured",
        "forecast": "not forecast",
        "latency": "correlation not known",
    }
    assert score(tuple(found.values())) == found["utilization"].share
    assert score(()) == 0.0
    flat = replace(room(CPU, 1.0), at=None, multiple=None, problem="does not grow with load")
    why = of({CPU: 0.9}, headroom=[flat],
             forecasts=[forecast(CPU, 0.9, demoted="band held 71 % of 95 %")])  # fmt: skip
    assert why["headroom"].text == "does not grow with load"
    assert (why["forecast"].share, why["forecast"].text) == (
        None,
        "not trusted: band held 71 % of 95 %",
    )
    late = of({CPU: 0.9}, headroom=[room(CPU, 118.0, None)])["headroom"]
    assert (late.share, late.text) == (None, "binds at 118 req/s, load of now not known")


def test_a_sibling_speaks_where_the_metric_has_no_model() -> None:
    """The application's CPU model stands for the host's CPU, and is named."""
    found = of(
        {CPU: 0.8}, headroom=[room(P95, 50.0), room(APP, 118.0)], forecasts=[forecast(APP, 0.2)]
    )
    assert found["headroom"].text == "app cpu binds at 118 req/s, .94× now"
    assert found["forecast"].text.startswith("app cpu 20 % to pass")
    own = of({CPU: 0.8}, headroom=[room(APP, 118.0), room(CPU, 150.0)])
    assert own["headroom"].text == "binds at 150 req/s, 1.20× now"


def test_a_row_carries_the_load_at_which_it_binds() -> None:
    """`binds_at` and `load_multiple` are those of its headroom; a disk has none."""
    detector = Detector(replace(BASE, thresholds=quick()))
    read = {CPU: Reading(0.8, 0.0), DISK: Reading(0.85, 0.0)}
    (cpu, disk), _ = detector.step(0.0, 0.0, read, {}, headroom=[room(APP, 100.0)])
    assert (cpu.component, disk.component) == ("cpu", "disk /srv")
    assert (cpu.binds_at, cpu.load_multiple) == (Estimate(100.0), 0.8)
    assert (disk.binds_at, disk.load_multiple) == (None, None)


def quick() -> Any:
    """Thresholds that need not hold."""
    limits = BASE.thresholds
    each = {n: replace(getattr(limits, n), for_=Duration(0.0)) for n in type(limits).__slots__}
    return replace(limits, **each)


def test_the_least_headroom_comes_first_within_a_severity() -> None:
    """Memory that binds at today's load goes before a CPU farther over its threshold."""
    detector = Detector(replace(BASE, thresholds=quick()))
    read = {CPU: Reading(0.85, 0.0), MEMORY: Reading(0.82, 0.0)}
    found, _ = detector.step(0.0, 0.0, read, {}, headroom=[room(CPU, 200.0), room(MEMORY, 110.0)])
    assert [b.component for b in found] == ["memory", "cpu"]
    alone, _ = Detector(replace(BASE, thresholds=quick())).step(0.0, 0.0, read, {})
    assert [b.component for b in alone] == ["cpu", "memory"]


def test_severity_comes_before_any_score() -> None:
    """A critical disk without any model goes before a high CPU that is past its limit."""
    detector = Detector(replace(BASE, thresholds=quick()))
    read = {CPU: Reading(0.89, 0.0), DISK: Reading(0.91, 0.0)}
    found, _ = detector.step(0.0, 0.0, read, {}, headroom=[room(CPU, 1.0)])
    assert [b.component for b in found] == ["disk /srv", "cpu"]


def test_an_order_is_turned_by_a_margin_alone() -> None:
    """Two scores that swap by less than the margin keep their places; by more, they change once."""
    order = Order()
    assert order.arrange({"a": (0, 0.50), "b": (0, 0.51)}) == ("b", "a")
    for wobble in (0.04, -0.02, 0.04, 0.0):
        assert order.arrange({"a": (0, 0.51 + wobble), "b": (0, 0.51)}) == ("b", "a")
    assert order.arrange({"a": (0, 0.511 + MARGIN), "b": (0, 0.51)}) == ("a", "b")
    assert order.arrange({"a": (0, 0.50), "b": (0, 0.51)}) == ("a", "b")


def test_a_name_new_to_its_group_takes_its_place_by_score() -> None:
    """What came or changed its severity is not held back by the margin; equal scores go by name."""
    order = Order()
    order.arrange({"a": (1, 0.50)})
    assert order.arrange({"a": (1, 0.50), "b": (1, 0.51), "c": (1, 0.50)}) == ("b", "a", "c")
    assert order.arrange({"a": (1, 0.50), "b": (1, 0.51), "c": (0, 0.0)}) == ("c", "b", "a")
    assert Order().arrange({"z": (0, 0.3), "y": (0, 0.3)}) == ("y", "z")


SCORES = st.dictionaries(
    st.sampled_from("abcdefg"), st.tuples(st.integers(0, 2), st.floats(0, 1)), max_size=7
)


@given(st.lists(SCORES, min_size=1, max_size=6))
def test_no_two_stand_wrong_by_more_than_the_margin(
    steps: list[dict[str, tuple[int, float]]],
) -> None:
    """After any course groups are in order, and no later score of a group exceeds an earlier by more."""
    order = Order()
    for entries in steps:
        ranked = order.arrange(entries)
        assert sorted(ranked) == sorted(entries)
        for early, late in itertools.combinations(ranked, 2):
            (g, s), (h, r) = entries[early], entries[late]
            assert g <= h
            assert g < h or r <= s + MARGIN + 1e-12
        assert order.arrange(dict(reversed(entries.items()))) == ranked


@given(SCORES, SCORES, st.data())
def test_more_score_never_lowers_a_place(
    before: dict[str, tuple[int, float]], now: dict[str, tuple[int, float]], data: st.DataObject
) -> None:
    """From the same past, a greater score of one alone never moves it back."""
    if not now:
        return
    name = data.draw(st.sampled_from(sorted(now)))
    group, least = now[name]
    more = now | {name: (group, data.draw(st.floats(least, 1)))}
    places = []
    for entries in (now, more):
        order = Order()
        order.arrange(before)
        places.append(order.arrange(entries).index(name))
    assert places[1] <= places[0]


NUMBERS = st.one_of(st.floats(0, 1), st.floats(0, 1e300), st.sampled_from([0.0, 0.7, 0.9, 1.0, 5e-324]))  # fmt: skip


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.floats(-1, 1), st.floats(0, 1), st.data())
def test_more_harm_never_lowers_a_score(
    used: float, pressure: float, at: float, now: float, r: float, p: float, data: st.DataObject
) -> None:
    """Raising use, pressure, load, correlation or chance by any amount raises the score or leaves it."""

    def of_all(used: float, pressure: float, now: float, r: float, p: float) -> float:
        multiple = at / now if now > 0 and math.isfinite(at / now) else None
        rooms = [Headroom(CPU, 0.8, "x", RATE, Estimate(at), now, multiple)]
        found = of(
            {CPU: used, PSI: pressure}, headroom=rooms, follows=r, forecasts=[forecast(CPU, p)]
        )
        shares = [t.share for t in found.values() if t.share is not None]
        assert all(0 <= s <= 1 for s in shares)
        assert all(len(t.text) <= MOST_CELLS and "nan" not in t.text for t in found.values())
        return score(tuple(found.values()))

    before = [used, pressure, now, r, p]
    worse = data.draw(st.integers(0, 4))
    after = list(before)
    after[worse] = data.draw(st.floats(before[worse], 1.0 if worse > 2 else 1e301))
    if worse == 2 and (now == 0 or not math.isfinite(at / now)):
        return  # a multiple that was not known is another set of terms
    assert of_all(*after) >= of_all(*before) - 1e-12


VALUES = st.one_of(st.none(), st.floats(0, 2), st.just(math.nan), st.just(math.inf), st.floats(-1e300, 1e300))  # fmt: skip
KEYS = (CPU, APP, P95, MEMORY, DISK, PSI, "cache.hit_ratio", "db.status", "container.cpu.throttled",
        'system.disk.io.time{device="sda"}', "system.cpu.limit", "db.connections.utilization")  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(st.sampled_from(KEYS), st.lists(VALUES, min_size=1, max_size=8)), st.randoms()
)
def test_the_order_of_readings_means_nothing(
    series: dict[str, list[float | None]], chance: random.Random
) -> None:
    """Readings, headroom and forecasts in any order give the same rows, triggers and lines; no NaN."""
    rooms = [room(CPU, 90.0), room(P95, 150.0, needs=7), room(MEMORY, math.inf)]
    ahead = [forecast(CPU, 0.3), forecast(DISK, math.nan), forecast(P95, None)]
    health = Health("app", SourceState.FAILING, "refused\n" * 20, 1.0, None, 2.0, None, 4)
    top = TopProcesses(*[(ProcessUse(7, "x" * 80, math.pi, 2.0**40, 3e9),)] * 3)
    runs = []
    for shuffled in (False, True):
        detector = Detector(replace(BASE, thresholds=quick()))
        said = []
        for t in range(8):
            items = [(k, Reading(v[t % len(v)], 0.0)) for k, v in series.items()]
            about = [rooms, ahead]
            if shuffled:
                chance.shuffle(items)
                about = [rooms[::-1], ahead[::-1]]
            found, lines = detector.step(
                5.0 + t, float(t), dict(items), {}, top, ReplicaState("swarm", "x", 4, 4), 0.9,
                headroom=about[0], forecasts=about[1], app_state=health,
            )  # fmt: skip
            said.append((found, detector.triggers, lines))
        runs.append(said)
    assert repr(runs[0]) == repr(runs[1])
    for found, triggers, _ in runs[0]:
        assert "nan" not in repr(triggers)
        for b in found:
            assert "nan" not in repr((b.terms, b.load_multiple))
            texts = [
                *(t.text for t in b.terms),
                *b.would_change,
                *(r.text for r in b.recommendations),
            ]
            assert max(map(len, [*texts, *(e.text for e in b.evidence)])) <= MOST_CELLS


def test_one_look_ranks_as_the_first_step_does() -> None:
    """`detect` and a detector that has just begun agree."""
    read = {k: Reading(v, 0.0) for k, v in ((CPU, 0.8), (MEMORY, 0.93), (P95, 0.6), (DISK, 0.95))}
    found, _ = Detector(replace(BASE, thresholds=quick())).step(0.0, 0.0, read, {})
    assert [b.component for b in found] == [b.component for b in detect(BASE, read, {})]


def test_a_rule_with_one_threshold_has_a_share_all_the_same() -> None:
    """Where warning and critical are one number, the way between them is a share of it."""
    both = (Severity.HIGH, Severity.CRITICAL)
    rule = Rule("cpu", "cpu", CPU, 0.9, 0.6, 0.6, 0.0, 0.0, both)
    watch = Watch()
    watch.step(rule, 0.0)
    found = {t.name: t for t in terms(rule, watch, Severity.HIGH, Context(BASE))}
    assert found["utilization"].share == pytest.approx(1 / 3)
