"""Capmon's own surroundings: paths, versions, the clock, the locale."""

from __future__ import annotations

import locale as locales
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from capmon import __version__
from capmon.clock import Clock, is_zone, local_zone, rfc3339
from capmon.config.find import search_path
from capmon.config.loaded import Loaded
from capmon.config.redact import redact
from capmon.config.schema import Settings
from capmon.doctor.report import Notes
from capmon.private import state_folder
from capmon.resources import resource

NEEDED = ("textual", "rich", "psutil", "httpx", "numpy", "scipy", "pandas", "plotext", "PyYAML", "click", "jmespath", "zstandard")  # fmt: skip

STEP = 0.25
"""Seconds by which wall clock and steady clock may part while this runs."""

EARLIEST = 1_700_000_000.0
"""Unix time, November 2023: a clock before it was never set."""


def paths(notes: Notes, loaded: Loaded, faults: Sequence[str]) -> None:
    """Where the configuration was found, and where themes and state are."""
    for fault in faults:
        notes.broken("configuration", redact(fault), "`capmon config check` after mending it")
    if loaded.path is not None:
        notes.ok("configuration", str(loaded.path))
        if loaded.untrusted:
            notes.note("configuration", f"its commands are refused: {loaded.untrusted}", "chmod go-w the file and its folder")  # fmt: skip
    elif not faults:
        searched = ", ".join(str(p) for p in search_path(os.environ, None))
        notes.ok("configuration", f"the defaults: no file at {searched}")
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    shipped, own = resource("themes"), Path(home) / "capmon" / "themes"
    count = len(list(shipped.glob("*.y*ml"))) if shipped.is_dir() else 0
    if count:
        notes.ok("themes", f"{count} in {shipped}, {len(list(own.glob('*.y*ml')))} in {own}")
    else:
        notes.broken("themes", f"none in {shipped}", "install capmon again: files are missing")
    notes.ok("state", str(state_folder()))


def versions(notes: Notes) -> None:
    """Of capmon, Python, the kernel, SQLite, and every package that is needed."""
    import sqlite3
    from importlib import metadata

    notes.ok("capmon", __version__)
    notes.ok("python", f"{platform.python_version()} ({sys.executable})")
    notes.ok("system", f"{platform.system()} {platform.release()} {platform.machine()}")
    notes.ok("sqlite", sqlite3.sqlite_version)
    told = []
    for name in NEEDED:
        try:
            told.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            notes.broken("packages", f"{name} is missing", "install capmon again with what it needs")  # fmt: skip
    notes.ok("packages", ", ".join(told))


def clock(notes: Notes, clock: Clock, wall: float, steady: float) -> None:
    """Whether the clock is set, whether it stepped meanwhile, and which boot this is.

    Args:
        notes: Where findings go.
        clock: Time.
        wall: Unix time at the beginning.
        steady: Monotonic time of the same moment.
    """
    now = clock.now()
    stepped = (now - wall) - (clock.monotonic() - steady)
    if now < EARLIEST:
        notes.broken("time", rfc3339(now, timespec="seconds"), "set the clock: every reading is stored by it")  # fmt: skip
    elif abs(stepped) > STEP:
        notes.note("time", f"the clock stepped by {stepped:+.2f} s while this ran", "see that one time service alone sets it")  # fmt: skip
    else:
        notes.ok("time", f"{rfc3339(now, timespec='seconds')}, no step while this ran")
    boot = clock.boot()
    if boot:
        notes.ok("boot", boot)
    else:
        notes.note("boot", "not known here: waits are told by the clock alone")


def locale(notes: Notes, settings: Settings) -> None:
    """Language, encoding and zone."""
    told = next((os.environ[n] for n in ("LC_ALL", "LC_CTYPE", "LANG") if os.environ.get(n)), "")
    notes.ok("locale", f"{told or 'not set'}, {locales.getpreferredencoding(False)}")
    zone = settings.time_zone
    if zone == "auto":
        notes.ok("time zone", f"{local_zone()} (the machine's)")
    elif is_zone(zone):
        notes.ok("time zone", zone)
    else:
        notes.broken("time zone", f"{zone} is not known to this machine", "install tzdata, or mend time_zone")  # fmt: skip
