"""Keys that change the number of replicas: propose, ask in the dialog, carry out, say what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capmon.model.results import ActionState, Outcome, ScalePlan

if TYPE_CHECKING:
    from capmon.ui.app import CapmonApp
    from capmon.ui.screens.confirm import Propose

CHANGED = (ActionState.RUNNING, ActionState.ACCEPTED, ActionState.DONE)
"""States of an action that changed the count, or is about to."""


def scale(app: CapmonApp, delta: int) -> None:
    """Propose replicas: the advised count for 0, else so many more than now."""
    if not _may_act(app):
        return
    monitor = app.monitor
    _ask(app, _first(app, delta), lambda to: monitor.propose(to=to))


def take_back(app: CapmonApp) -> None:
    """Propose the count before the last action, where it made the objective worse."""
    if not _may_act(app):
        return
    monitor = app.monitor
    frame = monitor.frame
    last = last_change(() if frame is None else frame.outcomes)
    if last is None or last.rollback is None:
        app.notify(why_not(last), title="nothing to take back")
        return
    action, before = last.id, last.rollback

    def propose(to: int | None) -> ScalePlan | None:
        # Another count than the one before is an action of its own.
        return monitor.propose(to=to, takes_back=action if to == before else "")

    _ask(app, propose(before), propose)


def last_change(outcomes: tuple[Outcome, ...]) -> Outcome | None:
    """The latest action that changed the count; what was refused or only logged has nothing to take back."""
    return next((o for o in outcomes if o.state in CHANGED), None)


def why_not(last: Outcome | None) -> str:
    """Why the last action is not offered to be taken back."""
    if last is None:
        return "no action of this session changed the replicas"
    change = f"{last.origin} → {last.to}"
    if not last.settled:
        return f"{change} has not settled yet: its effect is not known"
    return f"{change} made the objective no worse"


def _may_act(app: CapmonApp) -> bool:
    """Whether nothing but the live view is open, and this session may act."""
    if app.read_only:
        app.notify("read-only: nothing can be scaled from here", severity="warning")
        return False
    return app.screen is app.monitor_screen


def _first(app: CapmonApp, delta: int) -> ScalePlan | None:
    frame = app.monitor.frame
    if delta == 0 and frame is not None and frame.advice is not None and frame.advice.to:
        return app.monitor.propose(to=frame.advice.to)
    return app.monitor.propose(delta=delta)


def _ask(app: CapmonApp, plan: ScalePlan | None, propose: Propose) -> None:
    """Open the dialog on a plan; without one there is nothing to scale."""
    if plan is None:
        text = "nothing is scaled: set scaling.target in capmon.yaml"
        app.notify(text, severity="warning")
        return
    from capmon.ui.screens.confirm import ConfirmScreen

    frame = app.monitor.frame
    advised = None if frame is None or frame.advice is None else frame.advice.to

    def decided(agreed: ScalePlan | None) -> None:
        if agreed is not None:
            app.begin(_execute(app, agreed))

    # What was said before must not lie over what is asked now.
    app.clear_notifications()
    app.push_screen(ConfirmScreen(plan, propose, advised), decided)


async def _execute(app: CapmonApp, plan: ScalePlan) -> None:
    outcome = await app.monitor.execute(plan)
    if outcome.state in (ActionState.FAILED, ActionState.REFUSED):
        app.notify(outcome.detail, title=outcome.state.value, severity="error")
    elif outcome.state is ActionState.DRY_RUN:
        app.notify("nothing was run; the audit log has it", title="dry-run")
