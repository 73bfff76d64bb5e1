"""A difference as text: worse, changed, better, in columns."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace

from capmon.clock import rfc3339
from capmon.model.text import one_line
from capmon.model.units import span
from capmon.report.difference import Difference, Side
from capmon.report.difference_words import Change, Turn

Paint = Callable[[str, str], str]
"""Gives a text the look of `worse`, `changed`, `better` or `head`; what has no colours gives it back."""

GLYPHS = {Turn.WORSE: "▲", Turn.OTHER: "·", Turn.BETTER: "▽"}

WIDEST = (12, 34, 28, 28, 14, 9)
"""Cells of each column at most; what is longer is cut. The last one, the remark, takes the rest."""

MANY = 3
"""Metrics with one reason that have a line each; more of them share one."""

LONGEST_REMARK = 100
"""Cells of a remark at most."""


def plain(text: str, look: str) -> str:
    """No colours."""
    del look
    return text


def difference_table(found: Difference, paint: Paint = plain) -> str:
    """The two that are compared, what keeps them from being so, and what changed."""
    lines = [*_sides(found.before, found.after)]
    lines += [paint(f"! {one_line(text)}", "worse") for text in found.strangers]
    if not found.changes:
        lines += ["", "no change beyond noise"]
    changes = together(found.changes)
    rows = [_cells(c) for c in changes]
    widths = _widths(rows)
    for turn in Turn:
        chosen = [r for c, r in zip(changes, rows, strict=True) if c.turn is turn]
        if chosen:
            lines += ["", paint(turn.value, "head")]
            lines += [paint(_row(GLYPHS[turn], row, widths), turn.value) for row in chosen]
    if found.unknown:
        many = len(found.unknown)
        some = ", ".join(one_line(k) for k in found.unknown[:3])
        more = f" and {many - 3} more" if many > 3 else ""
        lines += ["", f"unknown in both: {some}{more}"]
    return "\n".join(lines) + "\n"


def together(changes: Sequence[Change]) -> list[Change]:
    """The changes, with metrics that are unknown for one reason in one line where they are many."""
    lost: dict[tuple[Turn, str], list[Change]] = {}
    for change in changes:
        if _half_known(change):
            lost.setdefault((change.turn, change.remark), []).append(change)
    made, told = [], set()
    for change in changes:
        group = lost.get((change.turn, change.remark), []) if _half_known(change) else []
        if len(group) <= MANY:
            made.append(change)
        elif (change.turn, change.remark) not in told:
            told.add((change.turn, change.remark))
            before, after = (
                "unknown" if v == "unknown" else "known" for v in (change.before, change.after)
            )
            made.append(
                replace(change, subject=f"{len(group)} metrics", before=before, after=after)
            )
    return made


def _half_known(change: Change) -> bool:
    return change.kind == "metric" and "unknown" in (change.before, change.after)


def _sides(before: Side, after: Side) -> list[str]:
    sides = (before, after)
    names = [cut(one_line(s.name), 40) for s in sides]
    width = max(map(cells, names))
    lines = []
    for side, name in zip(sides, names, strict=True):
        frame = side.frame
        host = "unknown host" if frame.host is None else frame.host.hostname
        app = "" if frame.app_source == "none" else f" · {frame.app_name}"
        at = rfc3339(frame.at, timespec="seconds")
        lines.append(f"{padded(name, width)}  {at}  {cut(one_line(host + app), 60)}")
    apart = after.frame.at - before.frame.at
    return [lines[0], f"{lines[1]}  ({span(apart)} {'later' if apart >= 0 else 'earlier'})"]


def _cells(change: Change) -> tuple[str, ...]:
    """Kind, subject, before, after, change, share, remark."""
    remark = change.remark
    if change.at is not None:
        remark = f"{rfc3339(change.at, timespec='seconds')} {remark}"
    found = (change.kind, change.subject, change.before, change.after, change.absolute, change.relative)  # fmt: skip
    texts = [cut(one_line(t), w) for t, w in zip(found, WIDEST, strict=True)]
    return (*texts, cut(one_line(remark), LONGEST_REMARK))


def _widths(rows: Sequence[tuple[str, ...]]) -> list[int]:
    """Cells of each column, that of the remarks left out."""
    return [max((cells(row[i]) for row in rows), default=0) for i in range(len(WIDEST))]


def _row(glyph: str, row: tuple[str, ...], widths: Sequence[int]) -> str:
    kind, subject, before, after, absolute, relative, remark = row
    k, s, b, a, c, r = widths
    arrow = "→" if before or after else " "
    parts = [
        f"{glyph} {padded(kind, k)}",
        padded(subject, s),
        f"{padded(before, b)} {arrow} {padded(after, a)}",
        padded(absolute, c, right=True),
        padded(relative, r, right=True),
        remark,
    ]
    return "  ".join(parts).rstrip()


def cells(text: str) -> int:
    """Cells of a terminal that a text takes."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def cut(text: str, width: int) -> str:
    """At most so many cells, with an ellipsis where something is left out."""
    if cells(text) <= width:
        return text
    kept = ""
    for c in text:
        if cells(kept + c) >= width:
            break
        kept += c
    return kept + "…"


def padded(text: str, width: int, *, right: bool = False) -> str:
    """A text in a column."""
    blank = " " * max(0, width - cells(text))
    return blank + text if right else text + blank
