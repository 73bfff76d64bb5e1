"""What every collector is: a name, a pace, and one coroutine that returns a batch."""

from __future__ import annotations

from typing import Protocol

from capmon.model.sample import Batch


class Collector(Protocol):
    """One source of measurements."""

    @property
    def name(self) -> str:
        """Stable name for the health list: `host`, `app`, `processes`."""

    @property
    def interval(self) -> float:
        """Seconds between two readings when all is well."""

    @property
    def deadline(self) -> float:
        """Seconds after which a reading is given up."""

    async def collect(self) -> Batch:
        """Read once.

        Raises:
            SourceError: The source as a whole could not be read. One missing part is no error:
                it goes into `Batch.missing`.
        """

    async def close(self) -> None:
        """Let go of connections and files."""
