"""What the capacity guide says of the readings behind a bottleneck."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from capmon.analysis.bottlenecks.sustain import Watch
from capmon.analysis.bottlenecks.thresholds import NEAR, Rule
from capmon.analysis.guide.detector import (
    BottleneckResult,
    detect_cache,
    detect_cpu_bottleneck,
    detect_database,
    detect_memory_bottleneck,
    detect_response_time,
)
from capmon.model.results import GuideView

NOTHING = "none"
"""Severity where the guide's rules see nothing."""


@dataclass(frozen=True, slots=True)
class _Check:
    """One of the guide's checks and the unit that it counts in."""

    detect: Callable[[float], BottleneckResult | None]
    """Its judgement of one reading."""

    scale: float
    """Its units in one base unit: 100 for per cent, 1000 for milliseconds."""


# The guide looks at the host alone, and has thresholds for disks and connections that it never uses.
_CHECKS = {
    "cpu": _Check(detect_cpu_bottleneck, 100.0),
    "memory": _Check(detect_memory_bottleneck, 100.0),
    "latency": _Check(detect_response_time, 1000.0),
    NEAR: _Check(detect_response_time, 1000.0),
    "cache": _Check(detect_cache, 1.0),
}


def guide_view(rule: Rule, watch: Watch) -> GuideView | None:
    """The guide's verdict on the worst reading of late; None where it does not look at all.

    It judges single readings: that of now alone would turn within a second.
    """
    value = watch.worst
    if value is None or watch.value is None:
        return None
    if rule.family == "database":
        # The word is that of now, which may be well already.
        word = rule.word if (value < rule.warning) == (watch.value < rule.warning) else ""
        return _view(
            detect_database(word or ("not healthy" if value < rule.warning else "healthy"))
        )
    check = _CHECKS.get(rule.family)
    if check is None:
        return None
    # 0.57 × 100 is not quite 57: a reading at a threshold must not cross it by its binary form.
    return _view(check.detect(round(value * check.scale, 9)))


def _view(result: BottleneckResult | None) -> GuideView:
    if result is None:
        return GuideView(NOTHING, "")
    return GuideView(result.severity, result.impact, tuple(result.recommendations))
