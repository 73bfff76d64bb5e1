"""Time to read a page of metrics: capmon's reader against prometheus_client's parser.

Run: python benchmarks/openmetrics_parse.py [megabytes]
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable

from prometheus_client.parser import text_string_to_metric_families

from capmon.clock import ManualClock
from capmon.collectors.exposition import SampleReader
from capmon.collectors.http import Answer
from capmon.collectors.openmetrics import OpenMetricsCollector
from capmon.config.schema import AppSettings

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, "+Inf")
RUNS = 5


def page(size: int, *, busy: float) -> str:
    """A page of about `size` bytes of which a share `busy` is one histogram by route."""
    chance = random.Random(1)
    parts, written, route = ["# TYPE http_request_duration_seconds histogram\n"], 0, 0
    while written < size * busy:
        labels = f'method="GET",path="/api/v1/item/{route}",status="200"'
        route, count = route + 1, 0
        block = ""
        for bound in BOUNDS:
            count += chance.randrange(1000)
            block += f'http_request_duration_seconds_bucket{{{labels},le="{bound}"}} {count}\n'
        block += f"http_request_duration_seconds_count{{{labels}}} {count}\n"
        parts.append(block)
        written += len(block)
    row = 0
    while written < size:
        line = f'other_seconds_total{{path="/x/{row}",zone="b"}} {chance.random() * 1e6}\n'
        parts.append(line)
        written, row = written + len(line), row + 1
    return "".join(parts)


def timed(what: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds of CPU of the first run and the best of the later ones."""
    runs = []
    for _ in range(RUNS):
        begin = time.process_time()
        what()
        runs.append((time.process_time() - begin) * 1e3)
    return runs[0], min(runs[1:])


def rows(text: str) -> list[tuple[str, float, float]]:
    """What each way costs on one page."""
    clock = ManualClock()
    whole = OpenMetricsCollector(AppSettings(source="openmetrics"), clock)
    body = text.encode()

    def collect() -> object:
        clock.advance(2)
        answer = Answer(200, "text/plain", body, clock.now(), clock.monotonic())
        return whole._batch(answer, "/metrics")

    wanted = SampleReader(name for one in whole._metrics for name in one.names())
    return [
        (
            "prometheus_client, all samples",
            *timed(lambda: sum(len(f.samples) for f in text_string_to_metric_families(text))),
        ),
        ("capmon, samples of the default fields", *timed(lambda: wanted.read(text))),
        ("capmon, whole batch with rates and quantiles", *timed(collect)),
    ]


def main() -> None:
    """Print a table for a page of ours alone and for one that is mostly others'."""
    size = int(float(sys.argv[1] if len(sys.argv) > 1 else "2") * 1e6)
    print(f"{'page':<34}{'way':<48}{'first ms':>10}{'later ms':>10}")
    for busy, name in ((0.9, "90 % wanted histogram"), (0.05, "5 % wanted histogram")):
        text = page(size, busy=busy)
        for way, first, later in rows(text):
            label = f"{len(text) / 1e6:.1f} MB, {name}"
            print(f"{label:<34}{way:<48}{first:>10.1f}{later:>10.1f}")


if __name__ == "__main__":
    main()
