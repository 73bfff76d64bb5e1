"""Run one program: argument list, no shell, a deadline, bounded output, nothing left behind."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import io
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from capmon.actions.redact import foreign, printable, unescape
from capmon.errors import TargetError

OUTPUT_LIMIT = 64 * 1024
"""Bytes of each of stdout and stderr that are kept; the rest is read and dropped."""

GRACE = 1.0
"""Seconds between SIGTERM and SIGKILL."""

LINGER = 0.5
"""Seconds that descendants may hold the output open after the program itself has ended."""

REAP = 0.5
"""Seconds that a killed program may take to die: one stuck in the kernel must not hold us up."""

_KEPT_CONTROLS = "\n\t"

_groups: set[int] = set()
"""Process groups that run now."""


@dataclass(frozen=True, slots=True)
class Completed:
    """What a program left."""

    code: int
    """Exit status; negative for the signal that ended it."""

    stdout: str
    """Standard output, control characters other than newline and tab removed."""

    stderr: str
    """Standard error, treated alike."""

    truncated: bool
    """Whether it wrote more to stdout than is kept."""


class _Capture(asyncio.Protocol):
    """Keeps the first bytes of a pipe and drains the rest, so that the writer never blocks."""

    def __init__(self, limit: int) -> None:
        self.kept = bytearray()
        self.truncated = False
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._limit = limit

    def data_received(self, data: bytes) -> None:
        room = self._limit - len(self.kept)
        self.kept += data[:room]
        self.truncated = self.truncated or len(data) > room

    def connection_lost(self, _exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)

    def text(self) -> str:
        """What was kept, without control characters."""
        decoded = unescape(self.kept.decode(errors="replace"))
        return "".join(c for c in decoded if c.isprintable() or c in _KEPT_CONTROLS)


async def run(
    argv: Sequence[str],
    *,
    deadline: float,
    limit: int = OUTPUT_LIMIT,
    stdin: bytes | None = None,
) -> Completed:
    """Run a program to its end.

    It gets the environment of capmon, no terminal, and a session of its own, so that whatever
    it starts ends with it when the deadline passes or capmon leaves.

    Args:
        argv: The program and its arguments, handed over as they are.
        deadline: Seconds until it is ended.
        limit: Bytes of each output that are kept.
        stdin: What it can read on its standard input; None for nothing at all.

    Raises:
        TargetError: It could not be started, or did not end in time.
    """
    if not argv:
        raise TargetError("no program is configured")
    name = program(argv)
    async with contextlib.AsyncExitStack() as stack:
        out, out_end = await _pipe(limit, stack)
        err, err_end = await _pipe(limit, stack)
        source = asyncio.subprocess.DEVNULL if stdin is None else _source(stdin, stack)
        process = await _start(name, argv, source, out_end, err_end)
        _groups.add(process.pid)
        stack.callback(_groups.discard, process.pid)
        # The writing ends are the child's alone: end of file means that all of it is gone.
        out_end.close()
        err_end.close()
        try:
            async with asyncio.timeout(deadline):
                code = await process.wait()
            await asyncio.wait((out.closed, err.closed), timeout=LINGER)
        except TimeoutError:
            _signal(process.pid, signal.SIGTERM)
            await _end(process, GRACE, out.closed, err.closed)
            raise TargetError(f"{name}: no answer in {deadline:g} s") from None
        except asyncio.CancelledError:
            await _end(process, 0.0)
            raise
        if not (out.closed.done() and err.closed.done()):
            _signal(process.pid, signal.SIGKILL)
    return Completed(code, out.text(), err.text(), out.truncated)


def checked(argv: Sequence[str], completed: Completed) -> str:
    """Standard output of a program that succeeded.

    Raises:
        TargetError: It failed; the text is what it wrote to stderr, cut and printable.
    """
    if completed.code == 0:
        return completed.stdout
    said = foreign(completed.stderr)
    if not said:
        # What it printed before it failed is no answer, and must not look like one.
        code, printed = completed.code, foreign(completed.stdout)
        said = f"exit {code}" if code > 0 else f"ended by signal {-code}"
        said += f" after {printed!r}" if printed else ""
    raise TargetError(f"{program(argv)}: {said}")


def program(argv: Sequence[str]) -> str:
    """Name of a program for a message."""
    return printable(PurePath(argv[0]).name or argv[0], 40)


def end_all() -> None:
    """Kill every program that runs now, with its descendants; for the way out."""
    for group in tuple(_groups):
        _signal(group, signal.SIGKILL)
    _groups.clear()


async def _pipe(limit: int, stack: contextlib.AsyncExitStack) -> tuple[_Capture, io.FileIO]:
    """Listen on a new pipe; what comes, and the pipe's writing end."""
    read_end, write_end = os.pipe()
    writer = stack.enter_context(io.FileIO(write_end, "wb"))
    capture = _Capture(limit)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: capture, io.FileIO(read_end, "rb"))
    stack.push_async_callback(_close, transport, capture)
    return capture, writer


def _source(stdin: bytes, stack: contextlib.AsyncExitStack) -> io.FileIO:
    """The bytes as a file in memory that has no name: a writer of a pipe could block, this cannot."""
    source = stack.enter_context(io.FileIO(os.memfd_create("stdin"), "r+b"))
    source.write(stdin)
    source.seek(0)
    return source


async def _close(transport: asyncio.BaseTransport, capture: _Capture) -> None:
    transport.close()
    await capture.closed


async def _start(
    name: str,
    argv: Sequence[str],
    source: int | io.FileIO,
    out_end: io.FileIO,
    err_end: io.FileIO,
) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            stdin=source,
            stdout=out_end,
            stderr=err_end,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise TargetError(f"{name}: not found") from None
    except PermissionError:
        raise TargetError(f"{name}: may not be run") from None
    except (OSError, ValueError) as error:
        raise TargetError(f"{name}: cannot be run: {foreign(str(error))}") from None


async def _end(
    process: asyncio.subprocess.Process, grace: float, *closed: asyncio.Future[None]
) -> None:
    """Kill the whole group after `grace` seconds, or once it is gone, and take its status."""
    ending = asyncio.create_task(process.wait())
    if grace:
        waited: set[asyncio.Future[Any]] = {ending, *closed}
        await asyncio.wait(waited, timeout=grace)
    # Descendants that ignore SIGTERM or closed their output are still in the group.
    _signal(process.pid, signal.SIGKILL)
    await asyncio.wait((ending,), timeout=REAP)
    ending.cancel()


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


atexit.register(end_all)
