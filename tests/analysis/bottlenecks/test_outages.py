"""Outages and their ends: failing requests, replicas that are not ready, what is said while it eases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.analysis.bottlenecks.bottleneck import Detector, detect
from capmon.analysis.bottlenecks.evidence import apart
from capmon.analysis.bottlenecks.recommend import recommendations
from capmon.config.schema import Duration, Settings
from capmon.model.frame import Reading
from capmon.model.metric import Unit
from capmon.model.results import Bottleneck, ReplicaState, Severity

CPU, ERRORS, HITS = "system.cpu.utilization", "http.server.error.ratio", "cache.hit_ratio"
P95, PSI = "http.server.request.duration.p95", "system.pressure.cpu.some.avg10"


class Course:
    """One detector that is fed a reading a second."""

    def __init__(self) -> None:
        self.detector = Detector(Settings())
        self.now = 0.0
        self.found: tuple[Bottleneck, ...] = ()

    def hold(
        self, seconds: int, values: dict[str, float] | None = None, **about: Any
    ) -> tuple[Bottleneck, ...]:
        """The same readings for so many seconds."""
        read = {k: Reading(v, 0.0) for k, v in (values or {}).items()}
        for _ in range(seconds):
            self.found, _ = self.detector.step(1000.0 + self.now, self.now, read, {}, **about)
            self.now += 1
        return self.found

    @property
    def said(self) -> str:
        """The measurement of the first row."""
        return self.found[0].evidence[0].text


def of(ready: int | None, desired: int | None, kind: str = "swarm") -> dict[str, Any]:
    """What a scale target says of itself."""
    return {"replicas": ReplicaState(kind, "web", ready, desired)}


def test_failing_requests_are_a_row() -> None:
    """Past 1 % for 10 s they are high, past 5 % critical, and the guide does not look at them."""
    c = Course()
    assert c.hold(10, {ERRORS: 0.02}) == ()
    (b,) = c.hold(1, {ERRORS: 0.02})
    assert (b.component, b.severity, b.metric) == ("errors", Severity.HIGH, ERRORS)
    assert c.said == "2.0 % > 1.0 % for 10 s"
    assert (b.guide, b.impact) == (None, "requests fail")
    (b,) = c.hold(11, {ERRORS: 1.0})
    assert (b.severity, c.said) == (Severity.CRITICAL, "100 % > 5.0 % for 10 s")
    assert [r.text for r in b.recommendations] == [
        "find the endpoint or dependency that fails", "read its log",
        "roll back the last change", "add replicas if requests are turned away"]  # fmt: skip
    assert detect(Settings(), {ERRORS: Reading(None, None, "no requests")}, {}) == ()


def test_no_ready_replica_is_critical_after_five_seconds() -> None:
    """Not a restart of a moment; it names both counts, and is over once all have been ready."""
    c = Course()
    c.hold(10, **of(4, 4))
    assert c.hold(5, **of(0, 4)) == ()
    (b,) = c.hold(1, **of(0, 4))
    assert (b.component, b.severity, b.value, b.guide) == ("replicas", "critical", None, None)
    assert (c.said, b.impact) == ("0 of 4 ready for 5 s", "no request is served")
    assert b.would_change == ("replicas 4 of 4 ready for 60 s",)
    (b,) = c.hold(7, **of(3, 4))
    assert (b.severity, c.said) == (Severity.MEDIUM, "3 of 4 ready for 12 s")
    (b,) = c.hold(60, **of(4, 4))
    assert b.recovering
    assert c.said == "4 of 4 ready for 59 s"
    assert c.hold(1, **of(4, 4)) == ()


def test_fewer_ready_than_asked_for_is_medium_after_a_minute() -> None:
    """A rollout takes its time."""
    c = Course()
    assert c.hold(60, **of(3, 4)) == ()
    (b,) = c.hold(1, **of(3, 4))
    assert (b.severity, c.said) == (Severity.MEDIUM, "3 of 4 ready for 60 s")


@pytest.mark.parametrize(
    "about",
    [{}, of(None, 4), of(0, None), of(0, 0), of(5, 4), of(4, 4), of(0, 4, "none")],
)
def test_what_is_no_lack_of_replicas(about: dict[str, Any]) -> None:
    """A count that is not known, none asked for, and more than asked for are no rows."""
    assert Course().hold(120, **about) == ()


def test_thresholds_that_need_not_hold_take_replicas_at_once() -> None:
    """Where nothing must hold, neither must this: one look is enough."""
    base = Settings()
    limits = base.thresholds
    each = {n: replace(getattr(limits, n), for_=Duration(0.0)) for n in type(limits).__slots__}
    detector = Detector(replace(base, thresholds=replace(limits, **each)))
    (b,), _ = detector.step(0.0, 0.0, {}, {}, **of(0, 4))
    assert b.severity is Severity.CRITICAL


def test_what_eases_says_where_it_is_and_asks_for_nothing() -> None:
    """The value, its side of the threshold and since when; no steps while it is about to be over."""
    c = Course()
    c.hold(31, {CPU: 1.0})
    assert c.found[0].recommendations != ()
    (b,) = c.hold(13, {CPU: 0.055})
    assert (b.recovering, c.said) == (True, "5.5 %, under 70 % for 12 s")
    assert b.recommendations == ()
    assert recommendations(c.found) == ()
    c.hold(1, {CPU: 0.698})
    assert c.said == "69.8 %, under 70 % for 13 s"
    low = Course()
    low.hold(31, {HITS: 0.6})
    low.hold(5, {HITS: 0.75})
    assert low.said == "75 %, above 70 % for 4 s"


def test_a_time_that_follows_the_cpu_no_more_is_not_said_to_be_under() -> None:
    """It is past its share of the objective still; what ended is that it follows."""
    c = Course()
    c.hold(31, {P95: 0.2}, follows=0.93)
    (b,) = c.hold(1, {P95: 0.2}, follows=0.1)
    assert (b.recovering, c.said) == (True, "200 ms, does not follow cpu any more")


def test_a_peak_is_called_one() -> None:
    """A row that was critical and is less says so in words, not as another comparison."""
    c = Course()
    c.hold(31, {PSI: 0.7})
    c.hold(1, {PSI: 0.58})
    assert c.said == "58 % > 25 % for 31 s, peaked past 60 %"
    low = Course()
    low.hold(31, {HITS: 0.4})
    low.hold(1, {HITS: 0.51})
    assert low.said == "51 % < 70 % for 31 s, fell past 50 %"


def test_the_longer_of_two_durations_is_told() -> None:
    """Back past the critical threshold for a second, it has been past the warning for long."""
    c = Course()
    c.hold(40, {CPU: 0.95})
    assert c.said == "95 % > 90 % for 39 s"
    c.hold(5, {CPU: 0.88})
    c.hold(2, {CPU: 0.93})
    assert (c.found[0].severity, c.said) == (
        Severity.CRITICAL,
        "93 % > 70 % for 46 s, now past 90 %",
    )
    c.hold(30, {CPU: 0.93})
    assert c.said == "93 % > 90 % for 31 s"


def test_the_guides_verdict_stays_for_ten_seconds() -> None:
    """It judges single readings: the worst of late is what it is asked about."""
    c = Course()
    c.hold(31, {CPU: 0.95})
    seen = []
    for _ in range(12):
        (b,) = c.hold(1, {CPU: 0.3})
        assert b.guide is not None
        seen.append(b.guide.severity)
    assert seen == ["critical"] * 10 + ["none"] * 2
    low = Course()
    low.hold(31, {HITS: 0.4})
    (b,) = low.hold(3, {HITS: 0.9})
    assert b.guide is not None
    assert b.guide.severity == "high"


def test_the_guides_word_on_the_database_stays_too() -> None:
    """Healthy again, the word of now is not held against a failure of just before."""
    c = Course()
    c.hold(10, {"db.status": 0.0})
    (b,) = c.hold(1, {"db.status": 1.0})
    assert b.recovering
    assert b.guide is not None
    assert b.guide.severity == "critical"


@pytest.mark.parametrize(
    ("value", "threshold", "unit", "texts"),
    [
        (0.81, 0.7, Unit.RATIO, ("81 %", "70 %")),
        (0.7, 0.7, Unit.RATIO, ("70 %", "70 %")),
        (0.7004, 0.7, Unit.RATIO, ("70.04 %", "70 %")),
        (0.698, 0.7, Unit.RATIO, ("69.8 %", "70 %")),
        (0.0504, 0.05, Unit.RATIO, ("5.04 %", "5 %")),
        (0.2503, 0.25, Unit.SECONDS, ("250.3 ms", "250 ms")),
        (0.7 + 1e-9, 0.7, Unit.RATIO, ("just over 70 %", "70 %")),
        (None, 0.7, Unit.RATIO, ("– %", "70 %")),
    ],
)
def test_a_value_is_told_from_its_threshold(
    value: float | None, threshold: float, unit: Unit, texts: tuple[str, str]
) -> None:
    """Where both round alike more digits are shown."""
    assert apart(value, threshold, unit) == texts


@given(st.floats(0, 2), st.sampled_from([0.01, 0.05, 0.1, 0.7, 0.95]))
def test_two_that_differ_never_read_alike(value: float, threshold: float) -> None:
    """`70 % > 70 %` is never said."""
    shown, limit = apart(value, threshold, Unit.RATIO)
    assert (shown == limit) == (value == threshold)


def test_a_measurement_fits_a_line_whatever_is_noted() -> None:
    """Where the remark on what it follows does not fit, the measurement stands alone."""
    c = Course()
    c.hold(31, {P95: 0.24}, follows=0.93)
    c.hold(1, {P95: 0.2}, follows=0.93)
    assert c.said == "200 ms > 188 ms for 31 s, peaked past 225 ms"
