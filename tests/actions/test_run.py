"""Running programs: no shell, deadlines, bounded output, nothing left behind."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from capmon.actions.run import OUTPUT_LIMIT, checked, run
from capmon.errors import TargetError

PY = (sys.executable, "-IS", "-c")

SLEEPERS = """
import subprocess, sys, signal, time
child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
a = subprocess.Popen([sys.executable, "-IS", "-c", child], **quiet)
b = subprocess.Popen([sys.executable, "-IS", "-c", "import time; time.sleep(600)"])
open(sys.argv[1], "w").write(f"{a.pid} {b.pid}")
"""


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet taken away does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


async def gone(pids: list[int]) -> bool:
    """Whether all of them end within a few seconds."""
    for _ in range(100):
        if not any(alive(p) for p in pids):
            return True
        await asyncio.sleep(0.05)
    return False


async def written(path: Path) -> list[int]:
    """The two numbers in a file, once they are there."""
    for _ in range(500):
        found = _numbers(path)
        if len(found) == 2:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError("the program has not started")


def _numbers(path: Path) -> list[int]:
    return [int(n) for n in path.read_text().split()] if path.exists() else []


async def test_arguments_arrive_as_they_are() -> None:
    """Separators, substitutions, newlines and escapes are one argument each."""
    odd = ["a; touch /tmp/x", "$(id)", "`id`", "a\nb", "\x1b[31m", "", "*", "--", "é\udcff"]
    done = await run([*PY, "import os,sys; print(ascii(sys.argv[1:]))", *odd], deadline=20)
    assert done.stdout.strip() == ascii(odd)
    assert done.code == 0


async def test_output_has_no_controls() -> None:
    """What a program prints cannot act on the terminal; newlines stay for the parser."""
    done = await run([*PY, r"print('a\x1b[31mb\x07c\x9b\nd')"], deadline=20)
    assert done.stdout == "abc\nd\n"


async def test_output_is_bounded_and_the_writer_not_blocked() -> None:
    """A flood is cut at the limit, and the program still comes to its end."""
    done = await run([*PY, "import sys; sys.stdout.write('x' * 3_000_000)"], deadline=20)
    assert (len(done.stdout), done.truncated, done.code) == (OUTPUT_LIMIT, True, 0)


async def test_input_and_terminal_are_not_there() -> None:
    """A program that asks gets an end of file, and finds no terminal to ask on."""
    code = (
        "import sys\n"
        "print(repr(sys.stdin.read()))\n"
        "try: open('/dev/tty')\n"
        "except OSError: print('no tty')"
    )
    assert (await run([*PY, code], deadline=20)).stdout == "''\nno tty\n"


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["no-such-program-here"], "no-such-program-here: not found"),
        (["/etc/passwd"], "passwd: may not be run"),
        (["/dev/null/x\x1b[31m"], "x: cannot be run: "),
        (["a\0b"], "a b: cannot be run: embedded null byte"),
        ([], "no program is configured"),
    ],
)
async def test_what_cannot_start_is_said(argv: list[str], text: str) -> None:
    """A missing or forbidden program is an error in words."""
    with pytest.raises(TargetError) as caught:
        await run(argv, deadline=20)
    assert str(caught.value).startswith(text)
    assert str(caught.value).isprintable()


async def test_failure_says_what_stderr_said() -> None:
    """The error is the program's own, cut to 300 printable characters, secrets removed."""
    code = r"import sys; sys.stderr.write('\x1b[1mtoken=abc ' + 'no ' * 500); sys.exit(3)"
    argv = [*PY, code]
    done = await run(argv, deadline=20)
    with pytest.raises(TargetError) as caught:
        checked(argv, done)
    name, _, said = str(caught.value).partition(": ")
    assert name.startswith("python")
    assert said.startswith("token=*** no no")
    assert len(said) == 300
    silent = [*PY, "raise SystemExit(3)"]
    with pytest.raises(TargetError, match=r": exit 3$"):
        checked(silent, await run(silent, deadline=20))


async def test_signal_is_named() -> None:
    """A program that was killed says by which signal."""
    argv = [*PY, "import os; os.kill(os.getpid(), 15)"]
    with pytest.raises(TargetError, match=r": ended by signal 15$"):
        checked(argv, await run(argv, deadline=20))


async def test_deadline_ends_child_and_grandchildren(tmp_path: Path) -> None:
    """A program that hangs ends with all it started, even where SIGTERM is ignored."""
    pids = tmp_path / "pids"
    code = SLEEPERS + "time.sleep(600)"
    with pytest.raises(TargetError, match=r": no answer in 1 s$"):
        await run([*PY, code, str(pids)], deadline=1)
    assert await gone(await written(pids))


async def test_descendants_do_not_hold_the_answer_back(tmp_path: Path) -> None:
    """A child of the program that keeps the output open is ended; the answer comes."""
    pids = tmp_path / "pids"
    done = await run([*PY, SLEEPERS + "print('done')", str(pids)], deadline=20)
    assert (done.code, done.stdout) == (0, "done\n")
    assert await gone(await written(pids))


async def test_cancelling_ends_the_whole_group(tmp_path: Path) -> None:
    """Leaving in the middle leaves nothing behind."""
    pids = tmp_path / "pids"
    task = asyncio.create_task(run([*PY, SLEEPERS + "time.sleep(600)", str(pids)], deadline=60))
    started = await written(pids)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(started)


async def test_exit_without_waiting_leaves_no_child(tmp_path: Path) -> None:
    """A capmon that exits while a program runs takes it along."""
    pids = tmp_path / "pids"
    code = (
        "import asyncio, sys, os\n"
        "from capmon.actions.run import run\n"
        "argv = json.loads(sys.argv[1])\n"
        "async def main():\n"
        "    task = asyncio.create_task(run(argv, deadline=60))\n"
        "    while not os.path.exists(sys.argv[2]): await asyncio.sleep(.02)\n"
        "    sys.exit(7)\n"
        "asyncio.run(main())\n"
    )
    argv = json.dumps([*PY, SLEEPERS + "time.sleep(600)", str(pids)])
    left = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", "import json\n" + code, argv, str(pids)],
        timeout=30,
        check=False,
    )
    assert left.returncode == 7
    assert await gone(await written(pids))


async def test_no_descriptor_is_left_open() -> None:
    """Success, failure to start and deadline give back every descriptor."""

    async def each() -> None:
        await run([*PY, "print(1)"], deadline=20)
        with pytest.raises(TargetError):
            await run(["no-such-program-here"], deadline=20)
        with pytest.raises(TargetError):
            await run([*PY, "import time; time.sleep(60)"], deadline=0.05)

    await each()
    before = set(os.listdir("/proc/self/fd"))
    await each()
    assert set(os.listdir("/proc/self/fd")) == before
