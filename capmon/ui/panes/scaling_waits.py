"""How long each thing still holds a change up, how often the count turned, and who acts."""

from __future__ import annotations

import math
from collections.abc import Iterable

from capmon.config.scaling import ScalingSettings
from capmon.model.frame import Frame
from capmon.model.policies import Wait
from capmon.model.units import UNKNOWN, span
from capmon.scaling.budget import turns
from capmon.ui.panes.forecast import range_of
from capmon.ui.widgets.gauge import bar
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import Line, bold, cut, dim, ink, padded

NAME = 17
"""Cells of `stabilization ↓` and the gap after it."""

TIME, OF = 7, 9
"""Cells of ` 12:20` and of ` of 10:00`."""

BAR, LEAST_BAR = 16, 4
"""Cells of a bar at most and at least."""

COOLDOWN, STABILIZATION, FLOOR = "cooldown", "stabilization", "floor"

STABILIZED = ("hpa", "predictive")
"""Policies that wait as Kubernetes does; their row stands whether or not they wait now."""

NAMED, ACTS = "an autoscaler (", ") acts on this target"
"""What stands around the name of whoever acts: the row says as much itself."""

ACCEPTED = "accepted"
"""The audit event of a change that the target took."""


def countdown(seconds: float) -> str:
    """`3:20`, or a span where it is longer than an hour and a half; never wider than five cells."""
    if not math.isfinite(seconds):
        return UNKNOWN
    left = math.ceil(max(0.0, seconds))
    if left >= 6000:
        return span(left).replace(" ", "")[:5]
    return f"{left // 60}:{left % 60:02d}"


def longest(waits: Iterable[Wait]) -> Wait | None:
    """The wait that ends last; None where nothing is waited for."""
    known = [w for w in waits if w.seconds > 0]
    return max(known, key=lambda w: w.seconds, default=None)


class WaitsPane(Pane):
    """Countdowns."""

    name_of_pane = "waits"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """One line a wait, then turns, start-up, and who acts."""
        return Drawing("countdowns", draw(frame, view, width)[:height])


def draw(frame: Frame, view: View, width: int) -> list[Line]:
    """The lines, each with its place whatever waits."""
    left = running(frame)
    total = lengths(view.scaling)
    if (FLOOR, False) in left and (STABILIZATION, False) in total.keys() - left.keys():
        # The forecast's floor stands as long as a recommendation does, and only one of them holds.
        total[FLOOR, False] = total.pop((STABILIZATION, False))
    names = [*total, *(k for k in left if k not in total)]
    lines = [
        _line(k, left.get(k, 0.0), total.get(k), width, known=_known(k[0], frame)) for k in names
    ]
    lines.append(_turns(frame, view.scaling, width))
    lines.append(_startup(frame, view.scaling))
    lines.append(_actor(frame))
    return lines


def lengths(settings: ScalingSettings) -> dict[tuple[str, bool], float]:
    """Seconds that each wait takes from its beginning, by what it is and whether it is for adding."""
    out = {
        (COOLDOWN, True): float(settings.cooldown.up),
        (COOLDOWN, False): float(settings.cooldown.down),
    }
    for up, seconds in (
        (True, settings.hpa.up.stabilization),
        (False, settings.hpa.down.stabilization),
    ):
        if settings.policy in STABILIZED and seconds > 0:
            out[STABILIZATION, up] = float(seconds)
    return out


def running(frame: Frame) -> dict[tuple[str, bool], float]:
    """Seconds left by what is waited for: the cooldowns, and what holds up the policy that is followed."""
    found = frame.scaling
    if found is None:
        return {}
    followed = (v.waits for v in found.verdicts if v.policy == found.policy)
    out: dict[tuple[str, bool], float] = {}
    for wait in (*found.waits, *(w for waits in followed for w in waits)):
        key = wait.what, wait.up
        out[key] = max(out.get(key, 0.0), wait.seconds)
    return out


def _known(what: str, frame: Frame) -> bool:
    """Whether nothing left means free: a policy that cannot tell does not know its stabilization."""
    found = frame.scaling
    if found is None or what != STABILIZATION:
        return found is not None
    return any(v.policy == found.policy and v.to is not None for v in found.verdicts)


def _gauge(share: float | None, tone: str, width: int) -> Line:
    """A bar as long as there is room for beside the figures."""
    cells = min(BAR, width - NAME - TIME - (OF if _with_total(width) else 0))
    return bar(share, cells, tone) if cells >= LEAST_BAR else []


def _with_total(width: int) -> bool:
    """Whether there is room to say of how much, beside the bar or without one."""
    return width >= NAME + TIME + OF + LEAST_BAR or width < NAME + TIME + LEAST_BAR


def _line(
    key: tuple[str, bool], left: float, total: float | None, width: int, *, known: bool
) -> Line:
    what, up = key
    name = f"{cut(what, NAME - 3)} {'↑' if up else '↓'}"
    line: Line = [padded(name, NAME, "dim")]
    share = None if total is None or total <= 0 or left <= 0 else left / total
    line += _gauge(share, "future", width)
    if left <= 0:
        if not known:
            return [*line, dim(f"{UNKNOWN:>{TIME}}")]
        return [*line, dim(f"{'free':>{TIME}}")]
    line.append(bold(f"{countdown(left):>{TIME}}"))
    return [*line, dim(f" of {countdown(total)}")] if total and _with_total(width) else line


def _turns(frame: Frame, settings: ScalingSettings, width: int) -> Line:
    """How often the count changed its direction in the last hour, of what the budget allows."""
    done = turned(frame)
    most = settings.budget.turns
    line: Line = [padded("turns in 1 h", NAME, "dim")]
    if done is None:
        return [*line, *_gauge(None, "future", width), dim(f"{UNKNOWN:>{TIME}}")]
    spent = most > 0 and done >= most
    line += _gauge(done / most if most > 0 else None, "warning" if spent else "future", width)
    tone = "warning" if spent else "ink"
    of = f" of {most}" if most > 0 else " no limit"
    if _with_total(width):
        return [*line, bold(f"{done:>{TIME}}", tone), dim(of)]
    # Of how many says more than the bar: where both have no room it takes the number's cells.
    fits = len(f" {done}{of}") <= TIME
    return (
        [*line, bold(f"{done:>{TIME - len(of)}}", tone), dim(of)]
        if fits
        else [*line, bold(f"{done:>{TIME}}", tone)]
    )


def turned(frame: Frame) -> int | None:
    """Changes of direction in the last hour, by whomever the audit log knows; None while it was not read."""
    if frame.scaling is None:
        return None
    audit = frame.scaling.audit
    moves = {
        (frame.at - a.at, a.origin, a.to)
        for a in audit
        if a.event == ACCEPTED and a.origin is not None and a.to is not None
    }
    return len(turns(moves)[0])


def _startup(frame: Frame, settings: ScalingSettings) -> Line:
    """How long a replica takes until it serves, as measured, else as configured."""
    head = padded("start-up", NAME, "dim")
    found = None if frame.scaling is None else frame.scaling.startup
    if found is None:
        return [head, ink(span(settings.startup)), dim(" configured, not measured yet")]
    line: Line = [head, bold(span(found.value))]
    if found.low is None or found.high is None:
        return [*line, dim(" measured")]
    return [*line, dim(f" ({range_of(found.low, found.high)}) measured")]


def _actor(frame: Frame) -> Line:
    """Who acts without being asked."""
    head = padded("autoscaler", NAME, "dim")
    if frame.scaling is None:
        return [head, dim("not looked for yet")]
    actor = frame.scaling.actor
    if actor.startswith(NAMED) and actor.endswith(ACTS):
        actor = actor.removeprefix(NAMED).removesuffix(ACTS)
    return [
        head,
        ink(actor) if actor else dim("none acts on this target"),
    ]
