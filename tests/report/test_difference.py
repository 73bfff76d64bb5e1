"""What changed between two frames: worst first, beyond noise, with unknown said as such."""

from __future__ import annotations

import dataclasses
import json
import math
import random
import sys
from pathlib import Path

import pytest

from capmon.model.curves import Estimate, Headroom
from capmon.model.frame import Event, Frame, Reading, Trend
from capmon.model.metric import Unit
from capmon.model.results import Severity, SourceState, TimeToLimit
from capmon.report.difference import Difference, Side, as_document, difference
from capmon.report.difference_figures import level, noise
from capmon.report.difference_models import apart, doubt
from capmon.report.difference_table import cells, cut, difference_table
from capmon.report.difference_words import Change, Turn, among

sys.path.insert(0, str(Path(__file__).parents[1] / "ui"))
import frames

CPU, RATE, P95, VAR = frames.CPU, frames.RATE, frames.P95, frames.VAR
NOW = frames.NOW
BUSY = frames.busy()


def compared(a: Frame, b: Frame, **sides: dict[str, str]) -> Difference:
    """The difference of two frames."""
    return difference(Side("a.json", a), Side("b.json", b, **sides))  # type: ignore[arg-type]


def changes(a: Frame, b: Frame, kind: str = "") -> list[Change]:
    """The changes of one kind, or all."""
    return [c for c in compared(a, b).changes if kind in ("", c.kind)]


def measured(key: str, value: float, swing: float, seed: int, n: int = 60) -> Frame:
    """A frame of one metric that is noisy about a level."""
    source = random.Random(seed)
    course = tuple(value + source.gauss(0, swing) for _ in range(n))
    trend = Trend(NOW, 5.0, course)
    return Frame(1, NOW, 1.0, 300.0, readings={key: Reading(course[-1], NOW)}, trends={key: trend})


# Order


def test_the_same_frame_has_no_difference() -> None:
    """Nothing changed, and that is said."""
    found = compared(BUSY, BUSY)
    assert found.changes == ()
    assert "no change beyond noise" in difference_table(found)


def test_worst_first() -> None:
    """New bottlenecks by severity, then all else that is worse; what is better comes last."""
    found = compared(frames.calm(), BUSY).changes
    assert [c.subject for c in found[:4]] == ["disk /var", "memory", "latency", "cache"]
    order = [Turn.WORSE, Turn.OTHER, Turn.BETTER]
    places = [order.index(c.turn) for c in found]
    assert places == sorted(places)
    assert {Turn.WORSE, Turn.OTHER} <= {c.turn for c in found}


def test_what_goes_one_way_goes_back_the_other() -> None:
    """Gone bottlenecks are better, with the severity that they had."""
    gone = changes(BUSY, frames.calm(), "bottleneck")
    assert [(c.turn, c.before, c.after) for c in gone] == [
        (Turn.BETTER, s, "gone") for s in ("critical", "high", "medium", "low")
    ]


def test_a_severity_that_rose_is_worse() -> None:
    """From high to critical, with its evidence."""
    worse = dataclasses.replace(frames.BOTTLENECKS[1], severity=Severity.CRITICAL)
    after = dataclasses.replace(BUSY, bottlenecks=(frames.BOTTLENECKS[0], worse, *frames.BOTTLENECKS[2:]))  # fmt: skip
    (change,) = changes(BUSY, after)
    assert (change.subject, change.turn) == ("memory", Turn.WORSE)
    assert (change.before, change.after) == ("high", "critical")
    assert change.remark == "88 % > 80 % for 4 m; java 5.1 GiB"


def test_without_analysis_nothing_is_gone() -> None:
    """A frame that was not analysed knows of no bottleneck, and that is unknown."""
    blind = dataclasses.replace(BUSY, engine_ready=False, bottlenecks=())
    (change,) = changes(BUSY, blind, "bottleneck")
    assert change.remark == "unknown: the second was not analysed"


# Metrics


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_no_change(seed: int) -> None:
    """Two runs of one noisy metric at one level, twenty times."""
    a, b = (measured(CPU, 0.5, 0.06, s) for s in (seed, seed + 100))
    assert changes(a, b) == []


@pytest.mark.parametrize("swing", [0.0, 0.01, 0.03])
def test_a_change_beyond_noise_is_told(swing: float) -> None:
    """With both values, the change in points and as a share."""
    (change,) = changes(measured(CPU, 0.4, swing, 1), measured(CPU, 0.8, swing, 2))
    assert change.turn is Turn.WORSE
    assert change.absolute.startswith("+")
    assert change.absolute.endswith(" pp")
    assert change.figures is not None
    assert change.figures.after == pytest.approx(0.8, abs=0.05)


def test_neither_a_slope_nor_an_outlier_is_noise() -> None:
    """A ramp is quiet, a single spike too; white noise has its standard deviation."""
    assert noise(Trend(NOW, 5.0, tuple(i / 100 for i in range(60)))) < 0.012
    assert noise(Trend(NOW, 5.0, (*([0.5] * 30), 9.0, *([0.5] * 29)))) == 0.0
    found = noise(measured(CPU, 0.5, 0.1, 3, n=2000).trends[CPU])
    assert found == pytest.approx(0.1, rel=0.1)
    assert noise(Trend(NOW, 5.0, (math.nan,) * 60)) == 0.0
    assert noise(None) == 0.0


def test_the_level_is_of_the_last_minute() -> None:
    """The median of twelve cells of five seconds: neither the hour before nor the last reading."""
    values = (*([0.1] * 48), *([0.7] * 11), 0.2)
    frame = Frame(1, NOW, 1.0, 300.0, readings={CPU: Reading(0.2, NOW)}, trends={CPU: Trend(NOW, 5.0, values)})  # fmt: skip
    assert level(frame, CPU) == 0.7
    assert level(dataclasses.replace(frame, trends={}), CPU) == 0.2
    assert level(frame, RATE) is None
    broken = dataclasses.replace(frame, readings={CPU: Reading(math.nan, NOW)})
    assert level(broken, CPU) is None


def test_what_became_unknown_is_worse_and_says_why() -> None:
    """Never as a fall to 0; many for one reason share a line of the table, but not of the JSON."""
    found = compared(BUSY, frames.app_down())
    lost = next(c for c in found.changes if c.subject == RATE)
    assert (lost.turn, lost.after, lost.remark) == (Turn.WORSE, "unknown", "connection refused")
    assert (lost.absolute, lost.relative) == ("", "")
    table = difference_table(found)
    assert table.count("metric ") == table.count(" metrics ") + 2
    assert "connection refused" in table
    document = json.loads(json.dumps(as_document(found), allow_nan=False))
    entry = next(c for c in document["changes"] if c["subject"] == RATE)
    assert entry["figures"]["after"] is None
    assert entry["figures"]["absolute"] is None
    assert entry["figures"]["unit"] == "1/s"


def test_what_neither_knows_is_said() -> None:
    """By name, below all changes."""
    found = compared(frames.app_down(), frames.app_down())
    assert RATE in found.unknown
    assert "unknown in both: app.users.active, cache.hit_ratio, cache.limit and" in difference_table(found)  # fmt: skip


def test_a_metric_that_does_no_harm_is_neither_worse_nor_better() -> None:
    """More requests are more requests."""
    (change,) = changes(measured(RATE, 100.0, 0.5, 1), measured(RATE, 200.0, 0.5, 2))
    assert change.turn is Turn.OTHER
    assert change.absolute.endswith(" req/s")


@pytest.mark.parametrize(
    ("before", "after", "unit", "name", "said"),
    [
        (0.62, 0.81, Unit.RATIO, "", ("+19 pp", "+31 %")),
        (100.0, 50.0, Unit.PER_SECOND, "req/s", ("-50.0 req/s", "-50 %")),
        (0.187, 0.149, Unit.SECONDS, "", ("-38.0 ms", "-20 %")),
        (2.0**30, 3 * 2.0**30, Unit.BYTES, "", ("+2.00 GiB", "+200 %")),
        (0.0, 0.5, Unit.RATIO, "", ("+50 pp", "")),
        (0.01, 0.5, Unit.RATIO, "", ("+49 pp", "× 50")),
        (None, 0.5, Unit.RATIO, "", ("", "")),
        (math.nan, 0.5, Unit.RATIO, "", ("", "")),
        (0.5, math.inf, Unit.RATIO, "", ("", "")),
    ],
)
def test_how_far_two_values_lie_apart(
    before: float | None, after: float | None, unit: Unit, name: str, said: tuple[str, str]
) -> None:
    """In the unit, and as a share; without either where one of them is not known."""
    found = among(before, after, unit, name)
    assert (found.absolute, found.relative) == said


# Models


def moved(at: Estimate, multiple: float = 1.1) -> Frame:
    """The busy frame with its first limit elsewhere."""
    first = dataclasses.replace(frames.HEADROOM[0], at=at, multiple=multiple)
    return dataclasses.replace(BUSY, headroom=(first, *frames.HEADROOM[1:]))


@pytest.mark.parametrize(
    ("now", "turn", "remark"),
    [
        (Estimate(90.0, 85.0, 95.0), Turn.WORSE, "outside both intervals"),
        (Estimate(124.0, 118.0, 131.0), Turn.WORSE, "within both intervals"),
        (Estimate(140.0, 120.0, 160.0), Turn.BETTER, "outside one interval"),
        (Estimate(150.0), Turn.BETTER, "an interval is not known"),
    ],
)
def test_the_first_limit_moved(now: Estimate, turn: Turn, remark: str) -> None:
    """From where to where, and whether that is more than the models' own uncertainty."""
    (change,) = changes(BUSY, moved(now), "limit")
    assert (change.subject, change.turn, change.remark) == ("first: p95", turn, remark)
    assert change.before == "128 (121–136) req/s"


def test_another_limit_binds_first() -> None:
    """Both are named."""
    turned = dataclasses.replace(BUSY, headroom=(frames.HEADROOM[1], frames.HEADROOM[0], *frames.HEADROOM[2:]))  # fmt: skip
    (change,) = changes(BUSY, turned, "limit")
    assert change.subject == "first: p95 → cpu"


def test_an_interval_that_is_not_known_proves_nothing() -> None:
    """An open end is beyond every value, and no interval holds none."""
    assert not apart(Estimate(1.0), Estimate(9.0))
    assert not apart(Estimate(1.0, 0.5, None), Estimate(9.0, 8.0, 10.0))
    assert apart(Estimate(1.0, 0.5, 2.0), Estimate(9.0, 8.0, None))
    assert doubt(Estimate(1.0, 0.5, 2.0), Estimate(9.0, 8.0, 10.0)) == "outside both intervals"


def test_a_limit_that_no_model_knows_any_more_is_unknown() -> None:
    """With the reason."""
    change, *_ = changes(BUSY, frames.app_down(), "limit")
    assert (change.before, change.after) == ("128 (121–136) req/s", "unknown")
    assert change.remark == "no model"


def test_a_limit_of_users_and_one_of_requests_do_not_lie_apart() -> None:
    """They have no difference in numbers."""
    users = Headroom(P95, 0.25, "objectives.latency_p95", "app.users.active", Estimate(60.0), 50.0)
    after = dataclasses.replace(BUSY, headroom=(users,))
    change, *_ = changes(BUSY, after, "limit")
    assert (change.absolute, change.turn, change.after) == ("", Turn.OTHER, "60.0 users")


def test_a_forecast_that_is_likelier_is_worse() -> None:
    """With the chance before and after; a change by less than ten points is none."""
    rest = frames.FORECASTS[1:]
    for p, told in ((0.1, 1), (0.02, 0)):
        a, b = (
            dataclasses.replace(
                BUSY,
                forecasts=(
                    frames.forecast(CPU, 0.5, 0.8, breach_probability=q, time_to_limit=TimeToLimit(None, None, None)),
                    *(f for f in rest if f.metric != CPU),
                ),
            )
            for q in (0.02, 0.02 + p)
        )  # fmt: skip
        found = changes(a, b, "forecast")
        assert len(found) == told
        if told:
            assert (found[0].turn, found[0].remark) == (Turn.WORSE, "to pass 80 %")
            assert found[0].absolute == "+10 pp"


# What it is


def test_another_host_and_application_are_said_first() -> None:
    """Before any change, and in the JSON too."""
    other = dataclasses.replace(BUSY, host=dataclasses.replace(frames.HOST, hostname="db-01"), app_name="db")  # fmt: skip
    found = compared(BUSY, other)
    assert found.strangers == (
        "another host: web-01, then db-01",
        "another application: semantic-text-processor (json), then db (json)",
    )
    lines = difference_table(found).splitlines()
    assert lines[2] == "! another host: web-01, then db-01"
    assert as_document(found)["strangers"] == list(found.strangers)
    nowhere = compared(dataclasses.replace(BUSY, host=None), BUSY)
    assert nowhere.strangers == ("whether it is one host is not known: unknown, web-01",)
    backwards = compared(BUSY, dataclasses.replace(BUSY, at=NOW - 600))
    assert backwards.strangers == ("the second was taken 10 m before the first",)


def test_sources_that_fail_are_worse() -> None:
    """With their reason; one that was switched off is only a change."""
    found = changes(BUSY, frames.app_down(), "source")
    assert [(c.subject, c.after, c.turn) for c in found] == [
        ("app", SourceState.FAILING.value, Turn.WORSE),
        ("replicas", SourceState.LATE.value, Turn.WORSE),
        ("processes", SourceState.OFF.value, Turn.OTHER),
    ]


def test_replicas_that_are_lost_are_worse() -> None:
    """Fewer are, and a count that is not known; more are a change."""
    for ready, turn in ((3, Turn.WORSE), (None, Turn.WORSE), (5, Turn.OTHER)):
        state = dataclasses.replace(frames.REPLICAS, ready=ready, reason="docker: timed out")
        (change,) = changes(BUSY, dataclasses.replace(BUSY, replicas=state), "replicas")
        assert (change.subject, change.before, change.turn) == ("ready", "4", turn)
        assert change.after == ("unknown" if ready is None else str(ready))


def test_a_database_that_fails_is_worst_of_what_is_said_in_words() -> None:
    """The word before and after."""
    after = dataclasses.replace(
        BUSY,
        texts={"db.status": "unhealthy"},
        readings={**BUSY.readings, "db.status": Reading(0.0, NOW)},
    )
    (change,) = changes(BUSY, after)
    assert (change.turn, change.before, change.after) == (Turn.WORSE, "healthy", "unhealthy")


def test_a_smaller_machine_that_was_restarted() -> None:
    """Its limits and its start are compared, where it is the same host."""
    host = dataclasses.replace(frames.HOST, cpu_limit=1.0, boot_time=NOW - 60)
    found = changes(BUSY, dataclasses.replace(BUSY, host=host), "host")
    assert [(c.subject, c.turn) for c in found] == [("cpu limit", Turn.WORSE), ("restarted", Turn.OTHER)]  # fmt: skip


def test_settings_and_versions_are_compared() -> None:
    """A setting that is no default any more; a package that is another."""
    before = Side("a", BUSY, {"capmon": "0.1", "numpy": "2"}, {"interval": "capmon.yaml:1"})
    after = Side("b", BUSY, {"capmon": "0.2", "numpy": "2"}, {"app.url": "--set app.url"})
    found = [(c.kind, c.subject, c.before, c.after) for c in difference(before, after).changes]
    assert found == [
        ("setting", "app.url", "default", "--set app.url"),
        ("setting", "interval", "capmon.yaml:1", "default"),
        ("version", "capmon", "0.1", "0.2"),
    ]


def test_what_happened_between_is_told() -> None:
    """Notes and actions that only the second has, the latest first; not what differs anyway."""
    new = (Event(NOW, "note", "deployed"), Event(NOW - 9, "action", "4 → 5"), Event(NOW - 5, "bottleneck", "x"))  # fmt: skip
    found = changes(BUSY, dataclasses.replace(BUSY, events=(*new, *BUSY.events)))
    assert [c.remark for c in found] == ["deployed", "4 → 5"]


# As text


def test_columns_are_aligned() -> None:
    """Every arrow stands in one column, and no line has anything that moves a cursor."""
    for a, b in ((frames.calm(), BUSY), (BUSY, frames.app_down()), (BUSY, frames.hostile())):
        lines = difference_table(compared(a, b)).splitlines()
        # Limits and events may hold an arrow of their own.
        rows = [
            r
            for r in lines
            if r.startswith(("▲ ", "· ", "▽ ")) and r[2:7] not in ("event", "limit")
        ]
        assert len(rows) > 5
        assert len({cells(row.partition(" → ")[0]) for row in rows if " → " in row}) == 1
        assert all(line.isprintable() for line in lines)


def test_colour_comes_beside_words() -> None:
    """Whatever paints gets whole lines, and without it nothing is lost."""
    found = compared(frames.calm(), BUSY)
    painted = difference_table(found, lambda text, look: f"<{look}>{text}</>")
    assert "<worse>▲ bottleneck" in painted
    assert painted.replace("</>", "").replace("<worse>", "").replace("<changed>", "").replace("<better>", "").replace("<head>", "") == difference_table(found)  # fmt: skip


@pytest.mark.parametrize(("text", "width", "said"), [("日本語", 6, "日本語"), ("日本語", 5, "日本…"), ("abc", 2, "a…"), ("", 3, "")])  # fmt: skip
def test_texts_are_cut_by_cells(text: str, width: int, said: str) -> None:
    """Wide characters count twice."""
    assert cut(text, width) == said
