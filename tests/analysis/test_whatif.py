"""What the models say to a supposition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.analysis.whatif import what_if
from capmon.config.schema import CouplingSettings, ScalingSettings, Settings
from capmon.model.frame import Frame, Reading
from capmon.model.results import (
    Coefficient,
    Estimate,
    Fit,
    FitKind,
    Headroom,
    Predicted,
    ReplicaState,
)
from capmon.model.whatif import Question, WhatIf

RATE, USERS = "http.server.request.rate", "app.users.active"
CPU, P95 = "process.cpu.utilization", "http.server.request.duration.p95"
MEMORY = "process.memory.usage"
GIB = 2.0**30

LINE = Fit(
    CPU, "load.per_replica", FitKind.LINEAR,
    (Coefficient("slope", 0.014, 1e-4), Coefficient("intercept", 0.1, 1e-3)),
    n=400, load_min=5.0, load_max=45.0, residual_std=0.005, load_mean=25.0, load_squares=5e4,
    t_quantile=1.97, window=3600.0, per_replica=True,
)  # fmt: skip
"""80 % at 50 req/s a replica, all of it at 64.3."""

CURVE = replace(
    LINE, target=P95, kind=FitKind.EXPONENTIAL, residual_std=0.02, relative=True,
    coefficients=(Coefficient("a", 0.06, 1e-3), Coefficient("b", 0.03, 2e-4)),
)  # fmt: skip
"""250 ms at 47.6 req/s a replica."""

HELD = replace(
    LINE, target=MEMORY, load="users.per_replica", residual_std=0.01 * GIB,
    coefficients=(Coefficient("slope", 0.02 * GIB, 1e5), Coefficient("intercept", GIB, 1e7)),
)  # fmt: skip
"""3 GiB at 100 users a replica."""

FITS = (LINE, HELD, CURVE)
LIMITS = {CPU: 0.8, MEMORY: 3 * GIB, P95: 0.25}


def frame(
    fits: tuple[Fit, ...] = FITS,
    ready: int | None = 4,
    values: Mapping[str, float] | None = None,
    **more: object,
) -> Frame:
    """A service of 160 req/s and 120 users, whose last reading of the load is off."""
    now = {RATE: 171.0, USERS: 120.0, CPU: 0.68, P95: 0.21, MEMORY: 1.6 * GIB} | (values or {})
    room = tuple(
        Headroom(f.target, LIMITS[f.target], "x", RATE, None, 160.0, problem="?")
        for f in fits
        if f.target != MEMORY
    )
    held = (Headroom(MEMORY, LIMITS[MEMORY], "x", USERS, None, 120.0, problem="?"),)
    made = Frame(
        1, 0.0, 1.0, 300.0,
        readings={k: Reading(v, 0.0) for k, v in now.items()},
        engine_ready=True,
        fits=fits,
        headroom=room + held,
        replicas=ReplicaState("swarm", "web", ready, ready),
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def ask(
    growth: float = 1.0,
    replicas: int | None = None,
    objective: float | None = None,
    settings: Settings | None = None,
    **more: object,
) -> WhatIf:
    """The answer to one question."""
    question = Question(growth, replicas, objective)
    return what_if(settings or Settings(), frame(**more), question)  # type: ignore[arg-type]


def of(found: WhatIf, metric_key: str) -> Predicted:
    """What is predicted of one metric."""
    return next(p for p in found.predicted if p.metric == metric_key)


def room(found: WhatIf, metric_key: str) -> Headroom:
    """Where one limit binds."""
    return next(h for h in found.headroom if h.target == metric_key)


def after(found: WhatIf, metric_key: str) -> float:
    """The value predicted of one metric."""
    got = of(found, metric_key).after
    assert got is not None, of(found, metric_key).problem
    return got.value


@pytest.mark.parametrize("replicas", [1, 2, 3, 5, 8])
def test_what_if_and_the_scale_dialog_say_the_same(replicas: int) -> None:
    """One question asked in two places has one answer."""
    from capmon.analysis.sizing import predict_effect, steady

    asked = frame()
    readings = steady(asked.readings, asked.headroom)
    ready = asked.replicas.ready if asked.replicas else None
    dialog = predict_effect(asked.fits, readings, ready, replicas)
    assert what_if(Settings(), asked, Question(replicas=replicas)).predicted == dialog


def test_nothing_supposed_is_now() -> None:
    """Without a supposition before and after are the curve at the recent load, not at the last reading."""
    got = ask()
    assert (got.load_now, got.load, got.replicas_now, got.replicas) == (160.0, 160.0, 4, 4)
    assert of(got, CPU).before == pytest.approx(0.1 + 0.014 * 40)
    assert after(got, CPU) == pytest.approx(0.66)
    assert got.beyond == ""


def test_growth_moves_along_the_curves() -> None:
    """Twice the load on twice the replicas is the same place; on the same replicas it is another."""
    assert after(ask(2.0, 8), CPU) == pytest.approx(0.66)
    assert after(ask(1.1), CPU) == pytest.approx(0.1 + 0.014 * 44)
    assert after(ask(1.1), MEMORY) == pytest.approx(GIB * (1 + 0.02 * 33))
    assert after(ask(1.0, 8), P95) < after(ask(), P95) < after(ask(1.1), P95)


def test_interval_holds_the_value() -> None:
    """Every predicted value lies inside its interval, and none is negative."""
    for p in ask(0.05).predicted:
        assert p.after is not None
        assert p.after.low is not None
        assert p.after.high is not None
        assert 0 <= p.after.low <= p.after.value <= p.after.high


def test_headroom_is_that_of_the_supposition() -> None:
    """Limits are counted at the replicas and the objective supposed, against the load supposed."""
    got = ask(1.5, 6)
    cpu = room(got, CPU)
    assert cpu.at is not None
    assert cpu.at.value == pytest.approx(300.0)
    assert cpu.now == pytest.approx(240.0)
    assert cpu.multiple == pytest.approx(1.25)
    assert got.headroom[0].target == P95
    assert ask(objective=0.3).headroom[0].target == CPU
    assert room(ask(objective=0.3), P95).limit == 0.3


def test_needed_is_the_least_that_holds_every_limit() -> None:
    """One replica less would pass a limit; the reason names the one that asks for so many."""
    got = ask(2.0)
    assert got.needed == 7
    assert got.needed_reason == "p95 reaches 250 ms at 47.6 req/s a replica"
    assert got.per_replica is not None
    assert got.per_replica.value == pytest.approx(47.57, abs=0.01)
    assert after(ask(2.0, 7), P95) <= 0.25 < after(ask(2.0, 6), P95)
    assert [h.needs for h in got.headroom] == [7, 7, 3]


def test_users_ask_for_replicas_too() -> None:
    """A limit on users counts users, and says so."""
    got = ask(values={USERS: 900.0}, headroom=tuple(
        Headroom(k, v, "x", USERS if k == MEMORY else RATE, None, 900.0 if k == MEMORY else 160.0)
        for k, v in LIMITS.items()
    ))  # fmt: skip
    assert got.needed == 9
    assert got.needed_reason == "app memory reaches 3.00 GiB at 100 users a replica"


def test_bounds_are_said_and_not_obeyed() -> None:
    """A count above what is allowed, or above what replicas share, stands with that notice."""
    shared = CouplingSettings("database connections", 25.0, 100.0)
    got = ask(3.0, settings=Settings(scaling=ScalingSettings(max=6, limits=(shared,))))
    assert got.needed == 11
    assert got.needed_reason.endswith(
        ", but the most allowed is 6 and database connections allow 4"
    )


def test_unknown_replicas_answer_nothing() -> None:
    """Unknown is never 1: curves per replica say nothing, and every limit says why."""
    got = ask(1.5, ready=None)
    assert got.replicas is None
    assert {p.problem for p in got.predicted} == {"replica count is not known"}
    assert all(p.after is None for p in got.predicted)
    assert {h.problem for h in got.headroom} == {"replica count is not known"}
    # What one replica carries is known all the same, and with it how many are needed.
    assert got.needed == 6


def test_supposed_replicas_stand_in_for_unknown_ones() -> None:
    """A count that is typed is a supposition; what is before it is the last reading."""
    got = ask(1.0, 5, ready=None)
    assert after(got, CPU) == pytest.approx(0.1 + 0.014 * 32)
    assert of(got, CPU).before == 0.68
    assert ask(1.0, 4, ready=0).replicas_now is None


def test_load_of_the_whole_service_takes_growth_alone() -> None:
    """Where load is not counted per replica, growth is answered and other replicas are not."""
    whole = tuple(replace(f, per_replica=False, load=RATE, load_max=200.0) for f in (LINE,))
    values = {RATE: 40.0}
    limits = (Headroom(CPU, 0.8, "x", RATE, None, 40.0),)
    for ready in (4, None):
        got = ask(1.2, fits=whole, ready=ready, values=values, headroom=limits)
        assert after(got, CPU) == pytest.approx(0.1 + 0.014 * 48)
        assert got.needed is None
    assert ask(1.2, fits=whole, ready=None, values=values, headroom=limits).needed_reason == "replica count is not known"  # fmt: skip
    got = ask(1.2, 5, fits=whole, values=values, headroom=limits)
    assert of(got, CPU).problem == "load is not counted per replica yet"
    assert room(got, CPU).problem == "load is not counted per replica yet"
    assert got.needed_reason == "load is not counted per replica yet"


def test_the_cpu_is_never_more_than_full() -> None:
    """Past saturation CPU is at its cap, and a curve that knows no saturation keeps quiet."""
    got = ask(1.7)
    assert after(got, CPU) == 1.0
    assert of(got, P95).after is None
    assert of(got, P95).problem == "cpu is full first"


def test_a_queue_at_its_pole_is_full() -> None:
    """Past the load that a queue can serve there is no response time, and the reason is where that is."""
    queue = replace(
        CURVE, kind=FitKind.MMC, covariance=((1e-6, 0.0, 0.0), (0.0, 1e-6, 0.0), (0.0, 0.0, 1.0)), saturates_at=Estimate(60.0, 55.0, 66.0),
        coefficients=tuple(Coefficient(n, v, None) for n, v in (("base", 0.02), ("scale", 0.03), ("capacity", 60.0), ("servers", 4.0))),
    )  # fmt: skip
    assert after(ask(1.2, fits=(queue,)), P95) > after(ask(fits=(queue,)), P95)
    got = ask(1.6, fits=(queue,))
    assert of(got, P95).problem == "full at 60.0 req/s a replica"
    assert of(got, P95).before == pytest.approx(queue.predict(40.0))


def test_far_beyond_is_not_answered() -> None:
    """Beyond 2.6 times the load seen a curve says nothing."""
    got = ask(4.0, fits=(CURVE,), headroom=())
    assert of(got, P95).problem == "far beyond the load seen"


@pytest.mark.parametrize(("growth", "text"), [(1.0, ""), (1.46, ""), (1.6, "64.0 req/s a replica is 1.4× the load seen")])  # fmt: skip
def test_load_not_seen_is_said(growth: float, text: str) -> None:
    """From 1.3 times the load seen on, it is said which load has not been seen."""
    assert ask(growth).beyond == text


def test_curves_that_are_missing_say_why() -> None:
    """A curve with a problem keeps it; the count names what it could not ask."""
    bad = replace(CURVE, coefficients=(), problem="needs 20 points, has 12")
    got = ask(2.0, fits=(LINE, HELD, bad))
    assert of(got, P95).problem == "needs 20 points, has 12"
    assert got.needed == 7
    assert got.needed_reason == "app cpu reaches 80 % at 50.0 req/s a replica; p95 cannot be told"
    flat = replace(
        HELD, coefficients=(Coefficient("slope", -1.0, 0.1), Coefficient("intercept", 1.0, 0.1))
    )
    assert "memory" not in ask(2.0, fits=(LINE, flat, CURVE)).needed_reason
    assert ask(fits=(bad,), headroom=()).needed_reason == "needs 20 points, has 12"
    assert ask(fits=(), headroom=()).needed_reason == "no model yet"
    assert ask(fits=(), headroom=(), engine_ready=False).needed_reason == "the models are loading"


def test_unknown_load_is_not_zero() -> None:
    """Without a load there is no answer about it."""
    got = ask(fits=(LINE,), headroom=(), readings={})
    assert got.load is None
    assert of(got, CPU).problem == "load is not known"
    assert got.needed is None


@given(
    st.floats(0, 1e6), st.one_of(st.none(), st.integers(-5, 10**6)), st.one_of(st.none(), st.floats(1e-6, 1e6)),
    st.one_of(st.none(), st.integers(0, 50)),
)  # fmt: skip
def test_any_question_has_an_answer(
    growth: float, replicas: int | None, objective: float | None, ready: int | None
) -> None:
    """Whatever is asked, each metric has a value or a reason, and so has the count."""
    got = ask(growth, replicas, objective, ready=ready)
    assert len(got.predicted) == len(got.headroom) == 3
    assert all((p.after is None) == bool(p.problem) for p in got.predicted)
    assert all((h.at is None) == bool(h.problem) for h in got.headroom)
    assert got.needed_reason
    assert got.needed is None or got.needed >= 1
