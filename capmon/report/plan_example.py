"""The capacity guide's example as a plan: its figures through the same chapters, its answers beside ours."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from pathlib import Path

import numpy as np

from capmon.clock import ManualClock
from capmon.config.schema import Settings
from capmon.model.names import LATENCY, RATE
from capmon.model.plan import Cell, Column, Plan, PlanQuestion, Statement, Table
from capmon.planning.evidence import gather
from capmon.planning.plan import plan
from capmon.report.example import Example
from capmon.report.guide_examples import examples
from capmon.report.guide_figures import GROWTH
from capmon.report.guide_inputs import SAMPLE
from capmon.report.guide_table import UNKNOWN, UNSAID, figure
from capmon.store.history_reader import HistoryReader
from capmon.store.history_writer import HistoryWriter, Retention

NAME = "semantic-text-processor@guide"

HORIZON = 90 * 86400.0
"""Seconds ahead; the guide names none for its growth of 3, and ours is the default."""

AFTER = 1.0
"""Seconds from the last reading to the plan, for what a moment holds belongs to the time before it."""

MB = 1_000_000.0
"""Bytes of one of the guide's MB."""

HOUR = 3600.0

COLUMNS = {
    RATE: ("request_rate", 1.0),
    "system.cpu.utilization": ("cpu_usage", 0.01),
    "system.memory.usage": ("memory_usage_mb", MB),
    LATENCY: ("response_time_p95", 0.001),
    "http.server.active_requests": ("concurrent_requests", 1.0),
}
"""The guide's columns by metric, and what one of their units is in ours."""

CHAPTERS = {
    "limits": "baseline",
    "cost of a request": "models",
    "models": "models",
    "growth": "growth",
    "capacity": "strategy",
    "autoscaler": "strategy",
    "bottleneck": "bottlenecks",
}
"""Chapter of each section of the guide's examples, by the first of these words that its name holds."""

LAST = "models"
"""Chapter of a section that none of these words names."""


def example_plan() -> Plan:
    """The guide's three hours of load and its growth of 3, with its own answers beside the right ones.

    Three readings carry almost no analysis, which the chapters say; the tables compare what the
    guide makes of its figures with what follows from them.

    Raises:
        NotEnoughData: An analysis finds that the guide's figures do not carry it.
    """
    times = np.array([datetime.fromisoformat(str(r["timestamp"])).timestamp() for r in SAMPLE])
    end = float(times[-1])
    with tempfile.TemporaryDirectory(prefix="capmon-") as folder:
        path = Path(folder) / "history.db"
        kept = Retention(raw=86400.0, minutes=HORIZON, hours=HORIZON, max_size=2**24)
        writer = HistoryWriter.open(path, ManualClock(end), NAME, kept)
        for key, (column, factor) in COLUMNS.items():
            values = np.array([float(r[column]) * factor for r in SAMPLE])  # type: ignore[arg-type]
            writer.add(key, times, values, HOUR)
        writer.close()
        reader = HistoryReader.open(path, NAME)
        question = PlanQuestion(HORIZON, growth=GROWTH)
        made = plan(gather(reader, Settings(), question, end + AFTER, "UTC"))
        reader.close()
    return _beside(made)


def _beside(made: Plan) -> Plan:
    """The plan with the guide's figures in the chapters that they belong to."""
    tables: dict[str, list[Table]] = {}
    for section, inside in groupby(examples(), key=lambda e: e.section):
        tables.setdefault(_chapter(section), []).append(_table(section, list(inside)))
    chapters = tuple(replace(c, tables=(*c.tables, *tables.get(c.key, ()))) for c in made.chapters)
    said = Statement(
        f"the guide's example: three hours of load and growth ×{GROWTH:g}; its own figures stand"
        " beside those that follow from its data, in tables of their own"
    )
    return replace(made, summary=(*made.summary, said), chapters=chapters)


def _chapter(section: str) -> str:
    return next((key for word, key in CHAPTERS.items() if word in section), LAST)


def _table(section: str, inside: list[Example]) -> Table:
    heads = ("value", "guide", "right", "interval", "unit", "why")
    return Table(
        f"The guide's figures beside the right ones: {section}",
        tuple(Column(h) for h in heads),
        tuple(_row(e) for e in inside),
        "the guide's own inputs, through the same analysis",
    )


def _row(e: Example) -> tuple[Cell, ...]:
    held = "" if e.low is None or e.high is None else f"{figure(e.low)}–{figure(e.high)}"
    return (e.what, _told(e, e.guide, UNSAID), _told(e, e.right, UNKNOWN), held, e.unit, e.why)


def _told(e: Example, value: float | str | None, unknown: str) -> str:
    if value is None:
        return unknown
    return value if isinstance(value, str) else f"{e.sign}{figure(value)}"
