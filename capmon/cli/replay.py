"""The record instead of the live monitor: the same screens at any moment that was recorded."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from capmon.cli.live import _terminal
from capmon.cli.options import CONFIG, SET, given
from capmon.errors import CapmonError, QuantityError

if TYPE_CHECKING:
    from capmon.config.loaded import Loaded
    from capmon.recording.timeline import Timeline

BESIDE = 60.0
"""Seconds beyond an end of the record for which that end stands: what was read last is written later."""


@click.command()
@CONFIG
@SET
@click.option("--at", "moment", default="", metavar="WHEN", help="Moment to begin at, in UTC: 14:05, -2h, 'yesterday 14:05', 2026-03-01 14:05; else the record's end, which spans count from.")  # fmt: skip
@click.option("--name", default=None, help="Record to show, of those that the file holds.")
@click.option("--file", "file", type=click.Path(path_type=Path, dir_okay=False), help="History file; else that of the configuration.")  # fmt: skip
@click.pass_context
def replay(
    ctx: click.Context,
    config_path: Path | None,
    settings: tuple[str, ...],
    moment: str,
    name: str | None,
    file: Path | None,
) -> None:
    """Go through what was recorded, in the screens of the live monitor; nothing is measured.

    ← and → step through time, with shift by minutes; j jumps, { and } go from event to event, space
    plays and pauses, home goes to the end. Without a terminal it prints the summary of one moment;
    the status is 1 where nothing is recorded of it.
    """
    loaded = given(ctx, config_path, settings)
    first = _first(moment)

    def open_() -> Timeline:
        from capmon.clock import SystemClock
        from capmon.recording.opening import open_record
        from capmon.recording.timeline import Timeline

        reader = open_record(loaded.settings, file=file, name=name)
        # The clock of the machine that another file is from may be ahead of ours.
        return Timeline(reader, loaded.settings, SystemClock() if file is None else None)

    if not _terminal():
        ctx.exit(_summary(loaded, open_, first))
    ctx.exit(_screen(loaded, open_, first, (file, name)))


def _first(moment: str) -> Callable[[float], float]:
    """What gives the first moment from the record's end.

    Raises:
        QuantityError: The text is no moment.
    """
    if not moment.strip():
        return lambda end: end
    from capmon.recording.moment import parse_moment

    try:
        parse_moment(moment, 1e9)
    except QuantityError as fault:
        raise click.BadParameter(str(fault), param_hint="--at") from None
    return lambda end: parse_moment(moment, end)


def _summary(loaded: Loaded, open_: Callable[[], Timeline], first: Callable[[float], float]) -> int:
    from capmon.clock import rfc3339
    from capmon.config.schema import WINDOWS
    from capmon.recording.replayer import once
    from capmon.summary import summary

    found = once(open_, first, WINDOWS[loaded.settings.window])
    frame = found.frame
    assert frame is not None and frame.past is not None  # noqa: S101
    if abs(found.at - frame.at) > BESIDE:
        end = "begins" if found.at < frame.at else "ends"
        raise CapmonError(
            f"nothing is recorded of {rfc3339(found.at, timespec='seconds')}:"
            f" the record of {frame.past.name} {end} at {rfc3339(frame.at, timespec='seconds')}"
        )
    made = frame.past.results_at
    then = "no results kept" if made is None else f"results of {rfc3339(made, timespec='seconds')}"
    said = [f"record of {frame.past.name}", then, frame.past.note]
    click.echo(", ".join(text for text in said if text))
    click.echo(summary(frame), nl=False)
    return 0 if any(r.value is not None for r in frame.readings.values()) else 1


def _screen(
    loaded: Loaded,
    open_: Callable[[], Timeline],
    first: Callable[[float], float],
    record: tuple[Path | None, str | None],
) -> int:
    open_().close()  # what is wrong with the record is said here, and not on an empty screen
    gc.disable()  # until the first paint: there is no garbage, and looking costs 70 ms
    from capmon.clock import SystemClock
    from capmon.recording.replayer import Replayer
    from capmon.ui.app import CapmonApp
    from capmon.ui.live import run

    front = Replayer(loaded.settings, SystemClock(), open_, first)
    front.record = record
    return run(CapmonApp(front, loaded, read_only=True))
