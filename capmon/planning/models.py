"""Chapter two: what a request costs, and what the curves say of other loads."""

from __future__ import annotations

import math

import numpy as np

from capmon.analysis.curves.headroom import TRUSTED_REACH
from capmon.analysis.effect import FAR, full_at, whole_load
from capmon.model.curves import Estimate, Fit
from capmon.model.metric import Unit, metric
from capmon.model.names import ERRORS, LATENCY, RATE
from capmon.model.patterns import Demand
from capmon.model.plan import Cell, Chapter, Chart, Column, Figure, Line, Statement, Table
from capmon.model.units import percent, span
from capmon.planning.baseline import finest
from capmon.planning.evidence import Evidence
from capmon.planning.words import REQUESTS, counted, day, estimated, grounds, label, number, ranged

KEY, TITLE = "models", "Workload and resource models"

CHART_POINTS = 40
"""Points of a curve in a chart."""

_QUANTILES = (
    ("p50", "http.server.request.duration.p50"),
    ("p95", LATENCY),
    ("p99", "http.server.request.duration.p99"),
)


def chapter(evidence: Evidence) -> Chapter:
    """Rate, errors and duration; the cost of a request; curves over load and what they predict."""
    good = [f for f in evidence.fits if not f.problem]
    tables = tuple(
        t for t in (_workload(evidence), _curves(evidence), _predictions(evidence)) if t is not None
    )
    return Chapter(
        KEY, TITLE, _answer(good), _statements(evidence, good), _figures(evidence), tables,
        tuple(_chart(evidence, f) for f in good), missing=_missing(evidence),
    )  # fmt: skip


def _answer(good: list[Fit]) -> str:
    if not good:
        return "No curve over load could be fitted: predictions rest on proportion alone."
    named = ", ".join(f"{label(f.target)} {f.kind} (R² {f.r_squared or 0:.2f})" for f in good)
    where = "one replica" if good[0].per_replica else "the whole service"
    return f"Curves of {where} over load: {named}."


def _workload(evidence: Evidence) -> Table | None:
    """Rate, errors and duration over the record."""
    rows: list[tuple[Cell, ...]] = []
    rate = finest(evidence, RATE)
    if rate is not None:
        known = rate.mean[np.isfinite(rate.mean)]
        mean, p95, most = float(known.mean()), float(np.quantile(known, 0.95)), float(known.max())
        rows.append(
            (
                "rate",
                *(number(v, REQUESTS) for v in (mean, p95, most)),
                grounds(rate, "means", evidence.zone),
            )
        )
    errors = finest(evidence, ERRORS)
    if errors is not None:
        known = errors.mean[np.isfinite(errors.mean)]
        values = (float(np.mean(known)), float(np.quantile(known, 0.95)), float(known.max()))
        rows.append(("errors", *(number(v, Unit.RATIO) for v in values), grounds(errors, "means", evidence.zone)))  # fmt: skip
    for name, key in _QUANTILES:
        series = finest(evidence, key)
        if series is not None:
            known = series.mean[np.isfinite(series.mean)]
            values = (float(np.median(known)), float(np.quantile(known, 0.95)), float(known.max()))
            text = grounds(series, f"median {name}", evidence.zone)
            rows.append((f"duration {name}", *(number(v, Unit.SECONDS) for v in values), text))
    if not rows:
        return None
    columns = (
        Column("what"), Column("usual"), Column("95 % of the time below"), Column("greatest"),
        Column("evidence"),
    )  # fmt: skip
    return Table(
        "Rate, errors, duration", columns, tuple(rows),
        "usual: mean, of durations the median, since the mean of percentiles is no percentile",
    )  # fmt: skip


def _figures(evidence: Evidence) -> tuple[Figure, ...]:
    """Peak to mean, cost of a request, scalability."""
    found: list[Figure] = []
    rate, p = finest(evidence, RATE), evidence.patterns
    if rate is not None and p is not None and p.peak_ratio is not None:
        text = f"99.9th percentile over mean, {p.n:,} cells, {span(p.seconds)}"
        found.append(counted("peak to mean", p.peak_ratio, "×", text))
    for demand in evidence.demands:
        found.extend(_demand(demand))
    usl = evidence.usl
    if usl is not None and not usl.problem:
        found.extend(_scalability(usl))
    else:
        reason = evidence.reasons.get("usl", "") if usl is None else usl.problem
        found.append(estimated("contention α", None, "", "", reason))
    return tuple(found)


def _demand(demand: Demand) -> tuple[Figure, ...]:
    """One more request, and what is used without any."""
    seconds = demand.name.startswith("cpu")
    unit: Unit = Unit.SECONDS if seconds else Unit.BYTES
    law = "utilization law" if seconds else "line over requests at once"
    text = f"{law}, {demand.n:,} points{'; ' + demand.note if demand.note else ''}"
    first = estimated(demand.name, demand.per_unit, unit, text, demand.problem)
    if demand.base is None:
        return (first,)
    base_unit: Unit = Unit.CORES if seconds else Unit.BYTES
    return first, estimated(f"{demand.name.split()[0]} without load", demand.base, base_unit, text)


def _scalability(usl: Fit) -> tuple[Figure, ...]:
    """α, β and γ with their intervals, those that can be told from zero named as such."""
    t, names = usl.t_quantile or 1.96, {"alpha": "contention α", "beta": "coherency β"}
    found = []
    for c in usl.coefficients:
        if c.name not in names:
            continue
        half = None if c.std_error is None else t * c.std_error
        low, high = (None, None) if half is None else (max(c.value - half, 0.0), c.value + half)
        unsure = low is not None and low <= 0
        text = (
            f"law of scalability, {usl.n:,} points, in flight {number(usl.load_min, Unit.COUNT)} to "
            f"{number(usl.load_max, Unit.COUNT)}{'; not told from 0' if unsure else ''}"
        )
        found.append(estimated(names[c.name], Estimate(c.value, low, high), "", text))
    return tuple(found)


def _error(fit: Fit) -> str:
    """Out-of-sample error of the shape chosen."""
    chosen = next((c for c in fit.candidates if c.chosen), None)
    if chosen is None or chosen.error is None:
        return "–"
    if fit.relative:
        return f"{percent(math.expm1(min(chosen.error, 50.0)))} % of the value"
    unit = metric(fit.target).unit
    if unit is Unit.RATIO:
        return f"{percent(chosen.error)} points"
    return number(chosen.error, unit)


def _curves(evidence: Evidence) -> Table | None:
    """Each curve: coefficients, R², error on what was left out, loads seen."""
    rows: list[tuple[Cell, ...]] = []
    for fit in evidence.fits:
        unit = REQUESTS if whole_load(fit) == RATE else "users"
        if fit.problem:
            rows.append((label(fit.target), "–", "–", None, "–", "–", fit.n, fit.problem))
            continue
        values = ", ".join(_coefficient(fit, i) for i in range(len(fit.coefficients)))
        seen = f"{number(fit.load_min, unit)} to {number(fit.load_max, unit)}"
        where = "a replica" if fit.per_replica else "whole service"
        note = "; ".join(t for t in (where, fit.left_out) if t)
        rows.append(
            (
                label(fit.target),
                str(fit.kind),
                values,
                fit.r_squared,
                _error(fit),
                seen,
                fit.n,
                note,
            )
        )
    if not rows:
        return None
    columns = (
        Column("metric"), Column("shape"), Column("coefficients ± standard error"), Column("R²"),
        Column("error on blocks left out"), Column("load seen"), Column("points"), Column("note"),
    )  # fmt: skip
    window = max((f.window for f in evidence.fits), default=0.0)
    text = f"the last {span(window)} up to {day(evidence.until, evidence.zone)}; standard errors allow for memory"
    return Table("Curves over load", columns, tuple(rows), text)


def _coefficient(fit: Fit, index: int) -> str:
    c = fit.coefficients[index]
    return f"{c.name} {c.value:.3g}" + ("" if c.std_error is None else f" ± {c.std_error:.2g}")


def _predictions(evidence: Evidence) -> Table | None:
    """What each curve expects at the busy hour, at twice that, and at the horizon, at today's replicas."""
    now = evidence.load_now
    good = [f for f in evidence.fits if not f.problem and whole_load(f) == RATE]
    if now is None or not good:
        return None
    loads = [("1×", now.value), ("2×", 2 * now.value)]
    if evidence.load_then is not None:
        loads.append(("horizon", evidence.load_then.value))
    rows = []
    for name, load in loads:
        each = [_at(evidence, f, load) for f in good]
        far = "; ".join(dict.fromkeys(note for _, note in each if note))
        rows.append((name, number(load, REQUESTS), *(text for text, _ in each), far))
    columns = (
        Column("load"),
        Column("amount"),
        *(Column(label(f.target)) for f in good),
        Column("note"),
    )
    text = "95 % prediction intervals for one new reading, at today's replicas"
    return Table("What the curves say", columns, tuple(rows), text)


def _at(evidence: Evidence, fit: Fit, load: float) -> tuple[str, str]:
    """A curve's band at a load of the whole service, and what to keep in mind."""
    unit = metric(fit.target).unit
    if fit.per_replica:
        if evidence.replicas_now is None:
            return "–", "replica count is not known"
        load /= evidence.replicas_now
    full = full_at(evidence.fits, fit)
    if fit.target == LATENCY and full is not None and load >= full:
        return "–", "cpu is full first"
    if fit.load_max is not None and load > FAR * fit.load_max:
        return "–", f"beyond {FAR:g}× the load seen nothing is said"
    pole = fit.saturates_at
    if pole is not None and load >= pole.value:
        return ("–" if fit.cap is None else number(fit.cap, unit)), "full"
    band = fit.band(load)
    if band is None or not math.isfinite(band.value):
        return "–", "beyond what the model can tell"
    most = 1.0 if unit is Unit.RATIO else math.inf
    low, high = (None if v is None else min(max(v, 0.0), most) for v in (band.low, band.high))
    beyond = fit.load_max is not None and load > TRUSTED_REACH * fit.load_max
    note = f"beyond {TRUSTED_REACH:g}× the load seen: a guess" if beyond else ""
    return ranged(Estimate(min(band.value, most), low, high), unit), note


def _chart(evidence: Evidence, fit: Fit) -> Chart:
    """Points, curve, band and limit over the load seen and a little beyond."""
    high = TRUSTED_REACH * float(fit.load_max or 1.0)
    loads = np.linspace(float(fit.load_min or 0.0), high, CHART_POINTS).tolist()
    bands = [fit.band(x) for x in loads]
    unit = metric(fit.target).unit
    most = _top(evidence, fit)

    def line(name: str, role: str, ys: list[float | None]) -> Line:
        cut = tuple(y if y is not None and math.isfinite(y) and y <= most else math.nan for y in ys)
        return Line(name, tuple(loads), cut, role)

    lines = [
        Line("measured", tuple(x for x, _ in fit.points), tuple(y for _, y in fit.points)),
        line("curve", "median", [None if b is None else b.value for b in bands]),
        line("low", "low", [None if b is None else b.low for b in bands]),
        line("high", "high", [None if b is None else b.high for b in bands]),
    ]
    limit = evidence.limits.get(fit.target)
    if limit is not None:
        lines.append(Line(limit.name, (loads[0], loads[-1]), (limit.value, limit.value), "limit"))
    where = " a replica" if fit.per_replica else ""
    x_unit = (REQUESTS if whole_load(fit) == RATE else "users") + where
    return Chart(f"{label(fit.target)} over load", x_unit, unit, tuple(lines))


def _top(evidence: Evidence, fit: Fit) -> float:
    """Height above which a curve near its pole would flatten everything else."""
    seen = max((y for _, y in fit.points), default=0.0)
    limit = evidence.limits.get(fit.target)
    return 2 * max(seen, 0.0 if limit is None else limit.value) or math.inf


def _statements(evidence: Evidence, good: list[Fit]) -> tuple[Statement, ...]:
    found = [Statement(f"The curves start anew: {line}.", "medium") for line in evidence.changes]
    for fit in good:
        if fit.r_squared is not None and fit.r_squared < 0.5:
            text = f"Load explains {percent(max(fit.r_squared, 0.0))} % of {label(fit.target)}: other work counts more."
            found.append(Statement(text, "low", f"R² {fit.r_squared:.2f}, {fit.n:,} points"))
    return tuple(found)


def _missing(evidence: Evidence) -> tuple[str, ...]:
    found = [f"{label(f.target)} over load: {f.problem}" for f in evidence.fits if f.problem]
    found += [f"{d.name}: {d.problem}" for d in evidence.demands if d.problem]
    if evidence.usl is None:
        found.append(
            "scalability: requests in flight are not recorded (http.server.active_requests)"
        )
    elif evidence.usl.problem:
        found.append(f"scalability: {evidence.usl.problem}")
    return tuple(dict.fromkeys(found))
