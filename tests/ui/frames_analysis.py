"""Sample frames with all that the analysis says: forecasts with their past, thresholds, days and weeks."""

from __future__ import annotations

import math
from dataclasses import replace

import frames
from frames import CPU, GIB, MEMORY, NOW, P95, RATE, ROOT, VAR, forecast
from hostile import NASTY, NUMBERS

from capmon.model.curves import Estimate
from capmon.model.forecasts import Chance, Coverage, Forecast, Scored, TimeToLimit
from capmon.model.frame import Frame
from capmon.model.patterns import (
    Growth,
    GrowthModel,
    Patterns,
    PeakWindow,
    Scenario,
    Season,
    Slot,
)
from capmon.model.results import (
    Evidence,
    GuideView,
    Recommendation,
    Term,
    Trigger,
    When,
)

HOUR = 3600.0
DAY = 86400.0
STEP = 600.0
MADE = math.floor(NOW / STEP) * STEP


def daily(hour: float, day: int = 0) -> float:
    """Requests a second at an hour of a day: a working day's hump, less at the end of the week."""
    hump = math.exp(-(((hour - 14) / 4.5) ** 2))
    return (38 + 104 * hump) * (0.55 if day >= 5 else 1.0 + 0.02 * day)


WEEK = tuple(
    tuple(None if day == 6 and hour > 20 else daily(hour, day) for hour in range(24))
    for day in range(7)
)

PATTERNS = Patterns(
    RATE,
    "Europe/Berlin",
    NOW - 16.4 * DAY,
    16.4 * DAY,
    23_600,
    mean=71.0,
    peak_ratio=2.4,
    max_ratio=2.9,
    seasons=(
        Season("day", DAY, 16.4, 0.83, 0.0004, True),
        Season("week", 7 * DAY, 2.3, 0.21, 0.34, False),
    ),
    hours=tuple(Slot(h, daily(h), daily(h) * 0.9, daily(h) * 1.1, 16) for h in range(24)),
    weekdays=tuple(Slot(d, daily(12, d), 50.0, 90.0, 2) for d in range(7)),
    week=WEEK,
    peak=PeakWindow(12, 5, 138.0, 0.88),
    quietest_hour=4,
    peak_to_trough=3.61,
    scenarios=(
        Scenario("baseline", 71.0, 1.0, "median of the load"),
        Scenario("p95", 142.0, 2.0, "95th percentile of the load"),
        Scenario("peak", 171.0, 2.41, "99.9th percentile of the load"),
        Scenario("peak with buffer", 205.0, 2.89, "peak and a fifth more"),
        Scenario("next cycle", 149.0, 2.1, "greatest forecast of the next day"),
    ),
    size_for="peak with buffer",
    size_reason="load outruns new replicas",
    size_by_hand="next cycle",
    watch_every=30.0,
    watch_reason="load grows 12 % in 5 m at its fastest",
)

GROWTH = (
    Growth(RATE, "exponential", Estimate(0.9, 0.3, 1.5), Estimate(0.012, 0.004, 0.02), 58.0, 0.81, 16, 16.4,
           (GrowthModel("exponential", 2.1, True), GrowthModel("linear", 2.3), GrowthModel("damped", None, problem="needs 30 points, has 16"))),
    Growth(ROOT, "linear", Estimate(0.0031, 0.0022, 0.0041), None, None, 0.98, 16, 16.4),
    Growth(MEMORY, problem="needs 3 points, has 2"),
)  # fmt: skip


def breach(*chances: float) -> tuple[Chance, ...]:
    """A chance for each of the next hours."""
    return tuple(Chance(HOUR * (i + 1), p) for i, p in enumerate(chances))


def scored(level: float, misses: tuple[int, ...] = (), n: int = 60) -> tuple[Scored, ...]:
    """Points of past forecasts, ten minutes apart; those at `misses` came too high or too low."""
    points = []
    for i in range(n):
        median = level * (1 + 0.15 * math.sin(i / 7))
        off = (0.3 if i % 2 else -0.25) if i in misses else 0.05 * math.sin(i * 2.3)
        at = MADE - (n - 1 - i) * STEP
        points.append(Scored(at, STEP * 2 ** (i % 4), median * 0.86, median, median * 1.14, median * (1 + off)))  # fmt: skip
    return tuple(points)


def seasonal(metric_key: str, scale: float, limit: float | None, **more: object) -> Forecast:
    """Two days of history and six hours ahead, in steps of ten minutes."""
    hours = [(MADE + (i - 287) * STEP) % DAY / HOUR for i in range(288 + 36)]
    course = [scale * daily(h + 1) / 118 * (1 + 0.05 * math.sin(i * 1.7)) for i, h in enumerate(hours)]  # fmt: skip
    ahead = [scale * daily(h + 1) / 118 for h in hours[288:]]
    wide = [0.08 + 0.006 * i for i in range(36)]
    made = forecast(metric_key, scale, limit)
    return replace(
        made,
        made_at=MADE,
        past=tuple(course[:288]),
        median=tuple(ahead),
        low=tuple(v * (1 - w) for v, w in zip(ahead, wide, strict=True)),
        high=tuple(v * (1 + w) for v, w in zip(ahead, wide, strict=True)),
        method="weighted medians, lines and seasons",
        season=DAY,
        coverage=Coverage(212, 0.94, 0.82, DAY, 0.61),
        scored=scored(scale, (11, 38, 39)),
        **more,  # type: ignore[arg-type]
    )


FORECASTS = (
    seasonal(RATE, 118.0, None),
    seasonal(P95, 0.215, 0.25, breach_probability=0.41),
    seasonal(
        "process.cpu.utilization", 0.66, 0.7,
        breach_probability=0.62,
        time_to_limit=TimeToLimit(1.2 * HOUR, 4.1 * HOUR, None),
        breach_by=breach(0.04, 0.18, 0.36, 0.49, 0.57, 0.62),
    ),
    frames.FORECASTS[2],
    replace(
        frames.FORECASTS[3],
        breach_by=breach(0.0, 0.0, 0.001, 0.002, 0.004, 0.006),
        scored=scored(0.5),
    ),
    replace(
        seasonal(CPU, 0.6, 0.8, breach_probability=0.004, breach_by=breach(0, 0, 0.001, 0.001, 0.003, 0.004)),
        coverage=Coverage(95, 0.71, 1.42, 9 * HOUR, 1.37),
        scored=scored(0.6, tuple(range(3, 60, 4))),
        demoted="band held 71 % of 95 %",
    ),
    frames.FORECASTS[5],
)  # fmt: skip

YOUNG = replace(
    forecast(RATE, 118.0, None),
    made_at=NOW - 2,
    step=5.0,
    past=frames.wave(118.0, 0.2, 40),
    median=frames.wave(121.0, 0.05, 18),
    low=frames.wave(101.0, 0.05, 18),
    high=frames.wave(141.0, 0.05, 18),
    method="weighted medians and lines",
    coverage=None,
)
"""A forecast three minutes after the start."""


TERMS = (
    Term("severity", 0.75, "high"),
    Term("headroom", 0.94, "binds at 111 req/s, 0.94× now"),
    Term("utilization", 0.81, "81 % of 80 %"),
    Term("pressure", 0.01, "tasks waited 1.0 % of the last 10 s"),
    Term("forecast", None, "no forecast of it yet"),
    Term("latency", 0.86, "p95 follows it, r .93"),
)

GUIDE = GuideView(
    "critical",
    "Garbage collection pressure, potential OOM",
    (
        "Immediate memory scaling required",
        "Check for memory leaks",
        "Reduce cache size temporarily",
        "Restart application if necessary",
    ),
)


def explained() -> tuple[object, ...]:
    """The bottlenecks of a busy frame with all that is known of them."""
    disk, memory, latency, cache = frames.BOTTLENECKS
    steps = (
        Recommendation("add memory now", When.IMMEDIATE, "memory"),
        Recommendation("shrink the cache for the time being", When.IMMEDIATE, "memory"),
        Recommendation("check for a memory leak", When.SHORT_TERM, "memory"),
        Recommendation("restart the application if it keeps growing", When.LONG_TERM, "memory"),
    )
    return (
        replace(disk, critical=0.9, impact="writes fail once it is full", guide=None),
        replace(
            memory,
            since=NOW - 170,
            sustained=170.0,
            critical=0.95,
            impact="reclaim slows everything, risk of an OOM kill",
            evidence=(
                Evidence(MEMORY, 0.81, "81 % > 80 % for 3 m"),
                Evidence("system.pressure.memory.some.avg10", 0.01, "memory pressure 1.0 % > 0.5 % for 60 s"),
            ),
            recommendations=steps,
            terms=TERMS,
            binds_at=Estimate(111.0, 104.0, 119.0),
            load_multiple=0.94,
            guide=GUIDE,
            would_change=("memory below 76 % for 30 s", "load below 111 req/s"),
        ),
        replace(
            latency,
            threshold=0.25,
            critical=0.5,
            since=NOW - 60,
            terms=TERMS[:2],
            guide=GuideView("none", ""),
        ),
        cache,
    )  # fmt: skip


def trigger(component: str, metric_key: str, threshold: float, **more: object) -> Trigger:
    """A threshold, at the sample's value of its metric."""
    value = frames.VALUES.get(metric_key)
    low = metric_key == "cache.hit_ratio"
    distance = None if value is None else (value - threshold) / threshold * (-1 if low else 1)
    made = Trigger(component, metric_key, value, threshold, distance, False, 0.0, 30.0, None)
    return replace(made, **more)  # type: ignore[arg-type]


TRIGGERS = (
    trigger("latency", P95, 0.25, triggered=True, sustained=64.0, urgency=When.IMMEDIATE, reaches=TimeToLimit(-64.0, -64.0, -64.0)),
    trigger("cache", "cache.hit_ratio", 0.7, triggered=True, sustained=7300.0, urgency=When.SHORT_TERM),
    trigger("disk /var/lib/docker", VAR, 0.8, triggered=True, sustained=90_000.0, sustain=300.0, urgency=When.IMMEDIATE),
    trigger("memory", MEMORY, 0.8, sustained=12.0, urgency=When.SHORT_TERM),
    trigger("app cpu", "process.cpu.utilization", 0.7, reaches=TimeToLimit(1.2 * HOUR, 4.1 * HOUR, 9 * HOUR), urgency=When.SHORT_TERM),
    trigger("cpu", CPU, 0.7, reaches=TimeToLimit(9 * DAY, 12 * DAY, None), urgency=When.LONG_TERM),
    trigger("disk /", ROOT, 0.8, sustain=300.0, reaches=TimeToLimit(9 * DAY, 12 * DAY, 18 * DAY), urgency=When.LONG_TERM),
    trigger("database connections", "db.connections.utilization", 0.8),
    trigger("errors", "http.server.error.ratio", 0.01),
    trigger("throttled", "container.cpu.throttled", 0.25),
    Trigger("app memory", "process.memory.usage", None, 3 * GIB, None, False, 0.0, 30.0, None),
)  # fmt: skip


def busy() -> Frame:
    """The busy frame, analysed."""
    return replace(
        frames.busy(),
        forecasts=FORECASTS,
        bottlenecks=explained(),
        triggers=TRIGGERS,
        patterns=PATTERNS,
        growth=GROWTH,
    )  # type: ignore[arg-type]


def calm() -> Frame:
    """The calm frame, analysed: nothing binds, the cpu is nearest."""
    base = frames.calm()
    triggers = []
    for t in TRIGGERS[:1] + TRIGGERS[3:]:
        value = base.value(t.metric)
        distance = None if value is None else (value - t.threshold) / t.threshold
        triggers.append(replace(t, value=value, distance=distance, triggered=False, sustained=0.0, reaches=None, urgency=None))  # fmt: skip
    triggers.sort(key=lambda t: -math.inf if t.distance is None else t.distance, reverse=True)
    return replace(
        base,
        forecasts=(seasonal(RATE, 60.0, None), seasonal(CPU, 0.2, 0.8, breach_probability=0.0, breach_by=breach(*[0.0] * 6))),
        triggers=tuple(triggers),
        patterns=PATTERNS,
        growth=GROWTH[:1],
    )  # fmt: skip


def pending() -> Frame:
    """An outage of a few seconds: two thresholds are passed, neither for its time yet."""
    base = calm()
    more = {
        "latency": {"value": 0.999, "distance": 2.996, "sustained": 12.0},
        "errors": {"value": 0.34, "distance": 33.0, "sustained": 4.0, "sustain": 10.0},
        "database connections": {
            "urgency": When.SHORT_TERM,
            "reaches": TimeToLimit(2 * HOUR, 4 * HOUR, None),
        },
    }
    found = [replace(t, **more.get(t.component, {})) for t in base.triggers]  # type: ignore[arg-type]
    found.sort(key=lambda t: -(t.distance or 0.0))
    database = Trigger("database", "db.status", 1.0, 0.5, -1.0, False, 0.0, 4.0, None)
    return replace(base, triggers=(*found, database))  # fmt: skip


def fresh() -> Frame:
    """Three hours after the start: forecasts of seconds, and no days to speak of."""
    return replace(
        frames.busy(),
        forecasts=(YOUNG, Forecast(P95, NOW, limit=0.25, past=(0.21, 0.22), step=5.0, problem="needs 12 points, has 2")),
        triggers=TRIGGERS[3:7],
        bottlenecks=(),
        patterns=Patterns(RATE, "UTC", NOW - 3 * HOUR, 3 * HOUR, 10_800, seasons=(
            Season("day", DAY, 0.1, None, None, False, "needs 2 days, has 0.1"),
            Season("week", 7 * DAY, 0.02, None, None, False, "needs 14 days, has 0.1"),
        ), problem="needs 2 days, has 0.1"),
    )  # fmt: skip


def app_down() -> Frame:
    """The application does not answer: its thresholds are not known, the host's are."""
    base = frames.app_down()
    triggers = tuple(
        replace(t, value=None, distance=None, triggered=False, sustained=0.0, reaches=None, urgency=None)
        if base.value(t.metric) is None
        else t
        for t in TRIGGERS
    )  # fmt: skip
    known = [t for t in triggers if t.distance is not None]
    return replace(
        base,
        forecasts=(replace(FORECASTS[1], past=(), median=(), low=(), high=(), problem="connection refused"), *FORECASTS[2:4]),
        bottlenecks=(explained()[1],),
        triggers=(*known, *(t for t in triggers if t.distance is None)),
        patterns=None,
    )  # type: ignore[arg-type] # fmt: skip


def hostile() -> Frame:
    """Names and numbers that nobody should send, in every part of the analysis."""
    n = len(NUMBERS)
    chances = tuple(Chance(a, NUMBERS[-i]) for i, a in enumerate(NUMBERS))
    points = tuple(Scored(*(NUMBERS[(i + j) % n] for j in range(6))) for i in range(n))
    base = frames.hostile()
    return replace(
        base,
        forecasts=(
            *(
                replace(f, breach_by=chances, scored=points, demoted=NASTY[i % len(NASTY)], season=NUMBERS[i % n], method=NASTY[i % len(NASTY)], step=NUMBERS[i % n])
                for i, f in enumerate(base.forecasts)
            ),
            replace(FORECASTS[1], coverage=Coverage(0, math.nan, math.inf, math.nan, math.nan), scored=points, past=NUMBERS * 9, made_at=math.inf),
        ),
        bottlenecks=tuple(
            replace(b, since=NUMBERS[i % n], threshold=NUMBERS[-i % n], critical=NUMBERS[i % n], terms=tuple(Term(name, v, name) for name, v in zip(NASTY, NUMBERS, strict=False)),
                    binds_at=Estimate(NUMBERS[i % n], -math.inf, math.nan), load_multiple=NUMBERS[i % n],
                    guide=GuideView(NASTY[i % len(NASTY)] if i % 2 else "critical", NASTY[0], NASTY), would_change=NASTY)
            for i, b in enumerate(base.bottlenecks)
        ),
        triggers=tuple(
            Trigger(name, MEMORY, NUMBERS[i], NUMBERS[-i], NUMBERS[i + 2], bool(i % 2), NUMBERS[i], NUMBERS[-i], When.LONG_TERM, TimeToLimit(NUMBERS[i], NUMBERS[i + 1], NUMBERS[i + 2]))
            for i, name in enumerate(NASTY)
        ),
        patterns=replace(PATTERNS, time_zone=NASTY[0], week=tuple(tuple(NUMBERS[(i + j) % n] if j % 5 else None for j in range(24)) for i in range(7)),
                         peak=PeakWindow(22, 30, math.nan, math.inf), peak_to_trough=math.inf, quietest_hour=99,
                         seasons=tuple(Season(name, math.inf, math.nan, math.inf, math.nan, True) for name in NASTY),
                         scenarios=tuple(Scenario(name, v, v, name) for name, v in zip(NASTY, NUMBERS, strict=False)), watch_every=math.inf, watch_reason=NASTY[0]),
        growth=tuple(Growth(MEMORY, name, Estimate(v, v, v), Estimate(v, v, -v), v, days=v) for name, v in zip(NASTY, NUMBERS, strict=False)),
    )  # fmt: skip


ALL = {
    "analysed": busy,
    "quiet": calm,
    "pending": pending,
    "fresh": fresh,
    "blind": app_down,
    "absurd": hostile,
}
"""Every sample by name."""
