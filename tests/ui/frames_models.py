"""Sample frames of the models view: every field of a fit filled, and the ways in which there is none."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import frames
from frames import CPU, GIB, P95, RATE

from capmon.model.curves import Curve
from capmon.model.frame import Frame, Reading
from capmon.model.results import (
    Candidate,
    Coefficient,
    Estimate,
    Fit,
    FitKind,
    Headroom,
)

USERS = "app.users.active"
MEMORY = "process.memory.usage"


def cloud(fit: Fit, low: float, high: float, seed: int, n: int = 160) -> Fit:
    """The fit with points scattered around its curve as its residuals say."""
    rng = random.Random(seed)
    points = []
    for _ in range(n):
        load = low + (high - low) * rng.random() ** 0.8
        noise = rng.gauss(0.0, fit.residual_std or 0.0)
        value = fit.predict(load) or 0.0
        points.append((load, value * math.exp(noise) if fit.relative else value + noise))
    return replace(fit, points=tuple(points))


def cpu() -> Fit:
    """A straight line, with a Theil-Sen line nearly as good."""
    made = replace(
        frames.line(CPU, 0.02037, 0.133, "load.per_replica"),
        residual_std=0.025,
        r_squared=0.974,
        coefficients=(
            Coefficient("slope", 0.02037, 0.0004),
            Coefficient("intercept", 0.133, 0.0081),
        ),
        cap=1.0,
        saturates_at=Estimate(42.6, 40.1, 45.4),
        load_squares=18000.0,
        candidates=(
            Candidate(FitKind.LINEAR, 0.0252, 0.974, chosen=True),
            Candidate(FitKind.ROBUST, 0.0254, 0.973),
        ),
        starts_from="4 → 5 replicas at 14:02",
        left_out="12 points at the cap",
    )
    return cloud(made, 8.0, 31.0, 1)


def memory() -> Fit:
    """Memory over users."""
    made = replace(
        frames.line(MEMORY, 24 * 2.0**20, 1.7 * GIB, "users.per_replica"),
        residual_std=0.04 * GIB,
        r_squared=0.991,
        load_min=4.0,
        load_max=22.0,
        load_mean=13.0,
        load_squares=9000.0,
        coefficients=(
            Coefficient("slope", 24 * 2.0**20, 1.1 * 2.0**20),
            Coefficient("intercept", 1.7 * GIB, 0.011 * GIB),
        ),
        candidates=(
            Candidate(FitKind.LINEAR, 0.041 * GIB, 0.991, chosen=True),
            Candidate(FitKind.ROBUST, 0.041 * GIB, 0.990),
        ),
    )
    return cloud(made, 4.0, 22.0, 2)


def latency() -> Fit:
    """A queue that is full at 41 req/s a replica, chosen over an exponential."""
    made = replace(
        frames.line(P95, 0, 0, "load.per_replica"),
        kind=FitKind.MMC,
        coefficients=(
            Coefficient("base", 0.021, 0.004),
            Coefficient("scale", 0.0285, 0.0012),
            Coefficient("capacity", 41.2, 1.3),
            Coefficient("servers", 2.0, None),
        ),
        rivals=(
            Curve(FitKind.MMC, (0.020, 0.0289, 39.4, 2.0)),
            Curve(FitKind.MMC, (0.022, 0.0281, 43.1, 2.0)),
        ),
        residual_std=0.07,
        relative=True,
        r_squared=0.962,
        saturates_at=Estimate(41.2, 38.7, 44.0),
        candidates=(
            Candidate(FitKind.MMC, 0.0712, 0.962, chosen=True),
            Candidate(FitKind.KINGMAN, 0.0741, 0.957),
            Candidate(FitKind.EXPONENTIAL, 0.1124, 0.911),
            Candidate(FitKind.ROBUST, None, None, problem="bends upward"),
            Candidate(FitKind.USL, None, None, problem="needs concurrency, which is not reported"),
        ),
    )
    return cloud(made, 8.0, 31.0, 3)


HEADROOM = (
    Headroom(P95, 0.25, "objectives.latency_p95", RATE, Estimate(125.6, 117.0, 134.0), 118.0, 1.065, needs=4),
    Headroom(CPU, 0.8, "utilization_target", RATE, Estimate(131.0, 122.0, 141.0), 118.0, 1.11, needs=4),
    Headroom(MEMORY, 3.2 * GIB, "utilization_target", USERS, Estimate(256.0, 240.0, None), 64.0, 4.0, True, needs=1),
)  # fmt: skip


def models() -> Frame:
    """All curves are there."""
    p95 = latency().predict(29.5) or 0.0
    readings = {
        **frames.busy().readings,
        CPU: Reading(0.733, frames.NOW),
        P95: Reading(p95, frames.NOW),
        MEMORY: Reading(2.07 * GIB, frames.NOW),
    }
    return replace(
        frames.busy(),
        readings=readings,
        fits=(cpu(), memory(), latency()),
        headroom=HEADROOM,
    )


def young() -> Frame:
    """Too few points so far for one curve, no growth in another, and nothing reported for the third."""
    few = replace(cpu(), coefficients=(), n=12, points=cpu().points[:12], candidates=(), problem="needs 20 points, has 12")  # fmt: skip
    silent = Fit(MEMORY, "users.per_replica", FitKind.LINEAR, problem="not reported")
    return replace(
        models(),
        fits=(few, silent, latency()),
        headroom=(
            HEADROOM[0],
            Headroom(CPU, 0.8, "utilization_target", RATE, None, 118.0, problem=few.problem),
            Headroom(MEMORY, 3.2 * GIB, "utilization_target", USERS, None, 64.0, problem=silent.problem),
        ),
    )  # fmt: skip


def uncounted() -> Frame:
    """Curves per replica, and a scale target that does not answer."""
    made = models()
    gone = replace(frames.REPLICAS, ready=None, desired=None, reason="docker: timed out")
    return replace(
        made,
        replicas=gone,
        headroom=tuple(
            replace(h, at=None, multiple=None, needs=None, problem="replica count is not known")
            for h in made.headroom
        ),
    )
