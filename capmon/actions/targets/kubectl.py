"""kubectl, with its own contexts and credentials: where it looks, how long it may take, what it says."""

from __future__ import annotations

import re
from typing import Any

from capmon.actions.redact import foreign
from capmon.actions.run import Completed, run
from capmon.actions.targets.base import READ_DEADLINE, document
from capmon.errors import TargetError

DOCUMENT_LIMIT = 1024 * 1024
"""Bytes of an answer that are kept: annotations alone may take 256 KiB of a document."""

FORBIDDEN, NOT_FOUND, CONFLICT, EXISTS = "Forbidden", "NotFound", "Conflict", "AlreadyExists"
"""Reasons that the server gives with a refusal, of the API's `metav1.StatusReason`."""

# client-go's own log lines come before the one line meant for people.
_LOG_LINE = re.compile(r"^[IWEF][0-9]{4} .*\n?", re.MULTILINE)

_REASON = re.compile(r"Error from server \((\w+)\): ")
_PREFIX = re.compile(r"(?:Error from server(?: \(\w+\))?: |error: |no objects passed to scale )+")
_MOVED = re.compile(r"Expected replicas to be ([0-9]+), was ([0-9]+)")


class Kubectl:
    """One namespace of one context.

    Args:
        namespace: The namespace; empty for the context's own.
        context: The context; empty for the current one.
        timeout: Seconds that a change may take.
    """

    def __init__(self, namespace: str, context: str, timeout: float) -> None:
        flags = (f"--context={context}" if context else "", f"--namespace={namespace}" if namespace else "")  # fmt: skip
        self.base = ("kubectl", *(flag for flag in flags if flag))
        self._timeout = timeout

    async def run(
        self, *arguments: str, deadline: float = READ_DEADLINE, stdin: bytes | None = None
    ) -> Completed:
        """Run it with these arguments after the namespace's.

        Raises:
            TargetError: It could not be started, did not end in time, or said too much.
        """
        argv = (*self.base, *arguments)
        completed = await run(
            argv, deadline=min(self._timeout, deadline), limit=DOCUMENT_LIMIT, stdin=stdin
        )
        if completed.truncated:
            raise TargetError(f"kubectl: the answer is over {DOCUMENT_LIMIT // 1024} KiB")
        return completed

    async def get(
        self, what: str, *options: str, deadline: float = READ_DEADLINE
    ) -> dict[str, Any]:
        """The document of an object or of a list.

        Raises:
            TargetError: No answer, or a refusal.
        """
        completed = await self.run("get", what, *options, "--output=json", deadline=deadline)
        if completed.code:
            raise TargetError(refused(completed))
        return document(completed.stdout, "kubectl get")

    async def change(self, *arguments: str) -> None:
        """Run what changes something, within the time that a change may take.

        Raises:
            TargetError: No answer, or a refusal.
        """
        completed = await self.run(*arguments, deadline=self._timeout)
        if completed.code:
            raise TargetError(refused(completed))


def refused(completed: Completed) -> str:
    """What kubectl said, as one line: the server's own words, less what everyone knows."""
    said = _LOG_LINE.sub("", completed.stderr).strip() or completed.stderr.strip()
    if moved := _MOVED.search(said):
        return f"kubectl: not changed: {moved[2]} replicas are asked for by now, not {moved[1]}"
    ended = "failed" if completed.code > 0 else f"ended by signal {-completed.code}"
    return f"kubectl: {foreign(_PREFIX.sub('', said)) or ended}"


def reason_of(completed: Completed) -> str:
    """Why the server refused, in the API's own word; empty when it did not say."""
    found = _REASON.search(completed.stderr) if completed.code else None
    return found[1] if found else ""
