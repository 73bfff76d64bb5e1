"""When something runs out: from capmon's forecasts, or from what node_exporter alone can tell."""

from __future__ import annotations

from dataclasses import dataclass

from capmon.model.exposition import PROBABILITIES, TIME_TO_THRESHOLD
from capmon.model.units import percent, span
from capmon.report.alert_series import Origins
from capmon.report.promql import duration, matcher, number, selector, template
from capmon.report.rule_file import Alert, Group

SOON, LATER = 4 * 3600.0, 86400.0
"""Seconds ahead at which something that fills up is critical, and a warning."""

HALF_FULL = 0.5
"""Used share below which a file system that fills up is no matter for anyone yet."""

TREND_FOR = 900.0
"""Seconds that a trend must hold: a big file that is written and removed is none."""

FORECAST_FOR = 60.0
"""Seconds that a forecast, which is made anew every few seconds, must hold."""

FILLS = "system[.](filesystem|memory)[.].*"
"""Metrics that fill up over hours; others follow the load."""


def exhaustion_group(origins: Origins, service: str, used: str) -> Group:
    """Rules for what is about to run out.

    Args:
        origins: Where the metrics come from; forecasts are known where any of them come from capmon.
        service: Name of the service.
        used: Name under which the used share of file systems is recorded.
    """
    if "capmon" in (origins.host, origins.app):
        return _forecast(origins, service)
    return _lines(origins, service, used)


def _forecast(origins: Origins, service: str) -> Group:
    lead = max(TREND_FOR, 2 * origins.settings.scaling.startup)
    fills = _Ahead("CapmonFillsUp", "=~", "free space, or enlarge what fills up")
    load = _Ahead("CapmonLimitAhead", "!~", "see the advice in capmon; add replicas before it happens")  # fmt: skip
    rules = (
        _ahead(origins, service, fills, "critical", SOON),
        _ahead(origins, service, fills, "warning", LATER),
        _ahead(origins, service, load, "warning", lead),
    )
    notes = (
        "Forecasts with their error: probability 0.9 is the time before which the limit is crossed with 90 % probability.",
        "A series without a trend, or whose forecast does not reach its limit, has no sample. Below 0 it is crossed already.",
        f"What follows the load is told {span(lead)} ahead: time for replicas to start (scaling.startup).",
    )
    return Group("capmon-exhaustion", rules, notes)


@dataclass(frozen=True, slots=True)
class _Ahead:
    """One kind of metric that is looked ahead for."""

    alert: str
    sign: str
    action: str


def _ahead(origins: Origins, service: str, kind: _Ahead, severity: str, within: float) -> Alert:
    critical = severity == "critical"
    own = origins.host_labels if kind.sign == "=~" else origins.app_labels
    sure = PROBABILITIES["t90" if critical else "t50"]
    series = selector(
        TIME_TO_THRESHOLD.name, own, {"probability": sure}, raw=f'metric{kind.sign}"{FILLS}"'
    )
    return Alert(
        kind.alert,
        f"({series} < {number(within)}) >= 0",
        {"severity": severity, "service": template(service)},
        {
            "summary": f"{template(service)}: {{{{ $labels.metric }}}} crosses its limit within {span(within)}",
            "description": f"With {percent(float(sure))} % probability it is crossed within {{{{ $value | humanizeDuration }}}}.",
            "action": kind.action,
        },
        FORECAST_FOR,
    )


def _lines(origins: Origins, service: str, used: str) -> Group:
    rules = (
        _filling(origins, service, used, "warning", LATER, LATER),
        _filling(origins, service, used, "critical", 6 * 3600.0, SOON),
    )
    notes = (
        "predict_linear draws a straight line: it takes the trend to go on and knows nothing of its own error, of days,",
        "or of a clean-up at night. So the trend must show over 6 h and over 1 d, and half of the space must be gone.",
        "On a host younger than a day both look at the same few hours. capmon's forecasts (--source capmon) have an error.",
    )
    return Group("capmon-exhaustion", rules, notes)


def _filling(
    origins: Origins, service: str, used: str, severity: str, seen: float, within: float
) -> Alert:
    free = origins.free_space
    # The recorded share carries the label service, which node_exporter's series do not.
    beside = "\nand ignoring (service) "
    expr = beside.join(
        (
            f"{used}{{{matcher('service', service)}}} > {number(HALF_FULL)}",
            f"deriv({free}[6h]) < 0",
            f"deriv({free}[1d]) < 0",
            f"predict_linear({free}[{duration(seen)}], {number(within)}) < 0",
        )
    )
    return Alert(
        "CapmonDiskFillsUp",
        expr,
        {"severity": severity, "service": template(service)},
        {
            "summary": f"{template(service)}: file system {{{{ $labels.mountpoint }}}} on {{{{ $labels.instance }}}} is full within {span(within)} if it goes on like this",
            "description": f"{{{{ $value | humanizePercentage }}}} used; a straight line through the last {span(seen)} leaves nothing in {span(within)}. Writes fail once it is full.",
            "action": "find what grows fastest; remove or rotate old logs and files; enlarge the file system",
        },
        for_=TREND_FOR,
    )
