"""`capmon config`: write, check and explain the configuration."""

from __future__ import annotations

from pathlib import Path

import click

from capmon.cli.options import CONFIG, SET, given
from capmon.errors import CapmonError


@click.group()
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
    loaded = given(ctx, path or config_path, settings)
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

    click.echo(explain(given(ctx, config_path, settings)), nl=False)


@config.command("schema")
def config_schema() -> None:
    """Print the JSON Schema of capmon.yaml, for editors."""
    import json

    from capmon.config.load import settings_schema

    click.echo(json.dumps(settings_schema(), indent=2))
