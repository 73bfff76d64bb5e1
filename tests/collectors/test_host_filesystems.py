"""File systems: which count, and what happens when one does not answer."""

import threading

import pytest
from host_tree import MOUNTS, Machine, blocks
from hypothesis import given
from hypothesis import strategies as st

from capmon.collectors import mounts
from capmon.collectors.filesystems import DEADLINE, INTERVAL, space
from capmon.config.schema import HostSettings

ROOT = 'system.filesystem.utilization{mountpoint="/"}'
OTHER = 'system.filesystem.utilization{mountpoint="/var/my data"}'


def points(text: str) -> list[str]:
    """Mount points that count."""
    return [mount.point for mount in mounts.real(mounts.parse(text))]


def test_real_file_systems():
    """Kernel views, memory, images and automounters stay out; a bind mount counts once."""
    assert points(MOUNTS) == ["/", "/var/my data"]


def test_container():
    """In a container the overlay at the root counts, and files lent by the host do not."""
    text = (
        "600 500 0:48 / / rw - overlay overlay rw,lowerdir=/a\n"
        "601 600 0:51 / /proc rw - proc proc rw\n"
        "602 600 8:1 /var/lib/docker/containers/x/hosts /etc/hosts rw - ext4 /dev/sda1 rw\n"
        "603 600 0:60 / /other rw - overlay overlay rw\n"
        "604 600 8:16 /vol /var/lib/postgresql rw - ext4 /dev/sdb rw\n"
    )
    assert points(text) == ["/", "/var/lib/postgresql"]


def test_last_mount_at_a_point_is_the_visible_one():
    """A file system that another one is mounted over is not measured under its name."""
    text = (
        "1 0 8:1 / /srv rw - ext4 /dev/sda1 rw\n2 1 0:9 / /srv rw - nfs4 server:/export rw\n"
        "3 0 8:2 / /old rw - ext4 /dev/sda2 rw\n4 3 0:10 / /old rw - tmpfs tmpfs rw\n"
    )
    assert [(m.point, m.kind) for m in mounts.real(mounts.parse(text))] == [("/srv", "nfs4")]


@given(st.text(st.characters(codec="utf-8")))
def test_any_mountinfo(text):
    """Whatever the file holds, parsing it and choosing from it never raises."""
    assert len(mounts.real(mounts.parse(text))) <= text.count("\n") + 1


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1))
def test_escapes_come_back(name):
    """A mount point with spaces, tabs, newlines or backslashes is read as it is."""
    path = "/" + name + " \t\n\\"
    written = "".join(f"\\{ord(c):03o}" if c in " \t\n\\" else c for c in path)
    (mount,) = mounts.parse(f"1 0 8:1 / {written} rw - ext4 /dev/sda1 rw")
    assert mount.point == path


def test_without_blocks():
    """A file system that has no blocks at all is none that can fill up."""
    assert space(blocks(0, 0, 0)) is None
    assert space(blocks(100, 10, 10)) is not None


class Disk:
    """A statvfs whose second file system hangs until it is let go."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.dead = False
        self.asked: list[str] = []

    def __call__(self, path: str):
        """Answer as statvfs does, late for the second file system while it is dead."""
        self.asked.append(path)
        if self.dead and path.endswith("my data"):
            self.release.wait(10)
        return blocks(1000, 400, 350)


async def until(collector, done):
    """The first batch that satisfies `done`, read while the threads catch up."""
    for _ in range(1000):
        batch = await collector.collect()
        if done(batch):
            return batch
        threading.Event().wait(0.005)
    raise AssertionError("it never came")


async def test_dead_server(tmp_path):
    """One dead file system is missing with the reason, its neighbours go on, and no threads pile up."""
    disk = Disk()
    disk.dead = True
    machine = Machine(tmp_path)
    collector = machine.collector(statvfs=disk)
    try:
        batch = await collector.collect()
        assert batch.missing[OTHER] == "waiting for an answer"
        assert batch.values[ROOT] == pytest.approx(600 / 950)
        machine.clock.advance(DEADLINE)
        batch = await collector.collect()
        assert batch.missing[OTHER] == "did not answer within 2 s"
        for _ in range(5):
            machine.clock.advance(INTERVAL)
            batch = await until(collector, lambda b: ROOT in b.values)
            assert batch.missing[OTHER] == "did not answer within 2 s"
        assert sum(path.endswith("my data") for path in disk.asked) == 1
    finally:
        disk.release.set()
    batch = await until(collector, lambda b: OTHER in b.values)
    assert batch.values[OTHER] == pytest.approx(600 / 950)


async def test_answers_stand_for_a_while(tmp_path):
    """Between two looks the last answer stands, and no file system is asked again."""
    disk = Disk()
    machine = Machine(tmp_path)
    collector = machine.collector(statvfs=disk)
    await until(collector, lambda b: ROOT in b.values and OTHER in b.values)
    asked = len(disk.asked)
    machine.clock.advance(INTERVAL - 0.1)
    batch = await collector.collect()
    assert ROOT in batch.values
    assert len(disk.asked) == asked == 2


async def test_file_mounted_over_a_file(tmp_path):
    """A single file that is a mount of its own is no file system."""
    machine = Machine(tmp_path, {"proc/self/mountinfo": "5 1 8:1 /h /app.conf rw - ext4 /dev/sda1 rw\n", "app.conf": ""})  # fmt: skip
    batch = await machine.collector().collect()
    assert not [name for name in (*batch.values, *batch.missing) if "app.conf" in name]


async def test_chosen_mount_points(tmp_path):
    """A mount point named in the settings is shown whatever its type; one not mounted is missing."""
    chosen = HostSettings(disks=("/dev/shm", "/backup"))
    batch = await Machine(tmp_path).collector(chosen).collect()
    assert batch.values['system.filesystem.utilization{mountpoint="/dev/shm"}'] == pytest.approx(600 / 950)  # fmt: skip
    assert batch.missing['system.filesystem.utilization{mountpoint="/backup"}'] == "not mounted"
    assert ROOT not in batch.values


async def test_errors_of_one_file_system(tmp_path):
    """A file system that may not be asked is missing with that reason."""

    def refuse(path: str):
        raise PermissionError(13, "Permission denied")

    batch = await Machine(tmp_path).collector(statvfs=refuse).collect()
    assert batch.missing[ROOT] == "permission denied"


async def test_names_cannot_reach_the_terminal(tmp_path):
    """Control characters in a mount point are not part of its key."""
    machine = Machine(tmp_path, {"proc/self/mountinfo": "5 1 8:1 / /a\\033[31mb rw - ext4 /dev/sda1 rw\n"})  # fmt: skip
    batch = await machine.collector().collect()
    assert 'system.filesystem.usage{mountpoint="/a[31mb"}' in batch.values
