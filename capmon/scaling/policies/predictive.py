"""The predictive policy: what HPA asks for, and never less than the load to come needs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from capmon.model.names import CPU, RATE
from capmon.model.policies import Verdict, Wait
from capmon.model.units import show_metric, span
from capmon.scaling.policies.base import Change, Situation
from capmon.scaling.policies.hpa import HpaPolicy, HpaState

KEPT = 3600.0
"""Seconds for which changes of the count are remembered."""


@dataclass(frozen=True, slots=True)
class PredictiveState:
    """What the policy remembers.

    HPA is asked as if it ran alone: what it would have asked for so far is kept beside the
    count that runs, so that a floor never makes HPA take away earlier than it would have.
    """

    hpa: HpaState
    """HPA's own memory."""

    last: int | None = None
    """The last verdict; another count than this was set by someone else."""

    alone: tuple[tuple[float, int], ...] = ()
    """When HPA alone would have asked for how many, oldest first, as far back as a start-up takes."""

    changes: tuple[Change, ...] = ()
    """Changes that HPA alone would have made."""

    floors: tuple[tuple[float, int], ...] = ()
    """Floors that still hold, their counts descending, their times ascending."""

    found: int | None = None
    """The count that ran at the last verdict."""


class PredictivePolicy:
    """A floor from the forecast's quantile under HPA's answer: it adds ahead of time, and never takes away.

    The floor is the least count that carries the forecast peak until a replica that is asked
    for now has served: ceil(peak / capacity), at the level of the forecast that a replay of the
    history chose. It holds as long as HPA's own recommendations do before it may fall.

    Args:
        hpa: What decides where the forecast asks for no more.
        startup: Seconds that a new replica takes until it serves, until the situations tell it.
        least: Least replicas.
        most: Most replicas.
        hold: Seconds for which a floor stands.
        explain: Whether verdicts carry reasons, bounds and waits.
    """

    name = "predictive"

    def __init__(
        self,
        hpa: HpaPolicy,
        startup: float,
        least: int,
        most: int,
        *,
        hold: float = 300.0,
        explain: bool = True,
    ) -> None:
        self._hpa = hpa
        self._startup = startup
        self._least = least
        self._most = most
        self._hold = hold
        self._explain = explain

    def start(self) -> PredictiveState:
        """Nothing remembered."""
        return PredictiveState(self._hpa.start())

    def moved(self, state: PredictiveState, seconds: float, /) -> PredictiveState:
        """The state with `seconds` added to every time in it."""
        return replace(
            state,
            hpa=self._hpa.moved(state.hpa, seconds),
            alone=tuple((at + seconds, n) for at, n in state.alone),
            changes=tuple(replace(c, at=c.at + seconds) for c in state.changes),
            floors=tuple((at + seconds, n) for at, n in state.floors),
        )

    def decide(self, state: PredictiveState, seen: Situation, /) -> tuple[Verdict, PredictiveState]:
        """HPA's answer or the floor, whichever is more; nothing where HPA cannot tell."""
        if not state.alone or _elsewhere(state, seen.desired):
            alone: tuple[tuple[float, int], ...] = ((self._since(seen), seen.desired),)
            # HPA's rates count from what was, whoever set it.
            state = replace(state, alone=alone, changes=seen.changes)
        reactive, memory = self._hpa.decide(state.hpa, self._without_floor(state, seen))
        floor, floors = self._floor(state, seen)
        if reactive.to is None:
            verdict = replace(reactive, policy=self.name)
            last = found = seen.desired
            return verdict, replace(state, hpa=memory, last=last, floors=floors, found=found)
        to = max(reactive.to, floor)
        state = PredictiveState(
            memory,
            to,
            self._remembered(state, seen, reactive.to),
            self._changed(state, seen.at, reactive.to),
            floors,
            seen.desired,
        )
        return self._verdict(seen, reactive, floor, to, floors), state

    def _without_floor(self, state: PredictiveState, seen: Situation) -> Situation:
        """The situation as it would be had HPA alone decided so far: the same work on its replicas."""
        desired = state.alone[-1][1]
        since = self._since(seen)
        ready = min(n for i, (_, n) in enumerate(state.alone) if _stood(state.alone, i, since))
        ready = min(ready, seen.ready) if desired >= seen.desired else ready
        if desired == seen.desired and ready == seen.ready:
            return seen
        values = dict(seen.values)
        for key in CPU:
            if key in values and ready > 0:
                values[key] *= seen.ready / ready
        return replace(
            seen, desired=desired, ready=ready, values=values, changes=state.changes, each={}
        )

    def _floor(
        self, state: PredictiveState, seen: Situation
    ) -> tuple[int, tuple[tuple[float, int], ...]]:
        """The greatest floor that still holds, and those to remember."""
        kept = [(at, n) for at, n in state.floors if seen.at - at < self._hold]
        now = self._needed(seen)
        if now is not None:
            while kept and kept[-1][1] <= now:
                kept.pop()
            kept.append((seen.at, now))
        return (kept[0][1] if kept else 0), tuple(kept)

    def _needed(self, seen: Situation) -> int | None:
        """What the peak to come takes; None without a forecast or a capacity."""
        peak = None if seen.outlook is None else seen.outlook.peak
        if peak is None or not seen.capacity or seen.capacity <= 0 or not math.isfinite(peak):
            return None
        return min(self._most, max(self._least, math.ceil(peak / seen.capacity - 1e-9)))

    def _since(self, seen: Situation) -> float:
        """When a replica must have been asked for to serve now."""
        return seen.at - (self._startup if seen.startup is None else seen.startup)

    def _remembered(
        self, state: PredictiveState, seen: Situation, to: int
    ) -> tuple[tuple[float, int], ...]:
        at, since = seen.at, self._since(seen)
        kept = tuple(p for i, p in enumerate(state.alone) if _stood(state.alone, i, since))
        return kept if kept and kept[-1][1] == to else (*kept, (at, to))

    def _changed(self, state: PredictiveState, at: float, to: int) -> tuple[Change, ...]:
        kept = tuple(c for c in state.changes if at - c.at < KEPT)
        before = state.alone[-1][1]
        return kept if to == before else (*kept, Change(at, before, to))

    def _verdict(
        self,
        seen: Situation,
        reactive: Verdict,
        floor: int,
        to: int,
        floors: tuple[tuple[float, int], ...],
    ) -> Verdict:
        if not self._explain:
            return Verdict(self.name, to)
        why = self._why(seen)
        alone = tuple(f"HPA alone {reactive.to}: {r}" for r in reactive.reasons[:1])
        if floor <= (reactive.to or 0):
            return replace(reactive, policy=self.name, reasons=(*reactive.reasons, *why))
        binds = f"max {self._most}" if to >= self._most else "forecast floor"
        waits = () if floors[0][0] == seen.at else (self._wait(floors, seen.at),)
        return Verdict(self.name, to, (*why, *alone), binds, waits)

    def _wait(self, floors: tuple[tuple[float, int], ...], at: float) -> Wait:
        return Wait("floor", False, max(0.0, self._hold - (at - floors[0][0])))

    def _why(self, seen: Situation) -> tuple[str, ...]:
        outlook, needed = seen.outlook, self._needed(seen)
        if outlook is None:
            return (f"no forecast: {seen.unforeseen}" if seen.unforeseen else "no forecast yet",)
        if needed is None or seen.capacity is None:
            return ("capacity of a replica is not known",)
        load, each = show_metric(RATE, outlook.peak), show_metric(RATE, seen.capacity)
        arithmetic = f"{load} / {each} each → {needed}"
        return (f"peak within {span(outlook.lead)} ({outlook.level:.4g}): {arithmetic}",)


def _elsewhere(state: PredictiveState, desired: int) -> bool:
    """Whether the count that runs is another one than HPA's own course leads to.

    A floor that was asked for and is not there yet, or was refused, changes nothing of that
    course; where less was asked for, or HPA alone wants more than runs, HPA starts from what runs.
    """
    last, alone = state.last, state.alone[-1][1]
    if desired == last:
        return False
    waits = desired == state.found and last is not None and alone <= desired < last
    return not waits


def _stood(counts: tuple[tuple[float, int], ...], i: int, since: float) -> bool:
    """Whether a count was still asked for at some time after `since`."""
    return i == len(counts) - 1 or counts[i + 1][0] > since
