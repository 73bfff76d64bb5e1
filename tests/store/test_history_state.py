"""The history file: what is kept outlives the process, its age is true, and no file is harmed."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from capmon.clock import Clock, ManualClock, SystemClock
from capmon.errors import CapmonError
from capmon.store.history import VERSION, History


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is to be."""
    return tmp_path / "state" / "capmon" / "history.db"


Opened = Callable[[Path, Clock], History]


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Open files; all are closed at the end."""
    with contextlib.ExitStack() as closing:

        def opening(path: Path, clock: Clock) -> History:
            history = History.open(path, clock)
            closing.callback(history.close)
            return history

        yield opening


def foreign(path: Path) -> contextlib.closing[sqlite3.Connection]:
    """The same file, opened by something else."""
    return contextlib.closing(sqlite3.connect(path, isolation_level=None))


def test_a_document_comes_back_with_its_age(opened: Opened, path: Path) -> None:
    """Whatever JSON holds, under its key, replaced by the next one, after a restart too."""
    clock = ManualClock()
    history = opened(path, clock)
    history.save_state("a", {"n": 1})
    history.save_state("a", {"n": [1.5, None, "×"]})
    history.save_state("b", 7)
    clock.advance(42.0)
    history.close()
    kept = opened(path, clock).load_state("a")
    assert kept is not None
    assert (kept.document, kept.age) == ({"n": [1.5, None, "×"]}, 42.0)


def test_nothing_kept_is_none(opened: Opened, path: Path) -> None:
    """An unknown key is no error."""
    assert opened(path, ManualClock()).load_state("a") is None


@pytest.mark.parametrize("step", [-1e6, 1e6])
def test_a_stepped_clock_changes_no_age(opened: Opened, path: Path, step: float) -> None:
    """Within one boot the wall clock has no say."""
    clock = ManualClock()
    history = opened(path, clock)
    history.save_state("a", 1)
    clock.step(step)
    clock.advance(10.0)
    kept = history.load_state("a")
    assert kept is not None and kept.age == 10.0


def test_after_a_reboot_the_wall_clock_tells_the_age(opened: Opened, path: Path) -> None:
    """And one that was set back makes it just now, never less."""
    clock = ManualClock()
    history = opened(path, clock)
    history.save_state("a", 1)
    clock.reboot()
    clock.advance(30.0)
    kept = history.load_state("a")
    assert kept is not None and kept.age == 30.0
    clock.step(-1000.0)
    kept = history.load_state("a")
    assert kept is not None and kept.age == 0.0


def test_only_its_owner_can_read_it(opened: Opened, path: Path) -> None:
    """The folder and every file in it."""
    history = opened(path, ManualClock())
    history.save_state("a", 1)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()}
    assert modes == dict.fromkeys(modes, 0o600) and "history.db-wal" in modes


def test_a_link_is_not_followed(opened: Opened, path: Path, tmp_path: Path) -> None:
    """Neither in the place of the file nor of its folder."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"mine")
    path.parent.mkdir(mode=0o700, parents=True)
    path.symlink_to(elsewhere)
    with pytest.raises(CapmonError, match="symbolic link"):
        opened(path, ManualClock())
    assert elsewhere.read_bytes() == b"mine"
    path.unlink()
    path.parent.rename(tmp_path / "real")
    path.parent.symlink_to(tmp_path / "real")
    with pytest.raises(CapmonError, match="symbolic link"):
        opened(path, ManualClock())


def test_a_folder_that_others_can_write_is_refused(opened: Opened, path: Path) -> None:
    """They could put another file in the place of ours."""
    path.parent.mkdir(parents=True)
    path.parent.chmod(0o777)
    with pytest.raises(CapmonError, match="other users"):
        opened(path, ManualClock())


def test_a_newer_file_is_left_as_it_is(opened: Opened, path: Path) -> None:
    """Not one byte of it changes, and the version is named."""
    path.parent.mkdir(mode=0o700, parents=True)
    newer = sqlite3.connect(path)
    newer.execute("CREATE TABLE future(x)")
    newer.execute(f"PRAGMA user_version = {VERSION + 1}")
    newer.close()
    before = path.read_bytes()
    with pytest.raises(CapmonError, match=f"newer capmon .version {VERSION + 1}"):
        opened(path, ManualClock())
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["history.db"]


def test_the_database_of_something_else_is_left_as_it_is(opened: Opened, path: Path) -> None:
    """A file of that name need not be ours."""
    path.parent.mkdir(mode=0o700, parents=True)
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE cookies(x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(CapmonError, match="something else"):
        opened(path, ManualClock())
    assert path.read_bytes() == before


def test_a_damaged_file_is_set_aside(opened: Opened, path: Path) -> None:
    """Under another name, with all its bytes; a new one is begun, and it is said."""
    path.parent.mkdir(mode=0o700, parents=True)
    path.write_bytes(b"no database at all" * 100)
    history = opened(path, ManualClock())
    history.save_state("a", 1)
    assert history.load_state("a") is not None
    (aside,) = path.parent.glob("history.db.damaged-*[0-9Z]")
    assert aside.read_bytes() == b"no database at all" * 100
    assert len(history.notices) == 1 and aside.name in history.notices[0]


def test_damage_that_shows_later_is_set_aside_too(opened: Opened, path: Path) -> None:
    """A torn page is met when it is read, not when the file is opened."""
    clock = ManualClock()
    history = opened(path, clock)
    history.save_state("a", "x" * 100_000)
    history.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    history = opened(path, clock)
    assert history.load_state("a") is None
    history.save_state("a", 2)
    kept = history.load_state("a")
    assert kept is not None and kept.document == 2
    assert "set aside" in history.notices[0]


def test_a_document_that_is_no_json_is_dropped(opened: Opened, path: Path) -> None:
    """And said, without a crash."""
    history = opened(path, ManualClock())
    with foreign(path) as other:
        other.execute("INSERT INTO state VALUES ('a', '{', 0, '', 0)")
    assert history.load_state("a") is None
    assert "dropped" in history.notices[0]


def test_two_processes_share_it(opened: Opened, path: Path) -> None:
    """Each sees what the other has saved."""
    clock = ManualClock()
    one, two = opened(path, clock), opened(path, clock)
    one.save_state("a", 1)
    two.save_state("b", 2)
    found = [h.load_state(key) for h, key in ((one, "b"), (two, "a"))]
    assert [k.document for k in found if k is not None] == [2, 1]


def test_a_file_that_is_locked_is_an_error_of_ours(opened: Opened, path: Path) -> None:
    """After a moment's patience, and nothing is set aside."""
    history = opened(path, ManualClock())
    with foreign(path) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(CapmonError, match="locked"):
            history.save_state("a", 1)
    history.save_state("a", 1)
    assert not history.notices


KILLED = """
import os, signal, sys
from pathlib import Path
from capmon.clock import SystemClock
from capmon.store.history import History
history = History.open(Path(sys.argv[1]), SystemClock())
history.save_state("a", {"n": 7})
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_saved_outlives_a_kill(opened: Opened, path: Path) -> None:
    """Without a word of goodbye."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    kept = opened(path, SystemClock()).load_state("a")
    assert kept is not None and kept.document == {"n": 7}
    assert 0.0 <= kept.age < 3600.0


def test_a_full_disk_is_an_error_of_ours(opened: Opened, path: Path) -> None:
    """The text names the file."""
    history = opened(path, ManualClock())
    assert history._connection is not None
    history._connection.execute("PRAGMA max_page_count = 3")
    with pytest.raises(CapmonError, match=r"history\.db: .*full"):
        history.save_state("a", "x" * 1_000_000)
    assert os.path.exists(path) and not history.notices
