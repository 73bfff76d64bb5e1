"""The network: throughput, errors, TCP retransmissions and connections."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from typing import Literal

from capmon.collectors.cgroup import Limits
from capmon.collectors.counters import Change, Counters
from capmon.collectors.files import clean, integer, read
from capmon.collectors.tally import Tally
from capmon.errors import SourceError
from capmon.model import metric

RECEIVE = "system.network.receive"
TRANSMIT = "system.network.transmit"
ERRORS = "system.network.errors"
RETRANSMIT = "system.network.retransmit.ratio"
CONNECTIONS = "system.network.connections"

_VIRTUAL = re.compile(
    r"lo\d*$|docker|br-|veth|virbr|vnet|ifb|dummy|cni|flannel|cali|cilium|lxc|lxdbr|tun|tap|wg|ppp|sit|gre|erspan|ip6|ip_vti"
    r"|tunl|teql|kube-|nodelocaldns|podman|gif|stf|utun|awdl|llw|bridge|ap\d|anpi|p2p"
)

Row = tuple[int, int, int]
"""Bytes received, bytes sent, errors and drops of both directions."""


def parse(text: str) -> dict[str, Row]:
    """Counters by interface; lines that cannot be read are skipped."""
    rows: dict[str, Row] = {}
    for line in text.splitlines():
        name, colon, rest = line.rpartition(":")
        parts = rest.split()
        if not colon or len(parts) < 12:
            continue
        try:
            bad = sum(integer(parts[i]) for i in (2, 3, 10, 11))
            rows[name.strip()] = (integer(parts[0]), integer(parts[8]), bad)
        except SourceError:
            continue
    return rows


def parse_tcp(text: str) -> dict[str, int]:
    """TCP's numbers of /proc/net/snmp by name.

    Raises:
        SourceError: They are not there or cannot be read.
    """
    lines = [line.split() for line in text.splitlines() if line.startswith("Tcp:")]
    if len(lines) < 2 or len(lines[0]) != len(lines[1]):
        raise SourceError("/proc/net/snmp has no row for TCP")
    return {name: integer(n) for name, n in zip(lines[0][1:], lines[1][1:], strict=True)}


def virtual(name: str) -> bool:
    """Whether an interface's name is one that loopback, tunnels, bridges and containers get."""
    return _VIRTUAL.match(name) is not None


def real(names: Collection[str], sys: str) -> set[str]:
    """The interfaces that carry traffic in and out: those with hardware behind them.

    A container has none, and its own end of a virtual pair is what carries its traffic; there
    the names decide.
    """
    hardware = {name for name in names if os.path.exists(f"{sys}/class/net/{name}/device")}  # noqa: PTH110
    return hardware or {name for name in names if not virtual(name)}


class Network:
    """Reads the interfaces and the state of TCP."""

    def __init__(self, chosen: Literal["auto"] | tuple[str, ...], proc: str, sys: str) -> None:
        self._chosen = chosen
        self._proc = proc
        self._sys = sys
        self._counters = Counters()
        self._segments = Counters()
        self._seen: frozenset[str] = frozenset()
        self._counted: set[str] = set()

    def read(self, limits: Limits, at: float, tally: Tally) -> None:  # noqa: ARG002  as the other parts
        """Read interfaces and TCP once."""
        self._tcp(at, tally)
        try:
            rows = parse(read(f"{self._proc}/net/dev"))
        except SourceError as error:
            tally.lack(str(error), RECEIVE, TRANSMIT, ERRORS)
            return
        # Which are real is looked up again only when an interface comes or goes.
        if self._chosen == "auto" and rows.keys() != self._seen:
            self._seen, self._counted = frozenset(rows), real(rows, self._sys)
        counted = self._counted if self._chosen == "auto" else self._chosen
        note(self._counters.step({n: rows[n] for n in rows if n in counted}, at), tally)
        for name in () if self._chosen == "auto" else self._chosen:
            if name not in rows:
                keys = [metric.key(each, device=clean(name)) for each in (RECEIVE, TRANSMIT)]
                tally.lack("no such interface", *keys)

    def _tcp(self, at: float, tally: Tally) -> None:
        """Segments and connections; the kernel's CurrEstab counts ESTABLISHED and CLOSE-WAIT."""
        try:
            tcp = parse_tcp(read(f"{self._proc}/net/snmp"))
        except SourceError as error:
            tally.lack(str(error), RETRANSMIT, CONNECTIONS)
            return
        if "CurrEstab" in tcp:
            tally.put(CONNECTIONS, tcp["CurrEstab"])
        else:
            tally.lack("/proc/net/snmp does not say", CONNECTIONS)
        if "OutSegs" not in tcp or "RetransSegs" not in tcp:
            tally.lack("/proc/net/snmp does not say", RETRANSMIT)
            return
        change = self._segments.one("tcp", (tcp["OutSegs"], tcp["RetransSegs"]), at)
        if isinstance(change, str):
            tally.lack(change, RETRANSMIT)
            return
        sent, again = change.increase
        if sent or again:
            # The kernel counts segments sent again apart from those sent.
            tally.put(RETRANSMIT, min(1.0, again / sent) if sent else 1.0)
        else:
            tally.lack("no segments sent", RETRANSMIT)


def note(changes: Mapping[str, Change | str], tally: Tally) -> None:
    """Note throughput of each interface and of all; the sum is known only if every part is.

    Args:
        changes: By interface: bytes received, bytes sent, errors and drops.
        tally: Where the values go.
    """
    sums = [0.0, 0.0, 0.0]
    gaps: list[str] = []
    for name, change in changes.items():
        keys = [metric.key(each, device=clean(name)) for each in (RECEIVE, TRANSMIT)]
        if isinstance(change, str):
            tally.lack(change, *keys)
            gaps.append(change)
            continue
        rates = change.rates()
        tally.put(keys[0], rates[0])
        tally.put(keys[1], rates[1])
        sums = [a + b for a, b in zip(sums, rates, strict=True)]
    totals = (RECEIVE, TRANSMIT, ERRORS)
    if not changes:
        tally.lack("no network interface", *totals)
    elif gaps:
        tally.lack(gaps[0], *totals)
    else:
        for metric_key, value in zip(totals, sums, strict=True):
            tally.put(metric_key, value)
