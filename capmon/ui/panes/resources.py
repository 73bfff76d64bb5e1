"""The host's resources: level, course and state of each, then rates and saturation."""

from __future__ import annotations

from capmon.model.frame import Frame
from capmon.model.metric import Unit, key, label_of
from capmon.model.units import show
from capmon.ui.panes.common import bottleneck_on, state_token, state_word, trend_spark
from capmon.ui.widgets.gauge import bar
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.spark import spark
from capmon.ui.widgets.text import Line, as_many, bold, cut, dim, faint, label, number

LABEL = 5
CPU, MEMORY, SWAP = (f"system.{x}.utilization" for x in ("cpu", "memory", "swap"))
FILESYSTEM = "system.filesystem.utilization"
PRESSURE = "system.pressure.{}.some.avg10"


class ResourcesPane(Pane):
    """The host's resources."""

    name_of_pane = "resources"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """Gauges first, then rates, then what more room allows."""
        return Drawing("resources", draw(frame, width, height))


def draw(frame: Frame, width: int, height: int) -> list[Line]:
    """The lines, the most important first; `height` decides how much detail there is."""
    disks = disk_keys(frame)
    lines = [
        gauge(frame, "cpu", CPU, width),
        gauge(frame, "mem", MEMORY, width),
        *(gauge(frame, "disk", d, width, note=label_of(d, "mountpoint")) for d in disks[:1]),
    ]
    more = [
        _network(frame, width),
        gauge(frame, "swap", SWAP, width),
        _pressure(frame, width),
        _load(frame, width),
        _io(frame, width),
        _split(frame, width),
        _cores(frame, width),
        *(gauge(frame, "", d, width, note=label_of(d, "mountpoint")) for d in disks[1:]),
    ]
    order = [1, 0, *range(2, len(more))] if height >= 7 else range(len(more))
    lines += [more[i] for i in order]
    return lines[:height]


def disk_keys(frame: Frame) -> list[str]:
    """Keys of the file systems, the fullest first."""
    found = [(r.value or 0.0, k) for k, r in frame.readings.items() if k.startswith(FILESYSTEM)]
    return [k for _, k in sorted(found, key=lambda pair: (-pair[0], pair[1]))]


def gauge(
    frame: Frame,
    name: str,
    metric_key: str,
    width: int,
    *,
    note: str = "",
) -> Line:
    """Label, bar, percentage, spark, state: columns whose widths depend on the room alone."""
    level = frame.value(metric_key)
    problem = bottleneck_on(frame, (metric_key,))
    tone = state_token(problem)
    room = width - LABEL - 7
    word = 12 if room >= 32 else 3 if room >= 14 else 0
    room -= word
    sparks = (room - 2) * 15 // 32 if room >= 18 else 0
    line: Line = [label(name, LABEL), *bar(level, room - (sparks + 2 if sparks else 0), tone)]
    shown = show(level, Unit.RATIO)
    line += [number(shown, 5, tone if tone != "accent" else "ink"), dim(" %")]
    if level is None:
        return [*line, dim("  "), dim(cut(frame.reason(metric_key), sparks + word))]
    if sparks:
        line += [dim("  "), trend_spark(frame, metric_key, sparks, "dim", top=1.0)]
    state = state_word(problem, short=word < 12)
    if not state and note and word >= 12:
        state = [dim(note)]
    return [*line, dim("  "), *state] if word else line


def _figure(frame: Frame, name: str, metric_key: str, *, width: int = 4, unit: bool = True) -> Line:
    from capmon.model.metric import metric

    shown = show(frame.value(metric_key), metric(metric_key).unit)
    out: Line = [dim(f"{name} ")] if name else []
    out.append(number(shown, width))
    if unit and shown.unit:
        out.append(dim(f" {shown.unit:<4}" if "/s" in shown.unit else f" {shown.unit}"))
    return out


def _network(frame: Frame, width: int) -> Line:
    parts = [
        _figure(frame, "↓", "system.network.receive", width=5),
        _figure(frame, "↑", "system.network.transmit", width=5),
        _figure(frame, "retr", "system.network.retransmit.ratio"),
        _figure(frame, "conns", "system.network.connections"),
    ]
    return [label("net", LABEL), *as_many(parts, width - LABEL)]


def _pressure(frame: Frame, width: int) -> Line:
    if frame.value(PRESSURE.format("cpu")) is None and frame.value(PRESSURE.format("io")) is None:
        return [label("psi", LABEL), dim(frame.reason(PRESSURE.format("cpu")))]
    parts = [
        _figure(frame, "cpu", PRESSURE.format("cpu"), unit=False),
        _figure(frame, "mem", PRESSURE.format("memory"), unit=False),
        [*_figure(frame, "io", PRESSURE.format("io"), unit=False), dim(" %")],
        _figure(frame, "throttled", "container.cpu.throttled"),
    ]
    return [label("psi", LABEL), *as_many(parts, width - LABEL)]


def _load(frame: Frame, width: int) -> Line:
    parts = [
        [
            *_figure(frame, "", "system.cpu.load.1m", unit=False),
            dim(" "),
            *_quiet(frame, "system.cpu.load.5m"),
            dim(" "),
            *_quiet(frame, "system.cpu.load.15m"),
        ],
        _figure(frame, "procs", "system.processes.count", width=5),
        _figure(frame, "files", "system.filehandles.usage", width=5),
    ]
    return [label("load", LABEL), *as_many(parts, width - LABEL)]


def _quiet(frame: Frame, metric_key: str) -> Line:
    return [dim(show(frame.value(metric_key), Unit.COUNT).number.rjust(4))]


def _io(frame: Frame, width: int) -> Line:
    """The busiest block device."""
    name = "system.disk.io.time"
    found = [(r.value or 0.0, k) for k, r in frame.readings.items() if k.startswith(name)]
    if not found:
        return [label("io", LABEL), dim("no block devices")]
    _, busiest = max(found)
    device = label_of(busiest, "device")
    parts = [
        [bold(device)],
        _figure(frame, "busy", busiest),
        _figure(frame, "r", key("system.disk.read", device=device), width=5),
        _figure(frame, "w", key("system.disk.write", device=device), width=5),
    ]
    return [label("io", LABEL), *as_many(parts, width - LABEL)]


def _split(frame: Frame, width: int) -> Line:
    names = ("user", "system", "iowait", "steal")
    parts = [_figure(frame, n, f"system.cpu.{n}", unit=False) for n in names]
    parts[-1].append(dim(" %"))
    return [label("time", LABEL), *as_many(parts, width - LABEL)]


def _cores(frame: Frame, width: int) -> Line:
    """One block a core, side by side."""
    name = "system.cpu.core.utilization"
    keys = [k for k in frame.readings if k.startswith(name)]
    keys.sort(key=lambda k: int(label_of(k, "core")) if label_of(k, "core").isdigit() else 0)
    values = [v if (v := frame.value(k)) is not None else float("nan") for k in keys]
    room = width - LABEL
    rest = f" +{len(values) - room + 6} more" if len(values) > room else ""
    shown = values[: room - len(rest)]
    return [
        label("core", LABEL),
        (spark(shown, len(shown), 1.0), "accent"),
        faint(rest),
    ]
