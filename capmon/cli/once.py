"""What the monitor knows, once and without a screen: summary, snapshot, check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from capmon.cli.options import CONFIG, SET, emit, given

if TYPE_CHECKING:
    from capmon.config.loaded import Loaded
    from capmon.model.frame import Frame


def summary(loaded: Loaded, service: Any = None) -> int:
    """Print the text summary of one look; the exit status."""
    from capmon.headless import gather
    from capmon.summary import summary as text

    click.echo(text(gather(loaded, service=service)), nl=False)
    return 0


@click.command()
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
    loaded = given(ctx, config_path, settings)
    from capmon.headless import gather

    frame = gather(loaded, samples=samples)
    if as_text:
        from capmon.summary import summary as text

        emit(text(frame), output)
        return
    from capmon import snapshot as document

    content = document.document(frame, loaded)
    if output is None:
        click.echo(document.encode(content), nl=False)
    else:
        document.write(content, output)
        click.echo(str(output), err=True)


@click.command()
@CONFIG
@SET
@click.option("--samples", type=click.IntRange(1, 3600), default=5, show_default=True, help="Readings through which a threshold must hold.")  # fmt: skip
@click.pass_context
def check(
    ctx: click.Context, config_path: Path | None, settings: tuple[str, ...], samples: int
) -> None:
    """One line and an exit status for scripts: 0 ok, 1 warning, 2 critical, 3 unknown.

    A threshold counts when it holds through all readings but the last, a second apart: one busy
    moment is no alarm. More samples come nearer to each threshold's own `for`.
    """
    from capmon.headless import gather
    from capmon.summary import verdict

    frame: Frame = gather(given(ctx, config_path, settings), samples=samples, at_once=True)
    status, line = verdict(frame)
    click.echo(line)
    ctx.exit(status)
