"""Why a change of the replica count is proposed: by a policy, by the models' advice, or by hand."""

from __future__ import annotations

from capmon.model.frame import Frame
from capmon.model.policies import Verdict

BY_HAND = "asked for by hand"


def why(frame: Frame, wanted: int | None, verdict: Verdict | None) -> tuple[str, ...]:
    """The reasons of a plan, the strongest first.

    Args:
        frame: What holds now.
        wanted: Replicas asked for.
        verdict: What an autoscaler follows; None where a person asks.
    """
    if verdict is not None:
        return (f"{verdict.policy}: {'; '.join(verdict.reasons)}",)
    advice = frame.advice
    if advice is None or not advice.reason:
        return (BY_HAND,)
    if advice.to == wanted:
        return (advice.reason,)
    to = "nothing" if advice.to is None else f"{advice.to}"
    return (BY_HAND, f"the models advise {to}: {advice.reason}")


def verdict_of(frame: Frame, policy: str) -> Verdict | None:
    """What a policy says; None where it says nothing yet."""
    verdicts = () if frame.scaling is None else frame.scaling.verdicts
    return next((v for v in verdicts if v.policy == policy), None)
