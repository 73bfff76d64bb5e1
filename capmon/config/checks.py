"""What the types cannot say: values that contradict each other or that nothing can be done with."""

from __future__ import annotations

import re
from typing import Any

from capmon.clock import AUTO_ZONE, is_zone
from capmon.config.faults import Faults, printable, quoted
from capmon.config.nodes import DEFAULT, Layer, Place
from capmon.config.schema import Settings, TargetSettings, ThresholdsSettings
from capmon.config.shape import leaves, settings_of
from capmon.config.validate import Reader
from capmon.config.write import written

LEAST_INTERVAL = 0.1
"""Seconds. A shorter one costs more than it shows."""

INTERVALS = (
    "interval",
    "host.processes_interval",
    "app.interval",
    "scaling.target.interval",
    "scaling.every",
)
"""Settings that pace something."""

RESPONSE_TIMES = (
    "objectives.latency_p95",
    "thresholds.latency_p95.warning",
    "thresholds.latency_p95.critical",
    "scaling.step.up.latency_p95",
    "scaling.step.down.latency_p95",
    "scaling.vertical.up.latency_p95",
    "scaling.vertical.down.latency_p95",
)
"""Durations in which a bare number was most likely meant as milliseconds."""

LONGEST_RESPONSE = 60.0
"""Seconds that a response time may be set to."""

ABOVE_ZERO = (
    "app.timeout",
    "objectives.latency_p95",
    "utilization_target",
    "models.window",
    "forecast.horizon",
    "scaling.target.timeout",
)
"""Settings for which 0 has no meaning."""

LOW_IS_BAD = ("cache_hit_ratio",)
"""Thresholds that are crossed from above."""

KIND_OF = {
    "service": "swarm",
    "name": "kubernetes",
    "namespace": "kubernetes",
    "context": "kubernetes",
    "unit": "systemd",
    "user": "systemd",
    "read": "command",
    "write": "command",
    "url": "http",
}
"""The kind of target that each of its settings is for."""

TEMPLATE_UNIT = re.compile(r"[A-Za-z0-9:_.\\][A-Za-z0-9:_.\\-]*@(?:\.service)?")
"""Name of a template unit of services, systemd.unit(5); without the suffix `.service` is meant."""

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""Name of an HTTP header, RFC 9110 section 5.1."""


def check(settings: Settings, reader: Reader, faults: Faults) -> None:
    """Record what does not fit together; what is already known to be wrong is passed over."""
    from capmon.config.scaling_checks import check_scaling

    report = Report(settings, reader, faults)
    _check_ranges(settings, report)
    _check_thresholds(report)
    _check_host(settings, report)
    _check_app(settings, report)
    _check_bounds(settings, report)
    check_scaling(settings, report)
    _check_target(settings.scaling.target, report)
    _check_limits(settings, report)


class Report:
    """Says what is wrong with a value, at the line where someone wrote it."""

    def __init__(self, settings: Settings, reader: Reader, faults: Faults) -> None:
        self._settings = settings
        self._reader = reader
        self._faults = faults
        self._hints = leaves(Settings)

    def fault(self, key: str, text: str, beside: str = "") -> None:
        """Record a fault of a key, unless one is known; `beside` names the line if it has none."""
        if not self._faults.touches(key):
            absent = beside and key not in self._reader.places
            self._faults.add(self.place(beside if absent else key), key, text)

    def sound(self, *keys: str) -> bool:
        """Whether nothing is known to be wrong with these keys."""
        return not any(self._faults.touches(key) for key in keys)

    def place(self, key: str) -> Place:
        """Where a key was set; of one left to its default, where its section was."""
        while key:
            if found := self._reader.places.get(key):
                return found
            key = key[: max(key.rfind("."), key.rfind("["), 0)]
        return DEFAULT

    def layer(self, key: str) -> Layer:
        """Who set a value."""
        return self._reader.leaves.get(key, DEFAULT).layer

    def culprit(self, *keys: str) -> str:
        """The key of several that someone set last: the first of those in the highest layer."""
        return max(keys, key=self.layer)

    def shown(self, key: str) -> str:
        """A value as a fault may repeat it."""
        return self._reader.shown.get(key) or written(self._hints[key], self._value(key))

    def _value(self, key: str) -> Any:
        value: Any = self._settings
        for part in key.split("."):
            value = getattr(value, settings_of(type(value))[part].attribute)
        return value

    def repeat(self, key: str, value: str) -> str:
        """A text as a fault may repeat it: without secrets, and by name if it came from a variable."""
        from capmon.config.redact import redact

        shown = self._reader.shown.get(key)
        return quoted(redact(value)) if shown is None else f"the value of {printable(shown)}"

    def number(self, key: str) -> float:
        """A value that is a number."""
        return float(self._value(key))

    def origin(self, key: str) -> str:
        """A remark on where the other one of two values comes from."""
        return " by default" if self.layer(key) is Layer.DEFAULT else ""


def _check_ranges(settings: Settings, report: Report) -> None:
    for key in INTERVALS:
        if report.number(key) < LEAST_INTERVAL:
            report.fault(key, f"expected 100ms or more, got {report.shown(key)}")
    for key in ABOVE_ZERO:
        if report.number(key) <= 0:
            report.fault(key, f"expected more than 0, got {report.shown(key)}")
    for key in RESPONSE_TIMES:
        if report.number(key) > LONGEST_RESPONSE:
            shown = report.shown(key)
            report.fault(key, f"expected a response time of at most 60s such as 250ms, got {shown}")
    if not 0 < settings.forecast.level < 1:
        key = "forecast.level"
        report.fault(key, f"expected more than 0% and less than 100%, got {report.shown(key)}")
    zone = settings.time_zone
    if zone != AUTO_ZONE and not is_zone(zone):
        report.fault(
            "time_zone",
            f"expected auto or a name such as Europe/Berlin, got {report.repeat('time_zone', zone)}",
        )
    theme = settings.theme
    if not theme or "/" in theme or theme.startswith("."):
        report.fault(
            "theme",
            f"expected the name of a theme such as night, got {report.repeat('theme', theme)}",
        )


def _check_thresholds(report: Report) -> None:
    for name in settings_of(ThresholdsSettings):
        warning, critical = f"thresholds.{name}.warning", f"thresholds.{name}.critical"
        low_is_bad = name in LOW_IS_BAD
        least, most = (critical, warning) if low_is_bad else (warning, critical)
        if report.number(least) > report.number(most):
            note = "low is bad here, so " if low_is_bad else ""
            _order(report, least, most, note)


def _order(report: Report, least: str, most: str, note: str = "") -> None:
    """Two values are the wrong way round."""
    if not report.sound(least, most):
        return
    key = report.culprit(least, most)
    other = most if key == least else least
    word = "at most" if key == least else "at least"
    other_name = other.rpartition(".")[2]
    report.fault(
        key,
        f"{note}expected {word} {report.shown(other)}, which is {other_name}"
        f"{report.origin(other)}, got {report.shown(key)}",
    )


def _check_host(settings: Settings, report: Report) -> None:
    for i, disk in enumerate(settings.host.disks if settings.host.disks != "auto" else ()):
        key = f"host.disks[{i}]"
        if report.sound(key) and not disk.startswith("/"):
            report.fault(
                key, f"expected a mount point such as /var, got {report.repeat(key, disk)}"
            )
    for i, device in enumerate(settings.host.network if settings.host.network != "auto" else ()):
        key = f"host.network[{i}]"
        if report.sound(key) and (not device or "/" in device):
            report.fault(
                key, f"expected an interface such as eth0, got {report.repeat(key, device)}"
            )


def _check_app(settings: Settings, report: Report) -> None:
    from capmon.config.field_checks import check_fields

    app = settings.app
    if app.source != "none":
        _check_url("app.url", app.url, report)
    for name, value in app.headers.items():
        key = f"app.headers.{name}"
        if not _HEADER.fullmatch(name):
            report.fault(key, "not the name of a header")
        # The value may be a secret, so no fault repeats it.
        elif report.sound(key) and not (value.isascii() and value.isprintable()):
            report.fault(key, "a header holds ASCII alone, without line breaks")
    if app.fields:
        check_fields(app, report)


def _check_url(key: str, url: str, report: Report, beside: str = "") -> None:
    if not report.sound(key) or is_http_url(url):
        return
    got = report.repeat(key, url) if url else "nothing"
    report.fault(key, f"expected a URL such as http://localhost:8080, got {got}", beside)


def is_http_url(text: str) -> bool:
    """Whether a text is a URL that can be asked over HTTP."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    spaced = not text.isprintable() or " " in text
    return parts.scheme in {"http", "https"} and bool(host) and not spaced


def _check_bounds(settings: Settings, report: Report) -> None:
    if settings.scaling.min > settings.scaling.max:
        _order(report, "scaling.min", "scaling.max")


def _check_target(target: TargetSettings, report: Report) -> None:
    at = "scaling.target"
    if not report.sound(f"{at}.kind"):
        return
    match target.kind:
        case "none":
            _check_forgotten_kind(target, report)
        case "swarm" | "kubernetes":
            name = "service" if target.kind == "swarm" else "name"
            example = "web" if target.kind == "swarm" else "deployment/web"
            text = getattr(target, name)
            if not text:
                kind = f"{at}.kind"
                report.fault(
                    f"{at}.{name}", f"kind {target.kind} needs it, such as {example}", kind
                )
            for key in (name, "namespace", "context"):
                _check_word(f"{at}.{key}", getattr(target, key), report)
        case "systemd":
            _check_unit(target, report)
        case "command":
            _check_command(target, report)
        case "http":
            _check_url(f"{at}.url", target.url, report, f"{at}.kind")


def _check_forgotten_kind(target: TargetSettings, report: Report) -> None:
    """Settings of a target without its kind are a slip; with `kind: none` written, they are parked."""
    if report.layer("scaling.target.kind") is not Layer.DEFAULT:
        return
    for key, kind in KIND_OF.items():
        if getattr(target, key):
            report.fault("scaling.target.kind", f"missing; {key} belongs to kind: {kind}")
            return


def _check_word(key: str, text: str, report: Report) -> None:
    """An argument of a program: one that begins with a dash would be taken for an option."""
    if text.startswith("-") or not text.isprintable() or " " in text:
        report.fault(key, f"expected a name, got {report.repeat(key, text)}")


def _check_unit(target: TargetSettings, report: Report) -> None:
    key, example = "scaling.target.unit", "web@.service"
    if not target.unit:
        report.fault(key, f"kind systemd needs it, such as {example}", "scaling.target.kind")
    elif not TEMPLATE_UNIT.fullmatch(target.unit):
        got = report.repeat(key, target.unit)
        report.fault(key, f"expected a template unit such as {example}, got {got}")


def _check_command(target: TargetSettings, report: Report) -> None:
    at = "scaling.target"
    if not target.read:
        report.fault(
            f"{at}.read", "kind command needs it: a list such as [replicas, get, web]", f"{at}.kind"
        )
    elif not target.read[0]:
        report.fault(f"{at}.read[0]", "expected a program, got nothing")
    if not target.write:
        example = "[replicas, set, web, '{replicas}']"
        report.fault(
            f"{at}.write", f"kind command needs it: a list such as {example}", f"{at}.kind"
        )
    elif report.sound(f"{at}.write") and not any("{replicas}" in w for w in target.write):
        report.fault(f"{at}.write", "'{replicas}' must stand where the count goes")
    elif not target.write[0]:
        report.fault(f"{at}.write[0]", "expected a program, got nothing")


def _check_limits(settings: Settings, report: Report) -> None:
    for i, limit in enumerate(settings.scaling.limits):
        at = f"scaling.limits[{i}]"
        if report.sound(f"{at}.name") and not limit.name:
            report.fault(f"{at}.name", "expected a name such as database connections, got nothing")
        for name in ("per_replica", "total"):
            key = f"{at}.{name}"
            if report.sound(key) and getattr(limit, name) <= 0:
                report.fault(key, f"expected more than 0, got {getattr(limit, name):g}")
