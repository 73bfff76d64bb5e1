"""The chapter on alerting: alerts replayed on a record whose breaches are known."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from example_record import DAY, UNTIL, ExampleRecord, grid, web
from hypothesis import given
from hypothesis import strategies as st

from capmon.config.schema import Settings
from capmon.model.plan import Chapter, PlanQuestion, Table
from capmon.planning.alarms import begins, beyond, burning, held, proposed, score
from capmon.planning.alerting import ALERTS, BURNS, KEEP, chapter
from capmon.planning.evidence import Evidence, gather
from capmon.report import alert_rules, alert_slo

CPU, P95, RATE = "process.cpu.utilization", "http.server.request.duration.p95", "http.server.request.rate"  # fmt: skip


def _flags(text: str) -> np.ndarray:
    return np.array([c == "#" for c in text])


def test_the_alerts_are_those_that_are_exported() -> None:
    """Names, metrics, thresholds and burn rates are what `capmon export alerts` writes."""
    exported = tuple((w.alert, w.metric, w.threshold) for w in alert_rules.WATCHES)
    burns = tuple((b.rate, b.long, b.short, b.severity) for b in alert_slo.BURNS)
    assert (exported, burns) == (ALERTS, BURNS)
    assert alert_rules.KEEP == KEEP
    settings = {f.name for f in fields(Settings().thresholds)}
    assert {setting for _, _, setting in ALERTS} <= settings


def test_true_false_late_and_missed_are_told_apart() -> None:
    """One alarm before a breach, one within it, one for nothing; one breach without any."""
    firing = _flags("..#........#...#........")
    breach = _flags("....##....###........##.")
    found = score(firing, breach, lead=3, keep=0, gap=0)
    assert (found.fired, found.true, found.late, found.false) == (3, 1, 1, 1)
    assert (found.breaches, found.caught, found.missed) == (3, 1, 2)
    assert found.trade == pytest.approx(1 / 3)


def test_an_alert_that_always_fires_catches_nothing() -> None:
    """It begins once: nothing that begins later was foretold by it."""
    found = score(np.ones(50, dtype=bool), _flags("." * 20 + "##" + "." * 28), 5, 0, 0)
    assert (found.fired, found.true, found.false, found.missed) == (1, 0, 1, 1)


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 6))
def test_a_threshold_must_hold(flags: list[bool], cells: int) -> None:
    """An alert with a `for` fires exactly where as many cells in a row were beyond."""
    array = np.array(flags, dtype=bool)
    expected = [i + 1 >= cells and all(flags[i + 1 - cells : i + 1]) for i in range(len(flags))]
    assert held(array, cells).tolist() == expected


@given(
    st.lists(st.booleans(), max_size=80), st.lists(st.booleans(), max_size=80), st.integers(0, 9)
)
def test_scores_add_up(first: list[bool], second: list[bool], lead: int) -> None:
    """Alarms are true, late or false and nothing else, breaches caught or missed."""
    n = min(len(first), len(second))
    found = score(np.array(first[:n], dtype=bool), np.array(second[:n], dtype=bool), lead, 1, 1)
    assert min(found.fired, found.true, found.late, found.false, found.caught, found.missed) >= 0
    assert 0.0 <= found.trade <= 1.0
    assert found.fired == len(begins(np.array(first[:n], dtype=bool), 1))


def test_unknown_values_are_beyond_nothing() -> None:
    """NaN fires no alert, from above or from below."""
    values = np.array([np.nan, 1.0, 3.0])
    assert beyond(values, 2.0).tolist() == [False, False, True]
    assert beyond(values, 2.0, low=True).tolist() == [False, True, False]


def test_burn_rates_need_both_windows() -> None:
    """A burst fires while it is recent, and not long after although the long window still holds it."""
    bad, every = np.zeros(200), np.ones(200)
    bad[100:110] = 1.0
    flags = burning(bad, every, 2.0, 0.05, long=50, short=5)
    assert flags[105:110].all()
    assert not flags[:100].any()
    assert not flags[115:].any()


def _incidents(*, days: float = 14.0, every: float = 21600.0, seed: int = 5) -> ExampleRecord:
    """CPU rises from 40 to 65 % ten minutes before each breach of half an hour; and alone now and then to 55 %."""
    times = grid(days, 60.0)
    random = np.random.default_rng(seed)
    phase = (times - times[0]) % every
    cpu = 0.4 + 0.02 * random.standard_normal(len(times))
    ahead = (phase >= every / 2 - 600) & (phase < every / 2 + 1800)
    cpu[ahead] = 0.65 + 0.01 * random.standard_normal(int(ahead.sum()))
    alone = (phase >= 3000) & (phase < 3600)
    cpu[alone] = 0.55
    late = np.where((phase >= every / 2) & (phase < every / 2 + 1800), 0.4, 0.1)
    ones = np.ones(len(times))
    return ExampleRecord({RATE: (times, 100 * ones), P95: (times, late), CPU: (times, cpu), "http.server.error.ratio": (times, 0.0001 * ones)})  # fmt: skip


def _gathered(record: ExampleRecord) -> Evidence:
    return gather(record, Settings(), PlanQuestion(DAY), UNTIL, "UTC")


def _table(made: Chapter, start: str) -> Table:
    return next(t for t in made.tables if t.title.startswith(start))


def test_the_proposed_threshold_separates_what_precedes_breaches() -> None:
    """Between 55 % that means nothing and 65 % that comes ten minutes before: every breach is caught."""
    made = chapter(_gathered(_incidents()))
    rows = _table(made, "Thresholds proposed").rows
    configured, better = (next(r for r in rows if r[:2] == ("CapmonAppCpuHigh", w)) for w in ("configured", "proposed"))  # fmt: skip
    assert configured[3:8] == (0, 0, 0, 0, 0)
    assert 0.55 < float(str(better[2]).removesuffix(" %")) / 100 <= 0.66
    assert better[7] == configured[8]
    assert better[6] == 0
    text = next(s.text for s in made.statements)
    assert text.startswith("CapmonAppCpuHigh: 6")
    assert "with 0 false alarms" in text


def test_breaches_are_counted_with_their_time() -> None:
    """Four breaches a day of half an hour in fourteen days."""
    figures = {f.name: f.value for f in chapter(_gathered(_incidents())).figures}
    count, minutes = figures["breaches of the objective"], figures["time in breach"]
    assert count is not None
    assert minutes is not None
    assert count.value == 56
    assert minutes.value == 56 * 30


def test_burn_rates_fire_on_time_over_the_objective() -> None:
    """Half an hour in six is 8 % of the time, over 5 %: the slow rates fire and the errors never do."""
    rows = _table(chapter(_gathered(_incidents())), "Burn rates").rows
    errors = [r[4] for r in rows if str(r[0]).startswith("errors")]
    slow = {r[1]: r[4] for r in rows if str(r[0]).startswith("response time")}
    assert errors == [0, 0, 0, 0]
    assert slow["6×"] == 0
    assert isinstance(slow["1×"], int)
    assert slow["1×"] >= 1


def test_noise_is_not_sold_as_an_alert() -> None:
    """Where CPU knows nothing of the breaches, nothing that is mostly false is proposed."""
    record = _incidents()
    times, _ = record.series[CPU]
    noise = np.clip(0.4 + 0.1 * np.random.default_rng(9).standard_normal(len(times)), 0, 1)
    made = chapter(_gathered(ExampleRecord({**record.series, CPU: (times, noise)})))
    assert not [s for s in made.statements if s.severity == "medium"]


def test_a_threshold_is_chosen_from_the_first_part_alone() -> None:
    """What comes after the split changes the score and never the choice."""
    random = np.random.default_rng(2)
    values = random.random(400)
    breach = np.zeros(400, dtype=bool)
    breach[np.flatnonzero(values[:-3] > 0.95) + 2] = True
    one = proposed(values, breach, 280, 1, 3, 0, 0, low=False)
    other = breach.copy()
    other[280:] = False
    two = proposed(values, other, 280, 1, 3, 0, 0, low=False)
    assert one is not None
    assert two is not None
    assert one.threshold == two.threshold
    assert one.trained == two.trained
    assert one.tested != two.tested


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (web(1, 60.0), "needs 2 days of minutes, has 1.0"),
        (web(4, 600.0, app=False), "is recorded by the minute"),
    ],
)
def test_too_little_is_refused_with_its_reason(record: ExampleRecord, reason: str) -> None:
    """A record that cannot tell gives no table, but what it would take."""
    made = chapter(_gathered(record))
    assert not made.tables
    assert any(reason in m for m in made.missing)


def test_few_breaches_propose_nothing() -> None:
    """Two breaches are no ground for a threshold."""
    made = chapter(_gathered(_incidents(days=4.0, every=2 * DAY)))
    assert all(not t.title.startswith("Thresholds proposed") for t in made.tables)
    assert any("they need 5 breaches" in m for m in made.missing)
    assert replace(made, missing=()) != made
