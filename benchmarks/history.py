"""What remembering costs: bytes a day, share of a core, and the time of questions.

    python benchmarks/history.py [HOURS RECORDED]

60 metrics of three sources once a second, half of them noisy, some counts, some constant, and what
the analysis found of a service under changing load, as it was recorded, over and over. The clock is
moved by hand, so that a day passes in a minute; CPU time is that of the writer alone. Questions are
asked of a file with 30 days of minutes.
"""

from __future__ import annotations

import json
import lzma
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from capmon.clock import ManualClock
from capmon.store.history_reader import HistoryReader
from capmon.store.history_writer import HistoryWriter, Retention

START = 1_700_006_400.0
DAY = 86400
METRICS = 60
FINDINGS = Path(__file__).with_name("findings.json.xz")
KEEP = Retention(DAY, 30 * DAY, 730 * DAY, 2**30)


def column(kind: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """A day of one metric: three in six noise, then a count, a percentage with one place, a constant."""
    wave = np.sin(2 * np.pi * np.arange(n) / DAY)
    match kind:
        case 0:
            return np.clip(0.4 + 0.2 * wave + rng.normal(0, 0.05, n), 0, 1)
        case 1:
            return 0.08 * (1.5 + wave) * np.exp(rng.normal(0, 0.2, n))
        case 2:
            return 1e6 * (2 + wave + rng.exponential(0.3, n))
        case 3:
            return np.floor(rng.poisson(40 * (1.5 + wave)))
        case 4:
            return np.round(50 + 20 * wave + rng.normal(0, 1, n), 1) / 100
        case _:
            return np.full(n, 8.0 * 2**30)


def findings() -> list[tuple[int, dict[str, Any]]]:
    """What `capmon record --demo` kept in eighteen minutes, and after how many seconds each."""
    kept = json.loads(lzma.decompress(FINDINGS.read_bytes()))
    return [(found["after"], found["document"]) for found in kept]


def record(
    writer: HistoryWriter, clock: ManualClock, hours: float
) -> tuple[float, list[float], list[float]]:
    """Record so many hours; CPU seconds of the writer, and CPU and wall time of each beat."""
    rng = np.random.default_rng(1)
    n = int(hours * 3600)
    names = [f"metric.{k}" for k in range(METRICS)]
    table = np.array([column(k % 6, n, rng) for k in range(METRICS)])
    due = dict(findings())
    turn = max(due) + 60
    spent = 0.0
    busy: list[float] = []
    waited: list[float] = []
    for i in range(n):
        values: Mapping[str, float] = dict(zip(names, table[:, i].tolist(), strict=True))
        parts = [dict(list(values.items())[k : k + 20]) for k in (0, 20, 40)]
        found = due.get(i % turn)
        at = clock.now() + 0.002 * float(rng.random())
        begun = time.process_time()
        for k, part in enumerate(parts):
            writer.batch(f"source-{k}", 1.0, at + 0.1 * k, part)
        if found is not None:
            writer.keep(at, found)
        before, before_cpu = time.perf_counter(), time.process_time()
        writer.beat()
        waited.append(time.perf_counter() - before)
        busy.append(time.process_time() - before_cpu)
        spent += time.process_time() - begun
        clock.advance(1.0)
    return spent, busy, waited


class Ticking(ManualClock):
    """A clock moved by hand whose monotonic time also passes, as the slices of a beat need it."""

    def monotonic(self) -> float:
        """Seconds that were advanced and that passed."""
        return super().monotonic() + time.perf_counter()


def milliseconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Wall time of one call, the median."""
    taken = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - begun))
    return float(np.median(taken))


def long_record(writer: HistoryWriter, end: float) -> None:
    """30 days of minutes of 50 series."""
    rng = np.random.default_rng(2)
    times = np.arange(end - 30 * DAY, end - DAY, 15.0)
    for k in range(50):
        writer.add(f"metric.{k}", times, column(k % 6, len(times), rng), 15.0)


def main() -> None:
    """Print the table."""
    hours = float(sys.argv[1]) if len(sys.argv) > 1 else 25.5
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "capmon" / "history.db"
        clock = Ticking(START)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        writer = HistoryWriter.open(path, clock, "web@a", KEEP)
        spent, busy, waited = record(writer, clock, hours)
        writer.flush()
        size = path.stat().st_size
        wal = sum(p.stat().st_size for p in path.parent.glob("*-wal"))
        print(f"{'':44}{'measured':>12}{'budget':>10}")
        row("bytes a day, MB (file)", size / 1e6 * 24 / hours, 15)
        row("bytes beside the file (-wal), MB", wal / 1e6, 4.2)
        row("writer, % of a core", 100 * spent / (hours * 3600), 1)
        row("longest beat, CPU ms", 1000 * max(busy), 100)
        row("longest beat, wall ms", 1000 * max(waited), None)
        row("peak memory with the table to record, MB", (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3, None)  # fmt: skip
        end = clock.now()
        asked = HistoryReader.open(path)
        for name in ("metric.0", "metric.3"):
            row(f"24 h of readings, {name}, ms", milliseconds(lambda n=name: fresh(path).raw(n, end - DAY, end)), 20)  # fmt: skip
        begun = time.perf_counter()
        long_record(writer, end)
        row("import of 50 x 29 days at 15 s, s", time.perf_counter() - begun, None)
        keys = [f"metric.{k}" for k in range(50)]
        row("30 days of minutes of one series, ms", milliseconds(lambda: fresh(path).minutes("metric.0", end - 30 * DAY, end)), 50)  # fmt: skip
        row("window of 30 days of minutes, one, ms", milliseconds(lambda: fresh(path).window(["metric.0"], end, 30 * DAY, 60)), 50)  # fmt: skip
        row("50 series x 30 days of minutes, ms", milliseconds(lambda: fresh(path).window(keys, end, 30 * DAY, 60), 3), 1500)  # fmt: skip
        row("50 series x 30 days in all columns, ms", milliseconds(lambda: [asked.minutes(k, end - 30 * DAY, end) for k in keys], 3), 1500)  # fmt: skip
        row("what was found at one moment, ms", milliseconds(lambda: fresh(path).kept(end - 3600)), None)  # fmt: skip
        row("the file with it, MB", path.stat().st_size / 1e6, None)
        asked.close()
        writer.close()


def fresh(path: Path) -> HistoryReader:
    """A reader that has read nothing yet."""
    return HistoryReader.open(path)


def row(what: str, measured: float, budget: float | None) -> None:
    """One line of the table."""
    print(f"{what:44}{measured:>12.2f}{'' if budget is None else budget:>10}")


if __name__ == "__main__":
    main()
