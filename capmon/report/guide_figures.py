"""The guide's arithmetic beside the right one: limits, cost of a request, capacity, models of load."""

from __future__ import annotations

import math

from capmon.analysis import guide
from capmon.analysis.capacity import Resource, capacity_for
from capmon.analysis.curves.fits import Question, fit
from capmon.analysis.curves.headroom import Limit, crossing
from capmon.analysis.demand import cpu_per_request, memory_per_concurrent
from capmon.analysis.guide.workload import CACHE_MB, CONNECTIONS, CORES, MEMORY_GB
from capmon.analysis.windows import Vec
from capmon.config.schema import CouplingSettings, ScalingSettings
from capmon.model.curves import Estimate, Fit, FitKind
from capmon.model.names import HOST_CPU, LATENCY, RATE
from capmon.model.patterns import Capacity, CapacityNeed
from capmon.report import guide_inputs as given
from capmon.report.example import Example, known, vec
from capmon.scaling.limits import ceiling

MB = 1e6
HOUR = 3600.0
GROWTH = 3.0


def limits() -> tuple[Example, ...]:
    """What the machine and the connection pool can carry."""
    section = "what there is"
    seconds = given.CORES * HOUR
    pool = CouplingSettings(
        "database connections", given.CONNECTIONS_PER_INSTANCE, given.CONNECTIONS
    )
    most = ceiling(ScalingSettings(max=given.MAX_INSTANCES, limits=(pool,)))
    return (
        Example(
            "cpu_seconds_per_hour",
            section,
            "CPU time of 4 cores in an hour",
            "s",
            given.CPU_SECONDS_AN_HOUR,
            seconds,
            "is cores × GHz; a core has 3,600 s an hour at any clock",
        ),
        Example(
            "cpu_seconds_at_target",
            section,
            "the same at 80 %",
            "s",
            given.CPU_SECONDS_AT_TARGET,
            seconds * given.UTILIZATION_TARGET,
            "follows from that",
        ),
        Example(
            "replicas_by_pool",
            section,
            "most replicas",
            "",
            given.MAX_INSTANCES,
            most,
            f"{given.MAX_INSTANCES} × {given.CONNECTIONS_PER_INSTANCE} connections exceed the"
            f" {given.CONNECTIONS} that the database gives",
        ),
    )


def cost_of_a_request() -> tuple[Example, ...]:
    """CPU and memory of one request."""
    section = "cost of a request"
    rows = [{**row, **cached} for row, cached in zip(given.SAMPLE, given.CACHED, strict=True)]
    theirs = guide.calculate_resource_per_request(rows)
    busy = _column("cpu_usage") / 100 * given.CORES
    cpu = cpu_per_request(_column("request_rate"), busy, series=False)
    memory = memory_per_concurrent(
        _column("concurrent_requests"), _column("memory_usage_mb") * MB, series=False
    )
    total, more = known(cpu.total, cpu.problem), known(cpu.per_unit, cpu.problem)
    each, base = known(memory.per_unit, memory.problem), known(memory.base, memory.problem)
    return (
        Example(
            "cpu_per_request",
            section,
            "CPU time per request",
            "ms",
            theirs.cpu_ms_per_request,
            total.value * 1e3,
            "takes per cent for seconds; right is busy cores over rate"
            f" (one request more costs {more.value * 1e3:.1f} ms)",
        ),
        Example(
            "memory_per_concurrent",
            section,
            "memory per concurrent request",
            "MB",
            theirs.memory_mb_per_request,
            each.value / MB,
            "shares out what is in use at rest; the slope does not",
        ),
        Example(
            "memory_base",
            section,
            "memory without requests",
            "MB",
            None,
            base.value / MB,
            "where that line begins",
        ),
    )


def _column(name: str) -> Vec:
    return vec([row[name] for row in given.SAMPLE])


def capacity_for_growth() -> tuple[Example, ...]:
    """Capacity for three times the load, by the guide's own factors."""
    bought = guide.predict_capacity_needs(given.SAMPLE, GROWTH).recommended_resources
    resources = (
        Resource("cores", CORES),
        Resource("memory", MEMORY_GB),
        Resource("cache", CACHE_MB),
        Resource("connections", CONNECTIONS),
    )
    ours = capacity_for(
        GROWTH,
        float(_column("request_rate").mean()),
        (),
        {},
        resources,
        latency_now=float(_column("response_time_p95").mean()),
        objective=given.OBJECTIVE_MS,
    )
    rows = (
        ("cores", "cores", "", bought.cpu_cores),
        ("memory", "memory", "GB", bought.memory_gb),
        ("cache", "cache", "MB", bought.cache_size_mb),
        ("connections", "database connections", "", bought.db_connections),
    )
    found = []
    for key, what, unit, theirs in rows:
        need = _need(ours, key)
        why = _cut(theirs, need.exact)
        found.append(
            Example(
                f"growth3_{key}",
                f"capacity for {GROWTH:.0f} times the load",
                what,
                unit,
                theirs,
                need.need,
                why,
            )
        )
    return tuple(found)


def _need(found: Capacity, name: str) -> CapacityNeed:
    need = next((n for n in found.needs if n.resource == name), None)
    return known(need, found.problem or f"no need of {name}")


def _cut(theirs: int, exact: float) -> str:
    """What became of the exact figure when it was cut to a whole one."""
    if theirs >= exact:
        return "a whole number already"
    if math.isclose(exact, round(exact)):
        return f"{round(exact)} less the error of a float, cut to {theirs}"
    return f"rounds {exact:.4g} down: too little for the load"


def models() -> tuple[Example, ...]:
    """The curves over load, and what they say."""
    cpu = _fit(HOST_CPU, FitKind.LINEAR, vec(given.CPU_UTILIZATIONS) / 100)
    p95 = _fit(LATENCY, FitKind.EXPONENTIAL, vec(given.RESPONSE_TIMES) / 1e3)
    return (*_response_time(p95), *_where_they_bind(cpu, p95), *_cores(cpu))


SECTION = "models over load"


def _response_time(p95: Fit) -> tuple[Example, ...]:
    theirs = guide.build_response_time_model(given.REQUEST_RATES, given.RESPONSE_TIMES)
    return (
        Example(
            "p95_a",
            SECTION,
            "p95 without load, a",
            "ms",
            theirs.a,
            p95.coefficient("a") * 1e3,
            "the same: least squares on the logarithm, a·e^(b·rate)",
        ),
        Example(
            "p95_b",
            SECTION,
            "growth for one req/s, b",
            "",
            theirs.b,
            p95.coefficient("b"),
            "the same",
        ),
        Example(
            "p95_r_squared",
            SECTION,
            "R² of that model",
            "",
            theirs.r_squared,
            p95.r_squared,
            "is of the logarithm; what counts are milliseconds",
        ),
    )


def _where_they_bind(cpu: Fit, p95: Fit) -> tuple[Example, ...]:
    full, problem = crossing(cpu, given.UTILIZATION_TARGET)
    slow, trouble = crossing(p95, given.OBJECTIVE_MS / 1e3)
    full, slow = known(full, problem), known(slow, trouble)
    return (
        Example(
            "cpu_80_at",
            SECTION,
            "CPU reaches 80 % at",
            "req/s",
            None,
            full.value,
            f"{_interval(full)}; has the line and never asks it",
            full.low,
            full.high,
        ),
        Example(
            "p95_objective_at",
            SECTION,
            "p95 reaches 250 ms at",
            "req/s",
            None,
            slow.value,
            f"{_interval(slow)}, the first limit; has the curve, never asks it",
            slow.low,
            slow.high,
        ),
    )


def _cores(cpu: Fit) -> tuple[Example, ...]:
    built = guide.Models(
        guide.build_cpu_model(given.REQUEST_RATES, given.CPU_UTILIZATIONS),
        guide.build_memory_model(given.CONCURRENT_USERS, given.MEMORY_USAGE),
        guide.build_response_time_model(given.REQUEST_RATES, given.RESPONSE_TIMES),
    )
    found = []
    cores = Resource("cores", given.CORES, target=HOST_CPU)
    limit = {HOST_CPU: Limit(given.UTILIZATION_TARGET, "utilization_target")}
    for rate, users, why in (
        (100, 50, f"calls all below 80 % of {given.CORES} cores one core"),
        (500, 250, "scales by a curve seen up to 150 req/s"),
    ):
        theirs = guide.calculate_scaling_requirements(built, rate, users, given.OBJECTIVE_MS)
        ours = capacity_for(rate / given.RATE_NOW, given.RATE_NOW, (cpu,), limit, (cores,))
        busy = known(cpu.predict(rate), "no line for the CPU") * given.CORES
        found.append(
            Example(
                f"cores_at_{rate}",
                SECTION,
                f"cores for {rate} req/s",
                "",
                theirs.cpu_cores,
                _need(ours, "cores").need,
                f"{why}; {busy:.2f} are busy",
            )
        )
    return tuple(found)


def _interval(at: Estimate) -> str:
    if at.low is None or at.high is None:
        return "no interval"
    return f"{at.low:.1f}–{at.high:.1f}"


def _fit(target: str, kind: FitKind, values: Vec) -> Fit:
    question = Question(target, RATE, kind, series=False)
    return fit(question, vec(given.REQUEST_RATES), values)
