"""Faults stay where they are: a pane that cannot draw, a thread that outlives the app."""

from __future__ import annotations

import asyncio
import gc

import frames
import pytest
from stage import staged

from capmon.ui.panes.bottlenecks import BottlenecksPane
from capmon.ui.threads import way_back
from capmon.ui.widgets import pane


async def test_a_pane_that_fails_says_so_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others show what they have, keys work, and the notice comes once."""

    def draw(*_: object) -> None:
        raise ZeroDivisionError("no load")

    monkeypatch.setattr(pane, "STRICT", False)
    monkeypatch.setattr(BottlenecksPane, "draw", draw)
    async with staged(frames.busy(), (120, 40), notifications=True) as stage:
        await stage.give(frames.calm())
        await stage.give(frames.busy())
        assert "this pane failed: ZeroDivisionError: no load" in stage.text
        assert "resources" in stage.text
        assert len([n for n in stage.notices if "ZeroDivisionError" in str(n)]) == 1
        stage.forget_notices()
        await stage.press("2")
        assert "ZeroDivisionError" not in stage.text


def test_what_comes_after_the_end_is_dropped() -> None:
    """A thread that ends after the app calls nobody, and leaves nothing that is not awaited."""

    class Host:
        def call_later(self, *_: object) -> bool:
            raise AssertionError

    async def begun() -> object:
        return way_back(Host())

    back = asyncio.run(begun())
    back(print, "never")  # type: ignore[operator]
    gc.collect()
