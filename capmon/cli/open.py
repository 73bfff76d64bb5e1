"""`capmon open`: somebody's snapshot in the same screens, or in text."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING

import click

from capmon.cli.live import _terminal
from capmon.cli.options import CONFIG, SET, given

if TYPE_CHECKING:
    from capmon.recording.still import Opened


@click.command("open")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@CONFIG
@SET
@click.option("--text", "as_text", is_flag=True, help="The text summary, also on a terminal.")
@click.option("--markdown", is_flag=True, help="The incident summary as Markdown.")
@click.pass_context
def open_(
    ctx: click.Context,
    file: Path,
    config_path: Path | None,
    settings: tuple[str, ...],
    as_text: bool,
    markdown: bool,
) -> None:
    """Show a snapshot that was written with `e` or with capmon snapshot; nothing can be done in it.

    On a pipe, or without a terminal, its text summary is printed. Ages count from the moment at
    which it was taken. Limits and objectives are the snapshot's where it holds them.
    """
    if as_text and markdown:
        raise click.UsageError("choose --text or --markdown")
    loaded = given(ctx, config_path, settings)
    from capmon.recording.still import opened

    found = opened(file, loaded)
    if markdown:
        from capmon.report.incident import incident

        click.echo(incident(found.frame), nl=False)
    elif as_text or not _terminal():
        click.echo(_text(found), nl=False)
    else:
        ctx.exit(_shown(found))


def _text(found: Opened) -> str:
    """The summary, under a line that says that it is not of now."""
    from capmon.clock import SystemClock, rfc3339
    from capmon.model.units import span
    from capmon.summary import summary

    frame, past = found.frame, found.frame.past
    age = SystemClock().now() - frame.at
    when = f"{span(age)} ago" if age >= 0 else f"{span(age)} ahead of this clock"
    taken = f"taken {rfc3339(frame.at, timespec='seconds')}, {when}"
    name = "" if past is None else past.name
    lines = [f"file        {name}, {taken}", *(f"            {note}" for note in found.notes)]
    return "\n".join(lines) + "\n" + summary(frame)


def _shown(found: Opened) -> int:
    gc.disable()  # until the first paint: there is no garbage, and looking costs 70 ms
    from capmon.clock import SystemClock
    from capmon.recording.still import Still
    from capmon.ui.app import CapmonApp
    from capmon.ui.live import run

    still = Still(found.frame, found.loaded.settings, SystemClock())
    return run(CapmonApp(still, found.loaded, read_only=True))
