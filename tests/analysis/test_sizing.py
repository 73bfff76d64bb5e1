"""Replicas advised, and what a change would do."""

from __future__ import annotations

import numpy as np
import pytest

from capmon.analysis.curves.fits import Question, fit
from capmon.analysis.curves.headroom import Limit
from capmon.analysis.sizing import advise, predict_effect, steady
from capmon.config.schema import CouplingSettings, ScalingSettings
from capmon.model.frame import Reading
from capmon.model.results import Advice, Fit, FitKind, Forecast, Headroom, ReplicaState

RATE, CPU, P95 = (
    "http.server.request.rate",
    "process.cpu.utilization",
    "http.server.request.duration.p95",
)
LIMITS = {CPU: Limit(0.8, "utilization_target"), P95: Limit(0.25, "objectives.latency_p95")}
SCALING = ScalingSettings(min=2, max=10)


def curves(top: float = 60.0) -> list[Fit]:
    """CPU of 0.1 + 0.014·x, which reaches 80 % at 50; p95 of 60 ms·e^(0.02·x), 250 ms at 71."""
    rng = np.random.default_rng(0)
    x = rng.uniform(5, top, 400)
    cpu = 0.1 + 0.014 * x + rng.normal(0, 0.005, 400)
    p95 = 0.06 * np.exp(0.02 * x + rng.normal(0, 0.02, 400))
    return [
        fit(Question(CPU, "load.per_replica", FitKind.LINEAR, per_replica=True), x, cpu),
        fit(Question(P95, "load.per_replica", FitKind.EXPONENTIAL, per_replica=True), x, p95),
    ]


def ask(
    ready: int | None,
    rate: float | None = None,
    cpu: float | None = None,
    fits: list[Fit] | None = None,
    scaling: ScalingSettings = SCALING,
    forecasts: tuple[Forecast, ...] = (),
) -> Advice:
    """Advice for one state of the service."""
    readings = {RATE: Reading(rate, 0.0), CPU: Reading(cpu, 0.0)}
    state = ReplicaState("swarm", "x", ready, ready)
    return advise(scaling, 0.8, state, readings, fits or [], LIMITS, forecasts)


def test_unknown_count_advises_nothing() -> None:
    """Without a ready count there is no advice, whatever else is known."""
    want = Advice(None, "replica count is not known")
    assert ask(None, 200.0, 0.9, curves()) == want
    assert advise(SCALING, 0.8, None, {}, curves(), LIMITS) == want
    assert ask(0, 200.0, 0.9, curves()).to is None


def test_every_limit_holds_at_the_advised_count() -> None:
    """240 req/s at 50 a replica take five, with the effect predicted."""
    got = ask(4, 240.0, 0.9, curves())
    assert got.to == 5
    assert got.reason == "240 req/s take 5: app cpu 80 % at 50.0 req/s each"
    cpu, p95 = got.predicted
    assert cpu.after is not None and cpu.before == pytest.approx(0.1 + 0.014 * 60, abs=0.01)
    assert cpu.after.value == pytest.approx(0.1 + 0.014 * 48, abs=0.01)
    assert cpu.after.low is not None and cpu.after.low < cpu.after.value
    assert p95.after is not None and p95.after.value < 0.25


def test_the_forecast_peak_counts() -> None:
    """Load that comes within five minutes is provided for; load after that is not yet."""
    soon = Forecast(RATE, 0.0, step=60.0, median=(240.0, 310.0, 240.0, 240.0, 240.0, 900.0))
    assert ask(4, 190.0, 0.7, curves()).to == 4
    got = ask(4, 190.0, 0.7, curves(), forecasts=(soon,))
    assert got.to == 7
    assert got.reason.startswith("310 req/s expected by 00:02 take 7: app cpu")


def test_fewer_only_within_what_was_seen() -> None:
    """A model that saw 20 a replica does not vouch for 50."""
    assert ask(8, 150.0, 0.3, curves(top=60)).to == 4
    assert ask(8, 150.0, 0.3, curves(top=20)).to == 6


def test_proportion_without_a_model() -> None:
    """Without a fit the count follows CPU over its target, and stays within a tenth of it."""
    assert ask(4, None, 0.96).to == 5
    assert ask(4, None, 0.87).to == 4
    assert ask(4, None, 0.3).to == 2
    assert "no model yet" in ask(4, None, 0.96).reason
    assert ask(4).to is None


def test_bounds_bind_and_are_named() -> None:
    """The least, the most and what replicas share each cut the advice and say so."""
    assert ask(4, 4000.0, 0.9, curves()).to == 10
    assert "the most allowed is 10" in ask(4, 4000.0, 0.9, curves()).reason
    assert "the least allowed is 2" in ask(2, 10.0, 0.1, curves()).reason
    shared = ScalingSettings(limits=(CouplingSettings("database connections", 25, 100),))
    got = ask(4, 400.0, 0.9, curves(), shared)
    assert got.to == 4
    assert got.reason.endswith("but database connections allow 4")


def test_effects_that_no_model_can_tell_say_why() -> None:
    """No count, no load, a whole-service fit and no fit each have their problem."""
    fits, load = curves(), {RATE: Reading(200.0, 0.0)}
    whole = fit(Question(CPU, RATE, FitKind.LINEAR), np.arange(40.0), np.arange(40.0) / 40)
    none = fit(Question(CPU, RATE, FitKind.LINEAR), np.array([]), np.array([]))
    assert predict_effect(fits, load, None, 5)[0].problem == "replica count is not known"
    assert predict_effect(fits, {}, 4, 5)[0].problem == "load is not known"
    assert predict_effect([whole], load, 4, 5)[0].problem == "load is not counted per replica yet"
    assert predict_effect([none], load, 4, 5)[0].problem == "needs 3 points with load, has none"
    assert predict_effect(fits, load, 4, 1)[0].problem == "far beyond the load seen"
    assert all(p.after is None for p in predict_effect(fits, load, 4, 0))


def test_a_plan_is_predicted_for_the_recent_load() -> None:
    """One odd reading of the load moves no prediction; what is unknown stays unknown."""
    room = [Headroom(CPU, 0.8, "utilization_target", RATE, None, 240.0)]
    odd, calm = ({RATE: Reading(rate, 0.0), CPU: Reading(0.6, 0.0)} for rate in (300.0, 240.0))
    got = predict_effect(curves(), steady(odd, room), 4, 5)
    assert got == predict_effect(curves(), calm, 4, 5)
    assert got != predict_effect(curves(), odd, 4, 5)
    assert steady({CPU: odd[CPU]}, room) == {CPU: odd[CPU]}
