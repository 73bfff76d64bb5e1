"""A proposed change of the replica count, with all that a person needs to say yes or no."""

from __future__ import annotations

from collections.abc import Sequence

from capmon.config.schema import ScalingSettings
from capmon.model.policies import Verdict
from capmon.model.results import Bottleneck, Predicted, ReplicaState, ScalePlan
from capmon.scaling.budget import Move
from capmon.scaling.limits import STALE_AFTER, Circumstances, cautions, refusals
from capmon.scaling.price import monthly


def propose(
    settings: ScalingSettings,
    to: int | None,
    *,
    target: str,
    state: ReplicaState | None,
    state_age: float | None,
    data_age: float | None,
    since_action: float | None,
    argv: tuple[str, ...] = (),
    why: Sequence[str] = (),
    predicted: tuple[Predicted, ...] = (),
    bottlenecks: Sequence[Bottleneck] = (),
    notices: Sequence[str] = (),
    running: str = "",
    read_only: bool = False,
    untrusted: str = "",
    stale_after: float = STALE_AFTER,
    hpa: Verdict | None = None,
    binds: str = "",
    automatic: bool = False,
    changes: tuple[Move, ...] = (),
    takes_back: str = "",
    owners: tuple[str, ...] = (),
) -> ScalePlan:
    """Weigh a change of the replica count against every limit.

    Args:
        settings: Limits, cooldowns, budgets, prices and the mode.
        to: Replicas wanted; None when that depends on a count that is not known.
        target: Name of the target for a screen.
        state: What the target said last; None when it never answered.
        state_age: Seconds since then; None when it never answered.
        data_age: Seconds since the newest measurement; None when there is none yet.
        since_action: Seconds since the last action, never less than 0; None when there was none.
        argv: The command that will run, secrets removed.
        why: Reasons, the strongest first: each term of the policy that asks for it.
        predicted: What the models expect of `to` replicas.
        bottlenecks: What limits the service now.
        notices: What the target itself says a person should know, such as an HPA that owns it.
        running: The action under way, in words; empty when there is none.
        read_only: Whether this session may only look.
        untrusted: Why the configuration is not trusted; empty when it is.
        stale_after: Greatest age of the measurements, in seconds.
        hpa: What Kubernetes' own algorithm would do now, to stand beside it.
        binds: What keeps the advice from going further, as `limits.binding` says it.
        automatic: Whether an autoscaler asks, and no person: only it is refused for flapping, and
            no cooldown holds it up where its policy paces itself.
        changes: Changes of the count in the last hour, whoever made them: seconds ago, from, to.
        takes_back: The action that this one takes back because it made things worse; no
            cooldown holds it up. Empty when it is none's rollback.
        owners: Autoscalers of the orchestrator that set this count: an autoscaler does not act
            beside them. They stand among the notices too.
    """
    now = Circumstances(
        state=state,
        state_age=state_age,
        data_age=data_age,
        since_action=since_action,
        running=running,
        read_only=read_only,
        untrusted=untrusted,
        stale_after=stale_after,
        changes=changes,
        automatic=automatic,
        owners=owners,
        takes_back=takes_back,
    )
    origin = None if state is None else state.desired
    return ScalePlan(
        origin=origin,
        to=None if origin is None else to,
        why=tuple(why),
        refusals=refusals(settings, to, now),
        warnings=(*notices, *warnings(to, state, bottlenecks), *cautions(settings, to, now)),
        argv=argv,
        predicted=predicted,
        mode=settings.mode,
        target=target,
        binds=binds,
        hpa=hpa,
        cost=monthly(settings, origin, to),
        takes_back=takes_back,
    )


def warnings(
    to: int | None,
    state: ReplicaState | None,
    bottlenecks: Sequence[Bottleneck],
) -> tuple[str, ...]:
    """What to think of before going to `to` replicas; nothing here forbids it."""
    if state is None or state.desired is None or to is None:
        return ()
    found = []
    if state.ready is not None and state.ready != state.desired:
        found.append(f"a roll-out is under way: {state.ready} of {state.desired} ready")
    if 0 < to < state.desired:
        active = [b for b in bottlenecks if not b.recovering]
        found += [f"scale-in while {b.component} is a bottleneck ({b.severity})" for b in active]
    return tuple(found)
