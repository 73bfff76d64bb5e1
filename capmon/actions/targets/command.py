"""Anything that two commands can count and set."""

from __future__ import annotations

import re
from collections.abc import Sequence

from capmon.actions.redact import foreign
from capmon.actions.run import OUTPUT_LIMIT, checked, program, run
from capmon.actions.targets.base import READ_DEADLINE, Lease, count, counted, document
from capmon.errors import TargetError
from capmon.model.results import ReplicaState

PLACEHOLDER = "{replicas}"
"""What stands for the count in the arguments of the command that sets it."""

_ONE = re.compile(r"[0-9]{1,7}")
_TWO = re.compile(r"([0-9]{1,7})\s*/\s*([0-9]{1,7})")


class CommandTarget:
    """A command that prints the count, and one that sets it."""

    kind = "command"

    def __init__(
        self, read: Sequence[str], write: Sequence[str], timeout: float, *, untrusted: str = ""
    ) -> None:
        self._read = tuple(read)
        self._write = tuple(write)
        self._timeout = timeout
        self._untrusted = untrusted
        self.name = program(self._write)
        self.notices: tuple[str, ...] = ()
        self.owners: tuple[str, ...] = ()
        self.hindrance = ""
        self.lease: Lease | None = None

    def look_closely(self) -> None:
        """Every reading sees all that there is."""

    async def read(self) -> ReplicaState:
        """The counts that the command prints.

        Raises:
            TargetError: It failed, was too slow, or printed something else.
        """
        self._check_trust()
        deadline = min(self._timeout, READ_DEADLINE)
        completed = await run(self._read, deadline=deadline)
        text = checked(self._read, completed)
        if completed.truncated:
            raise TargetError(
                f"{program(self._read)} printed over {OUTPUT_LIMIT // 1024} KiB, which is no count"
            )
        ready, desired = parse_counts(text, program(self._read))
        return counted(self.kind, self.name, ready, desired)

    def argv(self, to: int, _state: ReplicaState, /) -> tuple[str, ...]:
        """The command that sets the count, with the count in place."""
        first, *rest = self._write
        return (first, *(argument.replace(PLACEHOLDER, str(to)) for argument in rest))

    async def write(self, to: int, state: ReplicaState, /) -> None:
        """Run the command that sets the count.

        Raises:
            TargetError: It failed or was too slow.
        """
        self._check_trust()
        argv = self.argv(to, state)
        checked(argv, await run(argv, deadline=self._timeout))

    async def close(self) -> None:
        """Nothing is held open."""

    def _check_trust(self) -> None:
        if self._untrusted:
            raise TargetError(f"{self.name} is not run: {self._untrusted}")


def parse_counts(text: str, source: str) -> tuple[int | None, int | None]:
    """Ready and desired replicas from `N`, `READY/DESIRED` or `{"ready": n, "desired": m}`.

    A single number stands for both.

    Raises:
        TargetError: The text is none of these.
    """
    said = text.strip()
    if said.startswith("{"):
        found = document(said, source)
        return count(found.get("ready"), "ready"), count(found.get("desired"), "desired")
    if match := _TWO.fullmatch(said):
        return count(int(match[1]), "ready"), count(int(match[2]), "desired")
    if _ONE.fullmatch(said):
        both = count(int(said), "the count")
        return both, both
    shown = foreign(said, 60)
    raise TargetError(f"{source} printed {shown!r}, not N or READY/DESIRED" if shown else f"{source} printed nothing")  # fmt: skip
