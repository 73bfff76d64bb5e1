"""The way from a thread back to the event loop; where the app has ended, what is called is dropped."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Protocol


class Looped(Protocol):
    """An app."""

    def call_later(self, callback: Callable[..., Any], *args: Any) -> bool:
        """Run on the event loop, which calls it."""


Call = Callable[..., None]


def way_back(app: Looped) -> Call:
    """What a thread calls with a function and its arguments, to have it run in the app.

    It returns at once. Textual's own waits for the app, and leaves a coroutine behind that nobody
    awaits where that has ended.
    """
    loop = asyncio.get_running_loop()

    def call(callback: Callable[..., Any], *args: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(app.call_later, callback, *args)

    return call
