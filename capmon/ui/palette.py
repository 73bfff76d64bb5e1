"""The command palette, fed from the one table of commands."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from textual.app import App
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider

from capmon.ui.commands import Command, offered


class CapmonCommands(Provider):
    """Finds commands by their help text."""

    def _commands(self) -> list[Command]:
        read_only = bool(getattr(self.app, "read_only", False))
        return [c for c in offered(read_only=read_only) if c.id != "palette"]

    async def discover(self) -> Hits:
        """All commands, before anything is typed."""
        for c in self._commands():
            yield DiscoveryHit(f"{c.help}  ({c.shown})", self._runner(c), help=c.label)

    async def search(self, query: str) -> Hits:
        """Commands that match what is typed."""
        matcher = self.matcher(query)
        for c in self._commands():
            text = f"{c.help}  ({c.shown})"
            score = matcher.match(text)
            if score > 0:
                yield Hit(score, matcher.highlight(text), self._runner(c), help=c.label)

    def _runner(self, command: Command) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            await self.app.run_action(command.action)

        return run


class Palette(CommandPalette):
    """Textual's palette, at any size of the terminal."""

    def _action_command_list(self, action: str) -> None:
        # A list without room for a line has no page to go to, and Textual's looks for one.
        with contextlib.suppress(LookupError):
            super()._action_command_list(action)


def show(app: App[Any]) -> None:
    """Open the palette, unless it is open."""
    if not CommandPalette.is_open(app):
        app.push_screen(Palette(id="--command-palette"))
