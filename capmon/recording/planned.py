"""The plan of a record, made in a process of its own: seconds of arithmetic would make a screen slow."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from capmon.clock import AUTO_ZONE, SystemClock, local_zone
from capmon.config.schema import Settings
from capmon.errors import CapmonError
from capmon.model.plan import Plan, PlanQuestion

GATHERING = "gathering the evidence"

Tell = Callable[[str], None]
"""Is told what is being done."""

NICE = 10
"""How far the process steps back behind whoever watches."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which plan."""

    settings: Settings
    """All settings."""

    question: PlanQuestion
    """Horizon, growth, probability."""

    file: Path | None = None
    """History file; None takes the configuration's."""

    name: str | None = None
    """Record; None takes the configuration's."""

    at: float | None = None
    """Unix time to plan from; None plans from now."""


def planned(asked: Asked, tell: Tell) -> Plan:
    """The plan of a record, made here and now.

    Raises:
        CapmonError: There is no record, or it does not carry a plan.
    """
    from capmon.recording.opening import open_record

    settings = asked.settings
    zone = settings.time_zone if settings.time_zone != AUTO_ZONE else local_zone()
    now = SystemClock().now() if asked.at is None else asked.at
    with contextlib.closing(open_record(settings, file=asked.file, name=asked.name)) as reader:
        tell(GATHERING)
        from capmon.planning.evidence import gather
        from capmon.planning.plan import plan

        return plan(gather(reader, settings, asked.question, now, zone), tell)


def planned_aside(asked: Asked, tell: Tell) -> Plan:
    """The plan of a record, made by another process, which ends with this one; waits for it.

    Raises:
        CapmonError: There is no record, or it does not carry a plan; or the process failed, and
            the text says how.
    """
    try:
        process = _begun()
    except OSError:  # no process is to be had; a plan is worth some slow keys
        return planned(asked, tell)
    with process:
        ask, answers = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
        try:
            pickle.dump(asked, ask)
            ask.flush()
            while not isinstance(told := pickle.load(answers), Plan):  # noqa: S301 - it is ours
                if isinstance(told, tuple):
                    raise CapmonError(*told)
                tell(told)
        except (EOFError, OSError, pickle.UnpicklingError):
            process.kill()
            raise CapmonError(f"no plan: its process ended with {process.wait()}") from None
    return told


def _begun() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        # -P: a file in the current folder must not stand in for a package.
        [sys.executable, "-P", "-m", "capmon.recording.planned"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        start_new_session=True,  # keys of the terminal are for the screen
    )


def main() -> None:
    """Read what is asked from standard input; write what is done, then the plan or a tuple with why not."""
    asked: Asked = pickle.load(sys.stdin.buffer)  # noqa: S301 - it is ours
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(OSError):
        os.nice(NICE)

    def write(what: str | Plan | tuple[str]) -> None:
        pickle.dump(what, sys.stdout.buffer)
        sys.stdout.buffer.flush()

    try:
        write(planned(asked, write))
    except CapmonError as fault:
        write((str(fault),))
    except Exception as fault:  # a chapter's fault is told where the plan would be
        write((f"no plan: {type(fault).__name__}: {fault}",))


def _end_with_parent() -> None:
    """Standard input stays open as long as whoever asked lives."""
    os.read(0, 1)
    os._exit(0)


if __name__ == "__main__":
    main()
