"""Limits of control groups, on machines in folders and on a real one."""

import json
import os
import subprocess
import sys
import textwrap
import uuid
from contextlib import suppress
from pathlib import Path

import pytest
from host_tree import GIB, MOUNTS, V1_MOUNTS, Machine, v1_group, v2_group
from hypothesis import given
from hypothesis import strategies as st

from capmon.collectors import cgroup, mounts
from capmon.config.schema import HostSettings
from capmon.errors import SourceError

SENTINEL = "9223372036854771712\n"
LIMITED = v2_group(
    "",
    cpu_max="150000 100000\n",
    cpu_stat="usage_usec 1000000\nnr_periods 100\nnr_throttled 10\nthrottled_usec 5\n",
    memory_max=f"{8 * GIB}\n",
    memory_current=f"{3 * GIB}\n",
    memory_stat=f"anon 5\ninactive_file {GIB}\n",
)


async def test_v2_limited(tmp_path):
    """Limits of v2 that bind are the totals, and what counts against them is the cgroup's use."""
    machine = Machine(tmp_path, LIMITED)
    collector = machine.collector()
    await collector.collect()
    machine.clock.advance(2)
    machine.write("sys/fs/cgroup/cpu.stat", "usage_usec 2500000\nnr_periods 120\nnr_throttled 15\n")
    batch = await collector.collect()
    assert batch.values["system.cpu.limit"] == 1.5
    assert batch.values["system.cpu.utilization"] == 0.5  # 1.5 s of CPU in 2 s of 1.5 cores
    assert batch.values["container.cpu.throttled"] == 0.25
    assert batch.values["system.memory.limit"] == 8 * GIB
    assert batch.values["system.memory.usage"] == 2 * GIB
    assert batch.values["system.memory.available"] == 6 * GIB
    assert batch.values["system.memory.utilization"] == 0.25
    assert batch.host is not None
    assert (batch.host.cores, batch.host.cpu_limit, batch.host.cpu_limit_origin) == (4, 1.5, "cgroup v2")  # fmt: skip
    assert (batch.host.memory_total, batch.host.memory_limit_origin) == (16 * GIB, "cgroup v2")


async def test_v2_unlimited(tmp_path):
    """The word max is no limit: the machine's own totals hold."""
    free = v2_group("", cpu_max="max 100000\n", memory_max="max\n", memory_current="5\n")
    batch = await Machine(tmp_path, free).collector().collect()
    assert batch.values["system.cpu.limit"] == 4
    assert batch.values["system.memory.limit"] == 16 * GIB
    assert batch.host is not None
    assert (batch.host.cpu_limit_origin, batch.host.memory_limit_origin) == ("machine", "machine")
    assert batch.missing["container.cpu.throttled"] == "no CPU quota"


async def test_limits_above_the_machine_do_not_bind(tmp_path):
    """A quota of more cores than there are, and more memory than there is, changes nothing."""
    wide = LIMITED | v2_group("", cpu_max="800000 100000\n", memory_max=f"{64 * GIB}\n")
    batch = await Machine(tmp_path, wide).collector().collect()
    assert batch.values["system.cpu.limit"] == 4
    assert batch.values["system.memory.usage"] == 4 * GIB


async def test_setting_turns_the_cgroup_off(tmp_path):
    """With `cgroup: false` the machine's totals are shown even inside a limit."""
    batch = await Machine(tmp_path, LIMITED).collector(HostSettings(cgroup=False)).collect()
    assert batch.values["system.cpu.limit"] == 4
    assert batch.values["system.memory.limit"] == 16 * GIB
    assert batch.host is not None
    assert batch.host.cpu_limit_origin == "machine"


async def test_v2_tightest_limit_is_the_parents(tmp_path):
    """The tightest limit up the tree wins, and its own group's use counts against it."""
    tree = (
        {"proc/self/cgroup": "0::/pod/web\n"}
        | v2_group("pod/web", cpu_max="300000 100000\n", cpu_stat="usage_usec 7\n", memory_max="max\n", memory_current="7\n", memory_stat="inactive_file 0\n")
        | v2_group("pod", cpu_max="100000 100000\n", cpu_stat="usage_usec 1000000\nnr_periods 1\nnr_throttled 0\n", memory_max=f"{4 * GIB}\n", memory_current=f"{3 * GIB}\n", memory_stat="inactive_file 0\n")
    )  # fmt: skip
    machine = Machine(tmp_path, tree)
    collector = machine.collector()
    await collector.collect()
    machine.clock.advance(1)
    machine.write(
        "sys/fs/cgroup/pod/cpu.stat", "usage_usec 1250000\nnr_periods 1\nnr_throttled 0\n"
    )
    batch = await collector.collect()
    assert batch.values["system.cpu.limit"] == 1
    assert batch.values["system.cpu.utilization"] == 0.25
    assert batch.values["system.memory.utilization"] == 0.75
    assert batch.missing["container.cpu.throttled"] == "idle: no enforcement period has begun"


async def test_cpuset_limits_the_cores(tmp_path):
    """A set of two CPUs of four is a limit of two cores, set by the outermost group that has it."""
    tree = (
        {"proc/self/cgroup": "0::/pod/web\n"}
        | v2_group("", cpuset="0-3\n")
        | v2_group("pod", cpuset="0,2\n", cpu_stat="usage_usec 0\n")
        | v2_group("pod/web", cpuset="0,2\n", cpu_stat="usage_usec 0\n")
    )
    machine = Machine(tmp_path, tree)
    collector = machine.collector()
    await collector.collect()
    machine.clock.advance(1)
    machine.write("sys/fs/cgroup/pod/cpu.stat", "usage_usec 1000000\n")
    batch = await collector.collect()
    assert batch.values["system.cpu.limit"] == 2
    assert batch.values["system.cpu.utilization"] == 0.5
    assert batch.missing["container.cpu.throttled"] == "no CPU quota"


async def test_v1_limited(tmp_path):
    """Limits of v1 bind like those of v2; its own files say what is used."""
    machine = Machine(tmp_path, v1_group("200000\n", f"{4 * GIB}\n"))
    collector = machine.collector()
    await collector.collect()
    machine.clock.advance(1)
    machine.write("sys/fs/cgroup/cpu,cpuacct/app/cpuacct.usage", "5500000000\n")
    machine.write("sys/fs/cgroup/cpu,cpuacct/app/cpu.stat", "nr_periods 20\nnr_throttled 3\n")
    batch = await collector.collect()
    assert batch.values["system.cpu.limit"] == 2
    assert batch.values["system.cpu.utilization"] == 0.25
    assert batch.values["container.cpu.throttled"] == 0.1
    assert batch.values["system.memory.limit"] == 4 * GIB
    assert batch.values["system.memory.usage"] == 2 * GIB
    assert batch.host is not None
    assert (batch.host.cpu_limit_origin, batch.host.memory_limit_origin) == ("cgroup v1", "cgroup v1")  # fmt: skip


@pytest.mark.parametrize("size", [SENTINEL, "9223372036854775807\n", "9223372036854710272\n"])
async def test_v1_unlimited(tmp_path, size):
    """A quota of -1 and the largest number of any page size are no limits."""
    batch = await Machine(tmp_path, v1_group("-1\n", size)).collector().collect()
    assert batch.values["system.cpu.limit"] == 4
    assert batch.values["system.memory.limit"] == 16 * GIB
    assert batch.host is not None
    assert (batch.host.cpu_limit_origin, batch.host.memory_limit_origin) == ("machine", "machine")


async def test_v1_inside_a_container(tmp_path):
    """A mount that shows only the container's own group is read as it stands."""
    shown = (MOUNTS + V1_MOUNTS).replace(" / /sys/fs/cgroup", " /app /sys/fs/cgroup")
    files = v1_group("50000\n", f"{GIB * 2}\n")
    inside = {path.replace("/app/", "/"): text for path, text in files.items()}
    batch = await Machine(tmp_path, inside, {"proc/self/mountinfo": shown}).collector().collect()
    assert batch.values["system.cpu.limit"] == 0.5
    assert batch.values["system.memory.utilization"] == 1.0


async def test_hybrid(tmp_path):
    """Controllers of v1 beside an empty unified tree are read from v1."""
    files = v1_group("100000\n", f"{2 * GIB}\n")
    files["proc/self/cgroup"] += "0::/\n"
    files["proc/self/mountinfo"] += "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
    files["sys/fs/cgroup/unified/cpu.stat"] = "usage_usec 1\n"
    batch = await Machine(tmp_path, files).collector().collect()
    assert batch.host is not None
    assert (batch.host.cpu_limit, batch.host.cpu_limit_origin) == (1.0, "cgroup v1")
    assert (batch.host.memory_limit, batch.host.memory_limit_origin) == (2 * GIB, "cgroup v1")


async def test_accounting_of_other_members_is_not_taken(tmp_path):
    """When CPU time is counted for another group than the limited one, utilization is unknown."""
    files = v1_group("100000\n", SENTINEL)
    files["proc/self/cgroup"] = "3:cpuacct:/\n2:cpu:/app\n"
    batch = await Machine(tmp_path, files).collector().collect()
    assert batch.values["system.cpu.limit"] == 1
    assert batch.missing["system.cpu.utilization"].startswith("not counted")


async def test_limit_that_changes_is_seen(tmp_path):
    """A limit that is raised while capmon runs is followed within ten seconds."""
    machine = Machine(tmp_path, LIMITED)
    collector = machine.collector()
    await collector.collect()
    machine.write("sys/fs/cgroup/cpu.max", "300000 100000\n")
    machine.clock.advance(10)
    batch = await collector.collect()
    assert batch.values["system.cpu.limit"] == 3
    assert batch.host is not None
    assert batch.host.cpu_limit == 3


@pytest.mark.parametrize("name", ["memory.stat", "memory.current", "cpu.stat"])
@pytest.mark.parametrize("text", ["", "rubbish {\n", "usage_usec -\ninactive_file 9e9\n"])
async def test_garbage_in_a_group(tmp_path, name, text):
    """A broken file of a group leaves its metric missing; the machine's number never fills in."""
    batch = await Machine(tmp_path, LIMITED, {f"sys/fs/cgroup/{name}": text}).collector().collect()
    lost = "system.cpu.utilization" if name == "cpu.stat" else "system.memory.utilization"
    assert lost not in batch.values
    assert batch.missing[lost] != "first reading"
    assert batch.values["system.cpu.limit"] == 1.5
    assert batch.values["system.memory.limit"] == 8 * GIB


@given(st.text(), st.text())
def test_any_membership(membership, mountinfo):
    """Whatever the two files hold, looking for hierarchies gives some, or none, and never raises."""
    trees = cgroup.hierarchies(membership, mounts.parse(mountinfo), lambda point: point)
    assert all(tree.version in (1, 2) for tree in trees.values())


@given(st.lists(st.integers(0, 4000), unique=True, min_size=1))
def test_cpu_lists(numbers):
    """A list of CPUs counts each of them, alone or in a range."""
    assert cgroup.cpus(",".join(map(str, numbers)) + "\n") == len(numbers)
    assert cgroup.cpus(f"0-{max(numbers)}") == max(numbers) + 1


@given(st.text())
def test_any_cpu_list(text):
    """A text that is no list of CPUs is refused, never misread as a negative count."""
    with suppress(SourceError):
        assert cgroup.cpus(text) >= 0


READ = textwrap.dedent(
    """
    import asyncio, json, os, sys
    for folder in sys.argv[1:]:
        with open(f"{folder}/cgroup.procs", "w") as file:
            file.write(str(os.getpid()))
    from capmon.clock import SystemClock
    from capmon.collectors.host import HostCollector
    from capmon.config.schema import HostSettings

    async def main():
        collector = HostCollector(HostSettings(), 1.0, SystemClock())
        collector.prime()
        sum(range(3_000_000))
        batch = await collector.collect()
        host = batch.host
        print(json.dumps({
            "values": dict(batch.values), "missing": dict(batch.missing),
            "cpu": [host.cpu_limit, host.cpu_limit_origin],
            "memory": [host.memory_limit, host.memory_limit_origin],
        }))

    asyncio.run(main())
    """
)


@pytest.fixture
def v1_groups():
    """Makes real groups in trees of v1, and removes them when the child has ended."""
    made: list[Path] = []
    name = f"capmon-test-{uuid.uuid4().hex[:12]}"

    def make(controller: str, **files: str) -> Path:
        folder = Path("/sys/fs/cgroup", controller, name)
        if not folder.parent.is_dir():
            pytest.skip(f"the {controller} controller of cgroup v1 is not mounted here")
        try:
            if not folder.exists():  # cpu and cpuacct may be one tree under two names
                folder.mkdir()
                made.append(folder)
            for file, text in files.items():
                (folder / file.replace("__", ".")).write_text(text)
        except OSError as error:
            pytest.skip(f"a cgroup with a limit cannot be made here: {error}")
        return folder

    yield make
    for folder in made:
        folder.rmdir()


def read_inside(*folders: Path) -> dict:
    """What a collector in a process of its own sees inside the groups."""
    done = subprocess.run(
        [sys.executable, "-c", READ, *map(os.fspath, folders)],
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_real_v1_quota(v1_groups):
    """A real quota of half a core is the limit, and a busy process uses up a part of it."""
    quota = v1_groups("cpu", cpu__cfs_period_us="100000", cpu__cfs_quota_us="50000")
    seen = read_inside(quota, v1_groups("cpuacct"))
    assert seen["cpu"] == [0.5, "cgroup v1"]
    assert seen["values"]["system.cpu.limit"] == 0.5
    assert 0 < seen["values"]["system.cpu.utilization"] <= 1


def test_real_v1_quota_without_accounting(v1_groups):
    """A real quota whose CPU time is counted nowhere leaves the utilization unknown."""
    quota = v1_groups("cpu", cpu__cfs_period_us="100000", cpu__cfs_quota_us="50000")
    if (quota / "cpuacct.usage").exists():
        pytest.skip("cpu and cpuacct are one tree here")
    seen = read_inside(quota)
    assert seen["cpu"] == [0.5, "cgroup v1"]
    assert seen["missing"]["system.cpu.utilization"].startswith("not counted")


def test_real_v1_memory(v1_groups):
    """A real limit of 256 MiB is the total, and the reader's own memory counts against it."""
    folder = v1_groups("memory", memory__limit_in_bytes=str(256 * 2**20))
    seen = read_inside(folder)
    assert seen["memory"] == [256 * 2**20, "cgroup v1"]
    assert 2**20 < seen["values"]["system.memory.usage"] < 256 * 2**20
