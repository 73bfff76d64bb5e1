"""What the host's collector makes of a whole machine."""

import math

import pytest
from host_tree import FILES, GIB, LATER_STAT, Machine, blocks

from capmon.collectors.host import host_collectors
from capmon.config.schema import HostSettings, Settings
from capmon.errors import SourceError
from capmon.model import metric

VDA = 'system.disk.io.time{device="vda"}'


async def test_bare_machine_gauges(tmp_path):
    """Every gauge of a machine has the value that its file gives."""
    batch = await Machine(tmp_path).collector().collect()
    values = batch.values
    assert values["system.memory.limit"] == 16 * GIB
    assert values["system.memory.usage"] == 4 * GIB
    assert values["system.memory.available"] == 12 * GIB
    assert values["system.memory.utilization"] == 0.25
    assert values["system.swap.utilization"] == 0.25
    assert values["system.swap.usage"] == GIB
    assert values["system.cpu.limit"] == 4
    assert [values[f"system.cpu.load.{span}"] for span in ("1m", "5m", "15m")] == [0.5, 1.25, 2.0]
    assert values["system.filehandles.usage"] == 512
    assert values["system.filehandles.utilization"] == 0.25
    assert values["system.processes.count"] == 1
    assert values["system.network.connections"] == 42
    assert values["system.pressure.cpu.some.avg10"] == 0.125
    assert values["system.pressure.memory.full.avg10"] == 0.01
    assert values["system.pressure.io.full.avg10"] == 0.2
    assert batch.missing["container.cpu.throttled"] == "no CPU quota"


async def test_bare_machine_facts(tmp_path):
    """The facts name the host, its system, its size and that the limits are the machine's own."""
    host = (await Machine(tmp_path).collector().collect()).host
    assert host is not None
    assert (host.hostname, host.system) == ("web-01", "Debian GNU/Linux 12 (bookworm)")
    assert (host.cores, host.cpu_limit, host.cpu_limit_origin) == (4, 4.0, "machine")
    assert (host.memory_total, host.memory_limit, host.memory_limit_origin) == (16 * GIB, 16 * GIB, "machine")  # fmt: skip
    assert host.boot_time == 1_700_000_000


async def test_rates_need_two_readings(tmp_path):
    """The first reading of a rate is missing and says so; nothing is shown as zero."""
    batch = await Machine(tmp_path).collector().collect()
    for name in ("system.cpu.utilization", "system.cpu.iowait", 'system.cpu.core.utilization{core="0"}', VDA, "system.network.receive", "system.network.errors", "system.network.retransmit.ratio"):  # fmt: skip
        assert batch.missing[name] == "first reading"
        assert name not in batch.values


async def test_prime_makes_the_first_collect_whole(tmp_path):
    """After `prime` the first reading already has the utilization of the CPU."""
    machine = Machine(tmp_path)
    collector = machine.collector()
    collector.prime()
    machine.clock.advance(1)
    machine.write("proc/stat", LATER_STAT)
    batch = await collector.collect()
    assert batch.values["system.cpu.utilization"] == pytest.approx(400 / 900)


async def test_cpu_shares(tmp_path):
    """Shares count nice as user, interrupts as system, iowait as idle, and steal as busy."""
    machine = Machine(tmp_path)
    collector = machine.collector()
    await collector.collect()
    machine.clock.advance(1)
    machine.write("proc/stat", LATER_STAT)
    values = (await collector.collect()).values
    # The guest's ticks are part of the user's.
    total = 150 + 50 + 100 + 400 + 100 + 25 + 25 + 50
    assert values["system.cpu.user"] == pytest.approx(200 / total)
    assert values["system.cpu.system"] == pytest.approx(150 / total)
    assert values["system.cpu.iowait"] == pytest.approx(100 / total)
    assert values["system.cpu.steal"] == pytest.approx(50 / total)
    assert values["system.cpu.utilization"] == pytest.approx(1 - 500 / total)
    assert values['system.cpu.core.utilization{core="0"}'] == pytest.approx(300 / 500)
    assert values['system.cpu.core.utilization{core="1"}'] == 0


async def test_rates_divide_by_the_true_interval(tmp_path):
    """A reading that comes late gives the same rate per second, whatever the wall clock does."""
    machine = Machine(tmp_path)
    collector = machine.collector()
    await collector.collect()
    machine.clock.advance(4)
    machine.clock.step(-86_400)
    machine.write("proc/net/dev", "eth0: 5000 10 5 2 0 0 0 0 10000 20 3 8 0 0 0 0\n")
    machine.write("proc/diskstats", " 254 0 vda 1 0 2080 1 5 0 4800 2 0 2500 3\n")
    machine.write("proc/net/snmp", "Tcp: CurrEstab OutSegs RetransSegs\nTcp: 1 1200 14\n")
    values = (await collector.collect()).values
    assert values["system.network.receive"] == 1000
    assert values['system.network.receive{device="eth0"}'] == 1000
    assert values["system.network.transmit"] == 2000
    assert values["system.network.errors"] == 2
    assert values[VDA] == 0.5
    assert values['system.disk.read{device="vda"}'] == 80 * 512 / 4
    assert values['system.disk.write{device="vda"}'] == 800 * 512 / 4
    assert values["system.network.retransmit.ratio"] == 0.02


async def test_counter_reset(tmp_path):
    """A counter that goes down gives no value and says why, for that one interval alone."""
    machine = Machine(tmp_path)
    collector = machine.collector()
    await collector.collect()
    machine.clock.advance(1)
    machine.write("proc/net/dev", "eth0: 10 1 0 0 0 0 0 0 20 2 0 0 0 0 0 0\n")
    machine.write("proc/diskstats", " 254 0 vda 1 0 8 1 5 0 8 2 0 1 3\n")
    batch = await collector.collect()
    assert batch.missing["system.network.receive"] == "counter was reset"
    assert batch.missing[VDA] == "counter was reset"
    machine.clock.advance(1)
    machine.write("proc/net/dev", "eth0: 15 1 0 0 0 0 0 0 27 2 0 0 0 0 0 0\n")
    batch = await collector.collect()
    assert batch.values["system.network.receive"] == 5
    assert batch.values["system.network.transmit"] == 7


async def test_counter_wraps_at_32_bits(tmp_path):
    """A counter that wraps is a reset: no spike of 4 GiB and no negative rate."""
    machine = Machine(tmp_path)
    machine.write("proc/net/dev", f"eth0: {2**32 - 5} 1 0 0 0 0 0 0 20 2 0 0 0 0 0 0\n")
    collector = machine.collector()
    await collector.collect()
    machine.clock.advance(1)
    machine.write("proc/net/dev", "eth0: 100 1 0 0 0 0 0 0 20 2 0 0 0 0 0 0\n")
    batch = await collector.collect()
    assert batch.missing["system.network.receive"] == "counter was reset"


async def test_idle_states_may_step_back(tmp_path):
    """Iowait that the kernel lets go down is no reset and no negative share."""
    machine = Machine(tmp_path)
    machine.write("proc/stat", "cpu 100 0 100 1000 50 0 0 0\ncpu0 100 0 100 1000 50 0 0 0\n")
    collector = machine.collector()
    await collector.collect()
    machine.clock.advance(1)
    machine.write("proc/stat", "cpu 150 0 100 1050 45 0 0 0\ncpu0 150 0 100 1050 45 0 0 0\n")
    batch = await collector.collect()
    assert batch.values["system.cpu.iowait"] == 0
    assert batch.values["system.cpu.utilization"] == 0.5


async def test_only_real_devices(tmp_path):
    """Loop devices, compressed memory, partitions, bridges and loopback stay out; dm counts."""
    batch = await Machine(tmp_path).collector().collect()
    devices = {
        metric.label_of(k, "device") for k in batch.missing if k.startswith(("system.disk", "system.network")) and "{" in k
    }  # fmt: skip
    assert devices == {"vda", "dm-0", "eth0"}


async def test_container_counts_its_virtual_interface(tmp_path):
    """Without any hardware the names decide, so that a container's own eth0 counts."""
    machine = Machine(tmp_path, without=("sys/class/net/eth0/device/vendor",))
    (tmp_path / "sys/class/net/eth0/device").rmdir()
    batch = await machine.collector().collect()
    assert 'system.network.receive{device="eth0"}' in batch.missing
    assert 'system.network.receive{device="docker0"}' not in batch.missing


async def test_chosen_interfaces(tmp_path):
    """Interfaces named in the settings are counted, and one that is not there is said to be missing."""
    batch = await Machine(tmp_path).collector(HostSettings(network=("lo", "wan0"))).collect()
    assert batch.missing['system.network.receive{device="lo"}'] == "first reading"
    assert batch.missing['system.network.receive{device="wan0"}'] == "no such interface"
    assert 'system.network.receive{device="eth0"}' not in batch.missing


async def test_total_is_unknown_while_an_interface_is(tmp_path):
    """When an interface appears, the sum waits until its first interval is known too."""
    machine = Machine(tmp_path)
    collector = machine.collector(HostSettings(network=("eth0", "eth1")))
    await collector.collect()
    machine.clock.advance(1)
    both = FILES["proc/net/dev"] + "  eth1: 9 1 0 0 0 0 0 0 9 2 0 0 0 0 0 0\n"
    machine.write("proc/net/dev", both)
    batch = await collector.collect()
    assert batch.values['system.network.receive{device="eth0"}'] == 0
    assert batch.missing["system.network.receive"] == "first reading"


async def test_no_swap(tmp_path):
    """A machine without swap has no share of it, which is not a share of zero."""
    batch = await Machine(tmp_path, {"proc/meminfo": "MemTotal: 9 kB\nMemAvailable: 3 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n"}).collector().collect()  # fmt: skip
    for name in ("utilization", "usage", "limit"):
        assert batch.missing[f"system.swap.{name}"] == "no swap configured"
    assert batch.values["system.memory.usage"] == 6 * 1024


async def test_old_kernel_without_available(tmp_path):
    """A kernel without MemAvailable falls back to free memory and file cache."""
    old = {"proc/meminfo": "MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 250 kB\n"}
    batch = await Machine(tmp_path, old).collector().collect()
    assert batch.values["system.memory.available"] == 400 * 1024
    assert batch.values["system.memory.utilization"] == pytest.approx(0.6)


async def test_no_segments_no_ratio(tmp_path):
    """Without segments there is no ratio of retransmissions; with nothing but them it is 1."""
    machine = Machine(tmp_path)
    collector = machine.collector()
    await collector.collect()
    machine.clock.advance(1)
    batch = await collector.collect()
    assert batch.missing["system.network.retransmit.ratio"] == "no segments sent"
    machine.clock.advance(1)
    machine.write("proc/net/snmp", "Tcp: CurrEstab OutSegs RetransSegs\nTcp: 1 1000 12\n")
    batch = await collector.collect()
    assert batch.values["system.network.retransmit.ratio"] == 1


@pytest.mark.parametrize(
    ("path", "lost", "hidden"),
    [
        ("proc/stat", "system.cpu.utilization", ("system.cpu.limit",)),
        ("proc/meminfo", "system.memory.utilization", ("system.memory", "system.swap")),
        ("proc/loadavg", "system.cpu.load.1m", ("system.cpu.load",)),
        ("proc/diskstats", "system.disk.io.time", ("system.disk",)),
        ("proc/net/dev", "system.network.receive", ("system.network.receive",)),
        ("proc/net/snmp", "system.network.connections", ("system.network.connections",)),
        ("proc/sys/fs/file-nr", "system.filehandles.usage", ("system.filehandles",)),
        ("proc/pressure/memory", "system.pressure.memory.some.avg10", ("system.pressure.memory",)),
        ("proc/self/mountinfo", "system.filesystem.usage", ("system.filesystem",)),
    ],
)
@pytest.mark.parametrize("rubbish", ["", "\x00\xff garbage {\n\n", "cpu x y z\nTcp:\n9" * 50])
async def test_one_bad_file_hides_only_itself(tmp_path, path, lost, hidden, rubbish):
    """Garbage in one file makes its own metrics missing with a reason, and no others."""
    whole = await Machine(tmp_path / "good").collector().collect()
    machine = Machine(tmp_path / "bad", {path: rubbish})
    batch = await machine.collector().collect()
    assert lost in batch.missing
    assert batch.missing[lost] != ""
    assert lost not in batch.values
    gone = {name for name in whole.values if name not in batch.values}
    assert gone == {name for name in whole.values if name.startswith(hidden)}


async def test_nothing_to_read_at_all(tmp_path):
    """Without any file the source as a whole has failed, and says which file it looked for."""
    machine = Machine(tmp_path)
    collector = machine.collector()
    machine.folder.joinpath("proc").rename(tmp_path / "gone")
    with pytest.raises(SourceError, match=r"no .*stat"):
        await collector.collect()


async def test_catalogue_knows_every_key(tmp_path):
    """Every key, known or missing, is in the catalogue, and every value is a finite float."""
    machine = Machine(tmp_path)
    collector = machine.collector()
    await collector.collect()
    machine.clock.advance(1)
    machine.write("proc/stat", LATER_STAT)
    batch = await collector.collect()
    for name in (*batch.values, *batch.missing):
        metric.metric(name)
    assert all(type(v) is float and math.isfinite(v) for v in batch.values.values())
    assert not set(batch.values) & set(batch.missing)


async def test_space_as_df_counts_it(tmp_path):
    """Blocks kept for root count neither as used nor as available."""
    answers = {tmp_path / "": blocks(1000, 400, 350), tmp_path / "var/my data": blocks(10, 10, 10)}
    by_path = {str(path).rstrip("/"): answer for path, answer in answers.items()}
    collector = Machine(tmp_path).collector(statvfs=lambda path: by_path[path.rstrip("/")])
    values = (await collector.collect()).values
    assert values['system.filesystem.utilization{mountpoint="/"}'] == pytest.approx(600 / 950)
    assert values['system.filesystem.usage{mountpoint="/"}'] == 600 * 4096
    assert values['system.filesystem.limit{mountpoint="/"}'] == 950 * 4096
    assert values['system.filesystem.utilization{mountpoint="/var/my data"}'] == 0
    mounts = {metric.label_of(k, "mountpoint") for k in values if "filesystem" in k}
    assert mounts == {"/", "/var/my data"}


async def test_factory_is_primed():
    """The collectors of this machine know the CPU's utilization at their first reading, or that no tick passed."""
    from capmon.clock import SystemClock

    machine, table = host_collectors(Settings(), SystemClock())
    assert (machine.name, table.name) == ("host", "processes")
    batch = await machine.collect()
    known = batch.values.get("system.cpu.utilization")
    assert known is not None or batch.missing["system.cpu.utilization"] == "no CPU time was counted"
    (alone,) = host_collectors(Settings(host=HostSettings(processes=0)), SystemClock())
    assert alone.name == "host"
