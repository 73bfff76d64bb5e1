"""The processes that use the most CPU, memory and I/O: the evidence behind a bottleneck."""

from __future__ import annotations

from capmon.model.frame import Frame, ProcessUse
from capmon.model.metric import Unit
from capmon.model.units import show
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import Line, dim, number, padded


class ProcessesPane(Pane):
    """Top processes."""

    name_of_pane = "processes"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """One line a process."""
        return Drawing("processes", draw(frame, width, height), fixed=1)


def draw(frame: Frame, width: int, height: int) -> list[Line]:
    """A head and the union of the top lists, by CPU, then by memory."""
    chosen = union(frame)
    if not chosen:
        return [[dim("none read yet")]]
    name = max(8, min(26, width - 32))
    head: Line = [
        dim("process".ljust(name)),
        dim("  cores"),
        dim("      memory"),
        dim("       disk"),
    ]
    return [head, *(_row(p, name) for p in chosen[: height - 1])]


def union(frame: Frame) -> list[ProcessUse]:
    """Processes of all top lists without repetition."""
    lists = (frame.processes.by_cpu, frame.processes.by_memory, frame.processes.by_io)
    seen = {p.pid: p for part in lists for p in part}
    return sorted(seen.values(), key=lambda p: (-round(p.cpu or 0.0, 2), -p.memory, p.pid))


def _row(process: ProcessUse, name: int) -> Line:
    memory = show(process.memory, Unit.BYTES)
    io = show(process.io, Unit.BYTES_PER_SECOND)
    return [
        padded(process.name, name),
        number(show(process.cpu, Unit.CORES), 7),
        number(memory, 8),
        dim(f" {memory.unit:<3}"),
        number(io, 7),
        dim(f" {io.unit:<4}" if process.io is not None else "     "),
    ]
