"""What capmon's own metrics are called where Prometheus reads them: metric key to family and labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from capmon.model.metric import CATALOGUE, Unit, metric, split

PREFIX = "capmon_"
"""What every family begins with."""

UNITS: dict[Unit, str] = {
    Unit.RATIO: "ratio",
    Unit.SECONDS: "seconds",
    Unit.BYTES: "bytes",
    Unit.BYTES_PER_SECOND: "bytes_per_second",
    Unit.PER_SECOND: "per_second",
    Unit.COUNT: "",
    Unit.CORES: "cores",
}
"""How OpenMetrics spells each base unit: the end of the family's name."""

STATES = frozenset({"db.status", "service.version"})
"""Metrics that are 1 or 0, so that no unit fits them."""


@dataclass(frozen=True, slots=True)
class Family:
    """One family of gauges."""

    name: str
    """Its name, the unit at its end: `capmon_http_server_request_duration_p95_seconds`."""

    unit: str
    """For the UNIT line of OpenMetrics; empty where there is none."""

    help: str
    """For the HELP line."""

    labels: tuple[str, ...] = ()
    """Names of the labels that every sample of it carries; those of a metric's key come from `labels`."""


def family(metric_key: str) -> Family:
    """The family that a metric of the catalogue is shown under.

    Args:
        metric_key: A key or a bare name; labels do not change the family.

    Raises:
        CapmonError: The catalogue does not hold that name.
    """
    entry = metric(metric_key)
    unit = "" if entry.name in STATES else UNITS[entry.unit]
    # A gauge that ends in _count would pass for part of a histogram.
    stem = entry.name.removesuffix(".count")
    if unit == "ratio":
        stem = stem.removesuffix("ratio").rstrip("._")
    name = PREFIX + stem.replace(".", "_")
    return Family(f"{name}_{unit}" if unit else name, unit, entry.help)


def labels(metric_key: str) -> Mapping[str, str]:
    """The labels of a sample: those of its key, such as `mountpoint`.

    Raises:
        CapmonError: The text is not a key.
    """
    return split(metric_key)[1]


HEADROOM = Family(
    PREFIX + "headroom_load_ratio",
    "ratio",
    "Load at which a metric reaches its limit over the load of now.",
    ("metric",),
)
TIME_TO_THRESHOLD = Family(
    PREFIX + "time_to_threshold_seconds",
    "seconds",
    "Seconds before which a metric crosses its limit with that probability; negative once crossed.",
    ("metric", "probability"),
)
BREACH = Family(
    PREFIX + "breach_probability",
    "",
    "Probability that a metric crosses its limit within `horizon`.",
    ("metric", "horizon"),
)
SEVERITY = Family(
    PREFIX + "bottleneck_severity",
    "",
    "How bad a bottleneck is, by label component: 0 low, 1 medium, 2 high, 3 critical; absent without one.",
    ("component",),
)

FORECAST = Family(
    PREFIX + "forecast",
    "",
    "What a metric stays below with that probability, `horizon` ahead, in the metric's own base unit.",
    ("metric", "horizon", "probability"),
)
ADVISED = Family(
    PREFIX + "replicas_advised",
    "",
    "Replicas that the models advise for the load of now; absent where they cannot tell.",
)

ANSWERS = (HEADROOM, TIME_TO_THRESHOLD, BREACH, SEVERITY, FORECAST, ADVISED)
"""What the analysis says. The label `metric` holds a metric's key, labels included."""

PROBABILITIES: dict[str, str] = {"t10": "0.1", "t50": "0.5", "t90": "0.9"}
"""Fields of `TimeToLimit` and their label `probability`; a label `quantile` belongs to summaries alone."""


HORIZONS: dict[str, float] = {"5m": 300.0, "15m": 900.0, "1h": 3600.0, "6h": 21600.0}
"""Label `horizon` and its seconds: few and fixed, so that a series goes on while the history grows."""


def families() -> tuple[Family, ...]:
    """Every family that there can be: the catalogue's in its order, then the answers."""
    return (*(family(name) for name in CATALOGUE), *ANSWERS)
