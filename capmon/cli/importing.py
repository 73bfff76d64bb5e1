"""`capmon import`: measurements of others into the history, so that there is one on day one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from capmon.cli.completion import complete_metric, complete_record
from capmon.cli.options import CONFIG, FAILED, SET, given
from capmon.errors import CapmonError, HistoryBusy

if TYPE_CHECKING:
    from capmon.clock import Clock
    from capmon.collectors.imports.reader import Found, Request
    from capmon.config.schema import Settings
    from capmon.store.history_writer import HistoryWriter

STOP = "only one process writes a history: end that one first, `kill PID` or `systemctl --user stop` of its unit, and start it again afterwards"  # fmt: skip


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(allow_dash=True, dir_okay=False))
@click.option("--metric", metavar="KEY", default="", shell_complete=complete_metric, help="What the one column of values is.")  # fmt: skip
@click.option("--unit", metavar="UNIT", default="", help="Unit of columns that say none, such as % or ms.")  # fmt: skip
@click.option("--map", "maps", metavar="COLUMN=KEY[:UNIT]", multiple=True, help="What a column is; may be repeated.")  # fmt: skip
@click.option("--rate", "counters", metavar="COLUMN", multiple=True, help="A column that counts up, to be turned into a rate; may be repeated.")  # fmt: skip
@click.option("--time", metavar="COLUMN", default="", help="Column of the time; else its name tells.")  # fmt: skip
@click.option("--zone", metavar="ZONE", default="", help="Time zone of times without an offset, such as Europe/Berlin; else UTC.")  # fmt: skip
@click.option("--host", metavar="HOST", default="", help="Whose readings to take of a sysstat file with several hosts.")  # fmt: skip
@click.option("--name", "record", metavar="RECORD", default="", shell_complete=complete_record, help="Record to write to; else this host's own.")  # fmt: skip
@click.option("--ends", metavar="now|MOMENT", default="", help="Shift all times so that the last reading is then.")  # fmt: skip
@click.option("--keep-going", is_flag=True, help="Leave out what is wrong, and write the rest.")
@click.option("--dry-run", is_flag=True, help="Read and tell, but write nothing.")
@SET
@CONFIG
@click.pass_context
def import_(ctx: click.Context, /, **options: Any) -> None:
    """Read measurements from FILES into the history: CSV, JSON Lines, `sadf -j`; .gz and - too.

    Columns become metrics by their names, or as --map says; those that are not known are listed
    and left out. Nothing is written unless every line can be read. What was recorded before of the
    same metrics in the same time is replaced.
    """
    from capmon.clock import SystemClock

    clock = SystemClock()
    loaded = given(ctx, options["config_path"], options["settings"])
    from capmon.cli.importing_table import told
    from capmon.collectors.imports.reader import read

    found = read(options["files"], _request(options, clock))
    with contextlib.closing(found.spool):
        for line in found.faults.told():
            click.echo(line, err=True)
        if found.faults.count and not options["keep_going"]:
            click.echo("nothing was written", err=True)
            ctx.exit(FAILED)
        _not_nothing(found)
        _young_enough(found, loaded.settings, clock.now())
        taken: dict[str, int] | None = None
        where = "dry run: nothing was written"
        if not options["dry_run"]:
            taken, where = _written(found, loaded.settings, clock, options["record"])
        click.echo(told(found, taken), nl=False)
        click.echo(where)


def _request(options: dict[str, Any], clock: Clock) -> Request:
    """How to read, from the options.

    Raises:
        CapmonError: One of them cannot be.
    """
    from capmon.collectors.imports.mapping import Columns, meant, parse_map
    from capmon.collectors.imports.reader import Request

    if options["metric"]:
        try:
            meant(options["metric"], options["unit"])
        except CapmonError as fault:
            raise CapmonError(f"--metric {options['metric']}: {fault}") from None
    maps = dict(parse_map(text) for text in options["maps"])
    counters = frozenset(options["counters"])
    columns = Columns(options["metric"], options["unit"], maps, counters)
    now = clock.now()
    ends = _ends(options["ends"], options["zone"], now) if options["ends"] else None
    zone, host = options["zone"], options["host"]
    return Request(columns, options["time"], zone, host, now, ends, options["keep_going"])


def _ends(text: str, zone: str, now: float) -> float:
    from capmon.collectors.imports.intake import SLACK
    from capmon.collectors.imports.moments import Moments, zone_of

    if text == "now":
        return now
    try:
        at = Moments(zone_of(zone) if zone else None).read(text)
    except ValueError as fault:
        raise CapmonError(f"--ends: {fault}") from None
    if at > now + SLACK:
        raise CapmonError("--ends: no history ends in the future")
    return at


def _not_nothing(found: Found) -> None:
    if found.series:
        return
    left = ", ".join(name for name, _ in found.left_out[:12])
    if not left:
        raise CapmonError("no reading was found")
    raise CapmonError(f"no column is a metric that capmon knows: {left}; --map COLUMN=KEY says what one is")  # fmt: skip


def _young_enough(found: Found, settings: Settings, now: float) -> None:
    """Refuse what would be forgotten as soon as it is written."""
    from capmon.model.units import span

    kept = settings.history.hours
    if all(d.until + found.shift < now - kept for _, d in found.series):
        raise CapmonError(f"all readings are older than the {span(kept)} that are kept (history.hours): --ends now shifts them so that they end now")  # fmt: skip


def _written(
    found: Found, settings: Settings, clock: Clock, record: str
) -> tuple[dict[str, int], str]:
    """Readings taken by metric key, and where they went.

    Raises:
        CapmonError: The history cannot be written.
    """
    from capmon.collectors.facts import hostname
    from capmon.recording.naming import history_file, record_name

    path = history_file(settings)
    if path is None:
        raise CapmonError("history.path is none: there is nothing to write to")
    name = record or record_name(settings, hostname("/proc"))
    with _writer(path, clock, name, settings) as writer:
        taken = {}
        for series, described in found.series:
            step = described.step or 60.0
            pieces = found.spool.pieces(series, found.shift)
            taken[series.key] = sum(writer.add(series.key, t, v, step) for t, v in pieces)
        writer.flush()
        if writer.failing:
            raise CapmonError(f"{path}: {writer.failing}: the import is not complete")
        for notice in writer.notices:
            click.echo(notice, err=True)
    return taken, f"written to {name} in {path}"


@contextlib.contextmanager
def _writer(path: Path, clock: Clock, name: str, settings: Settings) -> Iterator[HistoryWriter]:
    from capmon.store.history_writer import HistoryWriter, Retention

    kept = settings.history
    retention = Retention(kept.raw, kept.minutes, kept.hours, int(kept.max_size))
    try:
        writer = HistoryWriter.open(path, clock, name, retention)
    except HistoryBusy as fault:
        raise CapmonError(f"{fault}: {STOP}") from None
    try:
        yield writer
    finally:
        writer.close()
