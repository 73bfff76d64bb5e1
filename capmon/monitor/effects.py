"""What the models expect of a change of the replica count, now and at another load."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from capmon.model.frame import Frame
from capmon.model.results import Predicted

Again = Callable[[float], tuple[Predicted, ...]]


def expected(frame: Frame, to: int | None) -> tuple[tuple[Predicted, ...], Again | None]:
    """What the frame's models say of `to` replicas, and what says the same at so many times the load.

    The second keeps the models as they are now: those fitted after the change have seen what it
    did, and would predict it from its own effect.
    """
    state = frame.replicas
    if state is None or not state.ready or to is None or to < 1:
        return (), None
    from capmon.analysis.effect import Case, predicted
    from capmon.analysis.sizing import steady

    readings = steady(frame.readings, frame.headroom)
    fits, origin = frame.fits, state.ready

    def again(growth: float) -> tuple[Predicted, ...]:
        case = Case(fits, readings, growth, origin, to)
        return tuple(map(partial(predicted, case), fits))

    return again(1.0), again
