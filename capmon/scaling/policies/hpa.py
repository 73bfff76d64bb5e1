"""Kubernetes' horizontal pod autoscaler as a pure rule, for any target."""

from __future__ import annotations

import math
from dataclasses import dataclass

from capmon.config.quantities import Duration, Ratio
from capmon.config.scaling import BehaviorSettings, HpaSettings, RateSettings
from capmon.model.names import CPU, MEMORY, RATE
from capmon.model.policies import Verdict, Wait
from capmon.model.units import digits, span
from capmon.scaling.policies.base import Situation
from capmon.scaling.policies.hpa_metrics import (
    PERCENT,
    Aim,
    per_pod_replicas,
    plain_replicas,
    quantity_aim,
    utilization_aim,
)
from capmon.scaling.policies.hpa_rates import (
    Limit,
    Recommendations,
    limited,
    reach_down,
    reach_up,
    seconds_held,
    stabilized,
    with_high,
    with_low,
)

GUIDE_HPA = HpaSettings(
    cpu=Ratio(0.7),
    memory=Ratio(0.8),
    rate=100.0,
    up=BehaviorSettings(Duration(300.0), (RateSettings("percent", 50, Duration(60.0)),)),
    down=BehaviorSettings(Duration(600.0), (RateSettings("percent", 10, Duration(60.0)),)),
)
"""The manifest of the capacity guide: CPU 70 %, memory 80 %, 100 requests per second a replica; slow both ways."""


@dataclass(frozen=True, slots=True)
class HpaState:
    """What the policy remembers: recommendations that may still hold a change up."""

    at: float | None = None
    """Time of the last decision, seconds; None before the first."""

    lows: Recommendations = ()
    """Recommendations that may still be the lowest of the window up: counts and times, both ascending."""

    highs: Recommendations = ()
    """Those that may still be the highest of the window down: counts descending, times ascending."""


@dataclass(frozen=True, slots=True)
class _Term:
    """One metric that is aimed at."""

    label: str
    keys: tuple[str, ...]
    aim: Aim
    whole: bool = False
    """Whether the value is that of the whole service."""


@dataclass(frozen=True, slots=True)
class _Proposal:
    """What one metric asks for; `wanted` None where it is not known."""

    term: _Term
    wanted: int | None
    mean: float | None = None
    """Mean over the ready replicas; None where each replica's value was counted, or none is known."""


class HpaPolicy:
    """Replicas in proportion to usage over target, as the HPA of autoscaling/v2 counts them.

    Each metric asks for ceil(replicas × usage / target), and the highest count wins. Usage
    within a tolerance of its target changes nothing. A metric that is not known keeps replicas
    from being taken away but not from being added; where none is known nothing can be said.
    What is asked for is then stabilized, limited in its rate and kept within the bounds. A count
    outside of the bounds is led back to them whatever the metrics say; a count of 0 is left alone.

    Usage is cut to whole percent, rates to thousandths, as HPA cuts them. CPU and memory are
    shares of what one replica may use, where HPA takes shares of what its pod requests.
    Rates of change see the last hour, which is as far back as changes are told.

    Args:
        settings: Targets and behaviour. A target of 0 is no target that usage could be divided by:
            its metric counts as not known.
        least: Least replicas, 1 or more.
        most: Most replicas.
        name: Name in tables.
        explain: Whether verdicts carry reasons, bounds and waits; without them they cost half.

    Source:
        https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/ and
        kubernetes/kubernetes, pkg/controller/podautoscaler (Apache-2.0), whose semantics this
        follows.
    """

    def __init__(
        self,
        settings: HpaSettings,
        least: int,
        most: int,
        *,
        name: str = "hpa",
        explain: bool = True,
    ) -> None:
        self._settings = settings
        self._least = least
        self._most = most
        self._name = name
        self._explain = explain
        self._terms = _terms(settings)

    @property
    def name(self) -> str:
        """Name in tables."""
        return self._name

    def start(self) -> HpaState:
        """Nothing remembered."""
        return HpaState()

    def moved(self, state: HpaState, seconds: float, /) -> HpaState:
        """The state with `seconds` added to every time in it."""
        return HpaState(
            None if state.at is None else state.at + seconds,
            tuple((n, at + seconds) for n, at in state.lows),
            tuple((n, at + seconds) for n, at in state.highs),
        )

    def decide(self, state: HpaState, seen: Situation, /) -> tuple[Verdict, HpaState]:
        """What HPA would ask for now; a situation older than the last counts as of that time."""
        now, current = seen.at, seen.desired
        if state.at is None:
            # HPA takes the count that it finds for its first recommendation.
            state = self._remembered(state, current, now)
        elif now <= state.at:
            now = state.at
        else:
            state = HpaState(now, state.lows, state.highs)
        if not self._least <= current <= self._most:
            return self._outside(current), state
        proposals = [_proposal(term, seen) for term in self._terms]
        wanted = [p.wanted for p in proposals if p.wanted is not None]
        if not wanted:
            return self._cannot_tell(seen), state
        highest = max(wanted)
        if highest < current and len(wanted) < len(proposals):
            return self._kept(proposals, seen), state
        return self._followed(state, seen, now, highest, proposals)

    def _followed(
        self, state: HpaState, seen: Situation, now: float, wanted: int, proposals: list[_Proposal]
    ) -> tuple[Verdict, HpaState]:
        """The count wanted, as far as stabilization, rates and bounds let it through."""
        up, down = self._settings.up, self._settings.down
        held = stabilized(
            seen.desired, wanted, state.lows, state.highs, now, up.stabilization, down.stabilization
        )
        to, limit = limited(
            seen.desired, held, self._least, self._most, up, down, seen.changes, now
        )
        after = self._remembered(state, wanted, now)
        if not self._explain:
            return Verdict(self._name, to), after
        verdict = Verdict(
            self._name,
            to,
            _reasons(proposals, seen),
            self._binding(seen, now, wanted, held, limit),
            self._waits(state, now, wanted, held),
        )
        return verdict, after

    def _remembered(self, state: HpaState, wanted: int, now: float) -> HpaState:
        up, down = self._settings.up.stabilization, self._settings.down.stabilization
        return HpaState(
            now, with_low(state.lows, wanted, now, up), with_high(state.highs, wanted, now, down)
        )

    def _outside(self, current: int) -> Verdict:
        """HPA leads a count back to its bounds at once, without a look at the metrics."""
        if current <= 0:
            return Verdict(self._name, None, ("scaling is disabled: 0 replicas asked for",))
        if current > self._most:
            bound, to = f"max {self._most}", self._most
        else:
            bound, to = f"min {self._least}", self._least
        return Verdict(self._name, to, (f"{current} asked for, {bound}",), bound)

    def _cannot_tell(self, seen: Situation) -> Verdict:
        if not self._terms:
            return Verdict(self._name, None, ("no metric is aimed at",))
        if seen.ready < 1 and not seen.each:
            return Verdict(self._name, None, ("no replica is ready",))
        return Verdict(self._name, None, tuple(_unknown(term) for term in self._terms))

    def _kept(self, proposals: list[_Proposal], seen: Situation) -> Verdict:
        """The count as it is: what is not known may be what needs it."""
        if not self._explain:
            return Verdict(self._name, seen.desired)
        unknown = next(p.term for p in proposals if p.wanted is None)
        return Verdict(self._name, seen.desired, _reasons(proposals, seen), _unknown(unknown))

    def _binding(self, seen: Situation, now: float, wanted: int, held: int, limit: Limit) -> str:
        match limit:
            case "TooManyReplicas":
                return f"max {self._most}"
            case "TooFewReplicas":
                return f"min {self._least}"
            case "ScaleUpLimit":
                rate = reach_up(seen.desired, self._settings.up, seen.changes, now)[1]
                return "nothing may be added" if rate is None else _rate_text(rate, "+")
            case "ScaleDownLimit":
                rate = reach_down(seen.desired, self._settings.down, seen.changes, now)[1]
                return "nothing may be taken away" if rate is None else _rate_text(rate, "-")
        if held == wanted:
            return ""
        rules = self._settings.down if held > wanted else self._settings.up
        return f"stabilization {span(rules.stabilization)}"

    def _waits(self, state: HpaState, now: float, wanted: int, held: int) -> tuple[Wait, ...]:
        if held == wanted:
            return ()
        up = held < wanted
        rules = self._settings.up if up else self._settings.down
        earlier = state.lows if up else state.highs
        seconds = seconds_held(held, earlier, now, rules.stabilization, up=up)
        return (Wait("stabilization", up, seconds),)


def _terms(settings: HpaSettings) -> tuple[_Term, ...]:
    up, down = settings.up.tolerance, settings.down.tolerance
    found = []
    if settings.cpu is not None:
        found.append(_Term("cpu", CPU, utilization_aim(settings.cpu, up, down)))
    if settings.memory is not None:
        found.append(_Term("memory", MEMORY, utilization_aim(settings.memory, up, down)))
    if settings.rate is not None:
        aim = quantity_aim(settings.rate, up, down)
        found.append(_Term("rate", (RATE,), aim, whole=True))
    return tuple(found)


def _proposal(term: _Term, seen: Situation) -> _Proposal:
    """What a metric asks for: by the replicas' own values where they are told, else by their mean."""
    if term.aim.target <= 0:
        return _Proposal(term, None)
    for key in term.keys:
        if seen.each and (each := seen.each.get(key)):
            unready = max(0, seen.desired - len(each))
            wanted = per_pod_replicas(seen.desired, each, unready, term.aim)
            if wanted is not None:
                return _Proposal(term, wanted)
        value = seen.values.get(key)
        if value is not None and math.isfinite(value) and seen.ready > 0:
            mean = value / seen.ready if term.whole else value
            # Replicas over those asked for are on their way out; HPA counts them no more.
            ready = min(seen.ready, seen.desired)
            unready = seen.desired - ready
            return _Proposal(
                term, plain_replicas(seen.desired, mean, ready, unready, term.aim), mean
            )
    return _Proposal(term, None)


def _reasons(proposals: list[_Proposal], seen: Situation) -> tuple[str, ...]:
    """The arithmetic of each metric, the highest count first, what is not known last."""
    if len(proposals) > 1:
        proposals = sorted(proposals, key=lambda p: 1 if p.wanted is None else -p.wanted)
    return tuple(_arithmetic(p, seen) for p in proposals)


def _arithmetic(proposal: _Proposal, seen: Situation) -> str:
    """Such as `cpu 84 % / 70 % × 4 = 4.8 → 5`."""
    term, wanted = proposal.term, proposal.wanted
    if wanted is None:
        return _unknown(term)
    if proposal.mean is None:
        return (
            f"{term.label} of each replica against {_amount(term.aim, term.aim.target)} → {wanted}"
        )
    ready = min(seen.ready, seen.desired)
    usage = term.aim.usage(proposal.mean * term.aim.grains * ready, ready)
    ratio = usage / term.aim.target
    text = f"{term.label} {_amount(term.aim, usage)} / {_amount(term.aim, term.aim.target)}"
    if term.aim.near(ratio):
        tolerance = term.aim.up if ratio > 1 else term.aim.down
        return f"{text}, within {tolerance * 100:g} % → {wanted}"
    text = f"{text} × {ready} = {round(ratio * ready, 3):g}"
    if ratio > 1 and ready < seen.desired:
        text = f"{text}, {seen.desired - ready} not ready count as idle"
    return f"{text} → {wanted}"


def _unknown(term: _Term) -> str:
    if term.aim.target <= 0:
        return f"{term.label} cannot aim at {_amount(term.aim, term.aim.target)}"
    return f"{term.label} unknown"


def _amount(aim: Aim, grains: float) -> str:
    if aim.grains == PERCENT:
        return f"{grains:g} %"
    return f"{digits(grains / aim.grains)} req/s"


def _rate_text(rate: RateSettings, sign: str) -> str:
    if rate.kind == "percent":
        return f"at most {sign}{rate.amount} % in {span(rate.per)}"
    return f"at most {sign}{rate.amount} in {span(rate.per)}"
