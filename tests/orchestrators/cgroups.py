"""Control groups that a test has made, taken away once nothing runs in them."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")

PATIENCE = 15.0
"""Seconds in which killed processes must have left."""


def remove(name: str) -> None:
    """Remove the groups of this name, with all below them, from every hierarchy."""
    end = time.monotonic() + PATIENCE
    while found := [*ROOT.glob(name), *ROOT.glob(f"*/{name}")]:
        for top in found:
            for folder, _, _ in os.walk(top, topdown=False):
                with contextlib.suppress(OSError):
                    Path(folder).rmdir()
        assert time.monotonic() < end, f"something still runs in {found}"
        time.sleep(0.05)
