"""All policies on the same recorded load, scored alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from capmon.analysis.foresight.peaks import LEVELS
from capmon.analysis.windows import Vec
from capmon.config.quantities import Ratio
from capmon.config.scaling import ScalingSettings
from capmon.model.policies import Replay, ReplayTable
from capmon.scaling.policies.base import PeakOutlook
from capmon.scaling.policies.hpa import GUIDE_HPA, HpaPolicy
from capmon.scaling.policies.predictive import PredictivePolicy
from capmon.scaling.policies.step import StepPolicy
from capmon.scaling.simulate.choice import DAY, Candidates, Choice, Price
from capmon.scaling.simulate.replay import followed, look_ahead, static_peak, turns
from capmon.scaling.simulate.service import Counts, Service, overloaded, serving

POLICIES = ("static_peak", "step", "guide_hpa", "hpa", "predictive", "look_ahead")
"""All that can be replayed, in the order of a table."""

LEAST_HISTORY = 15
"""Steps of history before the first forecast."""

TOO_SHORT = "predictive: the history is too short to choose a forecast from"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A load to replay."""

    load: Vec
    """(n,) load by step, equally spaced; NaN where it is not known."""

    train: int
    """Steps at the beginning that are history; the rest is replayed."""


def simulate(
    recorded: Recorded,
    service: Service,
    settings: ScalingSettings,
    policies: Sequence[str] = POLICIES,
) -> ReplayTable:
    """Replay each policy.

    Args:
        recorded: The load; its unit is that of the service's capacity.
        service: The service.
        settings: Behaviour of the policies, price, and what an overload may cost.
        policies: Of `POLICIES`.

    Returns:
        A row a policy in the order asked for; relative replica-hours are those over look-ahead's.
    """
    return table_of(Runs(recorded, service, settings), policies)


def table_of(runs: Runs, policies: Sequence[str] = POLICIES) -> ReplayTable:
    """The table of the policies asked for."""
    ideal = float(np.sum(runs.asked("look_ahead")))
    rows = tuple(runs.scored(name, ideal) for name in policies)
    return ReplayTable(rows, runs.seconds, runs.capacity, notes=tuple(runs.notes))


class Runs:
    """The counts that each policy asks for, over history and replay alike."""

    def __init__(self, recorded: Recorded, service: Service, settings: ScalingSettings) -> None:
        self._recorded = recorded
        self._service = service
        self._settings = settings
        self._kept: dict[str, Counts] = {}
        self.seconds = (len(recorded.load) - recorded.train) * service.step
        """Time that is replayed."""
        self.capacity = service.capacity
        """Load that one replica carries at most."""
        self.notes: list[str] = []
        """What a reader should know of the runs made so far."""
        self.latest: Choice | None = None
        """The forecast to go by after the end of the load; None where none is worth it."""

    def asked(self, policy: str) -> Counts:
        """(n - train,) counts that a policy asks for at the end of each replayed step."""
        load, train = self._recorded.load[self._recorded.train :], self._recorded.train
        match policy:
            case "static_peak":
                return static_peak(load, self._service)
            case "look_ahead":
                return look_ahead(load, self._service)
            case "hpa":
                return self._whole("hpa")[train:]
            case "predictive":
                return self._predictive()
        return self._whole(policy)[train:]

    def scored(self, policy: str, ideal: float) -> Replay:
        """The row of a policy, beside replicas × steps of the look-ahead policy."""
        service, load = self._service, self._recorded.load[self._recorded.train :]
        asked = self.asked(policy)
        ready = serving(asked, int(asked[0]) if len(asked) else service.least, service.delay)
        known = int(np.count_nonzero(~np.isnan(load)))
        over = int(np.count_nonzero(overloaded(load, ready, service.capacity)))
        hours = float(np.sum(asked)) * service.step / 3600.0
        price = self._settings.price_per_hour
        actions, changes = turns(asked)
        return Replay(
            policy,
            100.0 * over / known if known else 0.0,
            self._slow(load, ready),
            hours,
            float(np.sum(asked)) / ideal,
            actions,
            changes,
            None if price is None else hours * price,
        )

    def _slow(self, load: Vec, ready: Counts) -> float | None:
        """Minutes in which the 95th percentile is over its objective."""
        service = self._service
        if service.latency is None or service.objective is None:
            return None
        used = (load / (ready * service.capacity)).tolist()
        slow = sum(1 for u in used if u >= 1 or (u == u and service.latency(u) > service.objective))
        return slow * service.step / 60.0

    def _whole(self, name: str) -> Counts:
        """Counts over history and replay together."""
        if name not in self._kept:
            least, most = self._service.least, self._service.most
            step = StepPolicy(self._settings.step, self._settings.cooldown, least, most)
            load, service = self._recorded.load, self._service
            self._kept[name] = (
                followed(step, load, service)
                if name == "step"
                else followed(self._hpa(name), load, service)
            )
        return self._kept[name]

    def _hpa(self, name: str) -> HpaPolicy:
        """HPA on utilization alone: the service of a replay has no memory, and its rate is its utilization."""
        behaviour = GUIDE_HPA if name == "guide_hpa" else self._settings.hpa
        aim = Ratio(self._service.target)
        settings = replace(behaviour, cpu=aim, memory=None, rate=None)
        least, most = self._service.least, self._service.most
        return HpaPolicy(settings, least, most, name=name, explain=False)

    def _predictive(self) -> Counts:
        """HPA under the forecast's floor; the forecast is chosen anew every day from the past alone."""
        load, train, service = self._recorded.load, self._recorded.train, self._service
        alone = self._whole("hpa")
        # Half of a short history makes the first forecasts, the other half judges them.
        start = min(round(DAY / service.step), train // 2)
        if start < LEAST_HISTORY:
            self.notes.append(TOO_SHORT)
            return alone[train:]
        # A floor stands for as long as HPA's own recommendations do.
        hold = float(self._settings.hpa.down.stabilization)
        candidates = Candidates(load, alone, service, start, hold)
        price = Price(self._settings.overload_minute, self._settings.floor_budget)
        every = min(round(DAY / service.step), max(1, train // 2))
        chosen = [candidates.best(at, price) for at in range(train, len(load), every)]
        self.latest = candidates.best(len(load), price)
        if candidates.judges(len(load)):
            self._note(chosen)
        else:
            self.notes.append(TOO_SHORT)

        def outlook(i: int) -> PeakOutlook | None:
            choice = chosen[(i - train) // every] if i >= train else None
            if choice is None:
                return None
            peak = float(candidates.quantiles[choice.recipe][i - start, choice.level])
            return PeakOutlook(service.startup + service.step, LEVELS[choice.level], peak)

        policy = PredictivePolicy(
            self._hpa("hpa"),
            # What is measured over a step was carried by what served from its beginning.
            (service.delay + 1) * service.step,
            service.least,
            service.most,
            hold=hold,
            explain=False,
        )
        # Over the history as well, so that it comes to the replay with the counts that HPA has there.
        return followed(policy, load, service, outlook=outlook)[train:]

    def _note(self, chosen: list[Choice | None]) -> None:
        first = next((c for c in chosen if c is not None), None)
        if first is None:
            self.notes.append("predictive: no floor was worth its replica-hours")
            return
        last = next(c for c in reversed(chosen) if c is not None)
        levels = sorted({LEVELS[c.level] for c in chosen if c is not None})
        self.notes.append(f"predictive, first choice: {first.said()}")
        if len(chosen) > 1:
            self.notes.append(f"predictive, last choice: {last.said()}")
            self.notes.append(f"predictive, levels chosen day by day: {levels[0]:g}–{levels[-1]:g}")
