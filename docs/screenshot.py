"""Write docs/overview.svg: the running program with the demo service behind it, exported.

python docs/screenshot.py [SECONDS] [COLUMNSxROWS] [SCENARIO] [FILE] [KEYS]

KEYS are pressed a minute before the end, and those behind a colon at the end. What is replayed on
the scaling view takes a quarter of an hour of load:

    python docs/screenshot.py 1100 120x40 day docs/scaling.svg plus,enter:6
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from capmon.clock import SystemClock
from capmon.config.load import load
from capmon.demo.process import DemoProcess, demo_settings, free_port
from capmon.demo.waiting import Readiness, Waiting
from capmon.monitor.build import build
from capmon.ui.app import CapmonApp

LAST = 60.0
"""Seconds before the end at which keys are pressed, so that what they did has been measured."""

SETTLE = 3.0
"""Seconds for which a view is filled before it is taken."""


async def shoot(seconds: float, size: tuple[int, int], scenario: str, keys: str) -> str:
    """Run the monitor for a while, press keys, and export its screen as SVG."""
    early, _, late = keys.partition(":")
    port = free_port()
    loaded = load(overrides=demo_settings(port))
    readiness = Readiness(DemoProcess(scenario, 1, port))
    monitor = build(loaded, SystemClock(), wrap=lambda inner: Waiting(inner, readiness))
    app = CapmonApp(monitor, loaded, beside=readiness.run)
    async with app.run_test(size=size) as pilot:
        await asyncio.sleep(max(0.0, seconds - LAST))
        await pilot.press(*filter(None, early.split(",")))
        await asyncio.sleep(min(seconds, LAST))
        await pilot.press(*filter(None, late.split(",")))
        await asyncio.sleep(SETTLE)
        picture = app.export_screenshot(title="capmon")
    # The picture fetches nothing: any monospaced font of the reader's will do.
    picture = re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL)
    return picture.replace("Fira Code", "DejaVu Sans Mono")


def main(arguments: list[str]) -> None:
    """Read the arguments and shoot."""
    usual = ("150", "120x40", "day", str(Path(__file__).with_name("overview.svg")), "")
    seconds, size, scenario, path, keys = [*arguments, *usual[len(arguments) :]]
    columns, rows = (int(n) for n in size.split("x"))
    picture = asyncio.run(shoot(float(seconds), (columns, rows), scenario, keys))
    Path(path).write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
