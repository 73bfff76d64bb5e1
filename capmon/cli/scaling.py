"""`capmon scale`: change the number of replicas from the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from capmon.cli.options import CONFIG, FAILED, READ_ONLY, SET, before, load
from capmon.errors import QuantityError

if TYPE_CHECKING:
    from capmon.model.results import Outcome

SUCCEEDED = ("accepted", "done", "dry-run")
"""States that end with status 0; without waiting, accepted is all that can be known."""

UNASKED = "nobody is there to ask: --yes carries it out, --dry-run only logs it"
COOLING = "cooldown:"
OVER_IT = "--ignore-cooldown goes ahead all the same"

WAIT = "Follow it until all replicas are ready; on a terminal that is the default."
TIMEOUT = "How long to wait for the replicas, such as 90s; 2m by default."
VERIFY = "Wait, and measure cpu, memory and p95 before and after."
IGNORE = "Act although the last action was a moment ago; the audit log says so."


def _seconds(_ctx: click.Context, _option: click.Parameter, text: str) -> float:
    """Seconds of a duration such as 90s or 2m."""
    from capmon.model.units import parse_duration

    try:
        return parse_duration(text)
    except QuantityError as fault:
        raise click.BadParameter(str(fault)) from None


@click.group()
def scale() -> None:
    """Change the number of replicas: up, down, to a count, or back.

    The status is 0 when it is done, or accepted and not waited for, or logged in a dry run; 1 when
    it was not confirmed, was refused, failed, or was accepted and the replicas did not become
    ready in time.
    """


def _scale_options(command: Any) -> Any:
    for option in (
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option("--dry-run", is_flag=True, help="Show and log what would run."),
        click.option("--wait/--no-wait", default=None, help=WAIT),
        click.option(
            "--timeout", default="2m", callback=_seconds, metavar="DURATION", help=TIMEOUT
        ),
        click.option("--verify", is_flag=True, help=VERIFY),
        click.option("--ignore-cooldown", is_flag=True, help=IGNORE),
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
    ctx.exit(_scale(ctx, {"delta": 1}, **options))


@scale.command("down")
@_scale_options
def scale_down(ctx: click.Context, **options: Any) -> None:
    """One replica less."""
    ctx.exit(_scale(ctx, {"delta": -1}, **options))


@scale.command("to")
@click.argument("count", type=click.IntRange(0))
@_scale_options
def scale_to(ctx: click.Context, count: int, **options: Any) -> None:
    """COUNT replicas."""
    ctx.exit(_scale(ctx, {"to": count}, **options))


@scale.command("back")
@_scale_options
def scale_back(ctx: click.Context, **options: Any) -> None:
    """Take the last action on this target back, whoever did it.

    It is refused where the count is no longer the one that the action left. The cooldown counts,
    unless the action is known to have made the objective worse.
    """
    ctx.exit(_scale(ctx, {"back": True}, **options))


def _scale(
    ctx: click.Context,
    asked: dict[str, Any],
    *,
    config_path: Path | None,
    settings: tuple[str, ...],
    yes: bool,
    dry_run: bool,
    read_only: bool,
    wait: bool | None,
    timeout: float,
    verify: bool,
    ignore_cooldown: bool,
) -> int:
    if verify and wait is False:
        raise click.UsageError("--verify has to wait: leave --no-wait out")
    path, earlier, watch_only = before(ctx)
    # Last, so that no other setting can turn a dry run into a real one.
    last = ("scaling.mode=dry-run",) if dry_run else ()
    loaded = load(config_path or path, (*earlier, *settings, *last))
    from capmon.monitor.build import settling
    from capmon.scale_once import NOT_CONFIRMED, Wish, scale_once

    # A dry run changes nothing that a person would have to agree to.
    sure = yes or loaded.settings.scaling.mode != "act"

    def confirm(text: str) -> bool:
        click.echo(text)
        return sure or (_someone() and click.confirm("carry it out?"))

    waits = verify or (sys.stdout.isatty() if wait is None else wait)
    wish = Wish(
        **asked,
        ignore_cooldown=ignore_cooldown,
        wait=timeout if waits else None,
        verify=settling(loaded.settings) if verify else None,
    )
    state, detail, outcome = scale_once(
        loaded,
        wish,
        confirm=confirm,
        say=lambda line: click.echo(line, err=True),
        read_only=read_only or watch_only,
    )
    if state == NOT_CONFIRMED and not _someone():
        detail = UNASKED
    click.echo(f"{state}{': ' + detail if detail else ''}")
    if state == "refused" and detail.startswith(COOLING) and ";" not in detail:
        click.echo(OVER_IT, err=True)
    for line in effect_lines(outcome) if verify and outcome is not None else ():
        click.echo(line)
    return 0 if state in SUCCEEDED else FAILED


def _someone() -> bool:
    """Whether a person can answer; a closed standard input is nobody."""
    return sys.stdin is not None and sys.stdin.isatty()


def effect_lines(outcome: Outcome) -> list[str]:
    """What was measured after an action, a metric a line, and whether the objective got worse."""
    from capmon.model.metric import metric
    from capmon.model.units import show_metric

    if not outcome.settled:
        return []
    actual = dict(outcome.actual)
    lines = []
    for p in outcome.predicted:
        if p.metric not in actual:
            continue
        was, now = show_metric(p.metric, p.before), show_metric(p.metric, actual[p.metric])
        text = f"{was.number if was.unit == now.unit else was} → {now}"
        if p.after is not None:
            low, high = p.after.low, p.after.high
            ends = [str(show_metric(p.metric, v)) for v in (low, high) if v is not None]
            text += f", expected {show_metric(p.metric, p.after.value)}"
            text += f" ({' to '.join(ends)})" if ends else ""
        lines.append((metric(p.metric).label, text))
    if outcome.worse:
        lines.append(("worse", outcome.worse))
    if outcome.rollback is not None:
        lines.append(("back", f"`capmon scale back` goes back to {outcome.rollback}"))
    return [f"  {name:<12}{text}" for name, text in lines]
