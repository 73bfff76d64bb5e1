"""What an HPA should aim at: utilization, memory and requests per second, each with its terms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from capmon.analysis.curves.headroom import no_growth
from capmon.config.schema import Settings
from capmon.model.curves import Fit
from capmon.model.frame import Frame
from capmon.model.metric import metric
from capmon.model.names import CPU, MEMORY, MEMORY_USAGE, RATE
from capmon.model.units import percent, show_metric
from capmon.report.hpa_reach import Reach, Room, first_limit, fitted, growth_room, lead

FALLS = 0.5
"""Share of its rise with the load that memory must give back when the load falls."""

LEAST_EXPLAINED = 0.5
"""Share of memory's variance that the load must explain."""

_BLOCKS = 20


@dataclass(frozen=True, slots=True)
class Aim:
    """One target of an HPA."""

    value: float | None
    """A share of the request for a resource, requests per second for the rate; None leaves it out."""

    why: tuple[str, ...]
    """Its terms, one line each, or why it is left out."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What one replica carries while the next one starts."""

    reach: Reach | None
    """Where the first limit binds; None where no model can tell."""

    problem: str
    """Why no model can tell; empty where one can."""

    room: Room
    """Growth of the load until a new replica serves."""

    tolerance: float
    """How far HPA lets a metric be over its target before it acts, as a share of it."""

    @property
    def load(self) -> float | None:
        """Load at which HPA must act, so that the limit holds until the new replica serves."""
        return None if self.reach is None else self.reach.load.value / self.room.factor


def carried(settings: Settings, frame: Frame) -> Carried:
    """What the models say of one replica."""
    reach = first_limit(frame, RATE)
    tolerance = settings.scaling.hpa.up.tolerance
    seconds, made_of = lead(settings, frame)
    if isinstance(reach, str):
        return Carried(None, reach, Room(1.0, made_of), tolerance)
    calm = settings.scaling.min * reach.load.value if reach.per_replica else None
    room = growth_room(frame, RATE, seconds, calm)
    return Carried(reach, "", Room(room.factor, f"{room.text}; {made_of}"), tolerance)


def cpu_aim(settings: Settings, frame: Frame, one: Carried) -> Aim:
    """The share of the CPU request at which HPA is to keep a replica."""
    most = settings.scaling.hpa.cpu
    if most is None:
        return Aim(None, ("No CPU target: scaling.hpa.cpu leaves it out.",))
    fit = fitted(frame, *CPU)
    derived, terms = _share_at_limit(fit, one)
    if derived is None:
        terms = (*terms, f"So it is what is configured: scaling.hpa.cpu {percent(most)} %.")
        share: float = most
    else:
        share = min(derived, most)
        least = f"scaling.hpa.cpu allows {percent(most)} %, "
        terms = (*terms, f"{least}the models {_fine(derived)} %: the smaller counts, rounded down.")
    times, request = _of_request(settings, frame, fit)
    return Aim(share * times, (*terms, *_source(fit), request))


def _share_at_limit(fit: Fit | None, one: Carried) -> tuple[float | None, tuple[str, ...]]:
    """The utilization to aim at by the models, and its terms; None with the reason."""
    if one.reach is None or fit is None:
        why = one.problem if one.reach is None else "no curve of the CPU over load yet"
        return None, (f"The models cannot tell a target: {why}.",)
    reach = one.reach
    own = reach.headroom.target == fit.target
    at = reach.headroom.limit if own else fit.predict(reach.load.value)
    later = fit.predict(one.load or 0.0)
    idle = max(fit.predict(0.0) or 0.0, 0.0)
    if at is None or later is None:
        return None, ("The models cannot tell a target: no curve of the CPU over load yet.",)
    ends = (fit.predict(e) for e in (reach.load.low, reach.load.high) if e is not None)
    interval = "–".join(percent(e) for e in ends if e is not None)
    aim = later / (1 + one.tolerance)
    terms: tuple[str, ...] = (
        f"Limit: {reach.text}" + ("" if own else f", where cpu is {percent(at)} %" + (f" ({interval} %)" if interval else "")) + ".",
        f"Start-up: load {one.room.text}." if one.room.factor > 1 else f"Start-up: no room could be reckoned: {one.room.text}.",
        f"At {show_metric(reach.headroom.load, one.load)} cpu is {_fine(later)} %; HPA acts only {percent(one.tolerance)} % over its target: {_fine(later)} / {1 + one.tolerance:g} = {_fine(aim)} %.",
    )  # fmt: skip
    if reach.unknown:
        terms = (*terms, f"Not reckoned with, for no curve can tell: {reach.unknown}.")
    if aim <= idle:
        return None, (*terms, f"Without load cpu is {percent(idle)} % already: such a target would never scale in.")  # fmt: skip
    return aim, terms


def _fine(share: float) -> str:
    """A share with the digit that rounding down takes away."""
    return f"{share * 100:.1f}".removesuffix(".0")


def _source(fit: Fit | None) -> tuple[str, ...]:
    if fit is None or fit.target == CPU[0]:
        return ()
    return ("The CPU is this host's, all processes on it included, for the application reports none of its own.",)  # fmt: skip


def _of_request(settings: Settings, frame: Frame, fit: Fit | None) -> tuple[float, str]:
    """What a share of the CPU that a replica may use is as a share of its request, and which request that takes."""
    plain = "A share of requests.cpu, which must be set; it holds for a request of all the CPU that a replica may use (its limit)."  # fmt: skip
    advised = None if frame.scaling is None else frame.scaling.vertical
    if advised is None or advised.cores is None or not advised.cores.value > 0:
        return 1.0, plain
    request = math.ceil(advised.cores.value * 1000)
    may_use = _cores(settings, frame, fit)
    if may_use is None:
        return 1.0, f"{plain} capmon recommends requests.cpu: {request}m; a replica's CPU is not known, so nothing is converted."  # fmt: skip
    times = may_use * 1000 / request
    return times, f"A share of requests.cpu: set it to {request}m as recommended; a replica may use {may_use * 1000:.0f}m, so shares of that count ×{times:.3g}."  # fmt: skip


def _cores(settings: Settings, frame: Frame, fit: Fit | None) -> float | None:
    """Cores that one replica may use."""
    vertical = None if frame.scaling is None else frame.scaling.vertical
    for tier in settings.tiers:
        if vertical is not None and tier.name == vertical.tier:
            return tier.cores
    return frame.value("system.cpu.limit") if fit is not None and fit.target == CPU[1] else None


def rate_aim(settings: Settings, one: Carried) -> Aim:
    """Requests per second of one replica at which HPA is to keep it."""
    most = settings.scaling.hpa.rate
    if one.reach is None or one.load is None:
        if most is None:
            return Aim(None, (f"No target for requests per second: {one.problem}.",))
        return Aim(most, ("scaling.hpa.rate; the models cannot check it: " + one.problem + ".",))
    if not one.reach.per_replica:
        return Aim(most, ("No count of ready replicas, so no load of one replica is known" + (": scaling.hpa.rate as configured." if most else "."),))  # fmt: skip
    aim = one.load / (1 + one.tolerance)
    said = f"{one.reach.text}, / {one.room.factor:.3g} for start-up / {1 + one.tolerance:g} for HPA's tolerance = {aim:.3g}."
    if most is not None and most < aim:
        return Aim(most, (said, f"scaling.hpa.rate allows {most:g} at most."))
    return Aim(aim, (said,))


def memory_aim(settings: Settings, frame: Frame) -> Aim:
    """The share of the memory request, only where memory rises and falls with a replica's load."""
    configured = settings.scaling.hpa.memory
    fit = next((f for f in frame.fits if f.target in (*MEMORY, MEMORY_USAGE)), None)
    why = _ratchets(fit)
    if why:
        dropped = "" if configured is None else f" scaling.hpa.memory {percent(configured)} % is left out for that."  # fmt: skip
        return Aim(None, (f"No memory target: {why}. Memory that stays when the load falls adds replicas and never takes any away.{dropped}",))  # fmt: skip
    most = settings.utilization_target if configured is None else configured
    aim = most / (1 + settings.scaling.hpa.up.tolerance)
    idle = _idle(settings, frame, fit)
    if idle is None or idle >= aim:
        said = "is not known" if idle is None else f"is {percent(idle)} %, over any target"
        return Aim(None, (f"No memory target: what a replica uses without load {said}.",))
    name = "utilization_target" if configured is None else "scaling.hpa.memory"
    return Aim(aim, (
        f"Memory follows the load of a replica up and down, from {percent(idle)} % without any: {name} {percent(most)} % / {most / aim:g} for HPA's tolerance.",
        "A share of requests.memory, which must be set; it holds for a request of all the memory that a replica may use.",
    ))  # fmt: skip


def _idle(settings: Settings, frame: Frame, fit: Fit | None) -> float | None:
    """Used share of a replica's memory without load."""
    base = None if fit is None else fit.predict(0.0)
    if fit is None or base is None:
        return None
    if fit.target != MEMORY_USAGE:
        return base
    limit = next((h.limit for h in frame.headroom if h.target == MEMORY_USAGE), 0.0)
    return base / (limit / settings.utilization_target) if limit > 0 else None


def _ratchets(fit: Fit | None) -> str:
    """Why memory is no measure of a replica's load; empty where it is one."""
    if fit is None or fit.problem or not fit.coefficients:
        return "there is no curve of memory over load" + (f" ({fit.problem})" if fit and fit.problem else "")  # fmt: skip
    if not fit.per_replica:
        return "its load is not counted per replica"
    if no_growth(fit):
        return f"memory {no_growth(fit)}"
    if (fit.r_squared or 0.0) < LEAST_EXPLAINED:
        return f"load explains {percent(max(fit.r_squared or 0.0, 0.0))} % of its variance"
    falls = given_back(fit)
    if falls is None:
        return "the load has not fallen yet, so it is not known whether memory falls with it"
    if falls < FALLS:
        return f"of what {metric(fit.target).label} takes as load rises it gives {percent(max(falls, 0.0))} % back as load falls"  # fmt: skip
    return ""


def given_back(fit: Fit) -> float | None:
    """What a metric loses as its load falls, as a share of what the fit says; None where it hardly fell.

    The points, oldest first, are drawn together into blocks; the slope through the origin of the
    falling steps is compared with the curve's own differences.
    """
    width = max(1, len(fit.points) // _BLOCKS)
    blocks = [fit.points[i : i + width] for i in range(0, len(fit.points) - width + 1, width)]
    course = [(sum(x for x, _ in b) / len(b), sum(y for _, y in b) / len(b)) for b in blocks]
    lost = expected = fallen = 0.0
    for (x0, y0), (x1, y1) in pairwise(course):
        below, above = fit.predict(x1), fit.predict(x0)
        if x1 < x0 and below is not None and above is not None:
            step = above - below
            fallen += x0 - x1
            lost += (y0 - y1) * step
            expected += step * step
    spread = max((x for x, _ in course), default=0.0) - min((x for x, _ in course), default=0.0)
    if spread <= 0 or fallen < spread / 2 or expected <= 0:
        return None
    return lost / expected
