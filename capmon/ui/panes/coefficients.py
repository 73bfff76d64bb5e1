"""What a curve is made of: its coefficients with their errors, points, load seen, and since when."""

from __future__ import annotations

from capmon.model.frame import Frame
from capmon.model.metric import Unit, metric
from capmon.model.results import Coefficient, Estimate, Fit, FitKind
from capmon.model.units import digits, show, span
from capmon.ui.panes.common import loading
from capmon.ui.panes.curve import each, present
from capmon.ui.panes.curves import NONE_YET, name_of, selected
from capmon.ui.panes.models import (
    LINES,
    USERS,
    formula,
    full_at,
    in_unit,
    interval,
    limit_for,
    unit_of_load,
)
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import Line, as_many, bold, dim, ink

NAME = 11
NUMBER = 7

SPELLED = {"alpha": "α", "beta": "β", "gamma": "γ"}
"""Greek names of the scalability law."""


class CoefficientsPane(Pane):
    """The selected curve in numbers."""

    name_of_pane = "coefficients"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """Formula and coefficients first, then what they rest on."""
        fit = selected(frame, view)
        if fit is None:
            return Drawing("formula", [[dim(NONE_YET if frame.engine_ready else loading(frame))]])
        title = name_of(fit) if fit.problem else f"{name_of(fit)} · {fit.kind.value}"
        return Drawing(title, lines(frame, fit, width)[:height])


def lines(frame: Frame, fit: Fit, width: int) -> list[Line]:
    """The lines; what the points rest on is at the end, where little room cuts."""
    if fit.problem:
        return [[ink(fit.problem)], *_basis(fit, width)]
    rows = [_coefficient(fit, c) for c in fit.coefficients]
    cost = _cost(frame, fit)
    return [[bold(spelled(fit))], *rows, *_quality(frame, fit), *cost, *_basis(fit, width)]


def _named(name: str, value: str, *rest: str) -> Line:
    """A name, a bold number in a column, and what stands behind it."""
    return [dim(f"{name:<{NAME}}"), bold(value.rjust(NUMBER)), *(dim(f" {r}") for r in rest if r)]


def spelled(fit: Fit) -> str:
    """The whole formula, with names for coefficients that stand below it."""
    x = "u" if fit.load in USERS else "x"
    match fit.kind:
        case FitKind.MMC:
            return f"base + scale·q95({x}/capacity)"
        case FitKind.KINGMAN:
            return f"base + scale·wait({x}/capacity)"
        case FitKind.USL:
            return f"γ{x}/(1 + α({x}-1) + β{x}({x}-1))"
    return formula(fit)


def _coefficient(fit: Fit, found: Coefficient) -> Line:
    """Name, value and standard error of one coefficient, in units that people read."""
    factor, unit = in_unit(fit)
    per = "per user" if fit.load in USERS else f"per {unit_of_load(fit.load)}"
    name = SPELLED.get(found.name, found.name)
    if found.name == "capacity":
        factor, unit = 1.0, unit_of_load(fit.load)
    elif found.name in ("b", "alpha", "beta", "servers"):
        factor, unit = 1.0, per if found.name == "b" else ""
    elif found.name == "slope" and fit.kind in LINES:
        unit = f"{unit} {per}"
    value = f"{found.value:.0f}" if found.name == "servers" else _short(found.value * factor)
    error = "" if found.std_error is None else f"± {_short(found.std_error * factor)}"
    return _named(name, value, error, unit)


def _short(value: float) -> str:
    """Two digits where three would begin with zeros."""
    return f"{value:.2g}" if 0 < abs(value) < 0.1 else digits(value)


def _quality(frame: Frame, fit: Fit) -> list[Line]:
    """R², residuals, and where the curve reaches its limit and its end."""
    r2 = "–" if fit.r_squared is None else f"{fit.r_squared:.3f}".removeprefix("0")
    out = [_named("R²", r2)]
    if fit.residual_std is not None:
        left = show(fit.residual_std, Unit.RATIO if fit.relative else metric(fit.target).unit)
        out.append(_named("residual ±", left.number, left.unit))
    room = limit_for(frame, fit)
    reached = each(room, present(frame, fit).replicas)
    if reached is not None and room is not None:
        limit = str(show(room.limit, metric(fit.target).unit))
        out.append(_at(f"{limit} at", reached, fit, guess=room.extrapolated))
    full = full_at(fit)
    if full is not None:
        out.append(_at("full at", full, fit))
    return out


def _cost(frame: Frame, fit: Fit) -> list[Line]:
    """What one request costs, where that is told from none."""
    unit = metric(fit.target).unit
    wanted = {Unit.RATIO: "cpu per request", Unit.BYTES: "memory per concurrent request"}.get(unit)
    if "memory" in fit.target and unit is Unit.RATIO:
        return []
    for demand in frame.demands:
        found = demand.per_unit
        if demand.name != wanted or found is None or found.low is None or found.low <= 0:
            continue
        measure = Unit.SECONDS if unit is Unit.RATIO else Unit.BYTES
        value, low, high = (show(v, measure) for v in (found.value, found.low, found.high))
        words = "CPU" if measure is Unit.SECONDS else ""
        between = f"({low.number}–{high.number})" if low.unit == high.unit == value.unit else ""
        return [_named("a request" if words else "each", value.number, value.unit, words, between)]
    return []


def _at(name: str, load: Estimate, fit: Fit, *, guess: bool = False) -> Line:
    value = f"{'~' if guess else ''}{digits(load.value)}"
    return _named(name, value, interval(load), unit_of_load(fit.load))


def _basis(fit: Fit, width: int) -> list[Line]:
    """Points, window, load seen, and what they start from."""
    out: list[Line] = []
    if fit.n:
        parts: list[Line] = [_named("points", f"{fit.n}"), [dim(f"of the last {span(fit.window)}")]]
        out.append(as_many(parts, width, " "))
    if fit.load_min is not None and fit.load_max is not None:
        seen = f"{digits(fit.load_min)}–{digits(fit.load_max)}"
        out.append(_named("load seen", seen, unit_of_load(fit.load)))
    if fit.left_out:
        out.append([dim(f"{'left out':<{NAME}}{fit.left_out}")])
    if fit.starts_from:
        out.append([dim(f"{'since':<{NAME}}"), ink(fit.starts_from)])
    return out
