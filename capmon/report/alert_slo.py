"""Burn rates: how fast the requests that may fail, or be slow, are used up.

Several windows a rate, the longer to be sure and the shorter to be over soon.

Source:
    Google, The Site Reliability Workbook, chapter 5, Alerting on SLOs, table 5-8.
"""

from __future__ import annotations

from dataclasses import dataclass

from capmon.model.metric import metric
from capmon.model.names import LATENCY
from capmon.model.units import scale, show, span
from capmon.report.alert_series import Lacking, Origins
from capmon.report.metrics_page import base
from capmon.report.promql import bound, duration, matcher, number, selector, template
from capmon.report.rule_file import Alert, Group, Recording

PERIOD = 30 * 86400.0
"""Seconds that a budget is meant to last."""

QUANTILE = 0.95
"""Share of requests that the objective of the response time is about."""


@dataclass(frozen=True, slots=True)
class Burn:
    """A rate at which it is time to act."""

    rate: float
    """Times the rate that would just last for the period."""

    long: float
    """Seconds that make sure."""

    short: float
    """Seconds after which it is over again."""

    severity: str
    """`critical` is for now, `warning` for the next working day."""


BURNS = (
    Burn(14.4, 3600.0, 300.0, "critical"),
    Burn(6.0, 21600.0, 1800.0, "critical"),
    Burn(3.0, 86400.0, 7200.0, "warning"),
    Burn(1.0, 259200.0, 21600.0, "warning"),
)
"""The workbook's own, for a period of 30 days."""

WINDOWS = tuple(sorted({w for b in BURNS for w in (b.long, b.short)}))


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be used up."""

    name: str
    """Part of the recorded names: `slo_errors`."""

    alert: str
    """Name of the alert."""

    allowed: float
    """Share of requests that may."""

    what: str
    """`requests fail`, `requests take longer than 250 ms`."""

    action: str
    """What to do."""


def slo_groups(origins: Origins, service: str) -> tuple[list[Group], list[str]]:
    """Groups for errors and for response times, and what had to be left out.

    Args:
        origins: Where the metrics come from.
        service: Name of the service.
    """
    groups: list[Group] = []
    lacking: list[str] = []
    if origins.app != "none":
        for found in (_errors(origins, service), _latency(origins, service)):
            groups += [found] if isinstance(found, Group) else []
            lacking += [found] if isinstance(found, str) else []
    return groups, lacking


def _errors(origins: Origins, service: str) -> Group | str:
    allowed = origins.settings.thresholds.errors.warning
    what = "errors burn rate"
    series = {w: origins.error_ratio(w) for w in WINDOWS}
    exprs: dict[float, str] = {}
    notes: tuple[str, ...] = ()
    for window, one in series.items():
        if isinstance(one, Lacking):
            return f"{what}: {one.reason}"
        exprs[window], notes = one.expr, one.notes
    if not allowed:
        return f"{what}: thresholds.errors.warning allows no failed request, so there is no budget"
    budget = Budget(
        "slo_errors", "CapmonErrorBudgetBurn", allowed, "requests fail",
        "find the endpoint or dependency that fails; roll back the last change if it began with it",
    )  # fmt: skip
    note = f"Errors: {_percent(allowed)} of the requests may fail (thresholds.errors.warning), counted over {span(PERIOD)}."
    return _group("capmon-slo-errors", budget, exprs, service, (note, *_low(budget), *notes))


def _latency(origins: Origins, service: str) -> Group | str:
    what = "latency burn rate"
    objective = origins.settings.objectives.latency_p95
    shown = show(objective, metric(LATENCY).unit)
    if origins.app == "capmon":
        return f"{what}: needs a histogram that Prometheus scrapes; a 95th percentile does not tell how many requests are slow"
    found = origins.field(LATENCY)
    if isinstance(found, Lacking):
        return f"{what}: {found.reason}"
    field, assumed = found
    if field.quantile is None or (origins.page and not origins.page.has_histogram(field)):
        return (
            f"{what}: {field.metric} is no histogram, so it is not known how many requests are slow"
        )
    le = objective / (scale(field.unit, metric(LATENCY).unit) if field.unit else 1.0)
    checked = f"le={number(le)} must be one of its buckets: the page was not read, so check"
    if origins.page is not None:
        bounds = origins.page.bounds(field)
        if not any(abs(b - le) <= 1e-9 * abs(le) for b in bounds):
            near = sorted(bounds, key=lambda b: abs(b - le))[:2]
            nearest = ", ".join(number(b) for b in sorted(near))
            return f"{what}: objectives.latency_p95 is {shown}, but {base(field)} has no bucket le={number(le)} (nearest {nearest}); add one"
        checked = f"le={number(le)} is one of its buckets"
    exprs = {w: _slow(origins, base(field), dict(field.labels), le, w) for w in WINDOWS}
    budget = Budget(
        "slo_slow", "CapmonLatencyBudgetBurn", 1 - QUANTILE, f"requests take longer than {shown}",
        "find the slow endpoints; add replicas if the CPU is busy; cache or optimize what is behind them",
    )  # fmt: skip
    note = f"Response times: {_percent(1 - QUANTILE)} of the requests may take longer than {shown} (objectives.latency_p95); {checked}."
    return _group("capmon-slo-latency", budget, exprs, service, (note, *_low(budget), *assumed))


def _slow(origins: Origins, family: str, labels: dict[str, str], le: float, window: float) -> str:
    """Share of requests beyond a bucket."""
    over, own = duration(window), origins.app_labels
    fast = selector(f"{family}_bucket", labels, own, raw=bound(le))
    every = selector(f"{family}_count", labels, own)
    return f"1 - sum(rate({fast}[{over}]))\n/ sum(rate({every}[{over}]))"


def _low(budget: Budget) -> tuple[str, ...]:
    """Which burn rates cannot be reached, as shares end at 1."""
    beyond = [f"{number(b.rate)}×" for b in BURNS if not _possible(b, budget)]
    if not beyond:
        return ()
    return (
        f"Left out: {', '.join(beyond)} of {_percent(budget.allowed)} is more than all requests.",
    )


def _possible(burn: Burn, budget: Budget) -> bool:
    return burn.rate * budget.allowed < 1


def _group(
    name: str, budget: Budget, exprs: dict[float, str], service: str, notes: tuple[str, ...]
) -> Group:
    burns = [b for b in BURNS if _possible(b, budget)]
    used = {w for b in burns for w in (b.long, b.short)}
    records = [
        Recording(_record(budget, w), exprs[w], {"service": service}) for w in WINDOWS if w in used
    ]
    alerts = [_alert(budget, b, service) for b in burns]
    return Group(name, (*records, *alerts), notes)


def _record(budget: Budget, window: float) -> str:
    return f"service:capmon_{budget.name}:ratio_rate{duration(window)}"


def _alert(budget: Budget, burn: Burn, service: str) -> Alert:
    limit = f"{number(burn.rate)} * {number(budget.allowed)}"
    which = matcher("service", service)
    expr = "\nand ".join(
        f"{_record(budget, w)}{{{which}}} > {limit}" for w in (burn.long, burn.short)
    )
    gone = span(PERIOD / burn.rate)
    annotations = {
        "summary": f"{template(service)}: {budget.what}, {number(burn.rate)}× as fast as the budget allows",
        "description": (
            f"{{{{ $value | humanizePercentage }}}} of the requests of the last {duration(burn.long)}, and as large a share of the last {duration(burn.short)}; "
            f"{_percent(budget.allowed)} may. At {number(burn.rate)}× the budget of {span(PERIOD)} is gone in {gone}."
        ),
        "action": budget.action,
    }
    labels = {
        "severity": burn.severity,
        "service": template(service),
        "burn_rate": number(burn.rate),
    }
    return Alert(budget.alert, expr, labels, annotations)


def _percent(share: float) -> str:
    return f"{share * 100:.3g} %"
