"""What the models expect of a change of the replica count, now and at another load."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from capmon.model.frame import Frame, value_of
from capmon.model.results import Predicted

if TYPE_CHECKING:
    from capmon.actions.verification import Foretold


def expected(frame: Frame, to: int | None) -> tuple[tuple[Predicted, ...], Foretold | None]:
    """What the frame's models say of `to` replicas, and what says the same at other loads.

    The second keeps the models as they are now: those fitted after the change have seen what it
    did, and would predict it from its own effect.
    """
    state = frame.replicas
    if state is None or not state.ready or to is None or to < 1:
        return (), None
    # The first paint does not wait for what only an action needs.
    from capmon.actions.measured import LOADS
    from capmon.actions.verification import Foretold
    from capmon.analysis.effect import Case, predicted
    from capmon.analysis.sizing import steady

    readings = steady(frame.readings, frame.headroom)
    fits, origin = frame.fits, state.ready

    def again(growth: float) -> tuple[Predicted, ...]:
        case = Case(fits, readings, growth, origin, to)
        return tuple(map(partial(predicted, case), fits))

    known = ((key, value_of(readings, key)) for key in LOADS)
    return again(1.0), Foretold(again, {k: v for k, v in known if v is not None})
