"""The real app on no terminal, with a stand-in for the monitor behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from textual import events
from textual.geometry import Size
from textual.keys import _character_to_key, key_to_character
from textual.pilot import Pilot

from capmon.analysis.whatif import what_if
from capmon.config.loaded import Loaded
from capmon.config.schema import CouplingSettings, ScalingSettings, Settings
from capmon.model.frame import Frame
from capmon.model.policies import Verdict
from capmon.model.results import ActionState, Estimate, Outcome, Predicted, ReplicaState, ScalePlan
from capmon.model.whatif import Question, WhatIf
from capmon.scaling.limits import binding
from capmon.scaling.plan import propose as plan
from capmon.ui.app import CapmonApp
from capmon.ui.panes.bars import Bar
from capmon.ui.widgets.pane import Pane

ROUNDS = 6
"""How far a message may lead: key to screen to app to action to layout to drawing."""

SCALING = ScalingSettings(
    min=2,
    max=10,
    limits=(CouplingSettings("database connections", 25, 200),),
    price_per_hour=0.1275,
)
"""What may be scaled behind the screen, and at what price."""

WHY = (
    "137 req/s expected by 14:40 / 31.2 req/s each = 4.4: cpu binds first",
    "p95 alone would do with 4",
    "within the tolerance of 10 % nothing is changed; this is 10 % over it",
)
"""Terms of the advice, the strongest first."""

EXPECTED = (
    Predicted("system.cpu.utilization", 0.62, Estimate(0.496, 0.471, 0.522)),
    Predicted("http.server.request.duration.p95", 0.187, Estimate(0.149, 0.14, 0.16)),
)
"""What the models expect of any change."""

ARGV = ("docker", "service", "scale", "web={to}", "--name", "two words")


@dataclass
class FakeMonitor:
    """All that the app knows of the monitor, and a record of what it asked for."""

    frame: Frame | None = None
    scaled: bool = True
    plan: dict[str, object] = field(default_factory=dict)
    count: int = 4
    since_action: float | None = None
    windows: list[float] = field(default_factory=list)
    executed: list[ScalePlan] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    listeners: list[Callable[[Frame], None]] = field(default_factory=list)
    state: ActionState = ActionState.ACCEPTED

    def on_frame(self, listener: Callable[[Frame], None]) -> None:
        """Remember who listens."""
        self.listeners.append(listener)

    async def start(self, *, host_first: bool = False) -> None:
        """Note the start."""
        self.calls.append("start")

    def start_engine(self) -> None:
        """Note that the first paint is over."""
        self.calls.append("start_engine")

    async def stop(self) -> None:
        """Note the end."""
        self.calls.append("stop")

    def note(self, kind: str, text: str) -> None:
        """Note the note."""
        self.calls.append(f"{kind} {text}")

    def set_window(self, seconds: float) -> None:
        """Note the window."""
        self.windows.append(seconds)

    def propose(
        self, *, to: int | None = None, delta: int = 0, takes_back: str = ""
    ) -> ScalePlan | None:
        """The real plan from four replicas, or as many as `count` says."""
        if not self.scaled:
            return None
        wanted = self.count + delta if to is None else to
        found = plan(
            SCALING,
            wanted,
            target="swarm web",
            state=ReplicaState("swarm", "web", self.count, self.count, at=0.0),
            state_age=1.0,
            data_age=1.0,
            since_action=self.since_action,
            argv=tuple(a.format(to=wanted) for a in ARGV),
            why=WHY,
            predicted=EXPECTED if wanted != self.count else (),
            notices=("the cache starts cold",),
            hpa=Verdict("hpa", 5, ("cpu 84 % / 70 % × 4 = 4.8 → 5",)),
            binds=binding(SCALING, wanted),
            takes_back=takes_back,
        )
        return replace(found, **self.plan)  # type: ignore[arg-type]

    def what_if(self, question: Question) -> WhatIf | None:
        """The real answer, with all settings at their defaults."""
        return None if self.frame is None else what_if(Settings(), self.frame, question)

    async def execute(self, plan: ScalePlan) -> Outcome:
        """Note the plan; say what the test wants said."""
        self.executed.append(plan)
        return Outcome("x", 0.0, plan.origin, plan.to, self.state, "the target said no")

    def give(self, frame: Frame) -> None:
        """A new frame, as a tick makes one."""
        self.frame = frame
        for listener in self.listeners:
            listener(frame)


class Stage:
    """One run of the app."""

    def __init__(self, app: CapmonApp, monitor: FakeMonitor, pilot: Pilot[int]) -> None:
        self.app, self.monitor, self.pilot = app, monitor, pilot

    async def press(self, *keys: str) -> None:
        """Press keys, each as soon as the one before was taken, and wait until all is drawn."""
        for key in keys:
            self.send(key)
            await self.settle()

    def send(self, key: str) -> None:
        """Press a key as the terminal's driver tells it, without waiting for anything.

        Textual's pilot sleeps after each key until the process looks idle, 80 ms a key.
        """
        name = _character_to_key(key) if len(key) == 1 and not key.isalnum() else key
        self.app.post_message(events.Key(name, key if len(key) == 1 else key_to_character(name)))

    async def settle(self) -> None:
        """Wait until every widget has taken its messages, and those that they led to, and is drawn."""
        for _ in range(ROUNDS):
            await self.pilot._wait_for_screen()
            await asyncio.sleep(0)
            if self.app._exit or not self.app._screen_stack:
                return
            self.app.screen._on_timer_update()

    async def resize(self, width: int, height: int) -> None:
        """Give the terminal another size."""
        size = Size(width, height)
        self.app._driver._size = size  # type: ignore[union-attr]
        self.app.post_message(events.Resize(size, size))
        await self.pilot._wait_for_screen()
        self.app._check_resize()  # Textual waits a little for a better size
        await self.settle()

    async def give(self, frame: Frame) -> None:
        """Show a frame, whatever the pace."""
        self.app.pacer._last = float("-inf")
        self.monitor.give(frame)
        await self.settle()

    @property
    def rows(self) -> list[str]:
        """Every row of the terminal as text, blanks at its end included."""
        return [strip.text for strip in self.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        """The whole terminal as text, trailing blanks stripped."""
        return "\n".join(row.rstrip() for row in self.rows) + "\n"

    @property
    def panes(self) -> dict[str, Pane]:
        """Shown panes by id."""
        screen = self.app.monitor_screen
        assert screen is not None
        return {p.id or "": p for p in screen.query(Pane) if p.display}

    def lines(self, name: str) -> list[str]:
        """What a shown pane says, without its border and its blank lines."""
        inside = (text.strip("│ ") for text in self.panes[name].texts()[1:])
        return [text for text in inside if text and not text.startswith("╰")]

    def bar(self, name: str) -> str:
        """Text of one of the lines at the edges."""
        screen = self.app.monitor_screen
        assert screen is not None
        return screen.query_one(f"#{name}", Bar).texts()[0]

    @property
    def notices(self) -> list[str]:
        """Notices that have not gone yet."""
        return [n.message for n in self.app._notifications]

    def forget_notices(self) -> None:
        """Take all notices away."""
        self.app.clear_notifications()


@asynccontextmanager
async def staged(
    frame: Frame | None = None,
    size: tuple[int, int] = (120, 40),
    *,
    settings: Settings | None = None,
    monitor: FakeMonitor | None = None,
    read_only: bool = False,
    folder: Path | None = None,
    notifications: bool = False,
) -> AsyncIterator[Stage]:
    """The app with a frame on it."""
    monitor = monitor or FakeMonitor()
    loaded = Loaded(settings or Settings(), {}, None, "")
    app = CapmonApp(monitor, loaded, read_only=read_only, folder=folder)  # type: ignore[arg-type]
    async with app.run_test(size=size, notifications=notifications) as pilot:
        stage = Stage(app, monitor, pilot)
        await stage.settle()
        if frame is not None:
            await stage.give(frame)
        yield stage
