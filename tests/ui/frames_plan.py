"""Sample plans: a rich one, one of hostile words, and one that knows nothing."""

from __future__ import annotations

import math

from hostile import NASTY

from capmon.model.curves import Estimate
from capmon.model.metric import Unit
from capmon.model.plan import (
    Chapter,
    Chart,
    Column,
    Figure,
    Line,
    Plan,
    PlanQuestion,
    Statement,
    Step,
    Table,
)

NOW = 1_772_409_600.0
"""2026-03-02 00:00 UTC."""

DAY = 86400.0
SINCE = NOW - 30 * DAY
RATE_EVIDENCE = (
    "http.server.request.rate, 30 d, 720 hours, 95th percentile of hourly means of the last week"
)
CURVE_EVIDENCE = "curves of cpu and p95 over load per replica, 30 d, 8640 points, R² .97"

DAYS = tuple(SINCE + i * DAY / 4 for i in range(121))
AHEAD = tuple(NOW + i * DAY for i in range(91))


def _load(at: float) -> float:
    age = (at - SINCE) / DAY
    return 96 + 0.9 * age + 18 * math.sin(2 * math.pi * at / DAY)


MEASURED = tuple(math.nan if 40 <= i < 48 else _load(at) for i, at in enumerate(DAYS))

BASELINE = Chapter(
    "baseline",
    "Current baseline and limits",
    "The busy hour carries 118 req/s (112–125); CPU binds first, at 130 req/s.",
    (
        Statement("p95 was over 250 ms in 1.4 % of all minutes", "medium", "http.server.request.duration.p95, 30 d, 43,150 minutes"),
        Statement("4 cores give 14,400 CPU-seconds an hour, of which 80 % may be used: 11,520"),
    ),
    (
        Figure("load of the busy hour", Estimate(118.2, 112.4, 125.1), "req/s", RATE_EVIDENCE),
        Figure("load at which CPU reaches 80 %", Estimate(130.4, 122.0, 141.3), "req/s", CURVE_EVIDENCE),
        Figure("load at which p95 reaches 250 ms", Estimate(142.0, 131.0, None), "req/s", CURVE_EVIDENCE),
        Figure("memory at the busy hour", Estimate(0.81, 0.79, 0.83), Unit.RATIO, "system.memory.utilization, 30 d"),
        Figure("replicas", Estimate(4), "replicas", "replicas.ready, last reading", exact=True),
        Figure("concurrent users", None, "users", "", "app.users.active is not recorded"),
    ),
    missing=("requests in flight: give app.fields http.server.active_requests",),
)  # fmt: skip

MODELS = Chapter(
    "models",
    "Workload and resource models",
    "CPU follows the load as a line; p95 as a queue that is full at 171 req/s.",
    charts=(
        Chart(
            "CPU over load",
            "req/s",
            Unit.RATIO,
            (
                Line("points", tuple(range(20, 130, 5)), tuple(0.13 + 0.0051 * x + 0.02 * math.sin(x) for x in range(20, 130, 5))),
                Line("curve", (0, 150), (0.13, 0.895), "median"),
                Line("95 % low", (0, 150), (0.09, 0.85), "low"),
                Line("95 % high", (0, 150), (0.17, 0.94), "high"),
                Line("80 %", (0, 150), (0.8, 0.8), "limit"),
            ),
        ),
    ),
    tables=(
        Table(
            "What the models say at other loads",
            (Column("load"), Column("requests", "req/s"), Column("cpu", Unit.RATIO), Column("p95", Unit.SECONDS), Column("note")),
            (
                ("now", 118.2, 0.733, 0.187, ""),
                ("×2", 236.4, None, None, "beyond the load seen, and beyond what 4 replicas carry"),
                ("at the horizon", 181.0, 1.05, None, "beyond the load seen"),
            ),
            CURVE_EVIDENCE,
        ),
    ),
)  # fmt: skip

GROWTH = Chapter(
    "growth",
    "Growth, seasons and scenarios",
    "Load grows by 22 % a month (17–27 %) and doubles in 103 d.",
    (
        Statement("the horizon of 90 d is three times the history: the interval is wide, and rightly so", "low"),
        Statement("disk / reaches 90 % on 14 Mar 2026 (10 Mar – 21 Mar)", "critical", 'system.filesystem.utilization{mountpoint="/"}, 30 d, line of hours'),
    ),
    (
        Figure("growth a month", Estimate(0.22, 0.17, 0.27), Unit.RATIO, "exponential through 720 hours, memory allowed for"),
        Figure("load in 90 d", Estimate(181.0, 158.0, 214.0, 0.9), "req/s", "the same"),
        Figure("doubles in", Estimate(103 * DAY, 84 * DAY, 135 * DAY), Unit.SECONDS, "the same"),
        Figure("80 % of CPU reached", Estimate(NOW + 14 * DAY, NOW + 8 * DAY, NOW + 27 * DAY), "time", "the same"),
    ),
    charts=(
        Chart(
            "Load: recorded, and expected",
            "time",
            "req/s",
            (
                Line("measured", DAYS, MEASURED),
                Line("expected", AHEAD, tuple(123 + 0.65 * i for i in range(91)), "median"),
                Line("95 % low", AHEAD, tuple(119 + 0.4 * i for i in range(91)), "low"),
                Line("95 % high", AHEAD, tuple(127 + 0.97 * i for i in range(91)), "high"),
                Line("cpu at 80 %", (DAYS[0], AHEAD[-1]), (130.4, 130.4), "limit"),
            ),
        ),
    ),
)  # fmt: skip

COST = Chapter(
    "cost",
    "Cost",
    "6 replicas of tier_2 hold the objective with 95 % for 745 $ a month; now it is 372 $.",
    tables=(
        Table(
            "What each choice costs at the horizon",
            (Column("tier"), Column("replicas", "replicas"), Column("price", "$ a month"), Column("headroom", Unit.RATIO), Column("holds", Unit.RATIO), Column("if one is lost")),
            (
                ("tier_1", 12, 1051.0, 0.08, 0.91, "p95 over 250 ms"),
                ("tier_2", 6, 744.6, 0.17, 0.96, "holds"),
                ("tier_3", 4, 992.8, 0.31, 0.98, "holds"),
            ),
            "replayed load of 30 d × 1.53, prices of tiers in capmon.yaml",
            1,
        ),
    ),
)  # fmt: skip

STEPS = Chapter(
    "steps",
    "Implementation plan",
    "Three steps; the first begins now.",
    steps=(
        Step(
            "grow the file system / from 40 GiB to 80 GiB",
            NOW + 8 * DAY,
            NOW + 1 * DAY,
            "disk / reaches 90 % on 10 Mar at the earliest; ordering takes 7 d",
            ("lvextend --resizefs --size 80G /dev/vg0/root",),
            "resources: disk / below 50 %",
            "none: a file system that grew stays",
        ),
        Step(
            "raise the most replicas from 4 to 6",
            NOW + 8 * DAY,
            NOW + 8 * DAY - 3600,
            "CPU reaches 80 % at 130 req/s (122–141), expected by 16 Mar",
            ("capmon config show scaling.max", "docker service scale web=6"),
            "scaling: 6 of 6 ready; models: headroom 1.3×",
            "docker service scale web=4",
        ),
        Step("set an alert on the error ratio", None, None, "nothing watches it"),
    ),
)

DATABASE = Chapter(
    "database",
    "Database scaling",
    "",
    missing=(
        "no table sizes: import db.table.size, as docs/importing.md shows",
        "no hit ratio: record db.cache.hit_ratio",
    ),
)


def rich() -> Plan:
    """Something of everything."""
    summary = (
        Statement("disk / is full soon: grow it before 10 Mar 2026", "critical", "growth"),
        Statement("headroom is 1.10×: CPU reaches 80 % at 130 req/s (122–141), 118 req/s now", "high", CURVE_EVIDENCE),
        Statement("two more replicas by 10 Mar 2026, 6 in all, for 745 $ a month", "medium"),
        Statement("nothing limits the service now"),
    )  # fmt: skip
    chapters = (BASELINE, MODELS, GROWTH, COST, DATABASE, STEPS)
    return Plan(NOW + 300, "web@db-01", PlanQuestion(90 * DAY), SINCE, NOW, summary, chapters)


def hostile() -> Plan:
    """Words that would be marks, moves of a cursor, or very long, wherever a word may stand."""
    words = f"{NASTY} | `a` *b* _c_ <b>&amp;</b> [x](y) # 1. $z$ ``` ~~d~~ \\ " + "w" * 150
    chapter = Chapter(
        "baseline",
        words,
        words,
        (Statement(words, "high", words), Statement(words, words)),
        (Figure(words, Estimate(math.inf, -math.inf, None), words, words), Figure(words, None, words, words, words)),
        (Table(words, (Column(words), Column(words, words)), ((words, math.nan), (None, 1e300)), words, 9),),
        (Chart(words, words, words, (Line(words, (0.0, 1e300, 2.0), (math.inf, -1e300, 1.0), words),)),
         Chart(words, "time", Unit.BYTES, (Line(words, (-1e18, 1e18), (0.0, 0.0)),)),
         Chart(words, "time", Unit.BYTES, ())),
        (Step(words, math.inf, -1e30, words, (words, "```"), words, words),),
        (words, ""),
    )  # fmt: skip
    return Plan(
        NOW, words, PlanQuestion(1.0, growth_rate=(0.05, 2629800.0)), NOW, NOW, (), (chapter,)
    )


def blank() -> Plan:
    """A plan of a record that says nothing."""
    return Plan(NOW, "", PlanQuestion(DAY, growth=2.0), NOW, NOW)


ALL = {"rich": rich, "hostile": hostile, "blank": blank}
