"""What size a replica should have: what the recommender learns, put to the vertical policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from capmon.config.schema import Settings
from capmon.errors import CapmonError
from capmon.model.names import APP_CPU, APP_MEMORY, HOST_CPU, HOST_MEMORY, MEMORY_USAGE
from capmon.model.policies import TierAdvice
from capmon.scaling.kept import plain, revived
from capmon.scaling.policies.base import Situation
from capmon.scaling.policies.recommender import Recommender
from capmon.scaling.policies.vertical import BRIDGE, VerticalPolicy, VerticalState

MINUTE = 60.0
"""Seconds between two samples of the recommender."""

HOST_CORES, HOST_BYTES = "system.cpu.limit", "system.memory.limit"


class ReplicaSize:
    """The vertical policy with its recommender.

    Args:
        settings: All settings; tiers are configured.
    """

    def __init__(self, settings: Settings) -> None:
        scaling = settings.scaling
        self._policy = VerticalPolicy(
            scaling.vertical,
            settings.tiers,
            currency=scaling.currency,
            bridge=max(BRIDGE, 3 * scaling.every),
        )
        self._state = self._policy.start()
        self._recommender = Recommender()
        self._sampled: float | None = None
        self._tier = next((t for t in settings.tiers if t.name == scaling.vertical.tier), None)

    def step(self, seen: Situation) -> TierAdvice:
        """What to say of the size now."""
        values = seen.values
        cores, memory = _cores(values), _memory(values)
        if self._sampled is None or seen.at - self._sampled >= MINUTE:
            self._sample(seen, cores, memory)
        advice, self._state = self._policy.decide(
            self._state, seen, cores=cores, memory=memory, request=self._recommender.recommend()
        )
        return advice

    def state(self) -> dict[str, Any]:
        """All that is remembered, fit for JSON."""
        return {"policy": plain(self._state), "recommender": self._recommender.to_state()}

    def restore(self, document: Any, seconds: float) -> str:
        """Remember it with `seconds` added to every time.

        Returns:
            What was dropped because it could not be read; else nothing.
        """
        try:
            state = revived(VerticalState, document["policy"])
            recommender = Recommender.from_state(document["recommender"])
        except (KeyError, TypeError, ValueError, CapmonError) as fault:
            return f"what was learned of the replicas' size is dropped: {fault}"
        recommender.moved(seconds)
        self._state, self._recommender = self._policy.moved(state, seconds), recommender
        return ""

    def _sample(self, seen: Situation, cores: float | None, memory: float | None) -> None:
        """Count what one replica uses now, where its size is known."""
        self._sampled, values = seen.at, seen.values
        if self._tier is not None:
            cores = self._tier.cores if cores is None else cores
            memory = self._tier.memory if memory is None else memory
        share = values.get(APP_CPU, values.get(HOST_CPU))
        if share is not None and cores is not None:
            self._recommender.add_cpu(seen.at, share * cores)
        used = values.get(MEMORY_USAGE)
        if used is None and memory is not None:
            share = values.get(APP_MEMORY, values.get(HOST_MEMORY))
            used = None if share is None else share * memory
        if used is not None:
            self._recommender.add_memory(seen.at, used)


def _cores(values: Mapping[str, float]) -> float | None:
    """Cores of one replica: the host's where it is the host that is measured; else only the tier tells."""
    return None if APP_CPU in values else values.get(HOST_CORES)


def _memory(values: Mapping[str, float]) -> float | None:
    """Bytes of one replica: what it says it uses, over the share that this is."""
    if APP_MEMORY not in values:
        return values.get(HOST_BYTES)
    used, share = values.get(MEMORY_USAGE), values[APP_MEMORY]
    return used / share if used is not None and share > 0 else None
