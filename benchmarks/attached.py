"""What a screen costs that reads from a recorder, beside one that collects itself.

Both run in a pseudo-terminal of the same size on the overview, first of this host alone, then with
the demo service behind them. CPU is that of the screen's own process; the recorder's is beside it.

Run: python benchmarks/attached.py [--secs 20] [--warmup 15]
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from capmon.demo.process import demo_settings, free_port

ANSWERS = {b"\x1b[c": b"\x1b[?62;c", b"\x1b[6n": b"\x1b[1;1R", b"\x1b[?2026$p": b"\x1b[?2026;2$y"}
CAPMON = (sys.executable, "-m", "capmon")


class Screen:
    """A program in a pseudo-terminal that is read as fast as it writes."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        pid, self._end = pty.fork()
        if pid == 0:
            os.execvpe(argv[0], list(argv), dict(environment))
        fcntl.ioctl(self._end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        os.kill(pid, signal.SIGWINCH)
        self.process = psutil.Process(pid)

    def pump(self, seconds: float) -> bytes:
        """Read for so long; what it wrote."""
        until, seen = time.monotonic() + seconds, bytearray()
        while (left := until - time.monotonic()) > 0:
            if not select.select([self._end], [], [], left)[0]:
                break
            part = os.read(self._end, 65536)
            seen += part
            for asked, answer in ANSWERS.items():
                if asked in part:
                    os.write(self._end, answer)
        return bytes(seen)

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        with contextlib.suppress(OSError):
            self.pump(1.5)
        os.close(self._end)
        os.waitpid(self.process.pid, 0)


def used(process: psutil.Process) -> float:
    """CPU seconds of a process alone."""
    times = process.cpu_times()
    return float(times.user + times.system)


def measure(
    argv: Sequence[str], environment: Mapping[str, str], warmup: float, seconds: float
) -> tuple[float, float, float]:
    """Share of a core, resident MiB, and kB/s to the terminal of a screen."""
    screen = Screen(argv, environment)
    try:
        screen.pump(warmup)
        before, begun = used(screen.process), time.monotonic()
        written = len(screen.pump(seconds))
        took = time.monotonic() - begun
        cpu = (used(screen.process) - before) / took
        return cpu, screen.process.memory_info().rss / 2**20, written / took / 1e3
    finally:
        screen.close()


def compare(title: str, options: Sequence[str], warmup: float, seconds: float) -> None:
    """One pair of rows."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, XDG_STATE_HOME=folder, TERM="xterm-256color", LANG="C.UTF-8")
        environment.pop("NO_COLOR", None)
        screen = [*CAPMON, *options]
        rows.append(("collecting", *measure(screen, environment, warmup, seconds), None))
        recorder = subprocess.Popen(
            [*CAPMON, "record", *options], env=environment, stderr=subprocess.DEVNULL
        )
        try:
            deadline = time.monotonic() + 10
            while not list(Path(folder).glob("capmon/*.sock")) and time.monotonic() < deadline:
                time.sleep(0.1)
            time.sleep(3)
            process = psutil.Process(recorder.pid)
            before, begun = used(process), time.monotonic()
            found = measure(screen, environment, warmup, seconds)
            share = (used(process) - before) / (time.monotonic() - begun)
            rows.append(("attached", *found, share))
        finally:
            recorder.terminate()
            recorder.wait()
    for name, cpu, memory, written, share in rows:
        beside = "" if share is None else f"   recorder {share:5.1%}"
        print(f"{title:14} {name:12} {cpu:6.1%} {memory:6.0f} MiB {written:6.2f} kB/s{beside}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--secs", type=float, default=20)
    parser.add_argument("--warmup", type=float, default=15)
    given = parser.parse_args()
    print(f"{'':14} {'screen':12} {'CPU':>6} {'RSS':>10} {'terminal':>11}")
    compare("this host", ["--set", "app.source=none"], given.warmup, given.secs)
    port = free_port()
    service = subprocess.Popen(
        [sys.executable, "-m", "capmon.demo.service", "--port", str(port), "--parent", str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert service.stdout is not None
        service.stdout.readline()
        options = [w for k, v in demo_settings(port).items() for w in ("--set", f"{k}={v}")]
        compare("demo service", options, given.warmup, given.secs)
    finally:
        service.kill()
        service.wait()


if __name__ == "__main__":
    main()
