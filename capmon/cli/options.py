"""The options that commands share, and the configuration that they ask for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from capmon.cli.completion import complete_setting
from capmon.errors import CapmonError, ConfigError

if TYPE_CHECKING:
    from capmon.config.loaded import Loaded

FAILED = 1
USAGE = 2

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
    shell_complete=complete_setting,
    help="Override one setting, such as app.url=http://localhost:9000/metrics.",
)
READ_ONLY = click.option("--read-only", is_flag=True, help="Hide and refuse everything that acts.")

Before = tuple[Path | None, tuple[str, ...], bool]
"""What was given before the command's name: file, settings, read-only."""


def before(ctx: click.Context) -> Before:
    """The options before the command's name."""
    found: Before = ctx.find_root().obj or (None, (), False)
    return found


def given(ctx: click.Context, config_path: Path | None, settings: tuple[str, ...]) -> Loaded:
    """The configuration from the options before and behind a command's name."""
    path, earlier, _ = before(ctx)
    return load(config_path or path, (*earlier, *settings))


def load(
    path: Path | None, settings: tuple[str, ...], extra: dict[str, str] | None = None
) -> Loaded:
    """Read the configuration with overrides, those of `settings` the strongest.

    Raises:
        ConfigError: It cannot be used, or an override is not KEY=VALUE.
    """
    from capmon.config.load import load as find_and_load

    overrides: dict[str, str] = dict(extra or {})
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError([f"--set: expected KEY=VALUE, got {text!r}"])
        overrides[name.strip()] = value
    return find_and_load(path, overrides=overrides)


def emit(text: str, output: Path | None) -> None:
    """Write a text to a file and say where, or to standard output.

    Raises:
        CapmonError: The file cannot be written.
    """
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as fault:
        raise CapmonError(f"cannot write {output}: {fault.strerror}") from fault
    click.echo(str(output), err=True)
