"""What the first paint waits for: nothing heavy is imported before it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "numpy",
    "scipy",
    "pandas",
    "plotext",
    "httpx",
    "jmespath",
    "zstandard",
    "prometheus_client",
    "msgspec",
}
NEVER = {"scipy", "pandas", "plotext"}
"""What the live engine does without altogether."""

PROGRAM = """
import asyncio, gc, json, sys
from capmon.config.load import load
from capmon.ui.app import CapmonApp
from capmon.ui.live import live

seen = []

plain_set = CapmonApp.__setattr__

def watched(self, name, value):
    if name == "first_frame_drawn" and value:
        seen.append(sorted({m.partition(".")[0] for m in sys.modules}))
    plain_set(self, name, value)

CapmonApp.__setattr__ = watched

async def main(source, seconds):
    overrides = {"app.source": source, "app.url": "http://127.0.0.1:9/api/v1", "interval": "200ms"}
    app = live(load(None, overrides=overrides))
    async with app.run_test(size=(120, 40)):
        for _ in range(400):
            await asyncio.sleep(0.02)
            if app.first_frame_drawn:
                break
        await asyncio.sleep(seconds)
        frame = app.monitor.frame
        seen.append(sorted({m.partition(".")[0] for m in sys.modules}))
        seen.append(frame is not None and frame.engine_ready)
        assert gc.isenabled(), "the pause of the start has no end"

gc.disable()
asyncio.run(main(sys.argv[1], float(sys.argv[2])))
print(json.dumps(seen))
"""


def modules(
    source: str, seconds: float, environment: dict[str, str], folder: Path
) -> tuple[set[str], set[str], bool]:
    """Top-level modules at the first paint, those at the end, and whether the engine ran."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, source, str(seconds)],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, last, engine = json.loads(done.stdout)
    return set(first), set(last), engine


@pytest.mark.parametrize("source", ["json", "openmetrics"])
def test_nothing_heavy_comes_before_the_first_paint(
    environment: dict[str, str], tmp_path: Path, source: str
) -> None:
    """Numbers stand on the screen before any of the heavy packages is loaded."""
    first, _, _ = modules(source, 0.0, environment, tmp_path)
    assert "textual" in first
    assert first & HEAVY == set()


@pytest.mark.slow
def test_the_live_engine_needs_numpy_alone(environment: dict[str, str], tmp_path: Path) -> None:
    """After 5 seconds, with results, scipy, pandas and plotext are still not loaded."""
    _, last, engine = modules("none", 5.0, environment, tmp_path)
    assert engine
    assert "numpy" in last
    assert last & NEVER == set()
