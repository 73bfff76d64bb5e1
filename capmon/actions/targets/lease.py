"""A Lease of the Kubernetes API: of several autoscalers of one workload, one acts."""

from __future__ import annotations

import hashlib
import json
import math
import os
import secrets
import socket
from datetime import UTC, datetime
from typing import Any

from capmon.actions.redact import printable
from capmon.actions.run import Completed
from capmon.actions.targets.base import document, lookup
from capmon.actions.targets.kubectl import (  # fmt: skip
    CONFLICT,
    EXISTS,
    FORBIDDEN,
    NOT_FOUND,
    Kubectl,
    reason_of,
    refused,
)
from capmon.actions.targets.owners import singular
from capmon.clock import Clock
from capmon.errors import TargetError

DURATION = 60.0
"""Seconds without a renewal after which another may take the lease."""

ANSWER = 1 / 12
"""Share of the duration that one call may take: a call that hangs must not hide that time is up."""

GIVE_UP = 2 / 3
"""Share of the duration after which a holder that cannot renew begins nothing more, before others start."""

LONGEST = 3600.0
"""Seconds that a foreign lease is respected for at most, whatever it says of its duration."""

LONGEST_NAME = 253
"""Characters of the name of an object."""


class KubernetesLease:
    """The Lease `capmon-<kind>-<name>` beside the workload.

    Whether a holder is still there is judged by how long its record has stayed the same in our
    own eyes, never by comparing its clock with ours. Every write carries the resourceVersion
    that was read, so of two that take an expired lease one is refused.

    Source:
        k8s.io/client-go/tools/leaderelection.
    """

    def __init__(
        self, kubectl: Kubectl, workload: str, clock: Clock, duration: float = DURATION
    ) -> None:
        self.name = lease_name(workload)
        self.duration = duration
        self.notice = ""
        # Two hosts may have one name, and two containers one number.
        self.identity = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._kubectl = kubectl
        self._clock = clock
        self._held: dict[str, Any] | None = None
        # On the clock that counts a suspended machine's sleep: others have been awake meanwhile.
        self._renewed = -math.inf
        self._seen: tuple[Any, float] = (None, 0.0)

    @property
    def valid_until(self) -> float:
        """Until when we may begin to act, by the last renewal that the server has confirmed."""
        if self._held is None:
            return math.inf if self.notice else -math.inf
        return self._renewed + GIVE_UP * self.duration

    async def acquire(self) -> str:
        """Try to get it, or to keep it; empty when we may act, else who holds it or what is wrong.

        Without the right to leases we may act, and `notice` says that nobody else is kept from it.
        """
        if self._held is not None:
            return await self.renew()
        try:
            return await self._acquire()
        except TargetError as error:
            return f"lease {self.name} is not known: {error}"

    async def renew(self) -> str:
        """Keep it. A renewal that fails is no loss before two thirds of the duration are over."""
        if self._held is None:
            return await self.acquire()
        try:
            completed = await self._write(self._held)
            if not completed.code:
                return ""
            problem, lost = refused(completed), reason_of(completed) in (CONFLICT, NOT_FOUND)
        except TargetError as error:
            problem, lost = str(error), False
        if lost:
            # Someone took it, or our own last write got through although its answer did not.
            self._held = None
            return await self.acquire()
        if self._clock.boottime() < self.valid_until:
            return ""
        self._held = None
        return f"lease {self.name} could not be renewed: {problem}"

    async def release(self) -> None:
        """Let others have it at once, if it is ours."""
        held, self._held = self._held, None
        if held is None:
            return
        spec = {k: v for k, v in held["spec"].items() if k != "holderIdentity"}
        try:
            await self._send("replace", {**held, "spec": {**spec, "leaseDurationSeconds": 1}})
        except TargetError:
            return  # it expires

    async def _acquire(self) -> str:
        what = ("get", f"leases/{self.name}", "--output=json")
        completed = await self._kubectl.run(*what, deadline=ANSWER * self.duration)
        reason = reason_of(completed)
        if reason == FORBIDDEN:
            return self._without(completed)
        if reason == NOT_FOUND:
            return self._answer(await self._write(None))
        if completed.code:
            raise TargetError(refused(completed))
        found = document(completed.stdout, "kubectl get")
        if other := self._holder(found):
            return other
        return self._answer(await self._write(found))

    def _answer(self, completed: Completed) -> str:
        """What an attempt to write says of who acts now."""
        reason = reason_of(completed)
        if not completed.code:
            return ""
        if reason == FORBIDDEN:
            return self._without(completed)
        if reason in (CONFLICT, EXISTS):
            return f"another takes lease {self.name} at this moment"
        raise TargetError(refused(completed))

    def _without(self, completed: Completed) -> str:
        self.notice = f"no lease, so nothing keeps another autoscaler from acting too: {refused(completed)}"  # fmt: skip
        return ""

    def _holder(self, found: dict[str, Any]) -> str:
        """Who holds it, in words; empty when it is free, ours, or has expired before our eyes."""
        holder = lookup(found, "spec", "holderIdentity") or ""
        if holder in ("", self.identity):
            return ""
        record, now = lookup(found, "metadata", "resourceVersion"), self._clock.monotonic()
        if self._seen[0] != record:
            self._seen = (record, now)
        idle = now - self._seen[1]
        if idle >= _duration(lookup(found, "spec", "leaseDurationSeconds")):
            return ""
        shown = printable(str(holder), 80).rpartition(":")[0] or printable(str(holder), 80)
        return f"{shown} holds lease {self.name}"

    async def _write(self, found: dict[str, Any] | None) -> Completed:
        """Create the lease, or replace the version that was found, with us as its holder."""
        begun = self._clock.boottime()
        completed = await self._send("create" if found is None else "replace", self._ours(found))
        if not completed.code:
            self._held = document(completed.stdout, "kubectl")
            self._renewed, self.notice = begun, ""
        return completed

    async def _send(self, verb: str, body: dict[str, Any]) -> Completed:
        text = json.dumps(body).encode()
        # Checking it against the schema would load all of the server's schemas first.
        options = ("--filename=-", "--validate=false", "--output=json")
        deadline = ANSWER * self.duration
        return await self._kubectl.run(verb, *options, deadline=deadline, stdin=text)

    def _ours(self, found: dict[str, Any] | None) -> dict[str, Any]:
        now = _micro_time(self._clock.now())
        spec = dict(lookup(found, "spec") or {})
        metadata = dict(lookup(found, "metadata") or {"name": self.name})
        if spec.get("holderIdentity") != self.identity:
            turns = spec.get("leaseTransitions")
            spec["acquireTime"] = now
            spec["leaseTransitions"] = turns + 1 if isinstance(turns, int) else 0
        spec["holderIdentity"] = self.identity
        spec["leaseDurationSeconds"] = int(self.duration)
        spec["renewTime"] = now
        kind = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
        return {**kind, "metadata": metadata, "spec": spec}


def lease_name(workload: str) -> str:
    """`capmon-deployment-web` for `deploy/web`: one name however the kind is written."""
    name = f"capmon-{singular(workload)}-{workload.partition('/')[2]}"
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[:240]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def _duration(said: Any) -> float:
    valid = isinstance(said, int) and not isinstance(said, bool) and said > 0
    return min(float(said), LONGEST) if valid else DURATION


def _micro_time(at: float) -> str:
    """A time as the API's MicroTime: RFC 3339 with six decimals."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
