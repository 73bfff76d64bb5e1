"""The policies beside the engine: what they say of every finished analysis, and what they look ahead with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from capmon.config.schema import Settings
from capmon.model.names import RATE
from capmon.model.policies import ReplayTable, Scaling
from capmon.model.results import Health, SourceState
from capmon.scaling.known import Known, known
from capmon.scaling.limits import reach
from capmon.scaling.lookout import Lookout
from capmon.scaling.policies.hpa import HpaPolicy
from capmon.scaling.policies.predictive import PredictivePolicy
from capmon.scaling.verdicts import Verdicts
from capmon.store.series import Store

if TYPE_CHECKING:
    from capmon.monitor.worker import Done, Job, Remembered

HISTORY = 14 * 86400.0
"""Seconds of load that are looked back at."""


class Policies:
    """Asks all policies after each analysis, with a forecast of the load's peak. Lives in the engine's thread.

    Args:
        settings: All settings.
        store: The series, whose load is replayed from time to time.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        scaling = settings.scaling
        self._settings = settings
        self._store = store
        self._lookout = Lookout(scaling)
        most = reach(scaling)
        hpa = HpaPolicy(scaling.hpa, scaling.min, most)
        predictive = PredictivePolicy(
            hpa,
            scaling.startup,
            scaling.min,
            most,
            hold=scaling.hpa.down.stabilization,
        )
        self._verdicts = Verdicts(settings, (predictive,))
        self._asked = 0

    def restore(self, before: Remembered) -> tuple[str, ...]:
        """Remember what an earlier session did; what had to be dropped, one line each."""
        return self._verdicts.restore(before.document, age=before.age, at=before.at)

    def decided(self, done: Done) -> Done:
        """The answer with what the policies say; a fault of theirs leaves the analysis as it is."""
        try:
            scaling = self._scaling(done)
            asked = self._verdicts.asked
            remembered: dict[str, Any] | None = None
            if asked != self._asked:
                self._asked, remembered = asked, self._verdicts.state()
        except Exception as fault:
            problem = f"policies failed: {type(fault).__name__}: {fault}"
            return replace(done, error="; ".join(filter(None, (done.error, problem))))
        return replace(done, scaling=scaling, asked=asked, remembered=remembered)

    def _scaling(self, done: Done) -> Scaling:
        job, analysis = done.job, done.analysis
        service = None
        if analysis is not None and job.replicas is not None:
            service = known(
                analysis.headroom,
                analysis.fits,
                job.replicas.ready,
                objective=self._settings.objectives.latency_p95,
                startup=None if job.startup is None else job.startup.value,
            )
        blind = _blind(job.app_state)
        self._look_ahead(job, service)
        scaling = self._verdicts.step(
            job.monotonic,
            job.readings,
            job.replicas,
            outlook=None if blind else self._lookout.outlook,
            unforeseen=self._lookout.why,
            capacity=None if service is None else service.capacity,
            cooldowns=job.cooldowns,
            startup=job.startup,
            blind=blind,
        )
        return replace(scaling, replay=self._lookout.table)

    def _look_ahead(self, job: Job, service: Known | None) -> None:
        """Keep the forecast up to date; where that fails, the policies go by what is measured."""
        store, lookout = self._store, self._lookout
        try:
            lookout.step(
                job.monotonic,
                job.at,
                min(HISTORY, store.age(RATE, job.at)),
                lambda seconds, step: store.window((RATE,), job.at, seconds, step)[0],
                service,
            )
        except Exception as fault:
            lookout.outlook = None
            problem = f"the look ahead failed: {type(fault).__name__}: {fault}"
            lookout.table = ReplayTable((), 0.0, 0.0, at=job.at, problem=problem)


def _blind(app: Health | None) -> str:
    """Why what is measured says nothing of the service now: its own source has gone silent."""
    if app is None or app.state is SourceState.LIVE:
        return ""
    if app.state is SourceState.STARTING:
        return "no measurements of the service yet"
    return f"no fresh measurements of the service: {app.reason or app.state.value}"
