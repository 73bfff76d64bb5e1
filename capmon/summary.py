"""The frame as a few lines of text, for pipes, mails and scripts."""

from __future__ import annotations

import shlex

from capmon.clock import rfc3339
from capmon.model.frame import Frame
from capmon.model.metric import Unit, label_of, metric
from capmon.model.names import ERRORS, RATE
from capmon.model.policies import Verdict
from capmon.model.results import (
    Bottleneck,
    Forecast,
    Headroom,
    Health,
    Predicted,
    ScalePlan,
    Severity,
    SourceState,
)
from capmon.model.text import one_line
from capmon.model.units import digits, percent, show, show_metric, span, within
from capmon.scaling.price import cost_text

WIDTH = 12


def summary(frame: Frame) -> str:
    """Everything that matters in a frame, a line each, without styles."""
    lines = [_head(frame), "", *_resources(frame), *_application(frame), *_models(frame)]
    lines += [*_forecasts(frame), *_bottlenecks(frame), *_replicas(frame), *_sources(frame)]
    return "\n".join(one_line(line) for line in lines) + "\n"


def _line(name: str, text: str) -> str:
    return f"{name:<{WIDTH}}{text}"


def _head(frame: Frame) -> str:
    host = frame.host
    if host is None:
        return f"capmon  {rfc3339(frame.at, timespec='seconds')}"
    limit = "" if host.cpu_limit_origin == "machine" else f", {host.cpu_limit_origin} {host.cpu_limit:g}"  # fmt: skip
    size = show(host.memory_limit, Unit.BYTES)
    where = f"{host.hostname} · {host.system} · {host.cores} cores{limit} · {size}"
    return f"capmon  {where}  {rfc3339(frame.at, timespec='seconds')}"


def said(frame: Frame, metric_key: str) -> str:
    """A value with its unit, or why there is none."""
    value = frame.value(metric_key)
    if value is None:
        return f"unknown ({frame.reason(metric_key)})"
    return str(show_metric(metric_key, value))


def _resources(frame: Frame) -> list[str]:
    load = [said(frame, f"system.cpu.load.{m}") for m in ("1m", "5m", "15m")]
    lines = [_line("cpu", f"{said(frame, 'system.cpu.utilization')}, load {' '.join(load)}")]
    used, limit = said(frame, "system.memory.usage"), said(frame, "system.memory.limit")
    lines.append(_line("memory", f"{said(frame, 'system.memory.utilization')}, {used} of {limit}"))
    disks = [k for k in sorted(frame.readings) if k.startswith("system.filesystem.utilization")]
    lines += [_line("disk", f"{said(frame, k)}  {label_of(k, 'mountpoint')}") for k in disks]
    down, up = said(frame, "system.network.receive"), said(frame, "system.network.transmit")
    lines.append(_line("network", f"in {down}, out {up}"))
    names = ("cpu", "memory", "io")
    parts = [f"{n} {said(frame, f'system.pressure.{n}.some.avg10')}" for n in names]
    return [*lines, _line("pressure", ", ".join(parts))]


def _application(frame: Frame) -> list[str]:
    if frame.app_source == "none":
        return []
    app = next((h for h in frame.health if h.source == "app"), None)
    silent = frame.value(RATE) is None
    if silent and app is not None and app.state is SourceState.FAILING:
        why = app.reason or app.state.value
        return ["", _line("app", f"{frame.app_name}: unknown, {why}")]
    quantile = "http.server.request.duration"
    hit = "" if frame.value("cache.hit_ratio") is None else " hit"
    return [
        "",
        _line("app", frame.app_name),
        _line("rate", said(frame, RATE)),
        _line("errors", said(frame, ERRORS)),
        _line("latency", f"p50 {said(frame, f'{quantile}.p50')}, p95 {said(frame, f'{quantile}.p95')}, p99 {said(frame, f'{quantile}.p99')}"),
        _line("cache", f"{said(frame, 'cache.hit_ratio')}{hit}"),
        _line("database", frame.texts.get("db.status") or said(frame, "db.status")),
    ]  # fmt: skip


def _models(frame: Frame) -> list[str]:
    if not frame.headroom:
        return []
    return ["", *(_line("headroom", headroom_text(h)) for h in frame.headroom)]


def headroom_text(headroom: Headroom) -> str:
    """`p95 reaches 250 ms at 128 (122–141) req/s, 1.08 times now`."""
    entry = metric(headroom.target)
    limit = show_metric(headroom.target, headroom.limit)
    if headroom.at is None:
        return f"{entry.label} to {limit}: {headroom.problem}"
    text = f"{entry.label} reaches {limit} at {digits(headroom.at.value)}"
    if headroom.at.low is not None and headroom.at.high is not None:
        text += f" ({within(digits(headroom.at.low), digits(headroom.at.high))})"
    text += " users" if "users" in headroom.load else " req/s"
    if headroom.multiple is not None:
        text += f", {digits(headroom.multiple)} times now"
    return text + (", beyond the load seen" if headroom.extrapolated else "")


def _forecasts(frame: Frame) -> list[str]:
    return [_line("forecast", forecast_text(f)) for f in frame.forecasts]


def forecast_text(forecast: Forecast) -> str:
    """One forecast in one line."""
    entry = metric(forecast.metric)
    name = f"{entry.label} {label_of(forecast.metric, 'mountpoint')}".rstrip()
    if forecast.problem:
        return f"{name}: {forecast.problem}"
    if forecast.limit is not None and forecast.breach_probability is not None:
        limit = show_metric(forecast.metric, forecast.limit)
        p = forecast.breach_probability
        chance = "<1" if 0 < p < 0.01 else ">99" if 0.99 < p < 1 else percent(p)
        return f"{name}: {chance} % to pass {limit} within {span(forecast.horizon)}"
    if not forecast.median:
        return f"{name}: no trend"
    peak = show_metric(forecast.metric, max(forecast.median))
    return f"{name}: peak {peak} within {span(forecast.horizon)}"


def _waiting(frame: Frame) -> list[str]:
    """What is past its threshold, but not yet for its time."""
    known = {b.component for b in frame.bottlenecks}
    past = [
        t
        for t in frame.triggers
        if not t.triggered
        and t.distance is not None
        and t.distance > 0
        and t.component not in known
    ]
    return [
        f"  {'waiting':<10}{t.component:<14}{show_metric(t.metric, t.value)}"
        f" past {show_metric(t.metric, t.threshold)}, {span(t.sustained)} of {span(t.sustain)}"
        for t in sorted(past, key=lambda t: -(t.distance or 0.0))
    ]


def _bottlenecks(frame: Frame) -> list[str]:
    waiting = _waiting(frame)
    if not frame.bottlenecks:
        known = "none yet" if waiting else "none"
        if not frame.engine_ready:
            known = "unknown (nothing was analysed)"
        known = "none known" if _silent(frame) else known
        return ["", _line("bottlenecks", known), *waiting]
    lines = ["", _line("bottlenecks", f"scaling priority {frame.priority.value}")]
    for b in frame.bottlenecks:
        evidence = b.evidence[0].text if b.evidence else ""
        todo = b.recommendations[0].text if b.recommendations else ""
        rest = "; ".join(part for part in (b.impact, todo) if part)
        text = "  ".join(part for part in (evidence, rest) if part)
        word = "easing" if b.recovering else b.severity.value
        lines.append(f"  {word:<10}{b.component:<14}{text}")
    return [*lines, *waiting]


def _replicas(frame: Frame) -> list[str]:
    state = frame.replicas
    if state is None:
        return []
    if state.ready is None:
        return [_line("replicas", f"unknown ({state.reason})")]
    counts = f"{state.ready} of {_n(state.desired)} ready"
    text = f"{counts}, {_n(state.minimum)}–{_n(state.maximum)}, {state.kind}"
    if frame.advice is not None:
        to = "none" if frame.advice.to is None else str(frame.advice.to)
        text += f"; advice {to}: {frame.advice.reason}"
    return [_line("replicas", text), *_policy(frame)]


def _policy(frame: Frame) -> list[str]:
    """What the policy of the configuration wants, and who acts on its own."""
    found = frame.scaling
    if found is None:
        return []
    lines = []
    verdict = next((v for v in found.verdicts if v.policy == found.policy), None)
    if verdict is not None:
        why = "; ".join(verdict.reasons) or "no reason given"
        tells = f"wants {hpa_text(verdict)}" if verdict.to is not None else f"cannot tell: {why}"
        lines.append(_line("policy", f"{verdict.policy} {tells}"))
    if found.actor:
        lines.append(_line("autoscaler", found.actor))
    return lines


def _sources(frame: Frame) -> list[str]:
    lines = []
    for h in frame.health:
        reason = f" ({h.reason})" if h.reason else ""
        lines.append(f"{h.source} {h.state.value}{reason}")
    return ["", _line("sources", ", ".join(lines) or "unknown")]


def verdict(frame: Frame) -> tuple[int, str]:
    """Exit status and one line in the manner of monitoring plug-ins.

    0 ok, 1 warning, 2 critical, 3 unknown: a source is silent, or nothing was analysed. What is
    critical stays so whatever else is unknown; a warning beside a silent source is unknown.
    """
    status, line = _verdict(frame)
    # What follows a bar is read as performance data.
    return status, one_line(line).replace("|", "/")


def _verdict(frame: Frame) -> tuple[int, str]:
    dead = _silent(frame)
    why = ", ".join(f"{h.source} {h.reason or h.state.value}" for h in dead)
    worst = max((b.severity for b in frame.bottlenecks), key=lambda s: s.rank, default=None)
    names = ", ".join(_evident(b) for b in frame.bottlenecks)
    if worst is Severity.CRITICAL:
        return 2, f"CRITICAL - {names}" + (f"; unknown: {why}" if why else "")
    if dead or not frame.engine_ready:
        return 3, f"UNKNOWN - {why or 'nothing was analysed'}" + (f"; {names}" if names else "")
    if worst in (Severity.HIGH, Severity.MEDIUM):
        return 1, f"WARNING - {names}"
    first = next((h for h in frame.headroom if h.at is not None), None)
    return 0, "OK - " + (headroom_text(first) if first else "no bottleneck")


def _silent(frame: Frame) -> list[Health]:
    """Sources that should answer and do not."""
    return [h for h in frame.health if h.state not in (SourceState.LIVE, SourceState.OFF)]


def _evident(bottleneck: Bottleneck) -> str:
    """`cpu critical (95 % > 90 %)`."""
    evidence = f" ({bottleneck.evidence[0].text})" if bottleneck.evidence else ""
    return f"{bottleneck.component} {bottleneck.severity.value}{evidence}"


def plan_text(plan: ScalePlan) -> str:
    """A scale plan in lines: what, why, what to expect, what it costs, what speaks against it, what runs."""
    lines = [("", f"{plan.target}: {_n(plan.origin)} → {_n(plan.to)} replicas ({plan.mode})")]
    lines += [("why", w) for w in plan.why]
    lines += [("expected", _expected(p)) for p in plan.predicted]
    lines += [("HPA", hpa_text(plan.hpa))] if plan.hpa is not None else []
    lines += [("cost", cost_text(plan.cost))] if plan.cost is not None else []
    lines += [("binds", plan.binds)] if plan.binds else []
    lines += [("beware", w) for w in plan.warnings]
    lines += [("refused", r) for r in plan.refusals]
    lines += [("runs", shlex.join(plan.argv))] if plan.argv else []
    lines.append(("mode", mode_text(plan)))
    return "\n".join(one_line(f"  {name:<9}{text}" if name else text) for name, text in lines)


def hpa_text(verdict: Verdict) -> str:
    """What Kubernetes' own algorithm would do: `5 (cpu 84 % / 70 % × 4 = 4.8)`."""
    said = "; ".join(verdict.reasons)
    text = f"{_n(verdict.to)} ({said})" if said else _n(verdict.to)
    return ", ".join([text, *held_text(verdict)])


def held_text(verdict: Verdict) -> list[str]:
    """What binds a verdict, and each wait: `stabilization 5 m binds, 4 m left`."""
    running = [w for w in verdict.waits if w.seconds > 0]
    left = {w.what: w for w in running if verdict.binds.startswith(w.what)}
    held = [f"{w.what} {span(w.seconds)}" for w in running if w.what not in left]
    if verdict.binds:
        rest = max((w.seconds for w in left.values()), default=0.0)
        held.append(f"{verdict.binds} binds" + (f", {span(rest)} left" if rest else ""))
    return held


def mode_text(plan: ScalePlan) -> str:
    """What saying yes does."""
    if not plan.allowed:
        return f"{plan.mode}: nothing is run"
    return "act: it is carried out" if plan.mode == "act" else "dry-run: it is logged, nothing is changed"  # fmt: skip


def _expected(predicted: Predicted) -> str:
    """`p95 187 ms → 149 ms (140–160)`, or why that is not known."""
    label = metric(predicted.metric).label
    if predicted.after is None:
        return f"{label} not known: {predicted.problem or 'no model'}"
    before = show_metric(predicted.metric, predicted.before)
    after = show_metric(predicted.metric, predicted.after.value)
    low, high = predicted.after.low, predicted.after.high
    text, remark = (
        f"{label} {before} → {after}",
        f", {predicted.remark}" if predicted.remark else "",
    )
    if low is None or high is None:
        return text + remark
    ends = [show_metric(predicted.metric, end) for end in (max(low, 0.0), high)]
    alike = all(end.unit == after.unit for end in ends)
    shown = [end.number if alike else str(end) for end in ends]
    return f"{text} ({within(*shown)}){remark}"


def _n(count: int | None) -> str:
    return "unknown" if count is None else str(count)
