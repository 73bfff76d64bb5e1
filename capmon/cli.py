"""The commands. Whatever is heavy is imported by the command that needs it."""

from __future__ import annotations

import errno
import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from capmon import __version__, plain
from capmon.errors import CapmonError, ConfigError

if TYPE_CHECKING:
    from capmon.config.loaded import Loaded
    from capmon.model.frame import Frame

USAGE = 2
FAILED = 1

CONFIG = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="Configuration file; else the usual places are searched.",
)
SET = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override one setting, such as app.url=http://localhost:9000/metrics.",
)
READ_ONLY = click.option("--read-only", is_flag=True, help="Hide and refuse everything that acts.")
SCENARIOS = ("day", "steady", "ramp", "spike", "cold-cache", "leak", "db-down")


class Group(click.Group):
    """Shows our own errors without a traceback."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run as a program, on whatever standard output can hold."""
        plain.tolerate()
        if sys.stdout is None:
            click.echo("capmon: standard output is closed", err=True)
            sys.exit(FAILED)
        return super().main(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; the exit status says what went wrong."""
        try:
            return super().invoke(ctx)
        except ConfigError as fault:
            for line in fault.faults:
                click.echo(line, err=True)
            ctx.exit(USAGE)
        except CapmonError as fault:
            click.echo(f"capmon: {fault}", err=True)
            ctx.exit(FAILED)
        except OSError as fault:
            # A reader that has enough, such as head, is no fault: click ends quietly.
            if fault.errno == errno.EPIPE:
                raise
            click.echo(f"capmon: {fault.filename or 'standard output'}: {fault.strerror}", err=True)
            _drop_output()
            ctx.exit(FAILED)


def _drop_output() -> None:
    """Forget what could not be written, or the interpreter tries again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


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
    loaded = _load(config_path, settings)
    if not _terminal():
        ctx.exit(_summary(loaded))
    ctx.exit(_live(loaded, read_only=read_only))


def _given(ctx: click.Context, config_path: Path | None, settings: tuple[str, ...]) -> Loaded:
    """The configuration from the options before and behind a command's name."""
    before: tuple[Path | None, tuple[str, ...], bool] = ctx.obj or (None, (), False)
    return _load(config_path or before[0], (*before[1], *settings))


def _load(
    path: Path | None, settings: tuple[str, ...], extra: dict[str, str] | None = None
) -> Loaded:
    from capmon.config.load import load

    overrides: dict[str, str] = dict(extra or {})
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError([f"--set: expected KEY=VALUE, got {text!r}"])
        overrides[name.strip()] = value
    return load(path, overrides=overrides)


def _terminal() -> bool:
    """Whether a screen can be shown: both ends are a terminal that can move its cursor."""
    if os.environ.get("TERM", "") in ("dumb", ""):
        return False
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


# The live monitor


def _live(loaded: Loaded, *, read_only: bool) -> int:
    gc.disable()  # until the first paint: there is no garbage, and looking costs 70 ms
    from capmon.ui.live import live, run

    return run(live(loaded, read_only=read_only))


@main.command()
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
    before: tuple[Path | None, tuple[str, ...], bool] = ctx.obj or (None, (), False)
    overrides = (*before[1], *settings)
    loaded = _load(config_path or before[0], overrides, demo_settings(port))
    service = DemoProcess(scenario, seed, port)
    if not _terminal():
        ctx.exit(_summary(loaded, service))
    ctx.exit(_live_demo(loaded, service, read_only=read_only or before[2]))


def _live_demo(loaded: Loaded, service: Any, *, read_only: bool) -> int:
    gc.disable()  # until the first paint: there is no garbage, and looking costs 70 ms
    from capmon.clock import SystemClock
    from capmon.demo.waiting import Readiness, Waiting
    from capmon.monitor.build import build
    from capmon.ui.app import CapmonApp
    from capmon.ui.live import run

    readiness = Readiness(service)
    monitor = build(
        loaded,
        SystemClock(),
        read_only=read_only,
        wrap=lambda inner: Waiting(inner, readiness),
    )
    return run(CapmonApp(monitor, loaded, read_only=read_only, beside=readiness.run))


# Once, without a screen


def _summary(loaded: Loaded, service: Any = None) -> int:
    from capmon.headless import gather
    from capmon.summary import summary

    click.echo(summary(gather(loaded, service=service)), nl=False)
    return 0


@main.command()
@CONFIG
@SET
@click.option("--json", "as_json", is_flag=True, help="The whole frame as JSON (the default).")
@click.option("--text", "as_text", is_flag=True, help="The text summary.")
@click.option("--samples", type=click.IntRange(1, 3600), default=3, show_default=True, help="Readings to take before writing.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write; else standard output.")  # fmt: skip
@click.pass_context
def snapshot(
    ctx: click.Context,
    config_path: Path | None,
    settings: tuple[str, ...],
    as_json: bool,
    as_text: bool,
    samples: int,
    output: Path | None,
) -> None:
    """Write what the monitor would show, without a screen."""
    if as_json and as_text:
        raise click.UsageError("choose --json or --text")
    loaded = _given(ctx, config_path, settings)
    from capmon.headless import gather

    frame = gather(loaded, samples=samples)
    if as_text:
        from capmon.summary import summary

        _emit(summary(frame), output)
        return
    from capmon import snapshot as document

    content = document.document(frame, loaded)
    if output is None:
        click.echo(document.encode(content), nl=False)
    else:
        document.write(content, output)
        click.echo(str(output), err=True)


def _emit(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as fault:
        raise CapmonError(f"cannot write {output}: {fault.strerror}") from fault
    click.echo(str(output), err=True)


@main.command()
@CONFIG
@SET
@click.option("--samples", type=click.IntRange(1, 3600), default=3, show_default=True)
@click.pass_context
def check(
    ctx: click.Context, config_path: Path | None, settings: tuple[str, ...], samples: int
) -> None:
    """One line and an exit status for scripts: 0 ok, 1 warning, 2 critical, 3 unknown.

    Thresholds hold at once here: there is no time to wait for their `for`.
    """
    from capmon.headless import gather
    from capmon.summary import verdict

    frame: Frame = gather(_given(ctx, config_path, settings), samples=samples, at_once=True)
    status, line = verdict(frame)
    click.echo(line)
    ctx.exit(status)


# Scaling


@main.group()
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
    before: tuple[Path | None, tuple[str, ...], bool] = ctx.find_root().obj or (None, (), False)
    # Last, so that no other setting can turn a dry run into a real one.
    last = ("scaling.mode=dry-run",) if dry_run else ()
    loaded = _load(config_path or before[0], (*before[1], *settings, *last))
    from capmon.headless import scale_once

    def confirm(text: str) -> bool:
        click.echo(text)
        return yes or (sys.stdin.isatty() and click.confirm("carry it out?"))

    state, detail = scale_once(
        loaded, to=to, delta=delta, confirm=confirm, read_only=read_only or before[2]
    )
    click.echo(f"{state}{': ' + detail if detail else ''}")
    return 0 if state in ("accepted", "done", "dry-run", "not confirmed") else FAILED


# Configuration


@main.group()
def config() -> None:
    """Write, check and explain the configuration."""


@config.command("init")
@click.argument("path", type=click.Path(path_type=Path), default=Path("capmon.yaml"))
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def config_init(path: Path, force: bool) -> None:
    """Write the commented default file to PATH."""
    from capmon.config.load import default_file

    if path.exists() and not force:
        raise CapmonError(f"{path} is there already: --force replaces it")
    try:
        path.write_text(default_file(), encoding="utf-8")
        path.chmod(0o600)
    except OSError as fault:
        raise CapmonError(f"cannot write {path}: {fault.strerror}") from fault
    click.echo(str(path))


@config.command("check")
@CONFIG
@SET
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.pass_context
def config_check(
    ctx: click.Context, config_path: Path | None, settings: tuple[str, ...], path: Path | None
) -> None:
    """Say whether the configuration can be used; each fault with file, line and key."""
    loaded = _given(ctx, path or config_path, settings)
    where = str(loaded.path) if loaded.path else "no file: the defaults"
    click.echo(f"ok  {where}")
    if loaded.untrusted:
        click.echo(f"beware: its commands will be refused: {loaded.untrusted}", err=True)


@config.command("show")
@CONFIG
@SET
@click.pass_context
def config_show(ctx: click.Context, config_path: Path | None, settings: tuple[str, ...]) -> None:
    """Print every setting in force and where its value came from."""
    from capmon.config.load import explain

    click.echo(explain(_given(ctx, config_path, settings)), nl=False)


@config.command("schema")
def config_schema() -> None:
    """Print the JSON Schema of capmon.yaml, for editors."""
    import json

    from capmon.config.load import settings_schema

    click.echo(json.dumps(settings_schema(), indent=2))
