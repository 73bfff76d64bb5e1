"""`capmon scale`: change the number of replicas from the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from capmon.cli.options import CONFIG, FAILED, READ_ONLY, SET, before, load


@click.group()
def scale() -> None:
    """Change the number of replicas: up, down, or to a count."""


def _scale_options(command: Any) -> Any:
    for option in (
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option("--dry-run", is_flag=True, help="Show and log what would run."),
        READ_ONLY,
        SET,
        CONFIG,
    ):
        command = option(command)
    return click.pass_context(command)


@scale.command("up")
@_scale_options
def scale_up(ctx: click.Context, **options: Any) -> None:
    """One replica more."""
    ctx.exit(_scale(ctx, None, 1, **options))


@scale.command("down")
@_scale_options
def scale_down(ctx: click.Context, **options: Any) -> None:
    """One replica less."""
    ctx.exit(_scale(ctx, None, -1, **options))


@scale.command("to")
@click.argument("count", type=click.IntRange(0))
@_scale_options
def scale_to(ctx: click.Context, count: int, **options: Any) -> None:
    """COUNT replicas."""
    ctx.exit(_scale(ctx, count, 0, **options))


def _scale(
    ctx: click.Context,
    to: int | None,
    delta: int,
    *,
    config_path: Path | None,
    settings: tuple[str, ...],
    yes: bool,
    dry_run: bool,
    read_only: bool,
) -> int:
    path, earlier, watch_only = before(ctx)
    # Last, so that no other setting can turn a dry run into a real one.
    last = ("scaling.mode=dry-run",) if dry_run else ()
    loaded = load(config_path or path, (*earlier, *settings, *last))
    from capmon.headless import scale_once

    def confirm(text: str) -> bool:
        click.echo(text)
        return yes or (sys.stdin.isatty() and click.confirm("carry it out?"))

    state, detail = scale_once(
        loaded, to=to, delta=delta, confirm=confirm, read_only=read_only or watch_only
    )
    click.echo(f"{state}{': ' + detail if detail else ''}")
    return 0 if state in ("accepted", "done", "dry-run", "not confirmed") else FAILED
