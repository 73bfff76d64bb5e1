"""The command palette, fed from the one table of commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual.command import DiscoveryHit, Hit, Hits, Provider

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
