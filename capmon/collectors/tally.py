"""What one reading has found so far: values, and gaps with their reasons."""

from __future__ import annotations

import math

from capmon.model.frame import HostFacts
from capmon.model.sample import Batch


class Tally:
    """Gathers the values of one reading; a key is either known or missing, never both."""

    __slots__ = ("_missing", "_values")

    def __init__(self) -> None:
        self._values: dict[str, float] = {}
        self._missing: dict[str, str] = {}

    def put(self, metric_key: str, value: float) -> None:
        """Note a value in the metric's own unit; one that is not finite counts as missing."""
        if math.isfinite(value):
            self._values[metric_key] = float(value)
            self._missing.pop(metric_key, None)
        else:
            self.lack("not a finite number", metric_key)

    def lack(self, reason: str, *metric_keys: str) -> None:
        """Note why metrics are not known; those that are known already stay so."""
        for metric_key in metric_keys:
            if metric_key not in self._values:
                self._missing[metric_key] = reason

    def batch(self, at: float, host: HostFacts | None) -> Batch:
        """What was found, as of Unix time `at`."""
        return Batch(at=at, values=self._values, missing=self._missing, host=host)

    def __bool__(self) -> bool:
        return bool(self._values)

    def reasons(self) -> list[str]:
        """The different reasons why something is missing, in the order they came."""
        return list(dict.fromkeys(self._missing.values()))
