"""The short answers on the screen: what they say, and what they must not claim."""

from __future__ import annotations

from dataclasses import replace

import frames
import pytest

from capmon.model.results import Advice, Estimate, Health, Predicted, Severity, SourceState
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


@pytest.mark.parametrize(("seen", "said"), [(0.160, "165 (100–300), was 160 ms ✓"), (0.4, "165 (100–300), was 400 ms ▲ outside")])  # fmt: skip
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


REASON = "137 req/s take 4: app cpu 80 % at 38.2 each"
STAY = Advice(4, REASON)
WATCHED = Advice(4, f"3 would do, watched for 5 m more: {REASON}")


@pytest.mark.parametrize(
    ("advice", "width", "said"),
    [
        (STAY, 120, f" ready, 2–10, swarm    advice stay: {REASON}  "),
        (STAY, 90, f"ready  advice stay: {REASON}"),
        (STAY, 80, "ready  advice stay: 137 req/s take 4  "),
        (STAY, 40, "4 of 4 ready  advice stay  "),
        (WATCHED, 80, "ready  advice stay: 3 would do, watched for 5 m more  "),
        (WATCHED, 40, "4 of 4 ready  advice stay  "),
        (Advice(5, REASON, frames.EFFECT), 80, "ready  advice +1 → 5: 137 req/s take 4  "),
    ],
)
def test_the_answer_is_whole_and_its_reason_ends_at_a_clause(
    advice: Advice, width: int, said: str
) -> None:
    """Bounds go first, then the mode, then clauses from the end; no word and no number is cut."""
    frame = replace(frames.busy(), advice=advice, outcomes=())
    assert said in plain(bars.replicas(frame, View(mode="act"), width))


@pytest.mark.parametrize("advice", [STAY, WATCHED, frames.busy().advice, Advice(None, "no model yet")])  # fmt: skip
def test_no_width_cuts_the_line(advice: Advice | None) -> None:
    """From 30 cells on nothing on the line of the replicas is cut, whatever it says."""
    for outcomes in ((), tuple(replace(o, at=frames.NOW - 60) for o in frames.busy().outcomes)):
        frame = replace(frames.busy(), advice=advice, outcomes=outcomes)
        for width in range(30, 170):
            line = bars.replicas(frame, View(), width)
            assert length(line) <= width
            assert "…" not in plain(line)


def test_an_error_of_the_target_is_short() -> None:
    """Which request it was stays with the sources; the advice keeps its place."""
    for reason, said in (
        ("GET http://127.0.0.1:1/scale: All connection attempts failed", "target does not answer"),
        ("GET http://127.0.0.1:1/scale: no answer in 5 s", "target does not answer"),
        ("GET http://127.0.0.1:1/scale: 403 Forbidden", "403 Forbidden"),
        ("", "count not known"),
    ):
        gone = replace(frames.REPLICAS, ready=None, desired=None, reason=reason)
        frame = replace(frames.busy(), replicas=gone, advice=Advice(None, "replica count is not known"))  # fmt: skip
        text = plain(bars.replicas(frame, View(), 120))
        assert f"▲ {said}" in text
        assert "http" not in text
        assert "advice none" in text


# Curves


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (Estimate(112, 90, 2619), "(90.0 or more)"),
        (Estimate(112, 0, 2619), "(a guess)"),
        (Estimate(112, 0, 190), "(up to 190)"),
        (Estimate(112, 100, 130), "(100–130)"),
        (Estimate(112, 100, None), "(100 or more)"),
    ],
)
def test_an_end_far_away_bounds_nothing(at: Estimate, text: str) -> None:
    """Beyond three times the estimate the interval is open."""
    assert models.interval(at) == text


def test_models_say_since_when_they_hold() -> None:
    """After a change of the service, since that; else the time that was looked at."""
    frame = frames.busy()
    assert plain(models.basis_line(frame, 56)).startswith("last 60 m, 412 points")
    fits = tuple(replace(f, starts_from="version 1.4.2 → 1.5.0 at 17:16") for f in frame.fits)
    changed = plain(models.basis_line(replace(frame, fits=fits), 56))
    assert changed == "since version 1.4.2 → 1.5.0 at 17:16, 412 points"


@pytest.mark.parametrize(
    ("value", "said"), [(140.0, "126 req/s crossed 17 s ago"), (108.0, "126 req/s crossed, under it now")]
)  # fmt: skip
def test_a_limit_that_is_left_again_is_not_shown_as_crossed(value: float, said: str) -> None:
    """Between two forecasts the load may come back: what stands there is true of now."""
    from capmon.model.results import Forecast, TimeToLimit
    from capmon.ui.panes.forecast import answer
    from capmon.ui.widgets.text import plain

    since = TimeToLimit(-17.0, -17.0, -17.0)
    made = Forecast("http.server.request.rate", 0.0, 1.0, median=(130.0,), limit=126.0, breach_probability=1.0, time_to_limit=since)  # fmt: skip
    assert plain(answer(made, 0.0, value)) == said
