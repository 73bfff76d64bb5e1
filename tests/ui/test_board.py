"""Where panes stand, as a pure function of the room."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.ui.boards import (
    bottlenecks,
    forecast,
    scaling,
    thresholds,
    unscaled,
    young_forecast,
)
from capmon.ui.layout import Board, Place, application, models, overview
from capmon.ui.screens.application import ApplicationScreen
from capmon.ui.screens.bottlenecks import BottlenecksScreen
from capmon.ui.screens.forecast import ForecastScreen
from capmon.ui.screens.models import ModelsScreen
from capmon.ui.screens.overview import OverviewScreen
from capmon.ui.screens.scaling import ScalingScreen

Arrange = Callable[..., Board]
OVERVIEW = tuple(pane.name_of_pane for pane in OverviewScreen.panes)  # type: ignore[attr-defined]
APPLICATION = tuple(pane.name_of_pane for pane in ApplicationScreen.panes)  # type: ignore[attr-defined]
MODELS = tuple(pane.name_of_pane for pane in ModelsScreen.panes)  # type: ignore[attr-defined]
FORECAST = tuple(pane.name_of_pane for pane in ForecastScreen.panes)  # type: ignore[attr-defined]
BOTTLENECKS = tuple(pane.name_of_pane for pane in BottlenecksScreen.panes)  # type: ignore[attr-defined]
SCALING = tuple(pane.name_of_pane for pane in ScalingScreen.panes)  # type: ignore[attr-defined]
ANSWERS = ("bottlenecks", "resources", "application", "models", "forecast")
VIEWS = (
    (overview, OVERVIEW),
    (application, APPLICATION),
    (models, MODELS),
    (forecast, FORECAST),
    (young_forecast, FORECAST),
    (bottlenecks, BOTTLENECKS),
    (thresholds, BOTTLENECKS),
    (scaling, SCALING),
    (unscaled, SCALING),
)


def overlap(a: Place, b: Place) -> bool:
    """Whether two places share a cell."""
    return (
        a.x < b.x + b.width
        and b.x < a.x + a.width
        and a.y < b.y + b.height
        and b.y < a.y + a.height
        and min(a.width, a.height, b.width, b.height) > 0
    )


def check(board: Board, width: int, height: int, panes: tuple[str, ...]) -> None:
    """Places lie on the board, side by side, and leave no cell of it empty."""
    assert set(board.places) <= set(panes)
    for place in board.places.values():
        assert place.x >= 0
        assert place.y >= 0
        assert place.width >= 0
        assert place.height >= 0
        assert place.x + place.width <= width
        assert place.y + place.height <= height
    for a, b in combinations(board.places.values(), 2):
        assert not overlap(a, b)
    assert sum(p.width * p.height for p in board.places.values()) == width * height


@pytest.mark.parametrize(("arrange", "panes"), VIEWS)
def test_places_tile_the_board(arrange: Arrange, panes: tuple[str, ...]) -> None:
    """At every size from 1x1 to 300x100 the panes tile the board."""
    for width in (*range(1, 130), *range(130, 301, 17), 300):
        for height in (*range(1, 60), *range(60, 101, 13), 100):
            check(arrange(width, height), width, height, panes)


@given(st.integers(0, 400), st.integers(0, 200), st.data())
def test_places_tile_the_board_with_focus_and_zoom(
    width: int, height: int, data: st.DataObject
) -> None:
    """Whatever is focused or maximised, the panes tile the board and the maximised one has it all."""
    for arrange, panes in VIEWS:
        focus, zoomed = (data.draw(st.sampled_from(("", *panes))) for _ in "ab")
        board = arrange(width, height, focus, zoomed)
        check(board, width, height, panes)
        if zoomed:
            assert board.places == {zoomed: Place(0, 0, width, height)}
        elif focus and board.kind == "single":
            assert list(board.places) == [focus]


def test_wide_board_has_every_pane() -> None:
    """A wide board answers all five questions, and where it is high shows every pane."""
    for width in range(100, 301, 9):
        for height in range(12, 101):
            board = overview(width, height)
            if board.kind == "wide":
                assert set(ANSWERS) <= set(board.places)
            if board.kind == "wide" and height >= 34:
                assert set(board.places) == set(OVERVIEW)
            assert set(application(width, height).places) == set(APPLICATION)


def test_wide_and_high_board_has_every_detail() -> None:
    """From 100 by 30 cells on, the detail views show all of their panes."""
    for width in range(100, 301, 9):
        for height in range(30, 101, 3):
            assert set(forecast(width, height).places) == set(FORECAST)
            assert set(young_forecast(width, height).places) == set(FORECAST)
            assert set(bottlenecks(width, height).places) == set(BOTTLENECKS)
            assert set(scaling(width, height).places) == set(SCALING)


def test_framed_panes_have_room_for_a_line() -> None:
    """Wherever several panes are shown, each holds at least one line inside its border."""
    for arrange, _ in VIEWS:
        for width in (60, 79, 99, 100, 300):
            for height in range(12, 101):
                board = arrange(width, height)
                border = 2 if board.kind == "wide" else 1
                if board.kind != "single":
                    assert min(p.height for p in board.places.values()) > border


def test_no_size_is_too_small() -> None:
    """The smallest terminal still shows the bottlenecks."""
    assert list(overview(1, 1).places) == ["bottlenecks"]
