"""Where panes stand: a pure function of the room, and the Textual layout that applies it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.widget import Widget

WIDE = 100
"""From this width on, panes stand side by side."""

SMALL = (60, 15)
"""Below this width or height one pane is shown at a time."""

STACK = ("bottlenecks", "resources", "application", "models", "forecast")
"""Order of the stacked panes, that of the questions an operator asks."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pane stands."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Board:
    """Where all panes stand, and how they are framed."""

    kind: str
    """`wide`, `stacked` or `single`."""

    places: dict[str, Place]
    """By pane; those without a place are hidden."""


def overview(width: int, height: int, focus: str = "", maximised: str = "") -> Board:
    """Places of the overview's panes in `width` by `height` cells."""
    if maximised:
        return Board("wide", {maximised: Place(0, 0, width, height)})
    if width < SMALL[0] or height + 3 < SMALL[1]:
        return Board("single", {focus or STACK[0]: Place(0, 0, width, height)})
    if width >= WIDE and height >= 25:
        return Board("wide", _wide(width, height))
    return Board("stacked", _stacked(width, height))


def _wide(width: int, height: int) -> dict[str, Place]:
    """Two columns, two rows, bottlenecks across; processes and sources where there is room."""
    left = width // 2
    right = width - left
    extra = height >= 34
    # The upper rows hold seven lines and a border before anything else grows.
    weights = (10, 9, 7, 9) if extra else (9, 9, 7)
    first, second, third, *fourth = shares(height, weights)
    places = {
        "resources": Place(0, 0, left, first),
        "application": Place(left, 0, right, first),
        "models": Place(0, first, left, second),
        "forecast": Place(left, first, right, second),
        "bottlenecks": Place(0, first + second, width, third),
    }
    if fourth:
        y = first + second + third
        places["processes"] = Place(0, y, left, fourth[0])
        places["sources"] = Place(left, y, right, fourth[0])
    return places


def _stacked(width: int, height: int) -> dict[str, Place]:
    """One column: each pane has a title line and as many lines as its answer needs."""
    needs = {"bottlenecks": 3, "resources": 5, "application": 5, "models": 4, "forecast": 4}
    rows = shares(height, tuple(needs[name] for name in STACK))
    places: dict[str, Place] = {}
    y = 0
    for name, share in zip(STACK, rows, strict=True):
        places[name] = Place(0, y, width, share)
        y += share
    return places


def shares(total: int, weights: tuple[int, ...]) -> list[int]:
    """Split rows by weight; what is left over goes to the first."""
    whole = sum(weights)
    out = [total * w // whole for w in weights]
    for i in range(total - sum(out)):
        out[i % len(out)] += 1
    return out


def application(width: int, height: int, focus: str = "", maximised: str = "") -> Board:
    """Places of the application view's panes: two charts, and every reading."""
    if maximised:
        return Board("wide", {maximised: Place(0, 0, width, height)})
    if width < SMALL[0] or height + 3 < SMALL[1]:
        return Board("single", {focus or "readings": Place(0, 0, width, height)})
    if width >= WIDE:
        left = width // 2
        upper = height // 2
        return Board(
            "wide",
            {
                "rate": Place(0, 0, left, upper),
                "latency": Place(0, upper, left, height - upper),
                "readings": Place(left, 0, width - left, height),
            },
        )
    chart = max(4, height // 4)
    return Board(
        "stacked",
        {
            "rate": Place(0, 0, width, chart),
            "latency": Place(0, chart, width, chart),
            "readings": Place(0, 2 * chart, width, height - 2 * chart),
        },
    )


def models(width: int, height: int, focus: str = "", maximised: str = "") -> Board:
    """Places of the models view's panes: the list, one curve, its numbers, its rivals, its residuals."""
    if maximised:
        return Board("wide", {maximised: Place(0, 0, width, height)})
    if width < SMALL[0] or height + 3 < SMALL[1]:
        return Board("single", {focus or "curves": Place(0, 0, width, height)})
    if width >= WIDE and height >= 22:
        top = 7 if height >= 30 else 6
        rest = height - top
        left = width * 5 // 8
        below = max(7, rest // 4) if rest >= 24 else 0
        upper = (rest + 1) // 2
        places = {
            "curves": Place(0, 0, width, top),
            "curve": Place(0, top, left, rest - below),
            "coefficients": Place(left, top, width - left, upper),
            "candidates": Place(left, top + upper, width - left, rest - upper),
        }
        if below:
            places["residuals"] = Place(0, height - below, left, below)
        return Board("wide", places)
    return Board("stacked", _models_stacked(width, height))


def _models_stacked(width: int, height: int) -> dict[str, Place]:
    """The list, the curve below it, and where there is room numbers and rivals side by side."""
    top = 5 if height >= 18 else 4
    foot = 0 if height < 18 else min(14, 6 + max(0, height - 21) // 3)
    below = 8 if height >= 34 else 0
    half = width // 2
    places = {
        "curves": Place(0, 0, width, top),
        "curve": Place(0, top, width, height - top - foot - below),
    }
    if below:
        places["residuals"] = Place(0, height - foot - below, width, below)
    if foot:
        places["coefficients"] = Place(0, height - foot, half, foot)
        places["candidates"] = Place(half, height - foot, width - half, foot)
    return places


Arrange = Callable[[int, int, str, str], Board]
"""Places for a width, a height, the focused pane and the maximised one."""


class BoardLayout(Layout):
    """Places panes by name as a pure function says and hides the rest."""

    name = "board"

    def __init__(self, arrange: Arrange) -> None:
        self._arrange = arrange
        self.focus = ""
        self.maximised = ""

    def follow(self, arrange: Arrange) -> bool:
        """Place by this function from now on; true where it is another than before."""
        changed = arrange is not self._arrange
        self._arrange = arrange
        return changed

    def board(self, size: Size) -> Board:
        """The board for a size."""
        return self._arrange(size.width, size.height, self.focus, self.maximised)

    def arrange(
        self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True
    ) -> ArrangeResult:
        """Place those children that have a place."""
        del greedy
        parent.pre_layout(self)
        places = self.board(size).places
        return [
            WidgetPlacement(
                Region(place.x, place.y, place.width, place.height),
                NULL_OFFSET,
                NULL_SPACING,
                child,
            )
            for child in children
            if (place := places.get(child.id or "")) is not None
        ]
