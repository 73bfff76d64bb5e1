"""Follows one policy's verdict through the same guard as a person: advises, or acts."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from capmon.clock import Clock
from capmon.config.schema import Settings
from capmon.errors import CapmonError
from capmon.model.frame import Frame
from capmon.model.policies import Verdict
from capmon.model.results import ActionState, Outcome, ScalePlan
from capmon.model.units import span
from capmon.monitor.decision import Decision
from capmon.monitor.lease_keeper import LeaseKeeper
from capmon.monitor.memory import Memory
from capmon.monitor.monitor import Monitor
from capmon.monitor.reasons import verdict_of
from capmon.scaling.limits import paces_itself

REPEAT = 300.0
"""Seconds after which it says again that it sees nothing."""

STARTING = 10.0
"""Seconds within which the first measurements may come without a word."""

SILENT = 3.0
"""So many intervals without measurements are not worth a word yet."""

TRIED = ("accepted", "failed")
"""What is told each time, however often it happens."""

KNOWN = 100
"""Actions that are remembered at most, to tell what became of them."""

Say = Callable[[Decision], None]


class Autoscaler:
    """Asks for what the policy wants, and for nothing while it cannot see.

    Dead man's rule: without fresh measurements, a known count or a fresh verdict nothing is done;
    that is said once and again every five minutes, and ends by itself. An action that made the
    objective worse is not taken back: nothing more is done in its direction for a cooldown, the
    way back stays open to the policy, and a person is asked to look.

    Args:
        monitor: Not started yet, with a target.
        settings: All settings.
        clock: Time.
        say: Called with everything there is to say.
        act: Whether it acts; else it advises, and the audit log holds each new advice as a dry run.
        memory: What outlives a restart; None keeps nothing.

    Raises:
        CapmonError: Nothing is scaled.
    """

    def __init__(
        self,
        monitor: Monitor,
        settings: Settings,
        clock: Clock,
        say: Say,
        *,
        act: bool,
        memory: Memory | None = None,
    ) -> None:
        if monitor.surroundings is None:
            raise CapmonError("nothing is scaled: set scaling.target in capmon.yaml")
        self._monitor = monitor
        self._around = monitor.surroundings
        self._settings = settings.scaling
        self._policy = settings.scaling.policy
        self._clock = clock
        self._tell = say
        self._act = act
        self._memory = memory or Memory(clock, settings.scaling.cooldown)
        lease = self._around.target.lease if act else None
        self._lease = LeaseKeeper(lease, clock)
        paces = (settings.interval, settings.app.interval, settings.scaling.target.interval)
        self._patience = SILENT * max(paces)
        self._news = asyncio.Event()
        self._asked = 0
        self._started = 0.0
        self._blind_since: float | None = None
        self._blind_said: float | None = None
        self._said: tuple[Any, ...] = ()
        self._advised: tuple[Any, ...] = ()
        self._known: dict[str, Outcome] = {}
        self._notices: dict[str, str] = {}
        self._heard = 0.0
        self._loaded = False
        self.failed = False
        """Whether the last attempt failed or was refused."""
        self.undecided = True
        """Whether no verdict could be followed or found to be met yet."""

    async def run(self, *, once: bool = False) -> None:
        """Follow the policy until cancelled, or until the first decision.

        Args:
            once: Whether to end after one decision, or when there is none within its patience.

        Raises:
            ActionRefused: Another autoscaler acts on this target; the text names it.
            CapmonError: The lock cannot be taken.
        """
        lock = self._around.lock
        if self._act:
            await lock.take()
        try:
            self._begin()
            await self._monitor.start()
            self._monitor.start_engine()
            self._lease.start()
            await self._follow(once)
        finally:
            self._save()
            # The lease last of all that acts: by now no change of ours is under way.
            await asyncio.gather(self._monitor.stop(), self._lease.stop())
            lock.release()

    def _begin(self) -> None:
        self._started = self._heard = self._clock.monotonic()
        low, high, every = self._settings.min, self._settings.max, span(self._settings.every)
        does = "acts on" if self._act else "advises, and runs nothing, for"
        target = self._around.target
        text = f"{does} {target.name} ({target.kind}), {low} to {high} replicas, every {every}"
        self._note("started", (text,), policy=self._policy)
        verdicts = self._memory.load() if self._act else None
        self._loaded = True
        for line in self._memory.notices():
            self._note("notice", (line,))
        if verdicts is not None:
            self._monitor.recall(*verdicts)
        self._monitor.on_frame(self._hear)

    def _hear(self, _frame: Frame) -> None:
        self._heard = self._clock.monotonic()
        self._news.set()

    async def _follow(self, once: bool) -> None:
        while self.undecided or not once:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._patience):
                    await self._news.wait()
            self._news.clear()
            frame = self._monitor.frame
            if frame is not None:
                self._look_back(frame)
            await self._decide(frame)
            if once and self._blind_said is not None:
                return

    # Deciding

    async def _decide(self, frame: Frame | None) -> None:
        """Follow a new verdict, or say why none can be followed."""
        blind = self._blindness(frame)
        self._watch(blind)
        if blind or frame is None or self._monitor.asked == self._asked:
            return
        self._asked = self._monitor.asked
        verdict, state = verdict_of(frame, self._policy), frame.replicas
        if verdict is None or verdict.to is None or state is None:
            return
        self.undecided = False
        seen = Decision(
            self._clock.now(),
            "verdict",
            self._policy,
            state.desired,
            state.ready,
            verdict.to,
            verdict.reasons,
            verdict.binds,
            verdict.waits,
        )
        self._say(await self._follow_up(seen, verdict))
        self._save()

    async def _follow_up(self, seen: Decision, verdict: Verdict) -> Decision:
        """What is done about a verdict."""
        if verdict.to == seen.desired:
            self._advised = ()
            return seen
        plan = self._monitor.propose(to=verdict.to, verdict=verdict)
        if plan is None or plan.to is None or plan.origin is None:
            return replace(seen, refusals=("replica count is not known",))
        refusals = (*plan.refusals, *self._own_refusals(plan.origin, plan.to))
        if refusals:
            return replace(seen, refusals=refusals)
        if not self._act:
            return await self._advise(seen, plan)
        outcome = await self._carry_out(plan)
        return replace(seen, done=outcome.state.value, detail=outcome.detail)

    def _own_refusals(self, origin: int, to: int) -> tuple[str, ...]:
        """What holds back an autoscaler beside the limits that hold for everyone."""
        if not self._act:
            return ()
        cooling = not paces_itself(self._settings)
        found = (self._lease.problem, self._memory.hindrance(up=to > origin, cooling=cooling))
        return tuple(text for text in found if text)

    async def _advise(self, seen: Decision, plan: ScalePlan) -> Decision:
        """Write a new advice down as a dry run."""
        advised = (plan.origin, plan.to)
        if advised != self._advised:
            self._advised = advised
            outcome = await self._monitor.execute(plan)
            self._known[outcome.id] = outcome
        return replace(seen, done=ActionState.DRY_RUN.value)

    async def _carry_out(self, plan: ScalePlan) -> Outcome:
        # Kept before the act: who is killed in the middle finds no clean slate.
        undo = self._memory.acting()
        self._save()
        outcome = await self._monitor.execute(plan, veto=lambda: self._lease.problem)
        self._known[outcome.id] = outcome
        self.failed = outcome.state is not ActionState.ACCEPTED
        last = self._monitor.last_action()
        if outcome.state is not ActionState.ACCEPTED and (last is None or last.id != outcome.id):
            undo()
        if outcome.state is ActionState.FAILED:
            self._memory.failed(self._settings.every)
        elif outcome.state is ActionState.ACCEPTED:
            self._memory.succeeded()
        return outcome

    # Seeing

    def _blindness(self, frame: Frame | None) -> str:
        """Why nothing can be decided now; empty when something can."""
        now = self._clock.monotonic()
        if frame is None or frame.scaling is None:
            return _fault(frame) or f"no analysis after {span(now - self._started)}"
        silent = now - self._heard
        if silent > self._patience + STARTING:
            return f"the monitor has stood still for {span(silent)}"
        verdict = verdict_of(frame, self._policy)
        if verdict is None:
            return f"{self._policy} says nothing"
        return "; ".join(verdict.reasons) or "no verdict" if verdict.to is None else ""

    def _watch(self, blind: str) -> None:
        """Say when it cannot see, once and again every five minutes, and when it can again."""
        now = self._clock.monotonic()
        if not blind:
            if self._blind_said is not None:
                lost = span(now - (self._blind_since or now))
                self._note("seeing", (f"sees again after {lost}",))
            self._blind_since = self._blind_said = None
            return
        if self._blind_since is None:
            self._blind_since = now
        began = STARTING if self.undecided and now - self._started < STARTING else self._patience
        first = self._blind_said is None and now - self._blind_since >= began
        again = self._blind_said is not None and now - self._blind_said >= REPEAT
        if first or again:
            self._blind_said = now
            self._said = ()
            self._note("blind", (f"nothing is done: {blind}",))

    def _look_back(self, frame: Frame) -> None:
        """Say what became of earlier actions, and who else acts."""
        for outcome in reversed(frame.outcomes):
            if outcome.state is ActionState.RUNNING:
                continue
            before = self._known.get(outcome.id)
            self._known[outcome.id] = outcome
            if before is None or before == outcome:
                continue
            if outcome.worse and not before.worse:
                self._worse(outcome)
            elif (before.state, before.settled) != (outcome.state, outcome.settled):
                self._became(outcome)
        if len(self._known) > KNOWN:
            self._known = {o.id: o for o in frame.outcomes}
        self._once("actor", "" if frame.scaling is None else frame.scaling.actor)
        self._once("lease", self._lease.notice)

    def _became(self, outcome: Outcome) -> None:
        done = "settled" if outcome.settled else outcome.state.value
        self._tell(
            Decision(
                self._clock.now(),
                "outcome",
                desired=outcome.origin,
                to=outcome.to,
                done=done,
                detail=outcome.detail,
            )
        )

    def _worse(self, outcome: Outcome) -> None:
        """Stop in that direction, and ask for a person."""
        if outcome.origin is None or outcome.to is None:
            return
        up = outcome.to > outcome.origin
        change = f"{outcome.origin} → {outcome.to}"
        held = self._memory.hold(up=up, why=f"{change} made it worse: {outcome.worse}")
        self._save()
        verb = "added" if up else "taken away"
        text = (
            f"{change} made it worse: {outcome.worse}; nothing more is {verb} for {span(held)}; "
            "a person should look (`capmon scale back` takes it back)"
        )
        self._note("worse", (text,), desired=outcome.origin, to=outcome.to)

    # Saying

    def _say(self, decision: Decision) -> None:
        """Tell of a decision that differs from the last in more than its figures."""
        heads = tuple(re.split(r"[:\d]", text, maxsplit=1)[0] for text in decision.refusals)
        counts = (decision.desired, decision.ready, decision.to)
        # That a wait comes and goes while the count stays is no decision.
        waits = any(decision.binds.startswith(w.what) for w in decision.waits)
        binds = "" if waits else decision.binds
        said = (*counts, binds, heads, decision.done, decision.detail)
        # What was tried is always told.
        if said != self._said or decision.done in TRIED:
            self._said = said
            self._tell(decision)

    def _once(self, place: str, text: str) -> None:
        if text and text != self._notices.get(place):
            self._note("notice", (text,))
        self._notices[place] = text

    def _note(
        self,
        event: str,
        reasons: tuple[str, ...],
        *,
        policy: str = "",
        desired: int | None = None,
        to: int | None = None,
    ) -> None:
        self._tell(
            Decision(self._clock.now(), event, policy, desired=desired, to=to, reasons=reasons)
        )

    def _save(self) -> None:
        if self._act and self._loaded:
            self._once("memory", self._memory.save(self._monitor.remembered))


def _fault(frame: Frame | None) -> str:
    """The latest notice that tells why there is no verdict."""
    events = () if frame is None else frame.events
    told = (e.text for e in events if e.kind == "notice")
    return next((t for t in told if t.startswith(("analysis", "the analysis", "policies"))), "")
