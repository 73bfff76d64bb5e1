"""The live monitor, of this host or with the demo behind it."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from capmon import __version__
from capmon.cli.group import Group
from capmon.cli.once import summary
from capmon.cli.options import CONFIG, READ_ONLY, SET, before, load

if TYPE_CHECKING:
    from capmon.config.loaded import Loaded

SCENARIOS = ("day", "steady", "ramp", "spike", "cold-cache", "leak", "deploy", "db-down")
"""Names of the demo's scenarios, kept here: the demo is not loaded to read an option."""


@click.group(
    cls=Group,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": None},
)
@click.version_option(__version__, prog_name="capmon")
@CONFIG
@SET
@READ_ONLY
@click.pass_context
def main(
    ctx: click.Context, config_path: Path | None, settings: tuple[str, ...], read_only: bool
) -> None:
    """Watch this host and your application: what binds, what is left, until when, what to do.

    Without a command this is the live monitor; on a pipe, or without a terminal, it prints the
    text summary once.
    """
    if ctx.invoked_subcommand is not None:
        ctx.obj = (config_path, settings, read_only)
        return
    loaded = load(config_path, settings)
    if not _terminal():
        ctx.exit(summary(loaded))
    ctx.exit(_live(loaded, read_only=read_only))


def _terminal() -> bool:
    """Whether a screen can be shown: both ends are a terminal that can move its cursor."""
    if os.environ.get("TERM", "") in ("dumb", ""):
        return False
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def _live(loaded: Loaded, *, read_only: bool) -> int:
    gc.disable()  # until the first paint: there is no garbage, and looking costs 70 ms
    from capmon.ui.live import live, run

    return run(live(loaded, read_only=read_only))


@click.command()
@CONFIG
@SET
@READ_ONLY
@click.option("--scenario", type=click.Choice(SCENARIOS), default="day", show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same course.")
@click.pass_context
def demo(
    ctx: click.Context,
    config_path: Path | None,
    settings: tuple[str, ...],
    read_only: bool,
    scenario: str,
    seed: int,
) -> None:
    """The monitor with a small service behind it that can really be scaled."""
    from capmon.demo.process import DemoProcess, demo_settings, free_port

    port = free_port()
    path, earlier, watch_only = before(ctx)
    loaded = load(config_path or path, (*earlier, *settings), demo_settings(port))
    service = DemoProcess(scenario, seed, port)
    if not _terminal():
        ctx.exit(summary(loaded, service))
    ctx.exit(_live_demo(loaded, service, read_only=read_only or watch_only))


def _live_demo(loaded: Loaded, service: Any, *, read_only: bool) -> int:
    gc.disable()  # until the first paint: there is no garbage, and looking costs 70 ms
    from capmon.clock import SystemClock
    from capmon.demo.waiting import Readiness, Waiting
    from capmon.monitor.build import build
    from capmon.recording.beginning import remembering
    from capmon.ui.app import CapmonApp
    from capmon.ui.live import run

    readiness = Readiness(service)
    clock = SystemClock()
    monitor = build(
        loaded, clock, read_only=read_only, wrap=lambda inner: Waiting(inner, readiness)
    )
    remembering(monitor, clock)
    return run(CapmonApp(monitor, loaded, read_only=read_only, beside=readiness.run))
