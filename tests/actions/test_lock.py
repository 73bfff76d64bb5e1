"""One acting autoscaler per target: taken once, named to the second, given back by the kernel."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from capmon.actions.lock import ActorLock, Holder, lock_name
from capmon.clock import ManualClock
from capmon.errors import ActionRefused, CapmonError


def lock(folder: Path, name: str = "web", identity: str = "") -> ActorLock:
    """The lock of a target."""
    return ActorLock("command", name, ManualClock(), folder / "locks", identity=identity)


HOLDS = """
import asyncio, sys, time
from pathlib import Path
from capmon.actions.lock import ActorLock
from capmon.clock import SystemClock
one = ActorLock("command", "web", SystemClock(), Path(sys.argv[1]) / "locks")
asyncio.run(one.take())
print("held", flush=True)
time.sleep(60)
"""


async def test_a_second_one_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    """By its process id and its user."""
    first, second = lock(tmp_path), lock(tmp_path)
    await first.take()
    with pytest.raises(ActionRefused, match=rf"pid {os.getpid()}, .* acts on web already"):
        await second.take()
    assert first.held and not second.held


async def test_who_has_let_go_leaves_it_to_others(tmp_path: Path) -> None:
    """Also to the same one again."""
    first, second = lock(tmp_path), lock(tmp_path)
    await first.take()
    first.release()
    assert second.holder() is None
    await second.take()
    second.release()
    await first.take()
    assert first.held


async def test_each_target_has_its_own(tmp_path: Path) -> None:
    """Other names, and the same name of something else, do not stand in the way."""
    for one in (lock(tmp_path), lock(tmp_path, "db"), lock(tmp_path, "web", "--context=b")):
        await one.take()
        assert one.held


async def test_looking_takes_nothing(tmp_path: Path) -> None:
    """The holder is told, and nobody is told where there is none."""
    held, other = lock(tmp_path), lock(tmp_path)
    assert other.holder() is None
    await held.take()
    seen = other.holder()
    assert seen is not None
    assert (seen.pid, seen.host, seen.target) == (os.getpid(), socket.gethostname(), "web")
    assert held.holder() is None  # it is ourselves
    held.release()
    assert other.holder() is None


def test_the_kernel_gives_it_back(tmp_path: Path) -> None:
    """A process that was killed holds nothing, although its name still stands in the file."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        looking = lock(tmp_path)
        seen = looking.holder()
        assert seen is not None and seen.pid == process.pid
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert json.loads(looking.path.read_text())["pid"] == process.pid
    assert looking.holder() is None


async def test_it_can_be_taken_while_others_look(tmp_path: Path) -> None:
    """A look holds it for a moment at most, which is waited for."""
    looked = lock(tmp_path)
    looked.path.parent.mkdir(mode=0o700)
    looked.path.write_text("left by one who was killed")
    looked.path.chmod(0o600)
    for _ in range(50):
        assert looked.holder() is None
    await looked.take()
    assert looked.held


async def test_its_files_are_private(tmp_path: Path) -> None:
    """The file and the folder that it stands in."""
    held = lock(tmp_path)
    await held.take()
    assert stat.S_IMODE(held.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(held.path.parent.stat().st_mode) == 0o700


async def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Neither to take it nor to look at it."""
    one = lock(tmp_path)
    one.path.parent.mkdir(mode=0o700)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    one.path.symlink_to(elsewhere)
    with pytest.raises(CapmonError, match="symbolic link"):
        await one.take()
    with pytest.raises(CapmonError, match="symbolic link"):
        one.holder()
    assert elsewhere.read_text() == "mine"


async def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A pipe in its place holds nobody up."""
    one = lock(tmp_path)
    one.path.parent.mkdir(mode=0o700)
    os.mkfifo(one.path)
    with pytest.raises(CapmonError, match="no regular file"):
        await one.take()


async def test_a_text_that_is_damaged_still_refuses(tmp_path: Path) -> None:
    """The lock counts; who holds it is then not known."""
    held, second = lock(tmp_path), lock(tmp_path)
    await held.take()
    held.path.write_text('["\x1b[31m"]')
    with pytest.raises(ActionRefused, match="unknown"):
        await second.take()


def test_a_name_can_hold_anything() -> None:
    """The file's name is short and plain, and another one for each name."""
    names = ["a/b", "a b", "../../etc", "x" * 500, "\ud800", "µ", ""]
    made = {lock_name("command", n) for n in names}
    assert len(made) == len(names)
    assert all(len(n) < 100 and n.isascii() and "/" not in n for n in made)


def test_a_holder_reads_well() -> None:
    """What is not known is left out, and the host is named where it is another one."""
    assert str(Holder(None)) == "an autoscaler (unknown)"
    assert str(Holder(7, "ann", host=socket.gethostname())) == "an autoscaler (pid 7, ann)"
    assert str(Holder(7, "ann", host="far")) == "an autoscaler (pid 7, ann, on far)"
