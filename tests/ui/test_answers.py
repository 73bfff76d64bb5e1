"""The short answers on the screen: what they say, and what they must not claim."""

from __future__ import annotations

from dataclasses import replace

import frames
import pytest

from capmon.model.results import Estimate, Health, Predicted, Severity, SourceState
from capmon.ui.panes import bars, bottlenecks, common, forecast, models
from capmon.ui.widgets.pane import View
from capmon.ui.widgets.text import length, plain

P95 = "http.server.request.duration.p95"
MEMORY = "process.memory.usage"


def test_interval_is_in_the_unit_of_its_value() -> None:
    """Bytes are said as they are read, and zero takes the unit of the value."""
    gib = 2.0**30
    memory = Predicted(MEMORY, 3.17 * gib, Estimate(3.16 * gib, 2.9 * gib, 3.3 * gib))
    assert bars.effect_text(memory).endswith("3.17 → 3.16 GiB (2.90–3.30)")
    latency = Predicted(P95, 0.2, Estimate(0.15, -0.1, 0.3))
    assert bars.effect_text(latency) == "p95 200 → 150 ms (0–300)"


@pytest.mark.parametrize(("seen", "said"), [(0.160, "165, was 160 ms"), (0.4, "165, was 400 ms ▲ off")])  # fmt: skip
def test_outcome_is_of_the_past_and_says_a_miss(seen: float, said: str) -> None:
    """What was measured once does not read as live, and a miss is a word as well as a colour."""
    predicted = Predicted(P95, 0.2, Estimate(0.165, 0.1, 0.3))
    assert plain(bars.against(predicted, {P95: seen})).endswith(said)


def test_a_long_component_keeps_its_gap() -> None:
    """The evidence never touches the name before it."""
    found = frames.bottleneck("memory pressure", Severity.HIGH, "system.pressure.memory.some.avg10")
    assert "memory pres… " in plain(bottlenecks.row(found, 116))


def test_nothing_is_not_claimed_of_the_silent() -> None:
    """Where a source does not answer, no bottleneck is known rather than none there."""
    down = Health("app", SourceState.FAILING, "connection refused")
    quiet = replace(frames.calm(), bottlenecks=())
    assert "none now" in plain(bottlenecks.draw(replace(quiet, health=()), 80, 1)[0])
    text = plain(bottlenecks.draw(replace(quiet, health=(down,)), 80, 1)[0])
    assert "none now" not in text
    assert "app failing" in text


def test_a_limit_that_is_passed_is_not_to_come() -> None:
    """Over the limit, no time until it is given; unknown is not over."""
    found = frames.forecast(P95, 0.2, 0.25, breach_probability=0.34)
    assert plain(forecast.answer(found, frames.NOW, 0.287)) == "over 250 ms now"
    assert "34 %" in plain(forecast.answer(found, frames.NOW, 0.187))
    assert "34 %" in plain(forecast.answer(found, frames.NOW, None))


def test_the_first_limit_is_cut_between_limits_only() -> None:
    """Half a limit is not shown, and users are not taken for requests."""
    frame = frames.busy()
    for width in range(30, 90):
        line = plain(models.first_limit(frame, width))
        assert "…" not in line
        assert length(models.first_limit(frame, width)) <= width
    only_users = replace(frame, headroom=tuple(h for h in frame.headroom if h.load in models.USERS))
    assert " users" in plain(models.first_limit(only_users, 80))


def test_an_answer_is_not_dated_twice() -> None:
    """A reason that tells the age of the last answer stands alone."""
    late = Health("replicas", SourceState.LATE, "last answer 9 s ago", last_success=frames.NOW - 9)
    assert plain(common.health_line(late, frames.NOW)).count("last answer") == 1


def test_the_advice_stands_beside_the_last_action() -> None:
    """A recent action does not hide what to do next."""
    frame = frames.busy()
    recent = replace(frame.outcomes[0], at=frame.at - 60) if frame.outcomes else None
    assert recent is not None
    text = plain(bars.replicas(replace(frame, outcomes=(recent,)), View(), 160))
    assert "advice +1 → 5" in text
    assert "last 3 → 4" in text
