"""Pressure stall information: the share of time in which tasks waited for a resource."""

from __future__ import annotations

import math

from capmon.collectors.cgroup import Limits
from capmon.collectors.files import read
from capmon.collectors.tally import Tally
from capmon.errors import SourceError

WITHOUT = "not available: kernel without PSI"
"""Why there is nothing to say when the kernel does not keep it."""

_KINDS = {"cpu": ("some",), "memory": ("some", "full"), "io": ("some", "full")}


def parse(text: str) -> dict[str, float]:
    """Ratios of the last 10 s by kind, `some` and `full`; lines that cannot be read are skipped."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        for item in rest.split():
            name, _, value = item.partition("=")
            if name == "avg10":
                try:
                    percent = float(value)
                except ValueError:
                    continue
                if math.isfinite(percent) and percent >= 0:
                    found[kind] = percent / 100
    return found


class Pressure:
    """Reads the pressure on CPU, memory and I/O."""

    def __init__(self, proc: str) -> None:
        self._folder = f"{proc}/pressure"

    def read(self, limits: Limits, at: float, tally: Tally) -> None:  # noqa: ARG002  as the other parts
        """Read the three files once."""
        for resource, kinds in _KINDS.items():
            keys = {kind: f"system.pressure.{resource}.{kind}.avg10" for kind in kinds}
            try:
                found = parse(read(f"{self._folder}/{resource}", absent=WITHOUT))
            except SourceError as error:
                tally.lack(str(error), *keys.values())
                continue
            for kind, metric_key in keys.items():
                if kind in found:
                    tally.put(metric_key, found[kind])
                else:
                    tally.lack(f"/proc/pressure/{resource} does not say", metric_key)
