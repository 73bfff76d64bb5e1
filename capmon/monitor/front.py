"""What a screen may ask of whatever gives it frames: listen, note, suppose, propose, act."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from capmon.clock import Clock
from capmon.config.schema import WINDOWS, Settings
from capmon.errors import TargetError
from capmon.model.frame import Event, Frame, Recording
from capmon.model.policies import Verdict
from capmon.model.results import Outcome, ScalePlan
from capmon.model.text import one_line
from capmon.model.whatif import Question, WhatIf
from capmon.monitor.effects import expected
from capmon.monitor.reasons import verdict_of, why

if TYPE_CHECKING:
    from capmon.actions.actuator import Actuator
    from capmon.actions.record import Past
    from capmon.monitor.surroundings import Surroundings

EVENTS_KEPT = 200

PACEMAKER = "host"
"""The collector whose readings set the pace of the ticks."""


class Front:
    """Holds the newest frame and the right to act; where frames come from is its heirs' business."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        actuator: Actuator | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        self.settings = settings
        self.surroundings = surroundings
        self.frame: Frame | None = None
        self.record: tuple[Path | None, str | None] = (None, None)
        """History file and name of the record that a plan is made from; None is the configuration's."""
        self.recording: Recording | None = None
        """Who remembers what is measured, for the next frame."""
        self._clock = clock
        self._actuator = actuator
        self._window = WINDOWS[settings.window]
        self._measured: dict[str, float] = {}
        self._events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self._listeners: list[Callable[[Frame], None]] = []
        self._noted: list[Callable[[Event], None]] = []
        self._faults: dict[str, str] = {}

    # Life

    async def start(self, *, host_first: bool = False) -> None:
        """Begin to give frames.

        Args:
            host_first: Whether the first of them shall wait for nothing but this host.
        """
        raise NotImplementedError

    def start_engine(self) -> None:
        """Load the analysis; a second call does nothing."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Let go of everything within a second; no frame comes after it."""
        raise NotImplementedError

    def forget_models(self, reason: str) -> None:
        """Fit models to what is measured from now on; the reason stands beside those too young."""
        raise NotImplementedError

    def _wake(self, source: str) -> None:
        """Read a source again at once, where sources are read here."""

    @property
    def measured(self) -> Mapping[str, float]:
        """When each source last answered, on the clock that counts since the machine started."""
        return self._measured

    @property
    def actuator(self) -> Actuator | None:
        """What changes the replica count; None when nothing is scaled."""
        return self._actuator

    def wake(self, source: str) -> None:
        """Read a source again at once, where sources are read here."""
        self._wake(source)

    def on_frame(self, listener: Callable[[Frame], None]) -> None:
        """Call `listener` with every new frame, on the event loop."""
        self._listeners.append(listener)

    def on_event(self, listener: Callable[[Event], None]) -> None:
        """Call `listener` with every event that is noted from now on."""
        self._noted.append(listener)

    # What the screen asks for

    def set_window(self, seconds: float) -> None:
        """Show, from the next frame on, this much history."""
        self._window = seconds

    @property
    def window(self) -> float:
        """Seconds of history that frames show."""
        return self._window

    def note(self, kind: str, text: str) -> None:
        """Add an event to the record."""
        event = Event(self._clock.now(), kind, one_line(text))
        self._events.appendleft(event)
        for listener in self._noted:
            listener(event)

    def remember(self, events: Iterable[Event]) -> None:
        """Show events of before, the latest first, behind those noted here."""
        self._events.extend(events)

    def propose(
        self,
        *,
        to: int | None = None,
        delta: int = 0,
        takes_back: str = "",
        ignore_cooldown: bool = False,
        verdict: Verdict | None = None,
    ) -> ScalePlan | None:
        """A plan for `to` replicas, or for `delta` more than now; None when nothing is scaled.

        Args:
            to: Replicas wanted; None to go by `delta`.
            delta: Difference to the count asked for now.
            takes_back: Identifier of the last action, to take it back.
            ignore_cooldown: Whether a person said that the cooldown shall not count.
            verdict: The policy's verdict that an autoscaler follows; None where a person asks.
        """
        frame = self.frame
        if self._actuator is None or frame is None:
            return None
        state, wanted = frame.replicas, to
        if wanted is None and state is not None and state.desired is not None:
            wanted = state.desired + delta
        predicted, again = expected(frame, wanted)
        return self._actuator.propose(
            to=to,
            delta=delta,
            state=state,
            predicted=predicted,
            why=why(frame, wanted, verdict),
            data_age=self._data_age(frame),
            bottlenecks=frame.bottlenecks,
            takes_back=takes_back,
            ignore_cooldown=ignore_cooldown,
            again=again,
            hpa=verdict_of(frame, "hpa"),
            binds="" if verdict is None else verdict.binds,
            automatic=verdict is not None,
            beware=() if self.surroundings is None else self.surroundings.warnings(),
        )

    def last_action(self) -> Past | None:
        """The last action on the target by anyone; None when none is known or nothing is scaled."""
        return None if self._actuator is None else self._actuator.last()

    def what_if(self, question: Question) -> WhatIf | None:
        """What the models say to a supposition; None before the first frame."""
        frame = self.frame
        if frame is None:
            return None
        from capmon.analysis.whatif import what_if

        return what_if(self.settings, frame, question)

    async def execute(self, plan: ScalePlan, *, veto: Callable[[], str] = str) -> Outcome:
        """Carry a plan out; its success shows in later frames.

        Args:
            plan: As `propose` made it.
            veto: Asked right before: why it may not be done any more; empty when it may.

        Raises:
            TargetError: No scale target is configured.
        """
        if self._actuator is None:
            raise TargetError("there is nothing to scale")
        outcome = await self._actuator.execute(plan, veto=veto)
        text = f"{outcome.origin} → {outcome.to} replicas: {outcome.state.value}"
        self.note("action", f"{text} {outcome.detail}".rstrip())
        self._wake("replicas")
        return outcome

    def _data_age(self, frame: Frame) -> float | None:
        """Seconds since the newest measurement that a plan rests on; None before the first."""
        at = self._measured.get(PACEMAKER if frame.app_source == "none" else "app")
        # A machine that was suspended has old measurements, although no time has passed on the
        # clock that stood still with it.
        return None if at is None else self._clock.boottime() - at

    def _cooldowns(self) -> tuple[float, float]:
        actuator = self._actuator
        return (
            (0.0, 0.0) if actuator is None else (actuator.cooldown("up"), actuator.cooldown("down"))
        )

    # Faults

    @contextlib.contextmanager
    def _said(self, place: str) -> Iterator[None]:
        """Let an unexpected fault become a notice, once, instead of the end of the ticks."""
        try:
            yield
        except Exception as fault:
            self._say(place, f"{place} failed: {type(fault).__name__}: {fault}")
        else:
            self._say(place, "")

    def _say(self, place: str, problem: str) -> None:
        """Note a problem when it begins or changes; an empty one is over."""
        if problem and problem != self._faults.get(place):
            self.note("notice", problem)
        self._faults[place] = problem
