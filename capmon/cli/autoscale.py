"""`capmon autoscale`: follow a policy without a screen, to advise or to act."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from capmon.cli.options import CONFIG, FAILED, READ_ONLY, SET, before, load
from capmon.errors import CapmonError, QuantityError

if TYPE_CHECKING:
    from capmon.config.loaded import Loaded
    from capmon.monitor.decision import Decision

POLICIES = ("step", "hpa", "predictive")

LEAST_PACE = 0.1
"""Seconds between two verdicts at least, as for `scaling.every`."""

ACT = (
    "Carry out what the policy wants; else it is shown, and written to the audit log as a dry run."
)


@click.command()
@CONFIG
@SET
@READ_ONLY
@click.option("--act", is_flag=True, help=ACT)
@click.option("--policy", type=click.Choice(POLICIES), help="The policy to follow; else scaling.policy.")  # fmt: skip
@click.option("--every", metavar="DURATION", help="Pace of its verdicts, such as 15s; else scaling.every.")  # fmt: skip
@click.option("--once", is_flag=True, help="End after one decision: status 1 where none could be made, or it failed.")  # fmt: skip
@click.option("--duration", metavar="DURATION", help="End after so long.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def autoscale(
    ctx: click.Context,
    config_path: Path | None,
    settings: tuple[str, ...],
    read_only: bool,
    act: bool,
    policy: str | None,
    every: str | None,
    once: bool,
    duration: str | None,
    as_json: bool,
) -> None:
    """Follow a policy: say what it wants, and with --act do it.

    One line for each new decision: the time, ready and wanted replicas, why, what binds, what was
    done. It goes through the limits, cooldowns and budgets of a scale action by hand. While it
    cannot see the service or count its replicas, it does nothing and says so.
    """
    path, earlier, watch_only = before(ctx)
    if act and (read_only or watch_only):
        raise click.UsageError("--act and --read-only exclude each other")
    # Last, so that no other setting can make advice act.
    last = [f"scaling.mode={'act' if act else 'dry-run'}"]
    last += [f"scaling.policy={policy}"] if policy else []
    last += [] if every is None else [f"scaling.every={_seconds(every, '--every', LEAST_PACE):g}s"]
    seconds = None if duration is None else _seconds(duration, "--duration")
    loaded = load(config_path or path, (*earlier, *settings, *last))
    if act and loaded.untrusted:
        raise CapmonError(f"it may not act: the configuration is not trusted: {loaded.untrusted}")
    ctx.exit(_run(loaded, read_only or watch_only, act, once, seconds, as_json))


def _seconds(text: str, option: str, least: float = 0.0) -> float:
    """Seconds of a duration above 0; the error names the option that was given."""
    from capmon.model.units import parse_duration

    try:
        seconds = parse_duration(text)
    except QuantityError as fault:
        raise click.BadParameter(str(fault), param_hint=option) from None
    if seconds <= 0 or seconds < least:
        wanted = f"{least * 1000:g}ms or more" if least else "more than 0s"
        raise click.BadParameter(f"expected {wanted}, got {text!r}", param_hint=option)
    return seconds


def _run(
    loaded: Loaded,
    read_only: bool,
    act: bool,
    once: bool,
    duration: float | None,
    as_json: bool,
) -> int:
    """Run until the end; the exit status."""
    import json

    from capmon.autoscale import autoscale as follow

    def say(decision: Decision) -> None:
        if as_json:
            click.echo(json.dumps(decision.document(), ensure_ascii=False, allow_nan=False))
        else:
            click.echo(decision.line())

    good = follow(loaded, say, act=act, read_only=read_only, once=once, duration=duration)
    return 0 if good or not once else FAILED
