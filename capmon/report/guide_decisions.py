"""The guide's decisions beside the right ones: when to scale, from how many, and what is a bottleneck."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from capmon.actions.targets.base import counted
from capmon.analysis import guide
from capmon.analysis.bottlenecks.sustain import Watch
from capmon.analysis.bottlenecks.thresholds import Rule, rules
from capmon.analysis.bottlenecks.triggers import urgency
from capmon.analysis.utilization import utilization
from capmon.config.schema import ScalingSettings, Settings
from capmon.model.frame import Reading
from capmon.report import guide_inputs as given
from capmon.report.example import Example, known
from capmon.scaling.limits import Circumstances, refusals, remaining

NOW = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
DAY = 86400.0
CACHE, DATABASE = "cache.hit_ratio", "db.status"
SCALER, BOTTLENECKS = "autoscaler", "bottlenecks"


def autoscaler() -> tuple[Example, ...]:
    """Cooldown, a count that is not known, and the most replicas there may be."""
    return (_cooldown(), *_count_lost(), _at_most())


def _cooldown() -> Example:
    config, settings = guide.AutoScalerConfig(), ScalingSettings()
    busy = guide.CurrentMetrics(NOW, 3, response_time=100, cpu_utilization=71)
    theirs = guide.should_scale_up(config, busy, NOW - timedelta(seconds=DAY))
    return Example(
        "cooldown_after_a_day",
        SCALER,
        "scaling up a day after the last",
        "",
        _allowed(theirs),
        _allowed(remaining(settings.cooldown, True, DAY) == 0),
        "timedelta.seconds starts anew each day: reads 0 s of 300",
    )


def _allowed(yes: bool) -> str:
    return "allowed" if yes else "refused"


def _count_lost() -> tuple[Example, ...]:
    """Docker does not answer once while eight replicas run."""
    theirs = guide.get_current_instance_count(None)
    action = guide.scale_up(guide.AutoScalerConfig(), theirs, NOW)
    unknown = counted("swarm", "semantic-text-processor", None, None)
    state = replace(unknown, reason="docker did not answer")
    now = Circumstances(state, data_age=0.0)
    refused = refusals(ScalingSettings(), theirs + 1, now)
    return (
        Example(
            "count_when_docker_fails",
            SCALER,
            "replicas when docker fails",
            "",
            theirs,
            state.ready,
            "takes no answer for one replica",
        ),
        Example(
            "command_when_docker_fails",
            SCALER,
            "its command then, at 8 replicas",
            "",
            f"scale to {action.to}",
            "none" if refused else "scale",
            f"would take {8 - action.to} of 8 away; {refused[0]}" if refused else "",
        ),
    )


def _at_most() -> Example:
    most = given.MAX_INSTANCES
    theirs = guide.scale_up(guide.AutoScalerConfig(), most, NOW)
    settings = ScalingSettings(max=most)
    now = Circumstances(counted("swarm", "", most, most), state_age=0.0, data_age=0.0)
    refused = refusals(settings, most + 1, now)
    return Example(
        "scale_up_at_most",
        SCALER,
        f"scaling up at the most of {most}",
        "",
        f"scale to {theirs.to}",
        "refused" if refused else "scale",
        f"changes nothing and starts a cooldown; {refused[0]}" if refused else "",
    )


def bottlenecks() -> tuple[Example, ...]:
    """Urgency, the cache between its thresholds, and what was not reported at all."""
    return (_urgency(), _half_warm_cache(), _no_database(), _no_cache())


def _urgency() -> Example:
    row = {"cache_hit_rate": 0.95}
    theirs = guide.identify_scaling_triggers([row])["cache_hit_rate"]
    rule = known(_rule(CACHE, 0.95), "no rule for the cache")
    ours = urgency(rule, _held(rule), None)
    return Example(
        "urgency_not_triggered",
        BOTTLENECKS,
        "urgency of a cache at 95 % hits",
        "",
        theirs.urgency,
        ours.value if ours is not None else "none",
        "distance without direction: far on the good side is high",
    )


def _half_warm_cache() -> Example:
    theirs = guide.detect_cache(0.6)
    return Example(
        "cache_between_thresholds",
        BOTTLENECKS,
        "cache at 60 % hits",
        "",
        theirs.severity if theirs is not None else "none",
        _severity(_rule(CACHE, 0.6)),
        "never looks at its own warning threshold of 70 %",
    )


def _no_database() -> Example:
    theirs = guide.detect_database(None)
    return Example(
        "database_not_reported",
        BOTTLENECKS,
        "a database that is not reported",
        "",
        theirs.severity if theirs is not None else "none",
        _severity(_rule(DATABASE, None)),
        "takes silence for an outage",
    )


def _no_cache() -> Example:
    metrics = {"histograms": {"http_request_duration": {"p95": 120}}}
    room = guide.Usage(used=1, total=2)
    theirs, problem = guide.assess_current_utilization(50, 50, room, room, metrics)
    ours = utilization(Settings(), {}).cache_efficiency
    return Example(
        "cache_not_reported",
        BOTTLENECKS,
        "a cache that is not reported",
        "",
        theirs.application_performance.cache_efficiency if theirs is not None else problem,
        None if ours == "unknown" else ours,
        "takes silence for a hit rate of 0",
    )


def _rule(metric: str, value: float | None) -> Rule | None:
    """The rule that one reading brings; None where nothing was reported."""
    readings = {} if value is None else {metric: Reading(value, 0.0)}
    return next((r for r in rules(Settings(), readings, {}) if r.metric == metric), None)


def _held(rule: Rule) -> Watch:
    """A watch on a reading that has stayed for the rule's time."""
    watch = Watch()
    for at in (0.0, rule.sustain):
        watch.step(rule, at)
    return watch


def _severity(rule: Rule | None) -> str | None:
    """What the reading amounts to; None where there is none."""
    if rule is None:
        return None
    level = _held(rule).level
    return rule.severities[level - 1].value if level else "none"
