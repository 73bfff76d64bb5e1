"""A frame of names and numbers that nobody should send."""

from __future__ import annotations

import math
from dataclasses import replace

from frames import (
    CPU,
    HOST,
    NOW,
    P95,
    P99,
    RATE,
    bottleneck,
    busy,
    forecast,
    line,
    trend,
)

from capmon.model.frame import Event, Frame, ProcessUse, Reading, TopProcesses
from capmon.model.metric import CATALOGUE, key
from capmon.model.results import (
    ActionState,
    Advice,
    Estimate,
    Evidence,
    Fit,
    FitKind,
    Forecast,
    Headroom,
    Health,
    Outcome,
    Predicted,
    Recommendation,
    ReplicaState,
    Severity,
    SourceState,
    TimeToLimit,
    When,
)

ESCAPES = "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J \r\n\t\x00\x7f\udc80 [b]markup[/b] [/]"
WIDE = "日本語のプロセス名前テスト"
ZERO = "e\u0301 a\u200bb \u202eright-to-left\u2066 👨‍👩‍👧‍👦 ❤️ ﷽"
LONG = "x" * 300
NASTY = (ESCAPES, WIDE, ZERO, LONG, WIDE * 30, "")
NUMBERS = (math.nan, math.inf, -math.inf, 1e300, -1e300, -1.0, 0.0, 1e-300, 5e-324)


def frame() -> Frame:
    """Names and numbers that nobody should send."""
    readings = {
        name: Reading(NUMBERS[i % len(NUMBERS)], NOW - i, "") for i, name in enumerate(CATALOGUE)
    }
    for i, name in enumerate(NASTY):
        for base, label in (
            ("system.filesystem.utilization", "mountpoint"),
            ("system.disk.io.time", "device"),
        ):
            readings[key(base, **{label: name})] = Reading(NUMBERS[i], NOW, "")
    for i, name in enumerate(("cache.limit", "db.status", "app.users.active")):
        readings[name] = Reading(None, None, NASTY[i])
    trends = {k: replace(trend(1.0), values=NUMBERS * 7) for k in readings}
    trends[RATE] = replace(trend(1.0), values=())
    trends[CPU] = replace(trend(1.0), values=(math.nan,) * 60)
    processes = tuple(
        ProcessUse(i, name, NUMBERS[i], NUMBERS[i], NUMBERS[-i]) for i, name in enumerate(NASTY)
    )
    problems = tuple(
        bottleneck(
            name, severity, k, culprit=name, impact=name, evidence=(Evidence(k, None, name),)
        )
        for name, severity, k in zip(NASTY, [*Severity, *Severity], readings, strict=False)
    )
    return replace(
        busy(),
        host=replace(HOST, hostname=ESCAPES, system=WIDE * 10, boot_time=NOW + 1e9),
        app_name=f"{ESCAPES}{ZERO}{WIDE}",
        readings=readings,
        trends=trends,
        texts={"db.status": ESCAPES},
        processes=TopProcesses(processes, (), processes[:1]),
        fits=tuple(Fit(RATE, RATE, FitKind.LINEAR, problem=name or "?") for name in NASTY)
        + tuple(line(CPU, n, -n) for n in NUMBERS),
        headroom=tuple(
            Headroom(CPU, n, "", RATE, Estimate(n, n, n), n, n, True, "") for n in NUMBERS
        )
        + tuple(Headroom(P95, 0.25, "", RATE, None, None, problem=name) for name in NASTY),
        forecasts=(
            *(
                forecast(CPU, n, n, breach_probability=0.5, time_to_limit=TimeToLimit(n, n, n))
                for n in NUMBERS
            ),
            Forecast(P95, NOW),
            Forecast(P95, NOW, problem=ESCAPES),
            forecast(P99, 1.0, None, median=NUMBERS, low=NUMBERS, high=NUMBERS),
        ),
        bottlenecks=(*problems, bottleneck("bare", Severity.LOW, CPU, evidence=(), recommendations=())),
        recommendations=tuple(Recommendation(n, When.IMMEDIATE, n) for n in NASTY),
        replicas=ReplicaState(WIDE, ESCAPES, None, None, reason=ESCAPES),
        advice=Advice(5, ESCAPES, (Predicted(P95, math.nan, Estimate(1e300, -1e300, 1e300)), Predicted(CPU, None, None, ZERO))),
        outcomes=(Outcome(LONG, NOW - 1, None, 3, ActionState.FAILED, ESCAPES + LONG),),
        health=tuple(
            Health(name, state, name, NOW - 5, NOW - 5, 0.0)
            for name, state in zip((*NASTY, "app"), [*SourceState, *SourceState], strict=False)
        ),
        events=tuple(Event(NOW, "notice", name) for name in NASTY),
    )  # fmt: skip
