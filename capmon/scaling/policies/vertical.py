"""Which tier a replica should have: when one has been too small or too large for long enough, and which instead."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from capmon.config.scaling import TierSettings, VerticalSettings
from capmon.model.names import LATENCY
from capmon.model.policies import TierAdvice
from capmon.model.units import span
from capmon.scaling.policies import tier_words as words
from capmon.scaling.policies.base import Situation
from capmon.scaling.policies.recommender import Recommendations
from capmon.scaling.policies.tier_demands import asked, at_peak, loads, used
from capmon.scaling.policies.tiers import (
    CPU,
    CPU_ASKED,
    MEMORY,
    MEMORY_ASKED,
    P95,
    RATE,
    ROOM,
    USERS,
    Demand,
    Demands,
    by_size,
    count,
    larger,
    measured,
    obstacle,
    offer,
    running,
    saving,
    smaller,
    smallest,
)

BRIDGE = 60.0
"""Seconds without a reading that do not end what was above its level."""

FULL = 0.98
"""Share of its cores from which a replica might use more if it had them."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Something that has stayed on one side of its level."""

    what: str
    """What it is, such as `CPU`."""

    since: float
    """Time of the first reading on that side, seconds."""

    last: float
    """Time of the latest one."""

    peak: float
    """Greatest reading since `turned`."""

    before: float
    """Greatest reading of the period before that."""

    turned: float
    """When the present period began: a peak counts for one period after its own."""

    @property
    def lasted(self) -> float:
        """Seconds from the first reading to the latest."""
        return self.last - self.since

    @property
    def greatest(self) -> float:
        """Greatest reading of late."""
        return max(self.peak, self.before)


@dataclass(frozen=True, slots=True)
class VerticalState:
    """What the policy remembers."""

    tier: str = ""
    """The tier that all of it was seen on; empty before the first."""

    high: tuple[Hold, ...] = ()
    """What is above its upper level, by the amount that one replica takes."""

    low: tuple[Hold, ...] = ()
    """What one replica took while all was below the lower levels; empty while not all is."""


@dataclass(frozen=True, slots=True)
class _Case:
    """One moment, on a tier that is known."""

    seen: Situation
    tier: TierSettings
    size: TierSettings
    """The tier with the size that a replica really has."""
    now: Demands
    p95: float | None
    peak_load: float | None


_Judged = tuple[TierSettings | None, tuple[str, ...]]


class VerticalPolicy:
    """A larger tier when one of the upper levels was passed for long, a smaller one when none is near.

    Above any of the upper levels for their time, or above what the tier is said to carry or the
    recommended request: the smallest larger tier on which none of it would be. Below all lower
    levels for their time: the smallest tier that keeps `ROOM` under every upper level, also at
    the peak load. What is not known is neither: it ends the time below at once, and the time
    above after `bridge` seconds. Where only the latency is high, no tier is promised to help.

    A replica uses the same cores and the same bytes on every tier: utilization goes with the
    inverse of its size.

    Args:
        settings: Levels and times, and the tier that runs where it is named.
        tiers: Sizes that a replica can have, in any order.
        currency: What prices are in.
        bridge: Seconds without a reading that do not end what was above its level; two decisions
            must not lie further apart.
    """

    def __init__(
        self,
        settings: VerticalSettings,
        tiers: tuple[TierSettings, ...],
        *,
        currency: str = "$",
        bridge: float = BRIDGE,
    ) -> None:
        self._settings = settings
        self._tiers = tiers
        self._currency = currency
        self._bridge = bridge

    def start(self) -> VerticalState:
        """Nothing remembered."""
        return VerticalState()

    def moved(self, state: VerticalState, seconds: float, /) -> VerticalState:
        """The state with `seconds` added to every time in it."""

        def later(hold: Hold) -> Hold:
            since, last, turned = (t + seconds for t in (hold.since, hold.last, hold.turned))
            return replace(hold, since=since, last=last, turned=turned)

        return replace(state, high=tuple(map(later, state.high)), low=tuple(map(later, state.low)))

    def decide(
        self,
        state: VerticalState,
        seen: Situation,
        /,
        *,
        cores: float | None = None,
        memory: float | None = None,
        request: Recommendations | None = None,
        peak_load: float | None = None,
    ) -> tuple[TierAdvice, VerticalState]:
        """The tier that a replica should have, and what the policy remembers.

        Args:
            state: What the decision before returned, or `start()`.
            seen: The moment.
            cores: Cores that one replica may use; None when not known.
            memory: Bytes that one replica may use; None when not known.
            request: What the recommender says; None when there is none.
            peak_load: Requests per second of one replica in its busiest hours; None when not known.
        """
        cores, memory = (v if v is not None and v > 0 else None for v in (cores, memory))
        tier, problem = running(self._tiers, self._settings.tier, cores, memory)
        if tier is None:
            to, reasons = self._unplaced(seen, request, problem)
            return _advice(None, to, reasons, request, seen), state
        size = measured(tier, cores, memory)
        now = {**used(seen, size, self._settings.up), **loads(seen), **asked(request)}
        case = _Case(seen, tier, size, now, seen.values.get(LATENCY), peak_load)
        before = state if state.tier == tier.name else VerticalState(tier.name)
        after = VerticalState(tier.name, self._high(before, case), self._low(before, case))
        to, reasons = self._judge(after, case)
        return _advice(tier, to, reasons, request, seen), after

    def _high(self, state: VerticalState, case: _Case) -> tuple[Hold, ...]:
        """What is above its level now, or was until a reading went missing."""
        up, at = self._settings.up, case.seen.at
        read = {d.what: (d.amount, d.over(case.size)) for d in case.now.values()}
        if case.p95 is not None:
            read[P95] = (case.p95, case.p95 > up.latency_p95)
        held = {h.what: h for h in state.high if 0 <= at - h.last <= self._bridge}
        found = {w: h for w, h in held.items() if w not in read}
        for what, (amount, over) in read.items():
            if over:
                found[what] = _held(held.get(what), what, at, amount, up.for_)
        return tuple(found[w] for w in _ORDER if w in found)

    def _low(self, state: VerticalState, case: _Case) -> tuple[Hold, ...]:
        """What a replica takes while all is below; empty where not all is known to be."""
        down, at = self._settings.down, case.seen.at
        cpu, memory = case.now.get(CPU), case.now.get(MEMORY)
        if cpu is None or memory is None or case.p95 is None:
            return ()
        if not (
            cpu.amount < down.cpu * case.size.cores
            and memory.amount < down.memory * case.size.memory
            and case.p95 < down.latency_p95
        ):
            return ()
        held = {h.what: h for h in state.low if 0 <= at - h.last <= self._bridge}
        # The recommender has a memory of its own.
        kept = [case.now[w] for w in (CPU, MEMORY, RATE, USERS) if w in case.now]
        return tuple(_held(held.get(d.what), d.what, at, d.amount, down.for_) for d in kept)

    def _judge(self, state: VerticalState, case: _Case) -> _Judged:
        fired = [h for h in state.high if h.lasted >= self._settings.up.for_]
        if fired:
            causes = tuple(self._above(h, case) for h in fired)
            return self._up(state, case, causes)
        if state.low and state.low[0].lasted >= self._settings.down.for_:
            return self._down(state, case)
        return self._stay(state, case)

    def _above(self, hold: Hold, case: _Case) -> str:
        now = {d.what: d.amount for d in case.now.values()}
        if case.p95 is not None:
            now[P95] = case.p95
        amount = now.get(hold.what, hold.greatest)
        return words.above(hold.what, amount, case.size, self._settings.up, hold.lasted)

    def _up(self, state: VerticalState, case: _Case, causes: tuple[str, ...]) -> _Judged:
        """A tier on which nothing is above its level."""
        tier, desired = case.tier, case.seen.desired
        hot = {h.what for h in state.high} - {P95}
        if not hot:
            known = CPU in case.now and MEMORY in case.now
            return tier if known else None, (*causes, words.latency_alone(case.now, case.size))
        takes = self._greatest(case.now, state.high)
        wider = larger(self._tiers, tier)
        if not wider:
            return tier, (*causes, f"no tier is larger than {tier.name}: add replicas")
        to = smallest(wider, takes)
        if to is None:
            return tier, (*causes, f"{obstacle(wider[-1], takes, 1.0)}: add replicas")
        full = CPU in takes and takes[CPU].amount >= FULL * case.size.cores
        # More replicas share requests out, but each keeps what it holds in memory.
        shared = CPU in takes and not hot & {MEMORY, MEMORY_ASKED}
        whats = (CPU, RATE, USERS, CPU_ASKED) if shared else ()
        n = count(case.size, takes, case.seen.ready, whats, 1.0) or 0
        reasons = (
            *causes,
            words.expected(to, takes),
            "CPU is full, so it may take more than that" if full else "",
            words.bill(tier, to, desired, self._currency),
            words.instead(tier, to, n, self._currency) if n > desired else "",
        )
        return to, tuple(filter(None, reasons))

    def _down(self, state: VerticalState, case: _Case) -> _Judged:
        """A tier that would not be found too small again."""
        tier, desired, peak = case.tier, case.seen.desired, case.peak_load
        lasted = span(state.low[0].lasted)
        now = words.stands(case.now, case.p95, case.size)
        first = f"{now}: below all lower levels for {lasted}"
        fewer = smaller(self._tiers, tier)
        if not fewer:
            instead = ": fewer replicas would save instead" if desired > 1 else ""
            return tier, (first, f"no tier is smaller than {tier.name}{instead}")
        fewer = [t for t in fewer if (saving(tier, t, 1) or 0.0) >= 0]
        if not fewer:
            return tier, (first, f"no smaller tier costs less than {tier.name}")
        takes = at_peak(self._greatest(case.now, state.low), peak)
        to = smallest(fewer, takes, ROOM, checked=True)
        if to is None:
            return tier, (first, obstacle(fewer[-1], takes, ROOM, checked=True))
        n = count(case.size, takes, case.seen.ready, takes, ROOM) or 0
        unknown = [w for w in (RATE, USERS) if w not in takes and offer(to, w) is not None]
        reasons = (
            first,
            words.expected(to, takes, busiest=peak is not None),
            words.bill(tier, to, desired, self._currency),
            words.instead(tier, to, n, self._currency) if 1 < n < desired else "",
            "" if peak is not None else "the load of busier hours is not known",
            *(f"{w} not known: {to.name} is said to carry {offer(to, w):g}" for w in unknown),
            "how p95 changes with the tier is not known",
        )
        return to, tuple(filter(None, reasons))

    def _stay(self, state: VerticalState, case: _Case) -> _Judged:
        """The present tier, and what would have to last longer."""
        missing = words.missing(case.now, case.p95)
        if CPU not in case.now and MEMORY not in case.now:
            return None, (missing,)
        up, down = span(self._settings.up.for_), span(self._settings.down.for_)
        said = [f"{self._above(h, case)} of {up}" for h in state.high]
        if state.low:
            said.append(f"below all lower levels for {span(state.low[0].lasted)} of {down}")
        if not said:
            said.append(f"{case.tier.name} fits: {words.stands(case.now, case.p95, case.size)}")
        return case.tier, tuple(filter(None, (*said, missing)))

    def _greatest(self, now: Demands, holds: Iterable[Hold]) -> dict[str, Demand]:
        """What a replica takes, by its greatest reading of late where that was noted."""
        levels = {CPU: self._settings.up.cpu, MEMORY: self._settings.up.memory}
        noted = {h.what: Demand(h.what, h.greatest, levels.get(h.what, 1.0)) for h in holds}
        noted.pop(P95, None)
        return {**now, **noted}

    def _unplaced(self, seen: Situation, request: Recommendations | None, problem: str) -> _Judged:
        """What the recommendation alone asks for, on a tier that is not known."""
        if not self._tiers:
            return None, ("no tiers are configured",)
        wanted = asked(request)
        if len(wanted) < 2:
            missing = request.missing if request is not None else ()
            return None, (problem, *(missing or ("nothing is recommended yet",)))
        takes = {**loads(seen), **wanted}
        each = by_size(self._tiers)
        to = smallest(each, takes, ROOM) or smallest(each, takes)
        if to is None:
            return None, (problem, *([obstacle(each[-1], takes, 1.0)] if each else []))
        return to, (
            problem,
            f"the smallest tier that holds what is recommended: {to.name}",
            words.expected(to, takes),
        )


_ORDER = (CPU, MEMORY, P95, RATE, USERS, CPU_ASKED, MEMORY_ASKED)
"""The order in which reasons are told."""


def _held(hold: Hold | None, what: str, at: float, amount: float, period: float) -> Hold:
    """A hold with one more reading, or a new one."""
    if hold is None:
        return Hold(what, at, at, amount, amount, at)
    if at - hold.turned >= period:
        return Hold(what, hold.since, at, amount, hold.peak, at)
    return replace(hold, last=at, peak=max(hold.peak, amount))


def _advice(
    tier: TierSettings | None,
    to: TierSettings | None,
    reasons: tuple[str, ...],
    request: Recommendations | None,
    seen: Situation,
) -> TierAdvice:
    return TierAdvice(
        tier=None if tier is None else tier.name,
        to=None if to is None else to.name,
        reasons=reasons,
        cores=None if request is None else request.cores,
        memory=None if request is None else request.memory,
        saving_per_hour=None if tier is None or to is None else saving(tier, to, seen.desired),
    )
