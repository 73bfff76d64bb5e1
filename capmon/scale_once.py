"""Scale once, by a person's hand and without a screen: propose, ask, carry out, follow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from capmon.clock import SystemClock
from capmon.collectors import daemon
from capmon.config.loaded import Loaded
from capmon.errors import CapmonError
from capmon.headless import frame_of
from capmon.model.results import ActionState, Outcome, ScalePlan
from capmon.model.units import span
from capmon.monitor.build import build
from capmon.monitor.monitor import Monitor

NOT_CONFIRMED = "not confirmed"
NOT_READY = "accepted, not ready in time"
LEFT = "accepted, no longer followed"
OVERRULED = "accepted, then changed by something else"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks for."""

    to: int | None = None
    """Replicas wanted; None to go by `delta`."""

    delta: int = 0
    """Difference to the count asked for now."""

    back: bool = False
    """Whether to take the last action on this target back instead."""

    ignore_cooldown: bool = False
    """Whether the cooldown shall not count."""

    wait: float | None = None
    """Seconds to wait until all replicas are ready; None does not wait."""

    verify: float | None = None
    """Seconds for which the service is measured before and after; None does not measure. Takes `wait`."""


class Scaled(NamedTuple):
    """What became of it."""

    state: str
    """`done`, `accepted`, `refused`, `failed`, `dry-run`, or one of the constants above."""

    detail: str = ""
    """The error, the refusal, how long it took; may be empty."""

    outcome: Outcome | None = None
    """The action; None where nothing was agreed to."""


def scale_once(
    loaded: Loaded,
    wish: Wish,
    *,
    confirm: Callable[[str], bool],
    say: Callable[[str], None] = lambda _: None,
    read_only: bool = False,
) -> Scaled:
    """Propose a change, ask, carry it out, and say what became of it.

    Ctrl+C while it is followed ends the following alone: the change stands.

    Args:
        loaded: The configuration.
        wish: What is asked for.
        confirm: Shown the plan as text; whether to go on.
        say: Told of what goes on while it is followed, a line at a time.
        read_only: Refuse whatever is asked.

    Raises:
        CapmonError: There is nothing to scale, or nothing to take back.
    """
    return asyncio.run(_scale_once(loaded, wish, confirm, say, read_only))


async def _scale_once(
    loaded: Loaded,
    wish: Wish,
    confirm: Callable[[str], bool],
    say: Callable[[str], None],
    read_only: bool,
) -> Scaled:
    from capmon.summary import plan_text

    monitor = build(loaded, SystemClock(), read_only=read_only, settle=wish.verify)
    try:
        await frame_of(monitor, loaded.settings, 2)
        if wish.verify is not None and loaded.settings.scaling.mode == "act":
            say(f"measuring the service as it is for {span(wish.verify)}")
            await asyncio.sleep(wish.verify)
        plan = _proposed(monitor, wish)
        text = plan_text(plan)
        # A thread that waits for a person must not hold up the exit when that person says Ctrl+C.
        if plan.allowed and not await asyncio.wrap_future(daemon.begin(confirm, text)):
            return Scaled(NOT_CONFIRMED)
        outcome = await monitor.execute(plan)
        if outcome.state is not ActionState.ACCEPTED or wish.wait is None:
            return Scaled(outcome.state.value, outcome.detail, outcome)
        return await _Follower(monitor, outcome, say).follow(
            wish.wait, verify=wish.verify is not None
        )
    finally:
        await monitor.stop()


def _proposed(monitor: Monitor, wish: Wish) -> ScalePlan:
    to, back = wish.to, ""
    if wish.back:
        past = monitor.last_action()
        if past is None:
            raise CapmonError("nothing to take back: the audit log knows no action on this target")
        to, back = past.origin, past.id
    plan = monitor.propose(
        to=to, delta=wish.delta, takes_back=back, ignore_cooldown=wish.ignore_cooldown
    )
    if plan is None:
        raise CapmonError("nothing is scaled: set scaling.target in capmon.yaml")
    return plan


class _Follower:
    """Watches the frames for what becomes of one accepted action."""

    def __init__(self, monitor: Monitor, outcome: Outcome, say: Callable[[str], None]) -> None:
        self._monitor = monitor
        self._outcome = outcome
        self._say = say
        self._said: int | None = None
        self._asked = False
        self._frames = asyncio.Event()
        monitor.on_frame(lambda _: self._frames.set())

    async def follow(self, seconds: float, *, verify: bool) -> Scaled:
        """Wait until all replicas are ready, then for the effect; each for so many seconds at most."""
        try:
            if not await self._until(self._ready, seconds):
                return self._scaled(NOT_READY, f"not in {span(seconds)}")
            if self._outcome.state is not ActionState.DONE:
                return self._scaled(OVERRULED)
            if verify and not await self._until(lambda: self._outcome.settled, seconds):
                return self._scaled("done", f"its effect could not be measured in {span(seconds)}")
            return self._scaled("done")
        except asyncio.CancelledError:
            # Ctrl+C: the person is told how far it is, for the change goes on without us.
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
            return self._scaled(LEFT)

    async def _until(self, good: Callable[[], bool], seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                while not self._look(good):
                    self._frames.clear()
                    await self._frames.wait()
        except TimeoutError:
            return False
        return True

    def _look(self, good: Callable[[], bool]) -> bool:
        frame = self._monitor.frame
        if frame is not None:
            known = (o for o in frame.outcomes if o.id == self._outcome.id)
            self._outcome = next(known, self._outcome)
            self._progress(None if frame.replicas is None else frame.replicas.ready)
        return good()

    def _progress(self, ready: int | None) -> None:
        """Say how far it is whenever another replica is ready, or is not any more."""
        waits = self._outcome.state is ActionState.ACCEPTED and bool(self._outcome.detail)
        if waits and ready not in (None, self._said):
            self._said = ready
            self._say(self._outcome.detail)

    def _ready(self) -> bool:
        """Whether it is done, or something else has changed the count."""
        state = None if self._monitor.frame is None else self._monitor.frame.replicas
        desired = None if state is None else state.desired
        self._asked = self._asked or desired == self._outcome.to
        overruled = self._asked and desired is not None and desired != self._outcome.to
        return overruled or self._outcome.state is ActionState.DONE

    def _scaled(self, state: str, *more: str) -> Scaled:
        parts = (self._outcome.detail, *more)
        return Scaled(state, "; ".join(p for p in parts if p), self._outcome)
