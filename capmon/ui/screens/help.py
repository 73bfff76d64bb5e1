"""Help: keys, states, and why values are missing right now."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from capmon.model.frame import Frame
from capmon.model.metric import CATALOGUE
from capmon.ui.commands import Command, offered
from capmon.ui.panes.common import STATE, health_line
from capmon.ui.screens.sheet import Sheet, row, wrapped
from capmon.ui.widgets.text import SEVERITY, Line, bold, dim, ink


class HelpScreen(Sheet[None]):
    """Leaves on escape, q or ?."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "leave", show=False, priority=True),
    ]

    def __init__(self, frame: Frame | None, key_names: dict[str, str], *, read_only: bool) -> None:
        super().__init__("help", "↑ ↓ scroll · esc leave")
        self._lines = lines(frame, key_names, read_only=read_only)

    def on_mount(self) -> None:
        """Show the lines."""
        self.put(self._lines)

    def action_leave(self) -> None:
        """Leave."""
        self.dismiss(None)


def lines(frame: Frame | None, key_names: dict[str, str], *, read_only: bool) -> list[Line]:
    """All of the help."""
    out: list[Line] = [[], [bold("keys")]]
    out += [row_of_key(c, key_names) for c in offered(read_only=read_only)]
    out.append([dim("  "), bold(f"{'tab':<10}", "accent"), ink("Move to the next pane; shift+tab to the one before.")])  # fmt: skip
    out += [[], [bold("severity")]]
    out.append([dim("  ")] + [r for s in reversed(SEVERITY) for r in (bold(SEVERITY[s][0], SEVERITY[s][1]), dim(f" {s.value}   "))])  # fmt: skip
    out += [[], [bold("sources")]]
    if frame is not None:
        out += [row(f"  {h.source}", health_line(h, frame.at), 14) for h in frame.health]
    else:
        out.append([dim("  ")] + [r for s, (g, t) in STATE.items() for r in ((g, t), dim(f" {s.value}   "))])  # fmt: skip
    out += record(frame)
    missing = unknown(frame) if frame is not None else []
    if missing:
        out += [[], [bold("not available")], *missing]
    out += [[], [bold("how to read it")]]
    out += [[dim(f"  {text}")] for text in READING]
    out += [[], [bold("words")]]
    for word, meaning in WORDS:
        told = wrapped(meaning, WORD_CELLS, "dim")
        out += [row(f"  {word if not i else ''}", line, 14) for i, line in enumerate(told)]
    return [*out, []]


def record(frame: Frame | None) -> list[Line]:
    """Who remembers what is measured, and which moment of the past is shown."""
    if frame is None or (frame.recording is None and frame.past is None):
        return []
    out: list[Line] = [[], [bold("record")]]
    if frame.recording is not None:
        tone = "warning" if frame.recording.state == "failing" else "ink"
        told = wrapped(f"{frame.recording.state}: {frame.recording.text}", RECORD_CELLS, tone)
        out += [[dim("  "), *line] for line in told]
    if frame.past is not None:
        said = [f"{frame.past.kind} of {frame.past.name}", frame.past.note]
        told = wrapped("; ".join(text for text in said if text), RECORD_CELLS)
        out += [[dim("  "), *line] for line in told]
    return out


def unknown(frame: Frame) -> list[Line]:
    """Metrics without a value, and the reason."""
    keys = [k for k in CATALOGUE if k in frame.readings and frame.value(k) is None]
    return [[dim(f"  {k:<40} "), ink(frame.reason(k))] for k in keys]


READING = (
    "A dash is a value that is not known; it is never a zero.",
    "A spark shows the worst value of each of its cells, from zero up.",
    "Load is counted per ready replica where replicas are known.",
    "An interval in brackets holds the value with the configured confidence.",
    "~ marks a load beyond 1.3 times what was seen, where a curve is a guess.",
)


RECORD_CELLS = 70
"""Cells of what is said of the record."""

WORD_CELLS = 58
"""Cells of what a word means."""

WORDS = (
    ("binds", "The first limit that load reaches: what must give way for the service to carry more."),
    ("R²", "The share of the ups and downs that a curve explains, from 0 to 1."),
    ("queue", "Response time grows as in a line before servers, without bound where load is full (M/M/c, Kingman)."),
    ("usl", "Throughput over requests at once (universal scalability law)."),
    ("α β", "What requests lose by waiting for each other (α) and by keeping in step (β)."),
    ("MASE", "The error of past forecasts over that of repeating the last value or season: below 1 is better."),
    ("psi", "The share of time in which work waited for cpu, memory or disks (pressure stall information)."),
)  # fmt: skip
"""What the screens take for known."""


def row_of_key(command: Command, key_names: dict[str, str]) -> Line:
    """A key and what it does."""
    shown = key_names.get(command.id, command.shown)
    return [dim("  "), bold(f"{shown:<10}", "accent"), ink(command.help)]
