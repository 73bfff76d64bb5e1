"""Parsers of the kernel's files: whatever they are given, values or a reason, never a crash."""

import pytest
from host_tree import FILES
from hypothesis import given
from hypothesis import strategies as st

from capmon.collectors import cpu, disks, facts, files, memory, network, system
from capmon.collectors.counters import Change, Counters
from capmon.errors import SourceError

PARSERS = {
    "proc/stat": cpu.parse,
    "proc/meminfo": memory.parse,
    "proc/diskstats": disks.parse,
    "proc/net/dev": network.parse,
    "proc/net/snmp": network.parse_tcp,
    "proc/loadavg": system.parse_load,
    "proc/sys/fs/file-nr": system.parse_handles,
    "etc/os-release": facts.pretty_name,
}


@st.composite
def damaged(draw, text):
    """The text of a file with a piece of it replaced by anything."""
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, len(text)))
    return text[:start] + draw(st.text(max_size=30)) + text[end:]


@pytest.mark.parametrize("path", PARSERS)
@given(choice=st.data())
def test_never_raises(path, choice):
    """A damaged file gives a result or a SourceError, nothing else."""
    text = choice.draw(st.one_of(st.text(), damaged(FILES[path])))
    try:
        PARSERS[path](text)
    except SourceError as error:
        assert str(error)


@given(st.integers(-(10**20) + 1, 10**20 - 1))
def test_integers(number):
    """A whole number of up to twenty digits is read as it is."""
    assert files.integer(str(number)) == number


@pytest.mark.parametrize("text", ["", "-", "1.5", "1_000", "٣", "9" * 400, "0x10", "--1", " 1", "x\x1b[31m"])  # fmt: skip
def test_not_integers(text):
    """What is no plain whole number is refused, in a text that is fit to show."""
    with pytest.raises(SourceError) as caught:
        files.integer(text)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("name", "whole"),
    [("sda1", "sda"), ("nvme0n1p2", "nvme0n1"), ("mmcblk0p1", "mmcblk0"), ("md127p1", "md127"), ("xvda1", "xvda"), ("sda", ""), ("dm-0", "dm-")],
)  # fmt: skip
def test_partitions(name, whole):
    """The device of a partition is told from its name."""
    assert disks.whole(name) == whole


def test_partition_without_its_device_counts():
    """A partition that is handed to a guest without the whole disk is a device of its own."""
    rows = disks.parse("202 1 xvda1 1 0 8 1 1 0 8 1 0 5 5\n 259 0 nvme0n1 1 0 8 1 1 0 8 1 0 5 5\n 259 1 nvme0n1p1 1 0 8 1 1 0 8 1 0 5 5\n")  # fmt: skip
    assert set(rows) == {"xvda1", "nvme0n1"}


def test_device_that_never_worked_stays_out():
    """A device without any I/O since boot is an empty slot."""
    assert disks.parse("43 0 nbd0 0 0 0 0 0 0 0 0 0 0 0\n") == {}


@pytest.mark.parametrize("name", ["lo", "docker0", "br-12ab", "veth1a2b", "virbr0", "tun0", "wg0", "cali12", "ifb0"])  # fmt: skip
def test_virtual_interfaces(name):
    """Names of loopback, bridges, tunnels and container ends are known as virtual."""
    assert network.virtual(name)


@pytest.mark.parametrize("name", ["eth0", "ens5", "enp0s3", "wlan0", "bond0", "en0", "eno1", "ib0"])
def test_real_interfaces(name):
    """Names of hardware are not taken for virtual ones."""
    assert not network.virtual(name)


def test_old_kernel_without_steal():
    """Columns that a kernel lacks are missing, not zero."""
    assert cpu.parse("cpu 1 2 3 4\ncpu0 1 2 3 4\n")["cpu"] == (1, 2, 3, 4)
    assert cpu.spent((1, 2, 3, 4), (2, 2, 3, 7)) == (1, 0, 0, 3)
    assert cpu.busy((1, 0, 0, 3)) == 0.25


def test_os_release_quotes():
    """Names are read as a shell would, and control characters never come out."""
    assert facts.pretty_name("PRETTY_NAME='Alpine Linux v3.20'\n") == "Alpine Linux v3.20"
    assert facts.pretty_name("NAME=Fedora\nVERSION_ID=40\n") == "Fedora 40"
    assert facts.pretty_name('PRETTY_NAME="a\x1b[31mb"\n') == "a[31mb"
    assert facts.pretty_name('PRETTY_NAME="never closed\n') == ""


@given(st.lists(st.tuples(st.floats(0, 1e9), st.integers(0, 2**64)), min_size=2, max_size=20))
def test_rates_are_never_negative(readings):
    """Whatever a counter does, a rate is a number of 0 or more, or there is a reason."""
    counters = Counters()
    for at, value in readings:
        change = counters.one("n", (value,), at)
        if isinstance(change, Change):
            assert change.seconds > 0
            assert change.rates()[0] >= 0
        else:
            assert change in ("first reading", "counter was reset", "no time has passed")


def test_rows_that_vanish_are_forgotten():
    """A device that comes back is a new one: its first reading gives no rate."""
    counters = Counters()
    counters.step({"sda": (1,), "sdb": (1,)}, 0.0)
    counters.step({"sda": (2,)}, 1.0)
    assert counters.step({"sda": (3,), "sdb": (9,)}, 2.0)["sdb"] == "first reading"
