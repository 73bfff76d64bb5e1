"""A replay of the policies, read back from the JSON that `capmon simulate --json` writes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from capmon.errors import CapmonError
from capmon.model.policies import Replay, ReplayTable

_DEPTH = 3


def read_replay(text: str) -> ReplayTable:
    """The table in a document: a list of rows that name a policy, alone or under `rows`.

    Returns:
        The rows; `seconds` is NaN where the document does not say how long was replayed.

    Raises:
        CapmonError: There is no such table, or a number in it is missing.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise CapmonError(f"not JSON: {fault}") from fault
    table = _table({"rows": found} if isinstance(found, list) else found, _DEPTH)
    if table is None:
        raise CapmonError("no replay in it: expected the output of capmon simulate --json")
    seconds = _number(table, "seconds", math.nan)
    return ReplayTable(tuple(_row(row) for row in table["rows"]), seconds, math.nan)


def _table(found: Any, depth: int) -> Mapping[str, Any] | None:
    if not isinstance(found, dict) or depth < 1:
        return None
    rows = found.get("rows")
    if isinstance(rows, list) and rows and all(isinstance(r, dict) and "policy" in r for r in rows):
        return found
    return next((t for v in found.values() if (t := _table(v, depth - 1)) is not None), None)


def _row(row: Mapping[str, Any]) -> Replay:
    return Replay(
        policy=str(row["policy"]),
        overload_percent=_number(row, "overload_percent"),
        slo_minutes=None,
        replica_hours=_number(row, "replica_hours"),
        relative_replica_hours=_number(row, "relative_replica_hours", math.nan),
        actions=int(_number(row, "actions")),
        direction_changes=int(_number(row, "direction_changes")),
        cost=None,
    )


def _number(row: Mapping[str, Any], name: str, default: float | None = None) -> float:
    value = row.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        if default is not None:
            return default
        raise CapmonError(f"the replay has no number {name}")
    if default is None and not math.isfinite(value):
        raise CapmonError(f"the replay's {name} is no number")
    return float(value)
