"""`capmon record`: remember without a screen, and let screens and Prometheus read along."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from capmon.cli.options import CONFIG, SET, before, load

if TYPE_CHECKING:
    from capmon.config.loaded import Loaded

SCENARIOS = ("day", "steady", "ramp", "spike", "cold-cache", "leak", "deploy", "db-down")

LISTEN = "Serve the results at http://ADDR/metrics for Prometheus; HOST:PORT, or PORT for this machine alone."


@click.command()
@CONFIG
@SET
@click.option("--listen", metavar="ADDR", help=LISTEN)
@click.option("--print-unit", is_flag=True, help="Print a systemd unit that runs this recorder, and end.")  # fmt: skip
@click.option("--demo", is_flag=True, help="Record the demo service instead of your application.")
@click.option("--scenario", type=click.Choice(SCENARIOS), default="day", show_default=True, help="What happens to the demo.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same course of the demo.")  # fmt: skip
@click.option("--duration", metavar="DURATION", help="End after so long.")
@click.pass_context
def record(
    ctx: click.Context,
    config_path: Path | None,
    settings: tuple[str, ...],
    listen: str | None,
    print_unit: bool,
    demo: bool,
    scenario: str,
    seed: int,
    duration: str | None,
) -> None:
    """Collect, analyse and remember without a screen, until a signal comes.

    A live monitor of the same user and configuration that is started beside it reads from it
    instead of collecting twice. One line says at the start what is recorded where; after that it
    speaks only of trouble.
    """
    from capmon.recording.listen import address

    path, earlier, _ = before(ctx)
    where = None if listen is None else address(listen)
    seconds = None if duration is None else _seconds(duration)
    extra: dict[str, str] = {}
    service = None
    if demo and not print_unit:
        from capmon.demo.process import DemoProcess, demo_settings, free_port

        port = free_port()
        extra, service = demo_settings(port), DemoProcess(scenario, seed, port)
    loaded = load(config_path or path, (*earlier, *settings), extra)
    if print_unit:
        options = ["--demo", "--scenario", scenario, "--seed", str(seed)] if demo else []
        options += [] if listen is None else ["--listen", listen]
        click.echo(_unit(loaded, config_path or path, (*earlier, *settings), options), nl=False)
        return
    from capmon.record import record as run

    run(loaded, _say, listen=where, service=service, duration=seconds)


def _say(text: str) -> None:
    click.echo(f"capmon: {text}", err=True)


def _seconds(text: str) -> float:
    from capmon.errors import QuantityError
    from capmon.model.units import parse_duration

    try:
        return parse_duration(text)
    except QuantityError as fault:
        raise click.BadParameter(str(fault), param_hint="--duration") from None


def _unit(loaded: Loaded, path: Path | None, settings: tuple[str, ...], options: list[str]) -> str:
    """The unit's text: the same configuration, wherever it is started from."""
    import os
    import pwd

    from capmon.private import make_folder, state_folder
    from capmon.recording.naming import history_file, record_name
    from capmon.recording.unit import unit

    found = path or loaded.path
    argv = [*_program(), "record"]
    argv += [] if found is None else ["--config", str(found.absolute())]
    for text in settings:
        argv += ["--set", text]
    file = history_file(loaded.settings)
    # What systemd is to leave writable must be there when it starts.
    make_folder(state_folder())
    return unit(
        [*argv, *options],
        name=record_name(loaded.settings, os.uname().nodename),
        user=pwd.getpwuid(os.geteuid()).pw_name,
        folder=state_folder(),
        extra=None if file is None else file.parent,
    )


def _program() -> list[str]:
    """How this capmon is started, with its real path."""
    script = Path(sys.argv[0])
    if script.name == "capmon":
        found = shutil.which(str(script))
        if found is not None:
            return [str(Path(found).absolute())]
    return [sys.executable, "-m", "capmon"]
