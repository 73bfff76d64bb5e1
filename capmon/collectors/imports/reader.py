"""Read files of any known format into a spool, and say what was found."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from capmon.collectors.imports.csv import Table
from capmon.collectors.imports.faults import Faults, Faulty
from capmon.collectors.imports.intake import SLACK, Intake
from capmon.collectors.imports.json_lines import JsonLines
from capmon.collectors.imports.mapping import Columns
from capmon.collectors.imports.moments import zone_of
from capmon.collectors.imports.source import Source
from capmon.collectors.imports.spool import Described, Series, Spool
from capmon.collectors.imports.stepped import MARK, Stepped
from capmon.collectors.imports.sysstat import Sysstat
from capmon.errors import CapmonError

_SYSSTAT = re.compile(r'\s*\{\s*"sysstat"')


@dataclass(frozen=True, slots=True)
class Request:
    """How files shall be read."""

    columns: Columns = field(default_factory=Columns)
    """What their columns are."""

    time: str = ""
    """Column of the time; empty to find it by its name."""

    zone: str = ""
    """Zone of times without an offset; empty takes them as UTC."""

    host: str = ""
    """Host of a file that holds several; empty for the only one."""

    now: float = 0.0
    """Unix time."""

    ends: float | None = None
    """Unix time to which the last reading is shifted; None leaves times as they are."""

    keep_going: bool = False
    """Whether what is at fault is left out instead of everything."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the files hold, ready to be written."""

    series: tuple[tuple[Series, Described], ...]
    """By metric key, with what there is; times are shifted by `shift`."""

    shift: float
    """Seconds that every time moves."""

    notes: tuple[str, ...]
    """What was found out, a line a file."""

    left_out: tuple[tuple[str, str], ...]
    """Columns that were not taken, with the reason."""

    empty: int
    """Cells in which nothing was measured."""

    faults: Faults
    """What is wrong."""

    names: dict[str, set[str]]
    """Names of columns by metric key."""

    spool: Spool
    """Holds the readings; to be closed."""


def read(paths: Sequence[str], request: Request) -> Found:
    """Read files; what is wrong in them is in `Found.faults`, or ends the reading.

    Raises:
        CapmonError: A file cannot be read as a whole, or a setting does not fit it.
    """
    faults = Faults(keep_going=request.keep_going)
    spool = Spool()
    try:
        latest = math.inf if request.ends is not None else request.now + SLACK
        intake = Intake(request.columns, spool, faults, latest)
        notes = _all(paths, request, intake)
        series = [(s, spool.describe(s)) for _, s in sorted(spool.series.items())]
        known = tuple((s, d) for s, d in series if d is not None)
        last = max((d.until for _, d in known), default=math.nan)
        shift = 0.0 if request.ends is None or not known else request.ends - last
        left = tuple(sorted(intake.left_out.items()))
        return Found(known, shift, tuple(notes), left, intake.empty, faults, intake.names, spool)
    except BaseException:
        spool.close()
        raise


def _all(paths: Sequence[str], request: Request, intake: Intake) -> list[str]:
    notes = []
    for path in paths:
        source = Source(path)
        try:
            notes.append(f"{source.name}: {_one(source, request, intake)}")
        except Faulty as fault:
            intake.faults.lines.append(str(fault))
            break
        finally:
            source.close()
    return notes


def _one(source: Source, request: Request, intake: Intake) -> str:
    """Read one file; what was found out of it."""
    head = source.head()
    zone = zone_of(request.zone) if request.zone else None
    start = head.lstrip()
    if not start:
        raise CapmonError(f"{source.name}: the file is empty")
    form: Table | JsonLines | Stepped | Sysstat
    if _SYSSTAT.match(head):
        form = Sysstat(source, intake, zone, request.host)
    elif start.startswith("{"):
        form = JsonLines(source, intake, request.time, zone)
    elif start.startswith("["):
        raise CapmonError(f"{source.name}: a JSON array; one object a line is read: jq -c '.[]' FILE")  # fmt: skip
    elif start.startswith("#") and MARK in start.partition("\n")[0]:
        form = Stepped(source, intake, request.time, zone)
    else:
        form = Table(source, intake, request.time, zone)
    form.read()
    return form.note
