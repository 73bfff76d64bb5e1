"""A Docker Swarm service, through the docker command and whatever it is configured to reach."""

from __future__ import annotations

import re
from typing import Any

from capmon.actions.redact import foreign, printable
from capmon.actions.run import checked, run
from capmon.actions.targets.base import READ_DEADLINE, count, document
from capmon.errors import TargetError
from capmon.model.results import ReplicaState

# "4/5", "1/2 (max 1 per node)"
_REPLICAS = re.compile(r"([0-9]{1,7})/([0-9]{1,7})(?: \(max [0-9]+ per node\))?")

# Engines before 23 print the word for `--format json`; all of them know the template.
_JSON = "{{json .}}"


class SwarmTarget:
    """One replicated service."""

    kind = "swarm"

    def __init__(self, service: str, timeout: float) -> None:
        self._service = service
        self._timeout = timeout
        self.name = printable(service, 80)
        self.notices: tuple[str, ...] = ()
        self.hindrance = ""

    async def read(self) -> ReplicaState:
        """Running and desired tasks, as `docker service ls` counts them.

        Raises:
            TargetError: No answer, no such service, or one that is not replicated.
        """
        # The filter matches beginnings of names, so the exact one is picked from the answer.
        argv = ("docker", "service", "ls", "--filter", f"name={self._service}", "--format", _JSON)
        text = checked(argv, await run(argv, deadline=min(self._timeout, READ_DEADLINE)))
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
        self.hindrance = await self._look_for_hindrance() if ready != desired else ""
        return ReplicaState(self.kind, self.name, ready, desired)

    def argv(self, to: int, _state: ReplicaState, /) -> tuple[str, ...]:
        """`docker service scale`, returning when the swarm has accepted it."""
        return ("docker", "service", "scale", "--detach", f"{self._service}={to}")

    async def write(self, to: int, state: ReplicaState, /) -> None:
        """Ask for `to` replicas.

        Raises:
            TargetError: The engine said no or did not answer in time.
        """
        argv = self.argv(to, state)
        checked(argv, await run(argv, deadline=self._timeout))

    async def close(self) -> None:
        """Nothing is held open."""

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
            text = checked(argv, await run(argv, deadline=min(self._timeout, READ_DEADLINE / 2)))
            tasks = [document(line, "docker service ps") for line in text.splitlines()]
        except TargetError:
            return ""  # the counts are known, and this only explains them
        running = {t.get("Name") for t in tasks if str(t.get("CurrentState")).startswith("Running")}
        for task in tasks:
            if task.get("Error") and task.get("Name") not in running:
                return foreign(str(task["Error"]).strip('"'), 120)
        return ""
