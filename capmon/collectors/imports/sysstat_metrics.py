"""Which of sysstat's activities are metrics of the catalogue, and what their numbers are worth.

Units are those of sar(1): shares in percent; kB is 1024 bytes, a sector 512, MB 1024² bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from capmon.collectors.disks import SECTOR
from capmon.collectors.network import virtual
from capmon.model.metric import key

KIB = 1024.0
MIB = 1024.0**2

ROUNDED = 0.0055
"""Percent by which a number of two decimals can differ from what it stands for."""

Values = dict[str, float]
Leave = Callable[[str, str], None]

_NONE = "no metric that capmon knows"
LEFT_OUT: Mapping[str, str] = dict.fromkeys(
    (
        "process-and-context-switch",
        "interrupts",
        "swap-pages",
        "paging",
        "io",
        "hugepages",
        "serial",
        "power-management",
        "usb-devices",
        "fchosts",
    ),
    _NONE,
)
"""Activities that become nothing, and why."""


def values_of(reading: Mapping[str, Any], host: Mapping[str, Any], leave: Leave) -> Values:
    """Values by metric key of one reading of `sadf -j`.

    Args:
        reading: One member of `statistics`.
        host: What the header says.
        leave: Told what cannot be used, and why.

    Raises:
        KeyError, TypeError, ValueError: A reading that is not as sysstat writes it.
    """
    out: Values = {}
    if isinstance(cores := host.get("number-of-cpus"), int) and cores > 0:
        out["system.cpu.limit"] = float(cores)
    _cpu(reading.get("cpu-load") or reading.get("cpu-load-all") or [], out)
    if memory := reading.get("memory"):
        _memory(memory, out, leave)
    if queue := reading.get("queue"):
        for ours, theirs in (("1m", "ldavg-1"), ("5m", "ldavg-5"), ("15m", "ldavg-15")):
            if theirs in queue:
                out[f"system.cpu.load.{ours}"] = float(queue[theirs])
    if "file-nr" in (reading.get("kernel") or {}):
        out["system.filehandles.usage"] = float(reading["kernel"]["file-nr"])
    _disks(reading.get("disk") or [], out)
    _network(reading.get("network") or {}, out)
    _filesystems(reading.get("filesystems") or [], out, leave)
    _pressure(reading.get("psi") or {}, out)
    return out


def _share(percent: float) -> float:
    """A share; rounded ticks can add up to a little more than all."""
    return min(max(float(percent), 0.0), 100.0) / 100.0


def _cpu(rows: list[Mapping[str, Any]], out: Values) -> None:
    for row in rows:
        core = str(row["cpu"])
        busy = _share(100.0 - float(row["idle"]) - float(row["iowait"]))
        if core not in ("all", "-1"):
            out[key("system.cpu.core.utilization", core=core)] = busy
            continue
        out["system.cpu.utilization"] = busy
        # With `-u ALL` sysstat counts guests, nice and interrupts apart.
        user = ("user", "nice") if "user" in row else ("usr", "nice", "guest", "gnice")
        system = ("system",) if "system" in row else ("sys", "irq", "soft")
        out["system.cpu.user"] = _share(sum(float(row[n]) for n in user))
        out["system.cpu.system"] = _share(sum(float(row[n]) for n in system))
        out["system.cpu.iowait"] = _share(row["iowait"])
        out["system.cpu.steal"] = _share(row["steal"])


def _memory(row: Mapping[str, Any], out: Values, leave: Leave) -> None:
    total = _total(row)
    if "memfree" in row:
        cached = row["memfree"] + row["buffers"] + row["cached"]
        available = float(row.get("avail", cached)) * KIB
        out["system.memory.available"] = available
        if total is None:
            leave("memory: total", "does not follow from what sysstat wrote; -r ALL has it")
        else:
            available = min(available, total)
            out["system.memory.limit"] = total
            out["system.memory.usage"] = total - available
            out["system.memory.utilization"] = 1.0 - available / total
    if "swpfree" in row and "swpused" in row:
        swap = float(row["swpfree"]) + float(row["swpused"])
        if swap > 0:
            out["system.swap.limit"] = swap * KIB
            out["system.swap.usage"] = float(row["swpused"]) * KIB
            out["system.swap.utilization"] = float(row["swpused"]) / swap


def _total(row: Mapping[str, Any]) -> float | None:
    """Bytes of memory of the machine, which sysstat does not write; None where it does not follow.

    Versions differ in what they count as used: all but the free, or without buffers, cache and
    slab too. The sum that gives the percentage they write is the one that they mean.
    """
    if "memused-percent" not in row or "memfree" not in row:
        return None
    used, percent = float(row["memused"]), float(row["memused-percent"])
    sums = [float(row["memfree"]) + used]
    for parts in (("buffers", "cached"), ("buffers", "cached", "slab")):
        if all(part in row for part in parts):
            sums.append(sums[0] + sum(float(row[part]) for part in parts))
    fitting = [s for s in sums if s > 0 and abs(100.0 * used / s - percent) <= ROUNDED]
    if fitting:
        widest = max(fitting)
        return widest * KIB if widest - min(fitting) <= 0.01 * widest else None
    # From a tenth on, two decimals tell the total to a two-thousandth.
    return used / percent * 100.0 * KIB if percent >= 10.0 else None


def _disks(rows: list[Mapping[str, Any]], out: Values) -> None:
    for row in rows:
        device = str(row["disk-device"])
        if "util-percent" in row:
            out[key("system.disk.io.time", device=device)] = _share(row["util-percent"])
        for name, kilobytes, sectors in (("read", "rkB", "rd_sec"), ("write", "wkB", "wr_sec")):
            if kilobytes in row:
                value = float(row[kilobytes]) * KIB
            elif sectors in row:
                value = float(row[sectors]) * SECTOR
            else:
                continue
            out[key(f"system.disk.{name}", device=device)] = value


def _network(network: Mapping[str, Any], out: Values) -> None:
    rows = [r for r in network.get("net-dev") or [] if not virtual(str(r["iface"]))]
    for name, theirs in (("receive", "rxkB"), ("transmit", "txkB")):
        each = {str(r["iface"]): float(r[theirs]) * KIB for r in rows if theirs in r}
        for device, value in each.items():
            out[key(f"system.network.{name}", device=device)] = value
        if each:
            out[f"system.network.{name}"] = sum(each.values())
    wrong = [r for r in network.get("net-edev") or [] if not virtual(str(r["iface"]))]
    if wrong:
        counted = ("rxerr", "txerr", "rxdrop", "txdrop")
        out["system.network.errors"] = sum(float(r[n]) for r in wrong for n in counted)
    sent = (network.get("net-tcp") or {}).get("oseg")
    again = (network.get("net-etcp") or {}).get("retrans")
    if sent and again is not None:
        out["system.network.retransmit.ratio"] = min(1.0, float(again) / float(sent))


def _filesystems(rows: list[Mapping[str, Any]], out: Values, leave: Leave) -> None:
    for row in rows:
        if "mountpoint" not in row:
            leave("filesystems", "named by device: sadf -j -- -F MOUNT names mount points")
            continue
        point = str(row["mountpoint"])
        used = float(row["MBfsused"])
        blocks = used + float(row["MBfsfree"])
        # What an unprivileged user could use is what is used and what is left to them, as df counts.
        size = used + blocks * (1.0 - _share(row["%ufsused"]))
        if size <= 0:
            continue
        out[key("system.filesystem.usage", mountpoint=point)] = used * MIB
        out[key("system.filesystem.limit", mountpoint=point)] = size * MIB
        out[key("system.filesystem.utilization", mountpoint=point)] = used / size


def _pressure(psi: Mapping[str, Any], out: Values) -> None:
    for theirs, ours, kinds in (("psi-cpu", "cpu", ("some",)), ("psi-io", "io", ("some", "full")), ("psi-mem", "memory", ("some", "full"))):  # fmt: skip
        for kind in kinds:
            value = (psi.get(theirs) or {}).get(f"{kind}_avg10")
            if value is not None:
                out[f"system.pressure.{ours}.{kind}.avg10"] = _share(value)
