"""Where the panes of the detail views stand, as pure functions of the room."""

from __future__ import annotations

from capmon.ui.layout import SMALL, WIDE, Board, Place, shares

HIGH = 30
"""From this height on, a wide board shows every pane."""

PAIRS = 72
"""From this width on, small panes of a stacked board stand side by side."""


def _alone(width: int, height: int, shown: str, maximised: str) -> Board | None:
    """One pane for the whole room, where it is maximised or there is no room for two."""
    if maximised:
        return Board("wide", {maximised: Place(0, 0, width, height)})
    if width < SMALL[0] or height + 3 < SMALL[1]:
        return Board("single", {shown: Place(0, 0, width, height)})
    return None


def forecast(width: int, height: int, focus: str = "", maximised: str = "") -> Board:
    """Places of the forecast view's panes: choice and chance, the chart, then the evidence."""
    alone = _alone(width, height, focus or "expected", maximised)
    if alone is not None:
        return alone
    half = width // 2
    if width >= WIDE and height >= HIGH:
        lower = max(13, min(18, height * 2 // 5 + 1))
        return Board("wide", _forecast_wide(width, height, lower))
    lower = 10 if height >= 20 else 3
    upper = 4 if height >= 16 else 3
    left = half if lower == 3 or width >= 110 else 31
    places = {
        "forecasts": Place(0, 0, width, upper),
        "expected": Place(0, upper, width, height - upper - lower),
    }
    y = height - lower
    if lower == 3:
        return Board("stacked", places | _beside("breach", "scored", y, half, width, lower))
    right = width - left
    places["load"] = Place(0, y, left, lower)
    places["breach"] = Place(left, y, right, 4)
    places["scored"] = Place(left, y + 4, right, lower - 4)
    return Board("stacked", places)


def young_forecast(width: int, height: int, focus: str = "", maximised: str = "") -> Board:
    """As `forecast`, while the history is too short for a map of the load."""
    alone = _alone(width, height, focus or "expected", maximised)
    if alone is not None:
        return alone
    if width >= WIDE and height >= HIGH:
        return Board("wide", _forecast_wide(width, height, lower=8))
    if height < 20:
        return forecast(width, height)
    half, lower = width // 2, 10
    y = height - lower
    places = {
        "forecasts": Place(0, 0, width, 4),
        "expected": Place(0, 4, width, y - 4),
        "breach": Place(0, y, half, lower - 3),
        "load": Place(0, y + lower - 3, half, 3),
        "scored": Place(half, y, width - half, lower),
    }
    return Board("stacked", places)


def _forecast_wide(width: int, height: int, lower: int) -> dict[str, Place]:
    """A large chart with choice, chance and past beside it; the load's days and growth below."""
    upper = height - lower
    chart = width * 7 // 12
    right, half = width - chart, width // 2
    first = min(10, max(5, upper * 9 // 22))
    second = min(10, max(5, upper * 6 // 22))
    return {
        "expected": Place(0, 0, chart, upper),
        "forecasts": Place(chart, 0, right, first),
        "breach": Place(chart, first, right, second),
        "scored": Place(chart, first + second, right, upper - first - second),
        "load": Place(0, upper, half, lower),
        "scenarios": Place(half, upper, width - half, lower),
    }


def bottlenecks(width: int, height: int, focus: str = "", maximised: str = "") -> Board:
    """Places of the bottlenecks view's panes: the list, the evidence, what to do, the thresholds."""
    alone = _alone(width, height, focus or "ranked", maximised)
    if alone is not None:
        return alone
    half = width // 2
    if width >= WIDE and height >= HIGH:
        first = max(6, height // 6)
        third = max(8, height // 4)
        last = max(7, height // 4)
        second = height - first - third - last
        return Board(
            "wide",
            {
                "ranked": Place(0, 0, width, first),
                **_beside("course", "rank", first, half, width, second),
                **_beside("todo", "guide", first + second, half, width, third),
                "triggers": Place(0, height - last, width, last),
            },
        )
    first = 4 if height >= 18 else 3
    last = 5 if height >= 18 else 3
    third = 5 if height >= 20 else 3
    second = height - first - last - third
    y = first + second
    places = {
        "ranked": Place(0, 0, width, first),
        **_beside("course", "rank", first, half, width, second),
        "todo": Place(0, y, width, third),
        "triggers": Place(0, y + third, width, last),
    }
    return Board("stacked", places)


def thresholds(width: int, height: int, focus: str = "", maximised: str = "") -> Board:
    """Places of the bottlenecks view's panes while nothing binds: thresholds, and the chart of one."""
    alone = _alone(width, height, focus or "triggers", maximised)
    if alone is not None:
        return alone
    if width >= WIDE and height >= HIGH:
        first = 5
        second = max(8, height // 2)
        kind = "wide"
    else:
        first, kind = 3, "stacked"
        second = max(4, height // 2)
    return Board(
        kind,
        {
            "ranked": Place(0, 0, width, first),
            "triggers": Place(0, first, width, second),
            "course": Place(0, first + second, width, height - first - second),
        },
    )


def scaling(width: int, height: int, focus: str = "", maximised: str = "") -> Board:
    """Places of the scaling view's panes: at the left what happened, at the right what policies want."""
    alone = _alone(width, height, focus or "verdicts", maximised)
    if alone is not None:
        return alone
    if width >= WIDE and height >= HIGH:
        left = width * 9 // 20
        below = max(10, height * 3 // 11)
        middle = max(9, height // 4)
        upper = height - middle - below
        return Board(
            "wide",
            {
                **_beside("counts", "verdicts", 0, left, width, upper),
                **_beside("worked", "waits", upper, left, width, middle),
                **_beside("audit", "replay", upper + middle, left, width, below),
            },
        )
    return Board("stacked", _scaling_stacked(width, height))


def _scaling_stacked(width: int, height: int) -> dict[str, Place]:
    """The order of importance from the top; what is small stands side by side where it can."""
    # The last ones go first where there is no room for a line of each.
    bands: list[tuple[tuple[str, ...], int]] = [(("verdicts",), 6), (("counts",), 6)]
    if width >= PAIRS:
        bands += [(("worked", "waits"), 5)]
        bands += [(("replay", "audit"), 4)] if height >= 16 else []
    else:
        bands += [(("worked",), 5)]
        bands += [(("replay",), 4), (("audit",), 3)] if height >= 20 else []
    places: dict[str, Place] = {}
    y = 0
    for (names, _), rows in zip(bands, shares(height, tuple(w for _, w in bands)), strict=True):
        if len(names) == 1:
            places[names[0]] = Place(0, y, width, rows)
        else:
            places |= _beside(names[0], names[1], y, width * 4 // 7, width, rows)
        y += rows
    return places


def unscaled(width: int, height: int, focus: str = "", maximised: str = "") -> Board:
    """Places of the scaling view's panes while nothing is scaled: one, which says how it would be."""
    del focus
    kind = "wide" if width >= WIDE and height >= HIGH else "stacked"
    return Board(kind, {maximised or "verdicts": Place(0, 0, width, height)})


def plan(width: int, height: int, focus: str = "", maximised: str = "") -> Board:
    """Places of the plan view's panes: the chapters at the left, the selected one beside them."""
    alone = _alone(width, height, focus or "chapter", maximised)
    if alone is not None:
        return alone
    left = 34 if width >= WIDE else 24
    kind = "wide" if width >= WIDE and height >= HIGH else "stacked"
    return Board(kind, _beside("chapters", "chapter", 0, left, width, height))


def _beside(left: str, right: str, y: int, at: int, width: int, height: int) -> dict[str, Place]:
    """Two panes side by side."""
    return {left: Place(0, y, at, height), right: Place(at, y, width - at, height)}
