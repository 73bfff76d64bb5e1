"""`capmon doctor`: what can be read here, what not and why, and what to do."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from capmon.cli.options import CONFIG, FAILED, SET, given
from capmon.errors import ConfigError

if TYPE_CHECKING:
    from capmon.config.loaded import Loaded
    from capmon.doctor.report import State


@click.command()
@CONFIG
@SET
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
@click.option("--quick", is_flag=True, help="Leave out what capmon itself costs, which takes seconds to measure.")  # fmt: skip
@click.pass_context
def doctor(
    ctx: click.Context,
    config_path: Path | None,
    settings: tuple[str, ...],
    as_json: bool,
    quick: bool,
) -> None:
    """Say what can be read here, what not and why, and what to do; findings come first.

    The status is 0 when all is well, 1 when something is broken. Nothing is changed, every part
    has a deadline, and no secret is shown.
    """
    loaded, faults = _loaded(ctx, config_path, settings)
    from capmon.clock import SystemClock
    from capmon.doctor.examine import examine
    from capmon.doctor.report import as_document, as_text, is_broken

    sections = examine(loaded, SystemClock(), config_faults=faults, measure=not quick)
    if as_json:
        import json

        click.echo(json.dumps(as_document(sections), indent=2))
    else:
        click.echo(as_text(sections, _coloured if _may_colour() else _plain), nl=False)
    sys.stdout.flush()
    # A part that hangs holds a thread, which must not hold the exit.
    ctx.exit(FAILED if is_broken(sections) else 0)


def _loaded(
    ctx: click.Context, path: Path | None, settings: tuple[str, ...]
) -> tuple[Loaded, list[str]]:
    """The configuration, or the defaults and why it cannot be used."""
    from capmon.config.loaded import Loaded as Found
    from capmon.config.schema import Settings

    try:
        return given(ctx, path, settings), []
    except ConfigError as fault:
        return Found(Settings(), {}, None, ""), fault.faults


def _may_colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"  # fmt: skip


def _coloured(state: State, glyph: str) -> str:
    return click.style(glyph, fg={"ok": "green", "note": "yellow", "broken": "red"}[state.value])


def _plain(_state: State, glyph: str) -> str:
    return glyph
