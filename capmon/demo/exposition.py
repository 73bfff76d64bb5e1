"""The demo service's metrics page, as OpenMetrics 1.0.0 or as Prometheus text 0.0.4."""

from __future__ import annotations

from capmon.demo.latency import BOUNDS
from capmon.demo.state import CACHE_LIMIT, CONNECTIONS_LIMIT, MEMORY_LIMIT, DemoState

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
"""Content type of OpenMetrics."""

TEXT = "text/plain; version=0.0.4; charset=utf-8"
"""Content type of Prometheus text."""

_USED = 'db_client_connection_state="used"'


def quality(header: str, *names: str) -> float:
    """How much a client wants one of `names`, 0 to 1, from an Accept or Accept-Encoding header.

    A name that the header lists beats a wildcard, whatever their order.
    """
    found, wildcard = -1.0, 0.0
    for part in header.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                weight = _weight(parameter[2:])
        if name in names:
            found = max(found, weight)
        elif name in ("*", "*/*"):
            wildcard = max(wildcard, weight)
    return found if found >= 0 else wildcard


def _weight(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0


def wants_openmetrics(accept: str) -> bool:
    """Whether a client asks for OpenMetrics at least as much as for plain text."""
    name = "application/openmetrics-text"
    weight = quality(accept, name)
    return name in accept.lower() and weight > 0 and weight >= quality(accept, "text/plain")


def render(state: DemoState, *, openmetrics: bool) -> str:
    """The page at the time that `state` has reached."""
    page = _Page(openmetrics)
    page.counter(
        "http_requests",
        "Requests answered, by status code.",
        [(f'code="{code}"', count) for code, count in state.codes.items()],
        state.created,
    )
    _duration(page, state)
    memory = state.memory()
    cache = state.cache_stats()
    replicas = state.replicas()
    for name, help_, unit, value in (
        ("cpu_utilization_ratio", "Busy share of a replica's CPU.", "ratio", state.cpu()),
        ("process_resident_memory_bytes", "Memory in use by one replica.", "bytes", memory),
        ("memory_limit_bytes", "Memory that one replica may use.", "bytes", MEMORY_LIMIT),
        (
            "memory_utilization_ratio",
            "Used share of the memory that one replica may use.",
            "ratio",
            None if memory is None else memory / MEMORY_LIMIT,
        ),
        ("http_requests_in_flight", "Requests being served or waiting.", "", state.in_flight),
        ("concurrent_users", "Users.", "", state.users),
        ("database_up", "1 while the database answers.", "", int(state.database_up)),
        ("db_client_connection_max", "Database connections at most.", "", CONNECTIONS_LIMIT),
        ("cache_hit_ratio", "Cache hits over look-ups, last 10 s.", "ratio", state.hit_ratio()),
        ("cache_size_bytes", "Bytes held in the cache.", "bytes", cache["size_bytes"]),
        ("cache_max_size_bytes", "Bytes that the cache may hold.", "bytes", CACHE_LIMIT),
        ("cache_entries", "Entries in the cache.", "", cache["entries"]),
        ("replicas_ready", "Replicas that serve.", "", replicas["ready"]),
        ("replicas_desired", "Replicas asked for.", "", replicas["desired"]),
    ):
        page.gauge(name, help_, unit, value)
    page.head("db_client_connection_count", "gauge", "Database connections.")
    page.sample("db_client_connection_count", _USED, state.connections())
    return page.text()


def _duration(page: _Page, state: DemoState) -> None:
    name = "http_request_duration_seconds"
    page.head(name, "histogram", "Response time, waiting included.", "seconds")
    bounds = [*(str(bound) for bound in BOUNDS), "+Inf"]
    for bound, count in zip(bounds, state.latency.cumulative(), strict=True):
        page.sample(f"{name}_bucket", f'le="{bound}"', count)
    page.sample(f"{name}_count", "", state.latency.count)
    page.sample(f"{name}_sum", "", state.latency.sum)
    if page.openmetrics:
        page.sample(f"{name}_created", "", state.created)


class _Page:
    def __init__(self, openmetrics: bool) -> None:
        self.openmetrics = openmetrics
        self._lines: list[str] = []

    def head(self, name: str, kind: str, help_: str, unit: str = "") -> None:
        """Open a family."""
        self._lines += [f"# HELP {name} {help_}", f"# TYPE {name} {kind}"]
        if unit and self.openmetrics:
            self._lines.append(f"# UNIT {name} {unit}")

    def sample(self, name: str, labels: str, value: float) -> None:
        """Add one sample."""
        self._lines.append(f"{name}{{{labels}}} {value!r}" if labels else f"{name} {value!r}")

    def counter(
        self, name: str, help_: str, samples: list[tuple[str, int]], created: float
    ) -> None:
        """Add a counter; OpenMetrics names the family without `_total`, the older text with it."""
        self.head(name if self.openmetrics else f"{name}_total", "counter", help_)
        for labels, value in samples:
            self.sample(f"{name}_total", labels, value)
            if self.openmetrics:
                self.sample(f"{name}_created", labels, created)

    def gauge(self, name: str, help_: str, unit: str, value: float | None) -> None:
        """Add a gauge; one without a value is left out."""
        if value is not None:
            self.head(name, "gauge", help_, unit)
            self.sample(name, "", value)

    def text(self) -> str:
        """The page."""
        end = ["# EOF"] if self.openmetrics else []
        return "\n".join([*self._lines, *end]) + "\n"
