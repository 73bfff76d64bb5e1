"""The live look ahead for the policies: the load's peak, by the forecast that its own history chose."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from capmon.analysis.foresight.peaks import LEVELS, RECIPES, peak_quantiles
from capmon.analysis.windows import Vec
from capmon.config.scaling import ScalingSettings
from capmon.model.policies import ReplayTable
from capmon.model.units import span
from capmon.scaling.known import Known
from capmon.scaling.limits import reach
from capmon.scaling.policies.base import PeakOutlook
from capmon.scaling.simulate.choice import Choice
from capmon.scaling.simulate.run import Recorded, Runs, table_of
from capmon.scaling.simulate.service import Service

FINE, COARSE = 10.0, 60.0
"""Seconds a step: while the history is short, and when it has hours."""

FINE_SECONDS = 3600.0
"""Seconds of history that are kept as finely."""

LONG_ENOUGH = 4 * 3600.0
"""Seconds of history from which on steps are coarse."""

LEAST = 90
"""Steps of history before anything is tried: a replay of less shows chance alone."""

TRAIN = 1 / 3
"""Share of the history that is not replayed, for the first forecasts to rest on."""

AGAIN = 1800.0
"""Seconds between two replays, and between two choices."""

AGAIN_SOON = 300.0
"""The same while the history is short and grows fast."""

UNCHOSEN = "predictive: "
"""How the note of a replay begins that says why no forecast was chosen."""

Window = Callable[[float, float], Vec]
"""The load of the last seconds at a step: `window(seconds, step)`, oldest first, NaN where it is not known."""


class Lookout:
    """Replays the policies on the load of late from time to time, and forecasts its peak in between."""

    def __init__(self, settings: ScalingSettings) -> None:
        self._settings = settings
        self._tried = -math.inf
        self._made = -math.inf
        self._choice: Choice | None = None
        self.table: ReplayTable | None = None
        """How the policies would have done; None until the first look."""
        self.outlook: PeakOutlook | None = None
        """The peak until a replica asked for now has served; None when it cannot be told."""

    @property
    def why(self) -> str:
        """Why there is no forecast; empty when there is one."""
        if self.outlook is not None:
            return ""
        if self.table is None or self.table.problem:
            return "" if self.table is None else self.table.problem
        said = (note for note in self.table.notes if note.startswith(UNCHOSEN))
        return next(said, "no floor is worth its replica-hours now").removeprefix(UNCHOSEN)

    def step(
        self, at: float, now: float, seconds: float, window: Window, known: Known | None
    ) -> None:
        """Take in one tick.

        Args:
            at: Seconds on a clock that never steps.
            now: Unix time, for the table.
            seconds: How long the load's history is.
            window: The load.
            known: The service; None while the models cannot tell its capacity.
        """
        if known is None or known.capacity <= 0:
            self.outlook = None
            # What the models lose for a moment takes no table away that was true when it was made.
            if self.table is None or not self.table.rows:
                self.table = _none("the models cannot tell yet what one replica carries", now)
            return
        step = COARSE if seconds >= LONG_ENOUGH else FINE
        if seconds < LEAST * step:
            self.outlook = None
            self.table = _none(_too_little(seconds, step), now)
            return
        if step == FINE:
            seconds = min(seconds, FINE_SECONDS)
        again = AGAIN if step == COARSE else AGAIN_SOON
        if at - self._tried >= again:
            self._tried, self._made = at, -math.inf
            self._try(now, _begun(window(seconds, step)), step, known)
        if at - self._made >= step:
            self._made = at
            self.outlook = self._look(_begun(window(seconds, step)), step, known)

    def _try(self, now: float, load: Vec, step: float, known: Known) -> None:
        self._choice = None
        if len(load) < LEAST:
            self.table = _none(_too_little(len(load) * step, step), now)
            return
        service = _service(self._settings, known, step)
        runs = Runs(Recorded(load, max(2, round(TRAIN * len(load)))), service, self._settings)
        table = table_of(runs)
        self._choice = runs.latest
        self.table = replace(table, at=now)

    def _look(self, load: Vec, step: float, known: Known) -> PeakOutlook | None:
        """The quantile of the peak that the last choice names; None where a floor was not worth it."""
        choice = self._choice
        if choice is None or not len(load) or np.isnan(load[-1]):
            return None
        lead = _service(self._settings, known, step).startup
        found = peak_quantiles(load, step, lead, len(load) - 1, RECIPES[choice.recipe])
        peak = float(found[-1, choice.level])
        if math.isnan(peak):
            return None
        return PeakOutlook(lead + step, LEVELS[choice.level], peak, choice.said())


def _service(settings: ScalingSettings, known: Known, step: float) -> Service:
    return Service(
        capacity=known.capacity,
        startup=settings.startup if known.startup is None else known.startup,
        least=settings.min,
        most=reach(settings),
        target=settings.hpa.cpu or 0.7,
        step=step,
        full=known.full,
        latency=known.latency,
        objective=known.objective,
    )


def _begun(load: Vec) -> Vec:
    """The load from its first known step on: of what was before, nobody knows whether there was any."""
    return load[int(np.argmax(~np.isnan(load))) :] if len(load) else load


def _too_little(seconds: float, step: float) -> str:
    return f"{span(LEAST * step)} of load are needed, {span(seconds)} are there"


def _none(problem: str, now: float) -> ReplayTable:
    return ReplayTable((), 0.0, 0.0, at=now, problem=problem)
