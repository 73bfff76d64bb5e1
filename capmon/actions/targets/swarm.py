"""A Docker Swarm service, through the docker command and whatever it is configured to reach."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from capmon.actions.redact import foreign, printable
from capmon.actions.run import checked, run
from capmon.actions.targets.base import READ_DEADLINE, Lease, count, document, lookup
from capmon.errors import TargetError
from capmon.model.results import ReplicaState

# "4/5", "1/2 (max 1 per node)"
_REPLICAS = re.compile(r"([0-9]{1,7})/([0-9]{1,7})(?: \(max [0-9]+ per node\))?")

# Engines before 23 print the word for `--format json`; all of them know the template.
_JSON = "{{json .}}"

_UNDER_WAY = ("updating", "rollback_started")
_STUCK = ("paused", "rollback_paused")


class SwarmTarget:
    """One replicated service.

    `docker service scale` takes no precondition. So the count is looked at once more right
    before, and right after the swarm is asked which count the change has replaced.
    """

    kind = "swarm"

    def __init__(self, service: str, timeout: float) -> None:
        self._service = service
        self._timeout = timeout
        self.name = printable(service, 80)
        self.notices: tuple[str, ...] = ()
        self.owners: tuple[str, ...] = ()
        self.hindrance = ""
        self.lease: Lease | None = None

    def look_closely(self) -> None:
        """Every reading sees all that there is."""

    async def read(self) -> ReplicaState:
        """Running and desired tasks, as `docker service ls` counts them.

        Raises:
            TargetError: No answer, no such service, or one that is not replicated.
        """
        # The filter matches beginnings of names, so the exact one is picked from the answer.
        listing = ("docker", "service", "ls", "--filter", f"name={self._service}", "--format", _JSON)  # fmt: skip
        text, described = await asyncio.gather(self._ask(listing), self._describe())
        row = self._row(text)
        mode = row.get("Mode")
        if mode != "replicated":
            raise TargetError(
                f"service {self.name} is {foreign(str(mode), 40)}: it has no count to scale"
            )
        match = _REPLICAS.fullmatch(str(row.get("Replicas", "")).strip())
        if match is None:
            said = foreign(str(row.get("Replicas")), 40)
            raise TargetError(f"service {self.name}: {said!r} is no count of replicas")
        ready, desired = count(int(match[1]), "ready"), count(int(match[2]), "desired")
        self.notices = notices_of(described, self.name)
        self.hindrance = await self._look_for_hindrance() if ready != desired else ""
        version = printable(str(lookup(described, "Version", "Index") or ""), 40)
        return ReplicaState(self.kind, self.name, ready, desired, version=version)

    def argv(self, to: int, _state: ReplicaState, /) -> tuple[str, ...]:
        """`docker service scale`, returning when the swarm has accepted it."""
        return ("docker", "service", "scale", "--detach", f"{self._service}={to}")

    async def write(self, to: int, state: ReplicaState, /) -> None:
        """Ask for `to` replicas.

        Raises:
            TargetError: The count moved meanwhile, or the engine said no or did not answer in time.
        """
        now = spec_count(await self._describe(), "Spec")
        if state.desired is not None and now not in (None, state.desired):
            raise TargetError(
                f"not changed: {now} replicas are asked for by now, not {state.desired}"
            )
        argv = self.argv(to, state)
        checked(argv, await run(argv, deadline=self._timeout))
        replaced = spec_count(await self._described(), "PreviousSpec")
        if state.desired is not None and replaced not in (None, state.desired, to):
            raise TargetError(
                f"{to} has replaced {replaced}, which someone asked for at the same moment"
            )

    async def close(self) -> None:
        """Nothing is held open."""

    async def _ask(self, argv: tuple[str, ...], deadline: float = READ_DEADLINE) -> str:
        completed = await run(argv, deadline=min(self._timeout, deadline))
        text = checked(argv, completed)
        if completed.truncated:
            raise TargetError(f"{' '.join(argv[:3])}: the answer is too long")
        return text

    async def _describe(self) -> dict[str, Any]:
        """The service's own document; empty where there is none of this name, which the listing says better."""
        argv = ("docker", "service", "inspect", "--format", _JSON, self._service)
        completed = await run(argv, deadline=min(self._timeout, READ_DEADLINE))
        if completed.code or completed.truncated:
            return {}
        return document(completed.stdout, "docker service inspect")

    async def _described(self) -> dict[str, Any]:
        """The same where the change is made and only a remark depends on it."""
        try:
            return await self._describe()
        except TargetError:
            return {}

    def _row(self, text: str) -> dict[str, Any]:
        rows = [document(line, "docker service ls") for line in text.splitlines() if line.strip()]
        for row in rows:
            if row.get("Name") == self._service:
                return row
        raise TargetError(f"there is no service {self.name}")

    async def _look_for_hindrance(self) -> str:
        """The error of the latest task of a replica that does not run."""
        argv = ("docker", "service", "ps", "--no-trunc", "--format", _JSON, self._service)
        try:
            text = await self._ask(argv, READ_DEADLINE / 2)
            tasks = [document(line, "docker service ps") for line in text.splitlines()]
        except TargetError:
            return ""  # the counts are known, and this only explains them
        running = {t.get("Name") for t in tasks if str(t.get("CurrentState")).startswith("Running")}
        for task in tasks:
            if task.get("Error") and task.get("Name") not in running:
                return foreign(str(task["Error"]).strip('"'), 120)
        return ""


def spec_count(described: dict[str, Any], which: str) -> int | None:
    """Replicas that a service's `Spec` or `PreviousSpec` asks for; None where it does not say."""
    found = lookup(described, which, "Mode", "Replicated", "Replicas")
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def notices_of(described: dict[str, Any], name: str) -> tuple[str, ...]:
    """What the service's update says that a person should know before scaling it."""
    state = lookup(described, "UpdateStatus", "State")
    if state in _UNDER_WAY:
        return (f"an update of {name} is under way",)
    if state in _STUCK:
        said = foreign(str(lookup(described, "UpdateStatus", "Message") or ""), 100)
        return (f"an update of {name} is paused{': ' + said if said else ''}",)
    return ()
