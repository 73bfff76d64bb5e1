"""`capmon export hpa`: a HorizontalPodAutoscaler whose targets come from the models, with the reason for each."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from capmon import __version__
from capmon.clock import rfc3339
from capmon.config.scaling import BehaviorSettings, RateSettings
from capmon.config.schema import Settings
from capmon.errors import CapmonError
from capmon.model.frame import Frame
from capmon.model.metric import metric
from capmon.model.names import RATE
from capmon.model.policies import Replay, ReplayTable
from capmon.model.units import digits, percent, show_metric, span
from capmon.report.hpa_targets import Aim, Carried, carried, cpu_aim, memory_aim, rate_aim
from capmon.report.scalars import comment, scalar
from capmon.scaling.limits import ceiling, fits
from capmon.scaling.price import affordable, exact

LONGEST_STABILIZATION = 3600
LONGEST_PERIOD = 1800
"""Most seconds that the API takes."""

USUAL_TOLERANCE = 0.1
"""Tolerance of a cluster that does not say otherwise."""

SURGE = 0.25
"""Share of replicas that a Deployment's rolling update adds by default, rounded up."""

METRIC = "http_requests_per_second"
"""Name under which an adapter serves the requests of a pod."""

KINDS = {
    **dict.fromkeys(("deployment", "deployments", "deploy"), ("apps/v1", "Deployment")),
    **dict.fromkeys(("statefulset", "statefulsets", "sts"), ("apps/v1", "StatefulSet")),
    **dict.fromkeys(("replicaset", "replicasets", "rs"), ("apps/v1", "ReplicaSet")),
    **dict.fromkeys(("replicationcontroller", "replicationcontrollers", "rc"), ("v1", "ReplicationController")),
    **dict.fromkeys(("rollout", "rollouts"), ("argoproj.io/v1alpha1", "Rollout")),
}  # fmt: skip
"""API version and kind by what kubectl calls a workload that can be scaled."""

_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Workload:
    """What the HPA scales."""

    api: str
    """API version."""

    kind: str
    """Kind."""

    name: str
    """Name."""

    namespace: str
    """Namespace; empty for that of the context."""

    notes: tuple[str, ...]
    """What to check."""


def hpa_manifest(settings: Settings, frame: Frame, replay: ReplayTable | None = None) -> str:
    """The manifest as YAML.

    Args:
        settings: Target, bounds, and what HPA may do at most.
        frame: Models, headroom and forecasts.
        replay: How the policies did on recorded load; None takes what the frame holds of it.

    Raises:
        CapmonError: Nothing is left to scale by.
    """
    one = carried(settings, frame)
    replay = replay or (None if frame.scaling is None else frame.scaling.replay)
    work = workload(settings)
    metrics = _metrics(cpu_aim(settings, frame, one), memory_aim(settings, frame), rate_aim(settings, one))  # fmt: skip
    up = _behavior("scaleUp", "scaling.hpa.up", settings.scaling.hpa.up, ceiling(settings.scaling))
    down = _behavior("scaleDown", "scaling.hpa.down", settings.scaling.hpa.down, ceiling(settings.scaling))  # fmt: skip
    lines = [
        *_header(settings, frame),
        "apiVersion: autoscaling/v2",
        "kind: HorizontalPodAutoscaler",
        "metadata:",
        f"  name: {scalar(work.name)}",
        *([f"  namespace: {scalar(work.namespace)}"] if work.namespace else []),
        "spec:",
        "  scaleTargetRef:",
        *(comment(note, 4) for note in work.notes),
        f"    apiVersion: {scalar(work.api)}",
        f"    kind: {scalar(work.kind)}",
        f"    name: {scalar(work.name)}",
        *_bounds(settings, frame, one),
        *metrics,
        *(comment(text, 2) for text in _replayed(replay)),
        "  behavior:",
        *up,
        *down,
    ]
    return "\n".join(lines) + "\n"


def workload(settings: Settings) -> Workload:
    """The configured workload, else a Deployment named like the application."""
    target = settings.scaling.target
    if target.kind != "kubernetes":
        name = _dns(settings.app.name)
        said = f"scaling.target.kind is {target.kind}: a Deployment named like the application is assumed, check it."  # fmt: skip
        other = () if name == settings.app.name else (f"The application is called {settings.app.name!r}, which is no name in Kubernetes.",)  # fmt: skip
        return Workload("apps/v1", "Deployment", name, "", (said, *other))
    resource, slash, name = target.name.rpartition("/")
    notes: list[str] = []
    known = KINDS.get(resource.partition(".")[0].lower() if slash else "deployment")
    if known is None:
        notes.append("Check apiVersion and kind: capmon does not know this one.")
    if not _NAME.fullmatch(name):
        notes.append("The API server will refuse this name.")
    api, kind = known or ("apps/v1", resource)
    return Workload(api, kind, name, target.namespace, tuple(notes))


def _dns(name: str) -> str:
    """The nearest name that Kubernetes takes."""
    return re.sub(r"[^a-z0-9.-]+", "-", name.lower())[:63].strip("-.") or "app"


def _header(settings: Settings, frame: Frame) -> list[str]:
    models = "; ".join(
        f"{metric(f.target).label} over load, {f.n} points in {span(f.window)}"
        + (f", R² {f.r_squared:.2f}" if f.r_squared is not None else "")
        for f in frame.fits
        if not f.problem
    )
    act = " (it is act now)" if settings.scaling.mode == "act" else ""
    return [
        comment(f"HorizontalPodAutoscaler for {settings.app.name}; written by capmon {__version__} at {rfc3339(frame.at, timespec='seconds')}."),
        comment(f"Models: {models or 'none yet'}."),
        comment("Leave spec.replicas out of the workload's own manifest, or each apply sets the count back."),
        comment(f"One autoscaler for one workload: with this one keep capmon at scaling.mode: dry-run{act}."),
    ]  # fmt: skip


def _bounds(settings: Settings, frame: Frame, one: Carried) -> list[str]:
    scaling = settings.scaling
    most = max(1, ceiling(scaling))
    least = min(scaling.min, most)
    each = one.reach.load.value if one.reach is not None and one.reach.per_replica else None
    low = f"scaling.min is {scaling.min}" + (f", but only {most} may be" if least < scaling.min else "")  # fmt: skip
    if each is not None:
        low += f"; {least} carry {show_metric(RATE, least * each)} up to the first limit"
    lines = [comment(low + ".", 2), f"  minReplicas: {least}"]
    tight = [limit for limit in scaling.limits if fits(limit) == ceiling(scaling) < scaling.max]
    high = f"scaling.max is {scaling.max}"
    for limit in tight:
        high += f", but {limit.name}: {limit.total:g} / {limit.per_replica:g} = {ceiling(scaling)}"
        high += " (not even one fits)" if ceiling(scaling) < 1 else ""
    bought = affordable(scaling)
    if not tight and bought is not None and bought == ceiling(scaling) < scaling.max:
        each_hour = exact(scaling.price_per_hour or 0.0, scaling.currency)
        hour = exact(scaling.budget.per_hour, scaling.currency)
        high += f", but the budget: {hour} an hour / {each_hour} = {bought}"
    peak = _peak(frame)
    if each is not None:
        high += f"; {most} carry {show_metric(RATE, most * each)}"
        high += f" of a forecast peak of {show_metric(RATE, peak)}" if peak is not None else ""
        high += ": NOT ENOUGH" if peak is not None and peak > most * each else ""
    lines.append(comment(high + ".", 2))
    for limit in tight:
        surge = most + math.ceil(SURGE * most)
        taken = surge * limit.per_replica
        if taken > limit.total:
            sum_ = f"{surge} × {limit.per_replica:g} = {taken:g} > {limit.total:g}"
            said = f"maxSurge: 0 in the Deployment keeps a rolling update within that; by default it runs up to {percent(SURGE)} % more: {sum_}."
            lines.append(comment(said, 2))
    return [*lines, f"  maxReplicas: {most}"]


def _peak(frame: Frame) -> float | None:
    """Upper end of the forecast of the load, at its highest."""
    forecast = next((f for f in frame.forecasts if f.metric == RATE and not f.problem), None)
    return max((v for v in forecast.high if math.isfinite(v)), default=None) if forecast else None


def _metrics(cpu: Aim, memory: Aim, rate: Aim) -> list[str]:
    lines: list[str] = []
    for name, aim in (("cpu", cpu), ("memory", memory)):
        if aim.value is None:
            lines += [comment(text, 4) for text in aim.why]
            continue
        lines += [
            "    - type: Resource",
            "      resource:",
            f"        name: {name}",
            "        target:",
            "          type: Utilization",
            *(comment(text, 10) for text in aim.why),
            f"          averageUtilization: {max(1, math.floor(aim.value * 100 + 1e-9))}",
        ]
    if rate.value is None:
        lines += [comment(text, 4) for text in rate.why]
    else:
        lines += [
            comment("Needs an adapter that serves this metric, such as prometheus-adapter. Without it HPA still adds", 4),
            comment("replicas by the other metrics, but takes none away: then delete this entry.", 4),
            "    - type: Pods",
            "      pods:",
            "        metric:",
            f"          name: {METRIC}",
            "        target:",
            "          type: AverageValue",
            *(comment(text, 10) for text in rate.why),
            f"          averageValue: {scalar_quantity(rate.value)}",
        ]  # fmt: skip
    if all(aim.value is None for aim in (cpu, memory, rate)):
        raise CapmonError("nothing is left to scale by: set scaling.hpa.cpu or scaling.hpa.rate")
    return ["  # The metric that asks for the most replicas counts.", "  metrics:", *lines]


def scalar_quantity(value: float) -> str:
    """A Kubernetes quantity, rounded down to three digits: `"118"`, `"29500m"`."""
    if value >= 100:
        return f'"{math.floor(value)}"'
    thousandths = value * 1000
    step = 10 ** max(0, math.floor(math.log10(thousandths)) - 2) if thousandths >= 1 else 1
    whole = max(1, math.floor(thousandths / step + 1e-9) * step)
    return f'"{whole // 1000}"' if whole % 1000 == 0 else f'"{whole}m"'


def _behavior(name: str, setting: str, behavior: BehaviorSettings, most: int) -> list[str]:
    window = min(LONGEST_STABILIZATION, math.ceil(behavior.stabilization))
    said = f"{setting}: the {'lowest' if name == 'scaleUp' else 'highest'} advice of the last {span(window)} counts" if window else f"{setting}: at once"  # fmt: skip
    if window < behavior.stabilization:
        said += f", the most that the API takes (configured: {span(behavior.stabilization)})"
    lines = [
        f"    {name}:",
        comment(said + ".", 6),
        f"      stabilizationWindowSeconds: {window}",
    ]
    if behavior.tolerance != USUAL_TOLERANCE:
        lines += [
            comment("Needs Kubernetes 1.33 or later with HPAConfigurableTolerance; older ones take 10 %.", 6),
            f"      tolerance: {scalar_quantity(behavior.tolerance)}" if behavior.tolerance > 0 else '      tolerance: "0"',
        ]  # fmt: skip
    select = {"max": "Max", "min": "Min", "disabled": "Disabled"}[behavior.select]
    lines.append(f"      selectPolicy: {select}")
    rates = behavior.rates
    if not rates:
        lines.append(comment("No rate is set: as many as there may be, for without a policy HPA takes its own.", 6))  # fmt: skip
        return [*lines, "      policies:", *_policy("Pods", max(1, most), 15)]
    lines.append("      policies:")
    for rate in rates:
        lines += _rate(rate)
    return lines


def _rate(rate: RateSettings) -> list[str]:
    kind = {"percent": "Percent", "pods": "Pods"}[rate.kind]
    period = max(1, min(LONGEST_PERIOD, math.ceil(rate.per)))
    cut = period < math.ceil(rate.per)
    note = [comment(f"{span(rate.per)} is configured; the API takes {span(period)} at most.", 8)]
    return [*(note if cut else []), *_policy(kind, rate.amount, period)]


def _policy(kind: str, value: int, period: int) -> list[str]:
    return [
        f"        - type: {kind}",
        f"          value: {value}",
        f"          periodSeconds: {period}",
    ]


def _replayed(replay: ReplayTable | None) -> Sequence[str]:
    """What the replay showed of this algorithm, and of capmon's own beside it."""
    if replay is None or replay.problem or not replay.rows:
        return ()
    by_name = {row.policy: row for row in replay.rows}
    shown = [by_name[name] for name in ("hpa", "predictive") if name in by_name]
    length = f" of {span(replay.seconds)}" if math.isfinite(replay.seconds) else ""
    over = f"Replay{length} with scaling.hpa as configured"
    return [f"{over if row.policy == 'hpa' else 'The same load'}, {row.policy}: {_row(row)}." for row in shown]  # fmt: skip


def _row(row: Replay) -> str:
    return (
        f"overload {row.overload_percent:.3g} % of the time, {row.actions} actions "
        f"({row.direction_changes} changes of direction), {digits(row.replica_hours)} replica-hours"
    )
