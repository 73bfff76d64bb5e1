"""Keeps the lease of a target while an autoscaler acts on it."""

from __future__ import annotations

import asyncio
import contextlib

from capmon.actions.targets.base import Lease
from capmon.clock import Clock
from capmon.errors import CapmonError

LETTING_GO = 0.5
"""Seconds that giving it back may take; after that it expires."""

LEAST_PAUSE = 0.05
"""Seconds between two renewals at least."""


class LeaseKeeper:
    """Gets the lease and renews it three times within its duration; says when we may not act.

    Args:
        lease: The target's; None where it has none, and everyone may act.
        clock: Time.
    """

    def __init__(self, lease: Lease | None, clock: Clock) -> None:
        self._lease = lease
        self._clock = clock
        self._problem = "the lease was not asked for yet"
        self._keeping: asyncio.Task[None] | None = None

    @property
    def problem(self) -> str:
        """Why we may not act now; empty when we may."""
        if self._lease is None:
            return ""
        if self._problem:
            return self._problem
        # Neither a renewal that hangs nor one that failed may outlive the lease.
        overdue = self._clock.boottime() > self._lease.valid_until
        return "the lease could not be renewed in time" if overdue else ""

    @property
    def notice(self) -> str:
        """Why there is no lease although the target could have one; empty when there is."""
        return "" if self._lease is None else self._lease.notice

    def start(self) -> None:
        """Begin to keep it."""
        if self._lease is not None:
            self._keeping = asyncio.create_task(self._keep(self._lease), name="capmon-lease")

    async def stop(self) -> None:
        """Give it back."""
        keeping, self._keeping = self._keeping, None
        if keeping is None or self._lease is None:
            return
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        self._problem = "the lease was given back"
        with contextlib.suppress(TimeoutError, CapmonError):
            async with asyncio.timeout(LETTING_GO):
                await self._lease.release()

    async def _keep(self, lease: Lease) -> None:
        held = False
        while True:
            try:
                self._problem = await (lease.renew() if held else lease.acquire())
            except CapmonError as error:
                self._problem = str(error)
            held = not self._problem
            await asyncio.sleep(max(lease.duration / 3, LEAST_PAUSE))
