"""What terminal monitors cost whoever watches through them, side by side in one run.

Each program runs in a pseudo-terminal of the same size, reading this host once a second, and is
read as fast as it writes. The rows are measured in turn, and the table holds medians over runs.

Run: python benchmarks/terminal.py [--secs 20] [--runs 3] [--only capmon,htop]
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyte

ANSWERS = {
    b"\x1b[c": b"\x1b[?62;c",
    b"\x1b[0c": b"\x1b[?62;c",
    b"\x1b[6n": b"\x1b[1;1R",
    b"\x1b[?2026$p": b"\x1b[?2026;2$y",
}
"""Device queries that terminals answer; without an answer some programs wait or send more."""

UNKNOWN_TO_PYTE = re.compile(rb"\x1b\[[<>=][0-9;]*u|\x1b\[\?\d+\$p")

BARE = """
import time
from textual.app import App
from textual.widgets import Static

class Bare(App):
    ENABLE_COMMAND_PALETTE = False
    BINDINGS = [("h", "help", "help")]

    def compose(self):
        yield Static("", id="clock")
        yield Static("", id="load")
        yield Static("", id="help")

    def on_mount(self):
        self.show()
        self.set_interval(1, self.show)

    def show(self):
        self.query_one("#clock", Static).update(time.strftime("%H:%M:%S"))
        self.query_one("#load", Static).update("load " + open("/proc/loadavg").read().strip())

    def action_help(self):
        box = self.query_one("#help", Static)
        box.update("" if self.shown else "this is the help")
        self.shown = not self.shown

    shown = False

Bare().run()
"""


@dataclass(frozen=True)
class Program:
    """One row of the table."""

    name: str
    argv: Sequence[str]
    ready: str
    """Regular expression of a screen with live numbers."""

    key: str
    expect: str
    """What the key brings to the screen."""

    unkey: str
    """Takes it away again."""


@dataclass(frozen=True)
class Cost:
    """What one run of one program cost."""

    first_paint: float
    """Seconds from the start to the first screen with live numbers."""

    cpu: float
    """Percent of one core."""

    bytes_per_second: float
    rss: float
    """Megabytes."""

    key: float
    """Median milliseconds from a key to what it brings."""


def programs(glances: str) -> list[Program]:
    """The programs that are installed."""
    capmon = [sys.executable, "-m", "capmon"]
    cpu = r"cpu +\S+ +[\d.]+ %"
    rows = [
        Program("capmon demo", [*capmon, "demo"], cpu, "?", "Leave capmon.", "?"),
        Program("capmon, host alone", [*capmon, "--set", "app.source=none"], cpu, "?", "Leave capmon.", "?"),
        Program("bare Textual app", [sys.executable, "-c", BARE], r"load \d", "h", "this is the help", "h"),
        Program("glances", [glances, "-t", "1", "--disable-check-update"], r"CPU\D+\d+\.?\d*%", "h", "Configuration file|for help|Sort proc", "h"),
        Program("htop", ["htop", "-d", "10"], r"\d+\.\d%", "h", r"Released under|\(C\) 20", "q"),
        Program("btop", ["btop"], r"\d+%", "h", "Esc|Quick", "h"),
    ]  # fmt: skip
    return [p for p in rows if shutil.which(p.argv[0])]


class Watch:
    """A program in a pseudo-terminal."""

    def __init__(self, argv: Sequence[str], columns: int, rows: int, home: Path) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.count = 0
        self.started = time.perf_counter()
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            size = struct.pack("HHHH", rows, columns, 0, 0)
            fcntl.ioctl(0, termios.TIOCSWINSZ, size)
            os.chdir(home)
            os.execvpe(argv[0], list(argv), environment(home))
        self.process = psutil.Process(self.pid)

    def pump(self, seconds: float, *, look: bool = True) -> float | None:
        """Read what comes within some seconds; when it came, or None."""
        came, chunk = self._read(seconds)
        if came is not None and look:
            self._feed(chunk)
        return came

    def _read(self, seconds: float) -> tuple[float | None, bytes]:
        if not select.select([self.master], [], [], seconds)[0]:
            return None, b""
        try:
            chunk = os.read(self.master, 1 << 16)
        except OSError as fault:
            raise SystemExit(f"it ended early:\n{self.text}") from fault
        came = time.perf_counter()
        self.count += len(chunk)
        for query, answer in ANSWERS.items():
            if query in chunk:
                os.write(self.master, answer)
        return came, chunk

    def _feed(self, chunk: bytes) -> None:
        with suppress(Exception):  # what pyte does not know is of no interest here
            self._stream.feed(UNKNOWN_TO_PYTE.sub(b"", chunk))

    @property
    def text(self) -> str:
        """The screen."""
        return "\n".join(self.screen.display)

    def settle(self, seconds: float, *, look: bool = True) -> None:
        """Read for some seconds."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.pump(min(left, 0.05), look=look)

    def until(self, pattern: str, seconds: float, *, there: bool = True) -> float | None:
        """When the bytes came that brought a pattern to the screen, or took it away."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            came = self.pump(0.01)
            if came is not None and bool(re.search(pattern, self.text)) is there:
                return came
        return None

    def brought(self, pattern: str, seconds: float) -> float | None:
        """When the bytes came that bring a pattern to the screen, read without looking first.

        To look takes pyte longer than it takes a program to write, and would hold it up.
        """
        arrivals: list[tuple[float, bytes]] = []
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            came, chunk = self._read(left)
            if came is not None:
                arrivals.append((came, chunk))
        found = None
        for came, chunk in arrivals:
            self._feed(chunk)
            if found is None and re.search(pattern, self.text):
                found = came
        return found

    def press(self, key: str) -> None:
        """Type."""
        os.write(self.master, key.encode())

    def watched(self) -> list[psutil.Process]:
        """The monitor and its children, without the service that the demo watches."""
        found = [self.process, *self.process.children(recursive=True)]
        return [p for p in found if "capmon.demo.service" not in " ".join(p.cmdline())]

    def cpu_seconds(self) -> float:
        """Processor time spent so far."""
        times = [p.cpu_times() for p in self.watched()]
        return float(sum(t.user + t.system for t in times))

    def end(self) -> None:
        """Kill it and its children."""
        for process in reversed([self.process, *self.process.children(recursive=True)]):
            with suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)
        os.close(self.master)
        os.waitpid(self.pid, 0)


def environment(home: Path) -> dict[str, str]:
    """A user of a terminal with 16 million colours."""
    kept = {k: os.environ[k] for k in ("PATH", "PYTHONPATH") if k in os.environ}
    places = {f"XDG_{k}_HOME": str(home) for k in ("CONFIG", "STATE", "CACHE", "DATA")}
    terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    return kept | places | terminal | {"HOME": str(home), "LANG": "C.UTF-8"}


@contextmanager
def started(program: Program, columns: int, rows: int) -> Iterator[Watch]:
    """The program in its terminal, with an empty home."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "btop").mkdir()
        # btop reads every two seconds unless told otherwise.
        (home / "btop" / "btop.conf").write_text("update_ms = 1000\n")
        watch = Watch(program.argv, columns, rows, home)
        try:
            yield watch
        finally:
            watch.end()


def measure(program: Program, options: argparse.Namespace) -> Cost:
    """Run a program once."""
    with started(program, options.columns, options.rows) as watch:
        ready = watch.until(program.ready, 20.0)
        if ready is None:
            raise SystemExit(f"{program.name} shows no {program.ready!r}:\n{watch.text}")
        watch.settle(options.warmup)
        count, cpu, began = watch.count, watch.cpu_seconds(), time.perf_counter()
        watch.settle(options.secs, look=False)
        took = time.perf_counter() - began
        sent, spent = watch.count - count, watch.cpu_seconds() - cpu
        rss = sum(p.memory_info().rss for p in watch.watched())
        key = key_time(watch, program, options.presses)
    return Cost(ready - watch.started, 100 * spent / took, sent / took, rss / 1e6, key)


def key_time(watch: Watch, program: Program, presses: int) -> float:
    """Median milliseconds from a key to what it brings; NaN when it never came."""
    times = []
    for turn in range(presses):
        # Not always at the same moment of the program's own second.
        watch.settle(0.5 + 0.13 * (turn % 5))
        pressed = time.perf_counter()
        watch.press(program.key)
        came = watch.brought(program.expect, 0.6)
        if came is not None:
            times.append(1e3 * (came - pressed))
        watch.press(program.unkey)
        watch.until(program.expect, 3.0, there=False)
    return statistics.median(times) if times else float("nan")


def table(costs: dict[str, list[Cost]], options: argparse.Namespace) -> str:
    """The medians, a line a program."""
    size = f"{options.columns}×{options.rows}"
    lines = [
        f"{size}, {options.secs:g} s after {options.warmup:g} s, "
        f"median of {options.runs}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        f"{'':22}{'first paint':>12}{'CPU':>9}{'terminal':>12}{'memory':>10}{'key':>10}",
    ]
    for name, runs in costs.items():
        first, cpu, sent, rss, key = (
            statistics.median(getattr(c, f) for c in runs)
            for f in ("first_paint", "cpu", "bytes_per_second", "rss", "key")
        )
        lines.append(
            f"{name:22}{first:10.2f} s{cpu:7.2f} %{sent:8.0f} B/s{rss:7.0f} MB{key:7.0f} ms"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--secs", type=float, default=20.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--warmup", type=float, default=6.0)
    parser.add_argument("--presses", type=int, default=9)
    parser.add_argument("--columns", type=int, default=120)
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--only", default="", help="names to measure, separated by commas")
    parser.add_argument("--glances", default="glances", help="where glances is")
    options = parser.parse_args()
    wanted = [w.strip() for w in options.only.split(",") if w.strip()]
    rows = [p for p in programs(options.glances) if not wanted or any(w in p.name for w in wanted)]
    costs: dict[str, list[Cost]] = {p.name: [] for p in rows}
    for run in range(options.runs):
        for program in rows:
            print(f"run {run + 1}: {program.name}", file=sys.stderr)
            costs[program.name].append(measure(program, options))
    print(table(costs, options))


if __name__ == "__main__":
    main()
