"""Sample frames for tests of the screen: no clock, no network, the same at every run."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

from capmon.model.frame import (
    Event,
    Frame,
    HostFacts,
    ProcessUse,
    Reading,
    TopProcesses,
    Trend,
)
from capmon.model.metric import key
from capmon.model.results import (
    ActionState,
    Advice,
    Bottleneck,
    Coefficient,
    Coverage,
    Estimate,
    Evidence,
    Fit,
    FitKind,
    Forecast,
    Headroom,
    Health,
    Outcome,
    Predicted,
    Priority,
    Recommendation,
    ReplicaState,
    Severity,
    SourceState,
    TimeToLimit,
    UtilizationReport,
    When,
)

NOW = 1_772_375_527.0
"""2026-03-01T14:32:07Z."""

GIB = 2.0**30
STEP = 5.0
CELLS = 60

CPU = "system.cpu.utilization"
MEMORY = "system.memory.utilization"
RATE = "http.server.request.rate"
P50, P95, P99 = (f"http.server.request.duration.{q}" for q in ("p50", "p95", "p99"))
ROOT = key("system.filesystem.utilization", mountpoint="/")
VAR = key("system.filesystem.utilization", mountpoint="/var/lib/docker")

VALUES: dict[str, float] = {
    CPU: 0.62,
    key("system.cpu.core.utilization", core="0"): 0.71,
    key("system.cpu.core.utilization", core="1"): 0.22,
    "system.cpu.user": 0.41,
    "system.cpu.system": 0.09,
    "system.cpu.iowait": 0.012,
    "system.cpu.steal": 0.0,
    "system.cpu.limit": 1.5,
    "system.cpu.load.1m": 1.62,
    "system.cpu.load.5m": 1.31,
    "system.cpu.load.15m": 0.98,
    MEMORY: 0.81,
    "system.memory.usage": 19.0 * GIB,
    "system.memory.available": 4.5 * GIB,
    "system.memory.limit": 23.5 * GIB,
    "system.swap.utilization": 0.04,
    "system.swap.usage": 0.1 * GIB,
    "system.swap.limit": 2.0 * GIB,
    ROOT: 0.43,
    key("system.filesystem.usage", mountpoint="/"): 43 * GIB,
    key("system.filesystem.limit", mountpoint="/"): 100 * GIB,
    VAR: 0.88,
    key("system.disk.io.time", device="vda"): 0.31,
    key("system.disk.read", device="vda"): 1.21e6,
    key("system.disk.write", device="vda"): 4.4e6,
    "system.network.receive": 12.3e6,
    "system.network.transmit": 4.1e6,
    "system.network.retransmit.ratio": 0.0012,
    "system.network.connections": 212.0,
    "system.filehandles.usage": 4320.0,
    "system.filehandles.utilization": 0.05,
    "system.processes.count": 187.0,
    "system.pressure.cpu.some.avg10": 0.12,
    "system.pressure.memory.some.avg10": 0.01,
    "system.pressure.memory.full.avg10": 0.0,
    "system.pressure.io.some.avg10": 0.03,
    "system.pressure.io.full.avg10": 0.01,
    "container.cpu.throttled": 0.07,
    RATE: 118.0,
    "http.server.error.rate": 0.24,
    "http.server.error.ratio": 0.002,
    P50: 0.042,
    P95: 0.287,
    P99: 0.411,
    "http.server.active_requests": 9.0,
    "app.users.active": 64.0,
    "process.cpu.utilization": 0.66,
    "process.memory.utilization": 0.74,
    "process.memory.usage": 3.0 * GIB,
    "cache.hit_ratio": 0.61,
    "cache.usage": 4.1 * GIB,
    "cache.limit": 8.0 * GIB,
    "db.status": 1.0,
    "db.connections.usage": 31.0,
    "db.connections.limit": 100.0,
    "db.connections.utilization": 0.31,
    "replicas.ready": 4.0,
    "replicas.desired": 4.0,
    "load.per_replica": 29.5,
    "users.per_replica": 16.0,
}

HOST = HostFacts(
    hostname="web-01",
    system="Debian 12",
    cores=2,
    cpu_limit=1.5,
    cpu_limit_origin="cgroup v2",
    memory_total=23.5 * GIB,
    memory_limit=23.5 * GIB,
    memory_limit_origin="machine",
    boot_time=NOW - 3 * 86400,
)

PROCESSES = TopProcesses(
    by_cpu=(
        ProcessUse(4211, "java", 0.84, 5.1 * GIB, 2.1e6),
        ProcessUse(812, "postgres", 0.11, 0.9 * GIB, 1.3e6),
        ProcessUse(77, "kworker/u4:2", 0.02, 0.0, None),
    ),
    by_memory=(
        ProcessUse(4211, "java", 0.84, 5.1 * GIB, 2.1e6),
        ProcessUse(812, "postgres", 0.11, 0.9 * GIB, 1.3e6),
        ProcessUse(990, "redis-server", None, 0.4 * GIB, None),
    ),
    by_io=(ProcessUse(812, "postgres", 0.11, 0.9 * GIB, 1.3e6),),
)


def wave(level: float, swing: float = 0.2, n: int = CELLS) -> tuple[float, ...]:
    """A course that ends at a level and swings around it."""
    return tuple(level * (1 + swing * math.sin((i - n + 1) / 6)) for i in range(n))


def trend(level: float, swing: float = 0.2) -> Trend:
    """The trend of a wave, aligned as a store aligns it."""
    return Trend((math.floor(NOW / STEP) + 1) * STEP, STEP, wave(level, swing))


def known(values: dict[str, float]) -> dict[str, Reading]:
    """Readings of now."""
    return {k: Reading(v, NOW) for k, v in values.items()}


def live(source: str, interval: float = 1.0) -> Health:
    """A source that answers."""
    return Health(source, SourceState.LIVE, "", NOW, NOW - 600, interval, 0.004)


def line(target: str, slope: float, base: float, load: str = RATE) -> Fit:
    """A straight line over load."""
    return Fit(
        target,
        load,
        FitKind.LINEAR,
        (Coefficient("slope", slope, slope / 20), Coefficient("intercept", base, 0.01)),
        r_squared=0.98,
        n=412,
        load_min=8.0,
        load_max=31.0,
        residual_std=0.01,
        load_mean=20.0,
        load_squares=900.0,
        t_quantile=1.97,
        window=3600.0,
        per_replica=True,
    )


FITS = (
    line(CPU, 0.0051, 0.133),
    line("process.memory.usage", 24e6, 1.7 * GIB, "app.users.active"),
    replace(
        line(P95, 0, 0),
        kind=FitKind.EXPONENTIAL,
        coefficients=(Coefficient("a", 0.0728, 0.004), Coefficient("b", 0.0096, 0.0004)),
        r_squared=0.99,
    ),
)

HEADROOM = (
    Headroom(P95, 0.25, "objectives.latency_p95", RATE, Estimate(128.0, 121.0, 136.0), 118.0, 1.085),
    Headroom(CPU, 0.8, "thresholds.cpu.warning", RATE, Estimate(131.0, 122.0, 141.0), 118.0, 1.11),
    Headroom("process.memory.usage", 3.2 * GIB, "thresholds.memory.warning", "app.users.active", Estimate(212.0, 200.0, None), 64.0, 3.31, True),
)  # fmt: skip


def forecast(metric_key: str, level: float, limit: float | None, **more: object) -> Forecast:
    """Six hours ahead in steps of ten minutes."""
    median = wave(level, 0.15, 36)
    made = Forecast(
        metric_key,
        NOW,
        step=600.0,
        past=wave(level, 0.2, 36),
        median=median,
        low=tuple(v * 0.85 for v in median),
        high=tuple(v * 1.15 for v in median),
        method="holt",
        limit=limit,
        coverage=Coverage(212, 0.94, 0.81, 86400.0),
    )
    return replace(made, **more)  # type: ignore[arg-type]


FORECASTS = (
    forecast(RATE, 118.0, None),
    forecast(P95, 0.25, 0.25, breach_probability=0.34),
    forecast(MEMORY, 0.81, 0.8, breach_probability=1.0, time_to_limit=TimeToLimit(-300.0, -240.0, -200.0)),
    forecast(ROOT, 0.5, 0.8, breach_probability=0.9, time_to_limit=TimeToLimit(9 * 86400.0, 12 * 86400.0, 18 * 86400.0)),
    forecast(CPU, 0.6, 0.8, breach_probability=0.004),
    Forecast("process.cpu.utilization", NOW, problem="needs 60 points, has 12"),
)  # fmt: skip


def bottleneck(component: str, severity: Severity, metric_key: str, **more: object) -> Bottleneck:
    """A bottleneck with everything said about it."""
    made = Bottleneck(
        component,
        severity,
        metric_key,
        VALUES.get(metric_key),
        0.8,
        NOW - 240,
        240.0,
        f"what {component} does to the service",
        (Evidence(metric_key, 0.9, "88 % > 80 % for 4 m"),),
        "java 5.1 GiB",
        (
            Recommendation(f"first thing to do about {component}", When.IMMEDIATE, component),
            Recommendation(f"second thing to do about {component}", When.SHORT_TERM, component),
            Recommendation(f"last thing to do about {component}", When.LONG_TERM, component),
        ),
    )
    return replace(made, **more)  # type: ignore[arg-type]


BOTTLENECKS = (
    bottleneck("disk /var", Severity.CRITICAL, VAR),
    bottleneck("memory", Severity.HIGH, MEMORY),
    bottleneck("latency", Severity.MEDIUM, P95),
    bottleneck("cache", Severity.LOW, "cache.hit_ratio", recovering=False),
)

EFFECT = (
    Predicted("process.cpu.utilization", 0.62, Estimate(0.5)),
    Predicted(P95, 0.187, Estimate(0.149, 0.140, 0.160)),
)

REPLICAS = ReplicaState("swarm", "web", 4, 4, NOW, "", 2, 10, "17")

OUTCOMES = (
    Outcome("a2", NOW - 7200, 3, 4, ActionState.DONE, "", EFFECT, (("process.cpu.utilization", 0.52), (P95, 0.152)), True),
    Outcome("a1", NOW - 9000, 4, 3, ActionState.FAILED, "no such service: web"),
)  # fmt: skip

EVENTS = (
    Event(NOW - 240, "bottleneck", "memory high: 81 % > 80 %"),
    Event(NOW - 900, "source", "app live"),
    Event(NOW - 7200, "action", "3 → 4 replicas: done"),
    Event(NOW - 7300, "notice", "the terminal lagged behind"),
)


def busy() -> Frame:
    """Everything is known, and there is a bottleneck of each severity."""
    return Frame(
        sequence=600,
        at=NOW,
        interval=1.0,
        window=300.0,
        host=HOST,
        app_name="semantic-text-processor",
        app_source="json",
        readings=known(VALUES),
        trends={k: trend(v) for k, v in VALUES.items()},
        texts={"db.status": "healthy"},
        processes=PROCESSES,
        engine_ready=True,
        fits=FITS,
        headroom=HEADROOM,
        forecasts=FORECASTS,
        bottlenecks=BOTTLENECKS,
        priority=Priority.URGENT,
        recommendations=tuple(r for b in BOTTLENECKS for r in b.recommendations),
        utilization=UtilizationReport(
            0.62, 0.18, 0.81, -0.2 * GIB, 0.88, -8 * GIB, "/var/lib/docker",
            0.287, -0.037, 0.61, "poor", "immediate", 0.8,
        ),
        replicas=REPLICAS,
        advice=Advice(5, "p95 binds at 128 req/s", EFFECT),
        outcomes=OUTCOMES,
        health=(live("host"), live("app", 2.0), live("processes", 5.0), live("replicas", 5.0)),
        events=EVENTS,
    )  # fmt: skip


def calm() -> Frame:
    """Everything is known and nothing needs anyone."""
    values = VALUES | {CPU: 0.21, MEMORY: 0.44, VAR: 0.35, P95: 0.093, "cache.hit_ratio": 0.93}
    return replace(
        busy(),
        readings=known(values),
        trends={k: trend(v, 0.05) for k, v in values.items()},
        bottlenecks=(),
        recommendations=(),
        priority=Priority.NONE,
        forecasts=(
            forecast(RATE, 60.0, None),
            forecast(CPU, 0.2, 0.8, breach_probability=0.0),
        ),
        advice=Advice(4, "every limit is far away"),
        outcomes=(),
        events=EVENTS[1:2],
    )


def starting() -> Frame:
    """The first paint: few readings, no analysis."""
    few = (CPU, MEMORY, "system.memory.usage", "system.memory.limit", ROOT)
    return Frame(
        sequence=1,
        at=NOW,
        interval=1.0,
        window=300.0,
        host=HOST,
        app_name="semantic-text-processor",
        app_source="json",
        readings=known({k: VALUES[k] for k in few})
        | {RATE: Reading(None, None, "not read yet"), P95: Reading(None, None, "not read yet")},
        health=(live("host"), Health("app", SourceState.STARTING, interval=2.0)),
    )


def app_down() -> Frame:
    """The application does not answer; the host does."""
    reason = "connection refused"
    gone = ("http.", "app.", "process.", "cache.", "db.", "load.", "users.")
    readings = {
        k: Reading(None, NOW - 95, reason) if k.startswith(gone) else r
        for k, r in busy().readings.items()
    }
    readings["system.pressure.cpu.some.avg10"] = Reading(None, None, "no /proc/pressure here")
    readings["system.pressure.io.some.avg10"] = Reading(None, None, "no /proc/pressure here")
    return replace(
        busy(),
        readings=readings,
        texts={},
        fits=tuple(
            Fit(f.target, f.load, f.kind, problem="not enough load variation") for f in FITS
        ),
        headroom=tuple(replace(h, at=None, now=None, multiple=None, problem="no model") for h in HEADROOM),
        forecasts=FORECASTS[2:4],
        bottlenecks=BOTTLENECKS[1:2],
        priority=Priority.PLANNED,
        replicas=replace(REPLICAS, ready=None, desired=None, reason="docker: timed out"),
        advice=Advice(None, "replicas are not known"),
        outcomes=(),
        health=(
            live("host"),
            Health("app", SourceState.FAILING, reason, NOW - 95, NOW - 90, 2.0, 0.002, 41),
            Health("replicas", SourceState.LATE, "docker: timed out", NOW - 30, NOW - 20, 5.0),
            Health("processes", SourceState.OFF, "host.processes is 0", None, NOW - 600),
        ),
    )  # fmt: skip


def hostile() -> Frame:
    """Names and numbers that nobody should send."""
    from hostile import frame

    return frame()


def curves(name: str) -> Frame:
    """One of the frames of the models view, which have a file of their own."""
    import frames_models

    made: Frame = getattr(frames_models, name)()
    return made


def analysed(name: str) -> Frame:
    """One of the frames of the forecast and bottlenecks views, which have a file of their own."""
    from frames_analysis import ALL as MADE

    return MADE[name]()


def scaling(name: str) -> Frame:
    """One of the frames of the scaling view, which have a file of their own."""
    from frames_scaling import ALL as MADE

    return MADE[name]()


def past(name: str) -> Frame:
    """One of the frames of a moment that is not now, which have a file of their own."""
    from frames_past import ALL as MADE

    return MADE[name]()


ALL = {
    "busy": busy,
    "calm": calm,
    "starting": starting,
    "app_down": app_down,
    "hostile": hostile,
    **{name: partial(curves, name) for name in ("models", "young", "uncounted")},
    **{
        name: partial(analysed, name)
        for name in ("analysed", "quiet", "pending", "fresh", "blind", "absurd")
    },
    **{
        name: partial(scaling, name)
        for name in ("scaled", "settling", "unscaled", "silent", "wild")
    },
    **{name: partial(past, name) for name in ("past", "end", "file", "recorded")},
    "empty": lambda: Frame(sequence=0, at=NOW, interval=1.0, window=300.0),
}
"""Every sample by name."""
