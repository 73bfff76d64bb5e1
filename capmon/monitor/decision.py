"""What an autoscaler says: one decision, as a line for people and as a document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from capmon.clock import rfc3339
from capmon.model.policies import Wait
from capmon.model.text import one_line
from capmon.model.units import span


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing that an autoscaler has to say."""

    at: float
    """Unix time."""

    event: str
    """`started`, `verdict`, `blind`, `seeing`, `outcome`, `worse`, `notice` or `stopped`."""

    policy: str = ""
    """The policy that is followed."""

    desired: int | None = None
    """Replicas asked for now."""

    ready: int | None = None
    """Replicas that serve."""

    to: int | None = None
    """Replicas that the policy wants, or that the action asked for."""

    reasons: tuple[str, ...] = ()
    """Each term that led to it, the strongest first; or why nothing is done."""

    binds: str = ""
    """What keeps it from more or less than that."""

    waits: tuple[Wait, ...] = ()
    """What holds it up."""

    refusals: tuple[str, ...] = ()
    """Why it is not done."""

    done: str = ""
    """What became of it: `accepted`, `dry-run`, `failed`, `refused`, `done`; empty when nothing was tried."""

    detail: str = ""
    """The error, or a remark."""

    def line(self) -> str:
        """One line: `14:32:07Z  4 of 4 → 6  hpa: cpu 90 % … · max 6 · accepted`."""
        head = rfc3339(self.at, timespec="seconds").partition("T")[2]
        waits = [f"{w.what} {span(w.seconds)}" for w in self.waits]
        why = "; ".join(self.reasons)
        parts = [
            f"{self.policy}: {why}" if self.policy and why else self.policy or why,
            # A wait says the same, and how long still.
            "" if any(self.binds.startswith(w.what) for w in self.waits) else self.binds,
            ", ".join(waits),
            f"not done: {'; '.join(self.refusals)}" if self.refusals else "",
            self.done,
            self.detail,
        ]
        # Every other one says in words what it is about.
        counted = self.event in ("verdict", "outcome")
        left = (head, self._counts() if counted else self.event)
        said = " · ".join(p for p in parts if p)
        return one_line("  ".join([*(x for x in left if x), said]).rstrip())

    def document(self) -> dict[str, Any]:
        """All of it, fit for JSON; unknown is null."""
        return {
            "at": rfc3339(self.at),
            "event": self.event,
            "policy": self.policy,
            "desired": self.desired,
            "ready": self.ready,
            "to": self.to,
            "reasons": list(self.reasons),
            "binds": self.binds,
            "waits": [
                {"what": w.what, "up": w.up, "seconds": round(w.seconds, 3)} for w in self.waits
            ],
            "refusals": list(self.refusals),
            "done": self.done,
            "detail": self.detail,
        }

    def _counts(self) -> str:
        """`4 of 4 → 6`, `4 of 4`, `3 → 4`, or nothing."""
        now = "" if self.desired is None else str(self.desired)
        if self.ready is not None and now:
            now = f"{self.ready} of {now}"
        if self.to is None or self.to == self.desired:
            return now
        return f"{now or '?'} → {self.to}"
