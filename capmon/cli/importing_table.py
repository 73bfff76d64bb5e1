"""What an import found, as an aligned table and the lines around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from capmon.clock import rfc3339
from capmon.model.units import show_metric, span

if TYPE_CHECKING:
    from capmon.collectors.imports.reader import Found
    from capmon.collectors.imports.spool import Described, Series

HEAD = ("metric", "readings", "from", "span", "step", "gaps", "range")

RIGHT = (1, 3, 4, 5)
"""Columns of numbers."""

FEW = 20
"""Names that are listed."""


def told(found: Found, taken: Mapping[str, int] | None) -> str:
    """What was found out, the table, and what was left out, line by line.

    Args:
        found: What the files hold.
        taken: Readings written by metric key; None where nothing was written.
    """
    rows = [_row(found, series, described, taken) for series, described in found.series]
    lines = [*found.notes, "", *aligned([HEAD, *rows]), ""]
    lines += [note for series, described in found.series for note in _notes(series, described)]
    lines += _left_out(found)
    if found.empty:
        lines.append(f"{found.empty} cells were empty")
    if found.faults.count:
        lines.append(f"{found.faults.count} faults were left out")
    if found.shift:
        way = "later" if found.shift > 0 else "earlier"
        lines.append(f"all times are {span(found.shift)} {way} than in the file")
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def _row(found: Found, series: Series, d: Described, taken: Mapping[str, int] | None) -> Sequence[str]:  # fmt: skip
    readings = d.readings if taken is None else taken[series.key]
    least, most = show_metric(series.key, d.least), show_metric(series.key, d.most)
    values = str(most) if d.least == d.most else f"{least.number if least.unit == most.unit else least} – {most}"  # fmt: skip
    gaps = f"{d.gaps} (≤ {span(d.longest)})" if d.gaps else "0"
    step = "–" if d.step is None else f"{d.step:g} s" if d.step < 100 else span(d.step)
    since = rfc3339(d.since + found.shift, timespec="seconds")
    return (series.key, str(readings), since, span(d.until - d.since), step, gaps, values)


def _notes(series: Series, d: Described) -> list[str]:
    told = []
    if d.repeated:
        told.append(f"{series.key}: {d.repeated} readings came twice for the same time; the later ones count")  # fmt: skip
    if not series.rising:
        told.append(f"{series.key}: times were in no order and were sorted")
    if series.counter:
        resets = f", which began anew {d.resets} times" if d.resets else ""
        told.append(f"{series.key}: rates of a counter{resets}")
    return told


def _left_out(found: Found) -> list[str]:
    if not found.left_out:
        return []
    reasons: dict[str, list[str]] = {}
    for name, reason in found.left_out:
        reasons.setdefault(reason, []).append(name)
    lines = []
    for reason, names in reasons.items():
        more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
        lines.append(f"left out, {reason}: {', '.join(map(_clean, names[:FEW]))}{more}")
    return lines


def _clean(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name[:60])


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines, columns two spaces apart."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(w) if i in RIGHT else cell.ljust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
