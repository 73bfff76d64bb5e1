"""What can happen to the demo service: each scenario is a few curves over time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from capmon.demo.load import Curve
from capmon.errors import CapmonError

DAY_SECONDS = 600.0
"""How long the scenario `day` takes for one day."""

USUAL_HIT_RATIO = 0.91
"""Cache hits over look-ups while nothing is wrong."""


def _usual_hit_ratio(_at: float) -> float:
    return USUAL_HIT_RATIO


def _always(_at: float) -> bool:
    return True


def _usual_cost(_at: float) -> float:
    return 1.0


def _usual_version(_at: float) -> str:
    return "1.4.2"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One course of events; all curves take the seconds since it began."""

    name: str
    """How it is called on the command line."""

    summary: str
    """One line for a list."""

    rate: Curve
    """Requests per second."""

    peak: float
    """Requests per second that the rate never goes beyond."""

    hit_ratio: Curve = _usual_hit_ratio
    """Share of requests that the cache can answer."""

    database_up: Callable[[float], bool] = _always
    """Whether the database answers."""

    leak: float = 0.0
    """Bytes a second that a replica loses until it restarts."""

    cost: Curve = _usual_cost
    """What a request takes, as a multiple of what it takes usually."""

    version: Callable[[float], str] = _usual_version
    """Version of the application."""


def _day(seconds: float) -> Scenario:
    def rate(at: float) -> float:
        hour = math.sin(math.tau * at / seconds + math.pi / 6)
        # Two shorter waves whose periods have no common multiple nearby: a model of latency
        # over load needs the load to vary within the first seconds.
        waves = 0.15 * math.sin(math.tau * at / 41) + 0.06 * math.sin(math.tau * at / 17)
        return 105.0 * (1 + 0.36 * hour + waves)

    summary = "a day's rise and fall, in ten minutes unless told otherwise"
    return Scenario("day", summary, rate, peak=165.0)


def _ramp(at: float) -> float:
    return min(40.0 + at * 160 / 600, 200.0)


def _spike(at: float) -> float:
    return 220.0 if 40 <= at % 90 < 60 else 95.0


def _calm(at: float) -> float:
    return 85.0 + 15 * math.sin(math.tau * at / 61)


def _warming(at: float) -> float:
    flushed = at % 300 - 20
    if flushed < 0:
        return USUAL_HIT_RATIO
    return USUAL_HIT_RATIO - (USUAL_HIT_RATIO - 0.2) * math.exp(-flushed / 50)


def _waves(at: float) -> float:
    return 80.0 + 22 * math.sin(math.tau * at / 61) + 8 * math.sin(math.tau * at / 17)


DEPLOYED = 120.0
"""Seconds after which the scenario `deploy` puts a new version into service."""


def _deployed_cost(at: float) -> float:
    return 1.35 if at >= DEPLOYED else 1.0


def _deployed_version(at: float) -> str:
    return "1.5.0" if at >= DEPLOYED else "1.4.2"


def _interrupted(at: float) -> bool:
    return not 30 <= at % 240 < 120


def scenario(name: str, day_seconds: float = DAY_SECONDS) -> Scenario:
    """The scenario of that name.

    Args:
        name: One of `names()`.
        day_seconds: Length of a day in the scenario `day`.

    Raises:
        CapmonError: There is none; the text lists those there are.
    """
    if name == "day":
        return _day(day_seconds)
    if name not in _FIXED:
        raise CapmonError(f"no scenario {name!r}: use {', '.join(names())}")
    return _FIXED[name]


def names() -> tuple[str, ...]:
    """Names of all scenarios."""
    return ("day", *_FIXED)


_FIXED = {
    s.name: s
    for s in (
        Scenario("steady", "118 requests a second, always", lambda _at: 118.0, 118.0),
        Scenario("ramp", "from 40 to 200 requests a second in ten minutes", _ramp, 200.0),
        Scenario("spike", "20 seconds of 220 requests a second, every 90", _spike, 220.0),
        Scenario(
            "cold-cache",
            "the cache is flushed after 20 seconds, then every five minutes, and warms up again",
            _calm,
            100.0,
            hit_ratio=_warming,
        ),
        Scenario(
            "leak",
            "memory grows until a replica reaches its limit and restarts",
            _calm,
            100.0,
            leak=25e6,
        ),
        Scenario(
            "deploy",
            "after two minutes a new version makes every request a third dearer",
            _waves,
            112.0,
            cost=_deployed_cost,
            version=_deployed_version,
        ),
        Scenario(
            "db-down",
            "the database is away for 90 seconds, every four minutes",
            _calm,
            100.0,
            database_up=_interrupted,
        ),
    )
}
