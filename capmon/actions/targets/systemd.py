"""A systemd template unit: its replicas are the instances 1, 2, 3 and so on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from capmon.actions.redact import foreign, printable
from capmon.actions.run import checked, run
from capmon.actions.targets.base import READ_DEADLINE, Lease
from capmon.errors import TargetError
from capmon.model.results import ReplicaState

PROPERTIES = ("Id", "LoadState", "ActiveState", "SubState", "Result", "ExecMainStatus", "UnitFileState")  # fmt: skip
"""What is asked of each instance; systemd gives them in an order of its own."""

MOST_INSTANCES = 1000
"""Greatest number of instances: all that are started stand in one command."""

DOCUMENT_LIMIT = 1024 * 1024
"""Bytes of an answer that are kept: some 200 for each instance."""

_NUMBER = re.compile(r"[1-9][0-9]{0,6}")

_KEPT = ("enabled", "enabled-runtime", "linked", "linked-runtime", "alias")
"""Unit file states of an instance that systemd is told to start by itself."""

_UP = ("active", "activating", "reloading")


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance of the template, as systemd holds it in memory."""

    unit: str
    """Its whole name, such as `web@3.service`."""

    label: str
    """What stands between the `@` and the suffix."""

    load: str
    """`loaded`, `not-found`, `bad-setting`, `masked` and the like."""

    active: str
    """`active`, `activating`, `failed`, `inactive` and the like."""

    sub: str
    """The finer state, such as `running`, `exited` or `auto-restart`."""

    result: str
    """How its last run ended: `success`, `exit-code`, `oom-kill` and the like."""

    status: str
    """Exit status of its main process."""

    file: str
    """State of its unit file: `enabled`, `disabled`, `static` and the like."""

    @property
    def number(self) -> int | None:
        """Its number; None where the name is none."""
        return int(self.label) if _NUMBER.fullmatch(self.label) else None

    @property
    def wanted(self) -> bool:
        """Whether it is asked for: it runs or starts, or will at the next boot.

        An instance that has failed stays asked for as long as it is enabled; one that is being
        stopped is not.
        """
        return self.active in _UP or self.file in _KEPT

    @property
    def ready(self) -> bool:
        """Whether it runs; one that has exited does not serve, although systemd calls it active."""
        return self.active in ("active", "reloading") and self.sub in ("running", "reload")


class SystemdTarget:
    """The numbered instances of one template unit.

    A change names the instances that it starts or stops, so two of them that overlap do not add up.
    """

    kind = "systemd"

    def __init__(self, unit: str, timeout: float, *, user: bool = False) -> None:
        self._prefix = unit.removesuffix(".service")
        self._base = ("systemctl", *(("--user",) if user else ()))
        self._timeout = timeout
        title = f"{self._prefix}.service" + (" of this user" if user else "")
        self.name = printable(title, 80)
        self.notices: tuple[str, ...] = ()
        self.owners: tuple[str, ...] = ()
        self.hindrance = ""
        self.lease: Lease | None = None

    def look_closely(self) -> None:
        """Every reading sees all that there is."""

    async def read(self) -> ReplicaState:
        """Instances asked for and running; the state's version holds their numbers.

        Raises:
            TargetError: No systemd answers, or there is no such template.
        """
        first = f"{self._prefix}1.service"
        # Instance 1 is named too: a pattern finds what is in memory alone, a name says whether
        # there is a template.
        pattern = self._prefix.replace("\\", "\\\\") + "*.service"
        argv = (*self._base, "show", "--no-pager", f"--property={','.join(PROPERTIES)}")
        deadline = min(self._timeout, READ_DEADLINE)
        completed = await run((*argv, pattern, first), deadline=deadline, limit=DOCUMENT_LIMIT)
        text = checked(argv, completed)
        if completed.truncated:
            raise TargetError(f"systemctl show: the answer is over {DOCUMENT_LIMIT // 1024} KiB")
        found = instances_of(text, self._prefix)
        if (probe := found.get(first)) is None:
            raise TargetError(f"systemctl show: no answer about {first}")
        if probe.load in ("not-found", "bad-setting", "error"):
            raise TargetError(f"{self.name}: {printable(probe.load, 40)}")
        return self._state(list(found.values()))

    def argv(self, to: int, state: ReplicaState, /) -> tuple[str, ...]:
        """Enable and start the lowest numbers that are free, or disable and stop the highest.

        Empty where nothing can be named: the count is not known, too great, or as it is to be.
        """
        numbers = parse_numbers(state.version)
        missing = to - len(numbers)
        if state.desired is None or missing == 0 or not 0 <= to <= MOST_INSTANCES:
            return ()
        if missing > 0:
            chosen, verb = _lowest_free(numbers, missing), "enable"
        else:
            chosen, verb = sorted(numbers)[missing:], "disable"
        units = (f"{self._prefix}{n}.service" for n in chosen)
        # The answer comes when systemd has queued the jobs, not when the instances are up.
        return (*self._base, verb, "--now", "--no-block", *units)

    async def write(self, to: int, state: ReplicaState, /) -> None:
        """Ask systemd for `to` instances.

        Raises:
            TargetError: systemd said no, or did not answer in time.
        """
        argv = self.argv(to, state)
        if not argv:
            raise TargetError(f"{self.name} cannot have {to} instances")
        checked(argv, await run(argv, deadline=self._timeout))

    async def close(self) -> None:
        """Nothing is held open."""

    def _state(self, found: list[Instance]) -> ReplicaState:
        numbered = {i.number: i for i in found if i.number is not None}
        wanted = {n: i for n, i in numbered.items() if i.wanted}
        others = [i.unit for i in found if i.number is None and i.wanted]
        self.hindrance = hindrance_of(wanted.values())
        self.notices = (*_left_alone(others), *_not_kept(numbered.values()))
        ready = sum(i.ready for i in wanted.values())
        version = format_numbers(wanted)
        return ReplicaState(self.kind, self.name, ready, len(wanted), version=version)


def instances_of(text: str, prefix: str) -> dict[str, Instance]:
    """Instances by unit name from what `systemctl show` prints: `Name=value` in blocks."""
    found = {}
    for block in text.split("\n\n"):
        pairs = (line.partition("=") for line in block.splitlines())
        said = {name: value.strip() for name, _, value in pairs}
        unit = said.get("Id", "")
        if not (unit.startswith(prefix) and unit.endswith(".service")):
            continue
        label = unit[len(prefix) : -len(".service")]
        rest = (said.get(name, "") for name in PROPERTIES[1:])
        found[unit] = Instance(unit, label, *rest)
    return found


def hindrance_of(wanted: Iterable[Instance]) -> str:
    """Why an instance that is asked for does not run; those that have failed come first."""
    idle = [i for i in wanted if not i.ready]
    if not idle:
        return ""
    worst = min(idle, key=lambda i: (i.result in ("", "success"), i.number or 0))
    words = worst.sub if worst.active in ("active", "activating") else worst.active
    ended = "" if worst.result in ("", "success") else f": {worst.result}"
    if worst.result == "exit-code":
        ended += f" {worst.status}"
    return foreign(f"{worst.unit} {words}{ended}", 120)


def format_numbers(numbers: Iterable[int]) -> str:
    """Numbers in order as ranges: `1-3,5`."""
    spans: list[list[int]] = []
    for n in sorted(numbers):
        if spans and n == spans[-1][1] + 1:
            spans[-1][1] = n
        else:
            spans.append([n, n])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)


def parse_numbers(text: str) -> set[int]:
    """What `format_numbers` wrote."""
    found: set[int] = set()
    for part in text.split(",") if text else ():
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def _lowest_free(taken: set[int], n: int) -> list[int]:
    free: list[int] = []
    candidate = 1
    while len(free) < n:
        if candidate not in taken:
            free.append(candidate)
        candidate += 1
    return free


def _left_alone(units: list[str]) -> tuple[str, ...]:
    if not units:
        return ()
    names = ", ".join(sorted(units)[:3]) + (" and others" if len(units) > 3 else "")
    return (foreign(f"left alone and not counted, having no number: {names}", 160),)


def _not_kept(numbered: Iterable[Instance]) -> tuple[str, ...]:
    """Without an [Install] section systemd starts instances, and forgets them at a reboot."""
    static = any(i.file == "static" for i in numbered)
    return ("the template has no [Install] section: a reboot ends all replicas",) if static else ()
