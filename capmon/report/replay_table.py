"""A replay of the policies as a table for people and as a document for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from capmon.model.policies import ReplayTable
from capmon.model.units import span

COLUMNS = (
    ("policy", "<", 12),
    ("overload", ">", 9),
    ("p95 over", ">", 9),
    ("replica-h", ">", 11),
    ("× ideal", ">", 9),
    ("actions", ">", 8),
    ("turns", ">", 7),
    ("cost", ">", 11),
)
"""Title, side and width of each column."""


NO_COST = "no cost: set scaling.price_per_hour, what one replica costs in an hour"


def as_document(table: ReplayTable) -> list[dict[str, Any]]:
    """One object a policy."""
    return [asdict(row) for row in table.rows]


def as_text(table: ReplayTable, *, currency: str = "$") -> str:
    """The table, its figures right-aligned, with what a reader should know below."""
    lines = ["".join(f"{title:{side}{width}}" for title, side, width in COLUMNS).rstrip()]
    for row in table.rows:
        cells = (
            row.policy,
            f"{row.overload_percent:.3f} %",
            "–" if row.slo_minutes is None else f"{row.slo_minutes:.0f} m",
            f"{row.replica_hours:.0f}",
            f"{row.relative_replica_hours:.2f}",
            f"{row.actions}",
            f"{row.direction_changes}",
            "–" if row.cost is None else f"{currency}{row.cost:,.2f}",
        )
        lines.append(
            "".join(f"{c:{s}{w}}" for c, (_, s, w) in zip(cells, COLUMNS, strict=True)).rstrip()
        )
    lines.append("")
    lines += [
        f"replayed {span(table.seconds)}; a replica carries {table.capacity:.4g}, in the unit of the load"
    ]
    lines += table.notes
    if any(row.cost is None for row in table.rows):
        lines.append(NO_COST)
    return "\n".join(lines) + "\n"
