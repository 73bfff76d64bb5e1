"""Sample frames of the scaling view: policies, waits, a replay, an audit log, and actions that worked or did not."""

from __future__ import annotations

from dataclasses import replace

import frames
import frames_analysis
from frames import NOW, P95, RATE, STEP, known, wave
from hostile import NASTY, NUMBERS

from capmon.model.curves import Estimate
from capmon.model.frame import Frame, Trend
from capmon.model.policies import (
    AuditLine,
    Replay,
    ReplayTable,
    Scaling,
    TierAdvice,
    Verdict,
    Wait,
)
from capmon.model.results import ActionState, Advice, Outcome, Predicted, ReplicaState

CPU = "process.cpu.utilization"
CELLS = 120
WINDOW = 600.0
END = (NOW // STEP + 1) * STEP

STABILIZATION = Wait("stabilization", False, 199.2)
COOLDOWN = (Wait("cooldown", True, 43.0), Wait("cooldown", False, 343.0))

VERDICTS = (
    Verdict(
        "step", 5, ("p95 287 ms > 250 ms", "cpu 66 % of 70 %", "memory 74 % of 80 %"),
        waits=(Wait("cooldown", True, 43.0),),
    ),
    Verdict(
        "hpa", 4, ("cpu 66 % of 70 % asks for 4", "118 req/s of 30 a replica asks for 4"),
        "tolerance 10 %", (STABILIZATION,),
    ),
    Verdict(
        "predictive",
        6,
        (
            "load up to 164 req/s by 14:36 asks for 6 at 31.2 req/s a replica",
            "now 118 req/s asks for 4",
            "1 minute of overload weighs 10 replica-hours: sized for the 97th percentile",
        ),
        "connections 25 × 6 of 150",
        (Wait("cooldown", True, 43.0),),
    ),
)  # fmt: skip

REPLAY = ReplayTable(
    (
        Replay("static_peak", 0.0, 0.0, 60.0, 1.62, 0, 0, 102.0),
        Replay("step", 3.214, 14.2, 44.0, 1.19, 21, 9, 74.8),
        Replay("guide_hpa", 1.871, 8.4, 46.3, 1.25, 12, 4, 78.7),
        Replay("hpa", 1.12, 5.1, 47.1, 1.27, 14, 5, 80.1),
        Replay("predictive", 0.143, 0.6, 41.5, 1.12, 9, 3, 70.6),
        Replay("look_ahead", 0.0, 0.0, 37.0, 1.0, 6, 2, 62.9),
    ),
    seconds=6 * 3600.0,
    capacity=31.2,
    at=NOW - 180,
    notes=("sized for the 97th percentile, which cost least",),
)

TIER = TierAdvice(
    "tier_2",
    "tier_3",
    ("memory 81 % > 80 % for 15 m", "cpu 66 %"),
    Estimate(1.6, 1.4, 1.9),
    Estimate(5.1 * frames.GIB, None, None),
    -0.34,
)

AUDIT = (
    AuditLine(NOW - 42, "verified", "olaf", 3, 4, "p95 274 → 287 ms"),
    AuditLine(NOW - 92, "done", "olaf", 3, 4, "4 of 4 ready after 12 s"),
    AuditLine(NOW - 104, "accepted", "olaf", 3, 4),
    AuditLine(NOW - 104, "attempt", "olaf", 3, 4, "asked for by hand"),
    AuditLine(NOW - 290, "failed", "capmon", 4, 3, "no such service: web"),
    AuditLine(NOW - 290, "attempt", "capmon", 4, 3, "load below 60 req/s for 10 m"),
    AuditLine(NOW - 480, "done", "capmon", 5, 3, "3 of 3 ready after 2 s"),
    AuditLine(NOW - 482, "accepted", "capmon", 5, 3),
    AuditLine(NOW - 2000, "accepted", "capmon", 4, 5),
    AuditLine(NOW - 90000, "refused", "olaf", 5, 12, "12 is over the maximum of 10"),
)

EXPECTED = (
    Predicted(CPU, 0.84, Estimate(0.676, 0.66, 0.70)),
    Predicted(P95, 0.274, Estimate(0.181, 0.160, 0.204)),
    Predicted("process.memory.usage", 3.1 * frames.GIB, None, "does not follow load"),
)

WORSE = Outcome(
    "b3", NOW - 104, 3, 4, ActionState.DONE, "4 of 4 ready after 12 s", EXPECTED,
    ((CPU, 0.67), (P95, 0.287), ("process.memory.usage", 3.04 * frames.GIB)), True, 12.4,
    "p95 274 → 287 ms, over 250 ms", 3,
)  # fmt: skip

FAILED = Outcome("b2", NOW - 290, 4, 3, ActionState.FAILED, "no such service: web")

EARLIER = Outcome(
    "b1", NOW - 482, 5, 3, ActionState.DONE, "3 of 3 ready after 2 s", EXPECTED[:2],
    ((CPU, 0.69), (P95, 0.191)), True, 2.1,
)  # fmt: skip


def course(*parts: tuple[float, float]) -> Trend:
    """Counts over the window: each from so many seconds before the end on; the first from its beginning."""
    start = END - CELLS * STEP
    values = []
    for i in range(CELLS):
        at = start + (i + 1) * STEP
        values.append(next((v for ago, v in reversed(parts) if at > NOW - ago), parts[0][1]))
    return Trend(END, STEP, tuple(values))


def level(value: float, swing: float = 0.25) -> Trend:
    """A swinging course over the window."""
    return Trend(END, STEP, wave(value, swing, CELLS))


TRENDS = {
    "replicas.desired": course((600, 5.0), (482, 3.0), (104, 4.0)),
    "replicas.ready": course((600, 5.0), (480, 3.0), (92, 4.0)),
    RATE: level(118.0),
    "load.per_replica": level(29.5),
}


def scaled() -> Frame:
    """All is known: a policy is followed, an action made things worse, and a replay was tried."""
    base = frames.busy()
    return replace(
        base,
        window=WINDOW,
        trends={**base.trends, **TRENDS},
        scaling=Scaling(
            "predictive",
            VERDICTS,
            COOLDOWN,
            Estimate(31.0, 28.0, 40.0),
            TIER,
            REPLAY,
            AUDIT,
            "capmon autoscale on web-01, dry-run",
        ),
        outcomes=(WORSE, FAILED, EARLIER),
    )


def settling() -> Frame:
    """Soon after the start: the first action is under way, nothing was replayed, no autoscaler acts."""
    base = frames.busy()
    begun = Outcome("c1", NOW - 21, 4, 5, ActionState.ACCEPTED, "4 of 5 ready after 21 s", frames.EFFECT)  # fmt: skip
    short = {
        "replicas.desired": replace(course((600, 4.0), (21, 5.0)), values=course((600, 4.0), (21, 5.0)).values[-18:]),
        "replicas.ready": Trend(END, STEP, (4.0,) * 18),
        RATE: replace(level(118.0), values=level(118.0).values[-18:]),
    }  # fmt: skip
    return replace(
        base,
        readings=base.readings | known({"replicas.desired": 5.0}),
        trends={**base.trends, **short},
        replicas=replace(frames.REPLICAS, desired=5),
        advice=Advice(5, "118 req/s take 5: p95 binds at 128"),
        scaling=Scaling(
            "hpa",
            (
                Verdict("step", 6, ("p95 287 ms > 250 ms",), waits=(Wait("cooldown", True, 279.0),)),
                Verdict("hpa", 5, ("cpu 66 % of 70 % asks for 5",)),
                Verdict("predictive", None, ("no forecast of the load yet: needs 30 points, has 18",)),
            ),
            (Wait("cooldown", True, 279.0), Wait("cooldown", False, 579.0)),
            replay=ReplayTable((), 0.0, 0.0, problem="not tried yet: needs 1 h of load, has 2 m"),
            audit=(
                AuditLine(NOW - 21, "accepted", "olaf", 4, 5),
                AuditLine(NOW - 21, "attempt", "olaf", 4, 5, "asked for by hand"),
            ),
        ),
        outcomes=(begun,),
    )  # fmt: skip


def unscaled() -> Frame:
    """No target is configured."""
    return replace(frames.busy(), replicas=None, advice=None, scaling=None, outcomes=())


def silent() -> Frame:
    """The target does not answer, and nobody has ever acted."""
    base = frames.app_down()
    return replace(
        base,
        trends={k: t for k, t in base.trends.items() if not k.startswith("replicas")},
        scaling=Scaling(
            "hpa",
            (
                Verdict("step", None, ("replicas are not known",)),
                Verdict("hpa", None, ("replicas are not known",)),
                Verdict("predictive", None, ("replicas are not known",)),
            ),
        ),
    )


def wild() -> Frame:
    """Names and numbers that nobody should send."""
    n = len(NUMBERS)
    waits = tuple(Wait(name, bool(i % 2), NUMBERS[i % n]) for i, name in enumerate(NASTY))
    predicted = tuple(
        Predicted(key, NUMBERS[i], Estimate(NUMBERS[i + 1], NUMBERS[i + 2], NUMBERS[i - 1]), NASTY[0])
        for i, key in enumerate((CPU, P95, RATE))
    )  # fmt: skip
    outcomes = tuple(
        Outcome(name, NUMBERS[i], 10**9, -7, state, name, predicted, ((CPU, NUMBERS[i]), (P95, NUMBERS[-i])), bool(i % 2), NUMBERS[i], name, 10**12)
        for i, (name, state) in enumerate(zip(NASTY, ActionState, strict=True))
    )  # fmt: skip
    return replace(
        frames_analysis.hostile(),
        window=600.0,
        trends={
            **frames_analysis.hostile().trends,
            "replicas.ready": Trend(END, STEP, NUMBERS * 7),
            "replicas.desired": Trend(END, STEP, NUMBERS[::-1] * 7),
            RATE: Trend(NUMBERS[3], STEP, NUMBERS[3:] * 3),
        },
        replicas=ReplicaState(NASTY[0], NASTY[2], 10**9, -4, NOW, NASTY[0], -7, 10**15),
        scaling=Scaling(
            NASTY[0],
            tuple(Verdict(name, 10**9 if i else None, NASTY, name, waits) for i, name in enumerate(NASTY)),
            waits,
            Estimate(*NUMBERS[:3]),
            TierAdvice(NASTY[0], NASTY[1], NASTY, Estimate(*NUMBERS[3:6]), None, NUMBERS[1]),
            ReplayTable(
                tuple(Replay(name, v, v, v, v, 10**12, -1, v) for name, v in zip(NASTY, NUMBERS, strict=False)),
                NUMBERS[0], NUMBERS[1], NUMBERS[2], NASTY,
            ),
            tuple(AuditLine(v, name, name, -1, 10**12, name) for name, v in zip(NASTY, NUMBERS, strict=False)),
            NASTY[0],
        ),
        outcomes=outcomes,
    )  # fmt: skip


ALL = {
    "scaled": scaled,
    "settling": settling,
    "unscaled": unscaled,
    "silent": silent,
    "wild": wild,
}
"""Every sample by name."""
