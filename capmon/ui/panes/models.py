"""Models of resources and latency over load, and the limit that load reaches first."""

from __future__ import annotations

from capmon.model.frame import Frame
from capmon.model.metric import Unit, metric
from capmon.model.results import Estimate, Fit, FitKind, Headroom
from capmon.model.units import digits, show, span
from capmon.ui.panes.common import loading
from capmon.ui.panes.figures import short_name, spoken
from capmon.ui.widgets.gauge import bar
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import Line, as_many, bold, dim, ink, label, length, padded, spread

LABEL = 9
LIMIT = 22
"""Cells of `6.40 GiB at ~130 users`."""

FORMULA = 20
"""Cells of `22.6·e^(0.072·x) ms`."""

IN_FLIGHT = "http.server.active_requests"
USERS = ("app.users.active", "users.per_replica")
LINES = (FitKind.LINEAR, FitKind.ROBUST)
QUEUES = (FitKind.MMC, FitKind.KINGMAN)

OPEN = 3.0
"""From this many times the estimate on, an interval's upper end bounds nothing."""


class ModelsPane(Pane):
    """Models over load."""

    name_of_pane = "models"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """The fits, then headroom and the first limit."""
        known = [f for f in frame.fits if not f.problem]
        per = "per replica" if any(f.per_replica for f in known) else "whole service"
        title = f"models · {per}" if known else "models"
        return Drawing(title, draw(frame, width, height))


def draw(frame: Frame, width: int, height: int) -> list[Line]:
    """The lines, the answer before the curves where there is little room."""
    if not frame.engine_ready:
        return [[dim(loading(frame))]]
    fits = [fit_line(f, limit_for(frame, f), width) for f in frame.fits]
    answer = [headroom_line(frame, width), first_limit(frame, width)]
    basis = basis_line(frame, width)
    if height >= len(fits) + 4:
        return [*fits, [], *answer, basis]
    if height >= len(fits) + 2:
        return [*fits, *answer, basis][:height]
    nearest = {h.target: i for i, h in enumerate(frame.headroom)}
    order = sorted(range(len(fits)), key=lambda i: nearest.get(frame.fits[i].target, len(fits)))
    return [answer[1], *(fits[i] for i in order), answer[0]][:height]


def limit_for(frame: Frame, fit: Fit) -> Headroom | None:
    """Where the metric of a fit reaches its limit."""
    return next((h for h in frame.headroom if h.target == fit.target), None)


def unit_of_load(load: str) -> str:
    """What load is counted in."""
    if load == IN_FLIGHT:
        return "at once"
    return "users" if load in USERS else "req/s"


def in_unit(fit: Fit) -> tuple[float, str]:
    """What a coefficient of the target is multiplied by to be read, and the unit it is then in."""
    unit = metric(fit.target).unit
    if unit is Unit.RATIO:
        return 100.0, "%"
    if unit is Unit.SECONDS:
        return 1e3, "ms"
    if unit is Unit.BYTES:
        slope = fit.coefficients[0].value if fit.kind in LINES else 0.0
        return (2.0**-30, "GiB") if abs(slope) >= 2.0**30 else (2.0**-20, "MiB")
    return 1.0, "" if unit is Unit.COUNT else str(unit)


def formula(fit: Fit) -> str:
    """The curve in units that people read: `0.51·x + 13.3 %`, `queue, full at 41.2`.

    Which queue it is stands with its coefficients: it changes often, and what it says here little.
    """
    x = "u" if fit.load in USERS else "x"
    factor, name = in_unit(fit)
    match fit.kind:
        case FitKind.EXPONENTIAL:
            sign, b = ("-" if fit.coefficient("b") < 0 else ""), abs(fit.coefficient("b"))
            return f"{digits(fit.coefficient('a') * factor)}·e^({sign}{_small(b)}·{x}) {name}"
        case FitKind.MMC | FitKind.KINGMAN:
            return f"queue, full at {digits(fit.coefficient('capacity'))}"
        case FitKind.USL:
            alpha, beta = (_small(fit.coefficient(c)) for c in ("alpha", "beta"))
            return f"usl α {alpha} β {beta}"
    slope, base = fit.coefficient("slope"), fit.coefficient("intercept")
    sign = "-" if base < 0 else "+"
    return f"{_small(slope * factor)}·{x} {sign} {digits(abs(base) * factor)} {name}".rstrip()


def _small(value: float) -> str:
    return f"{value:.2g}" if 1e-4 < abs(value) < 0.1 else digits(value)


def limit_text(headroom: Headroom) -> str:
    """The limit as it stands in the configuration: `80 %`, `250 ms`."""
    return str(show(headroom.limit, metric(headroom.target).unit))


def times(multiple: float) -> str:
    """A multiple of the load of now: `1.08×`, `12.0×`."""
    return f"{multiple:.2f}×" if multiple < 9.995 else f"{digits(multiple)}×"


def interval(estimate: Estimate) -> str:
    """`(122–141)`, open ends said, or nothing where there is no interval."""
    low, high = estimate.low, estimate.high
    if low is None and high is None:
        return ""
    far = high is None or high > OPEN * estimate.value
    if low is None or low <= 0:
        return ("" if high is None else "(a guess)") if far else f"(up to {digits(high or 0.0)})"
    return f"({digits(low)} or more)" if far else f"({digits(low)}–{digits(high or 0.0)})"


def full_at(fit: Fit) -> Estimate | None:
    """The load at which a curve ends, where the points tell it: within a closed, narrow interval."""
    full = fit.saturates_at
    if full is None or fit.problem or full.low is None or full.high is None:
        return None
    return full if full.low > 0 and full.high < OPEN * full.value else None


def fit_line(fit: Fit, headroom: Headroom | None, width: int) -> Line:
    """Label, formula, R², and where the limit is reached."""
    name = label(short_name(fit.target), LABEL)
    if fit.problem:
        return [name, dim(fit.problem)]
    right = _reached(fit, headroom)
    # R² stands where there is room for it in every row, so that the columns stay straight.
    room = width - LABEL - LIMIT
    left: Line = [name, padded(formula(fit), max(12, min(FORMULA, room)))]
    if room >= FORMULA + 8:
        r2 = "–" if fit.r_squared is None else f"{fit.r_squared:.2f}".removeprefix("0")
        shown: Line = [dim(" R² "), bold(r2.ljust(4))]
        # A long answer takes the place of R² whole: half a number would be another number.
        if length(left) + length(shown) + length(right) < width:
            left += shown
    return spread(left, right, width) if right else left


def _reached(fit: Fit, headroom: Headroom | None) -> Line:
    """Where the limit is reached, or why that is not known, in at most `LIMIT` cells."""
    if headroom is None:
        return []
    if headroom.at is None:
        return [dim(headroom.problem)]
    guess = "~" if headroom.extrapolated else ""
    return [
        dim(f"{limit_text(headroom)} at "),
        bold(f"{guess}{digits(headroom.at.value)}".rjust(4)),
        dim(f" {unit_of_load(fit.load):<5}"),
    ]


def headroom_line(frame: Frame, width: int) -> Line:
    """How much of the load that fits is used, as a bar."""
    first = next((h for h in frame.headroom if h.at is not None), None)
    if first is None or first.at is None or first.now is None:
        return [label("headroom", 13), dim(_no_limit(frame))]
    share = first.now / first.at.value if first.at.value > 0 else 1.0
    tone = "warning" if share >= 0.9 else "accent"
    tail: Line = [
        dim("  "),
        bold(digits(first.now)),
        dim(" of "),
        bold(digits(first.at.value)),
        dim(f" {unit_of_load(first.load)}  "),
    ]
    if first.multiple is not None:
        tail.append(bold(times(first.multiple), "warning" if tone == "warning" else "ink"))
    room = min(20, width - 13 - length(tail))
    return [label("headroom", 13), *(bar(share, room, tone) if room >= 4 else []), *tail]


def _no_limit(frame: Frame) -> str:
    problems = [h.problem for h in frame.headroom if h.problem]
    return problems[0] if problems else "no model yet"


def first_limit(frame: Frame, width: int) -> Line:
    """The limit that load reaches first, and where there is room the next."""
    known = [h for h in frame.headroom if h.at is not None]
    if not known:
        return [label("first limit", 13), dim("not known")]
    first = known[0]
    line: Line = [label("first limit", 13), ink(spoken(first.target))]
    if first.at is not None:
        line.append(dim(f" at {digits(first.at.value)} {interval(first.at)}".rstrip()))
    # Requests are the unit of the line above; users need their name, being no requests.
    line.append(dim(" users" if first.load in USERS else ""))
    parts = [line]
    if first.extrapolated:
        parts.append([dim("beyond the load seen")])
    if len(known) > 1 and known[1].at is not None:
        then = known[1]
        name, unit = spoken(then.target), unit_of_load(then.load)
        unit = "" if unit == unit_of_load(first.load) else f" {unit}"
        parts.append([dim(f"then {name} at {digits(known[1].at.value)}{unit}")])
    return as_many(parts, width, ", ")


def basis_line(frame: Frame, width: int) -> Line:
    """What the models rest on: since a change where there was one, else the time looked at."""
    fit = next((f for f in frame.fits if not f.problem and f.n), None)
    if fit is None or fit.load_min is None or fit.load_max is None:
        return []
    unit = unit_of_load(fit.load)
    parts: list[Line] = [
        [dim(f"since {fit.starts_from}" if fit.starts_from else f"last {span(fit.window)}")],
        [dim(f"{fit.n} points")],
        [dim(f"load seen {digits(fit.load_min)}–{digits(fit.load_max)} {unit}")],
    ]
    return as_many(parts, width, ", ") or parts[0]
