"""What `sadf -j` writes of the files of sysstat: one object a reading, hosts one after the other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import tzinfo
from typing import Any

from capmon.collectors.imports.faults import cut
from capmon.collectors.imports.intake import Column, Intake, Place
from capmon.collectors.imports.mapping import meant
from capmon.collectors.imports.moments import Moments
from capmon.collectors.imports.source import MOST_LINE, Source
from capmon.collectors.imports.sysstat_metrics import LEFT_OUT, values_of
from capmon.errors import CapmonError

_STATISTICS = re.compile(r'"statistics"\s*:\s*\[')
_ATTRIBUTE = re.compile(r'"(nodename|timezone|number-of-cpus)"\s*:\s*("(?:[^"\\]|\\.)*"|\d+)')
_BETWEEN = re.compile(r"[\s,]*")

Host = Mapping[str, Any]
"""What a host's header says: nodename, timezone, number-of-cpus."""


class Sysstat:
    """One document of `sadf -j`, read a reading at a time."""

    def __init__(self, source: Source, intake: Intake, zone: tzinfo | None, host: str) -> None:
        self._source, self._intake, self._zone, self._wanted = source, intake, zone, host
        self._columns: dict[str, Column] = {}
        self._hosts: list[str] = []
        self.note = ""
        """What was found out."""

    def read(self) -> None:
        """Read all hosts.

        Raises:
            CapmonError: It is no document of sysstat, or of several hosts and none was chosen.
        """
        name = self._source.name
        moments: dict[str, Moments] = {}
        for host, line, reading in _Scanner(self._source).readings():
            node = str(host.get("nodename", "?"))
            if node not in self._hosts:
                self._hosts.append(node)
            if self._wanted and node != self._wanted:
                continue
            if len(self._hosts) > 1 and not self._wanted:
                raise CapmonError(f"{name}: of several hosts, {', '.join(map(cut, self._hosts))} among them: --host says whose to take")  # fmt: skip
            where = Place(name, line)
            times = moments.setdefault(node, Moments(self._zone))
            at = self._at(where, host, reading, times)
            if at is not None and self._intake.moment(where, at):
                self._take(where, at, host, reading)
        if not self._hosts:
            raise CapmonError(f"{name}: no reading of sysstat in it")
        taken = self._wanted or self._hosts[0]
        if taken not in self._hosts:
            raise CapmonError(f"{name}: no host {cut(taken)}: there are {', '.join(map(cut, self._hosts))}")  # fmt: skip
        self.note = f"sysstat of {taken}; times: {moments[taken].note}"

    def _at(
        self, where: Place, host: Host, reading: Mapping[str, Any], moments: Moments
    ) -> float | None:
        stamp = reading.get("timestamp")
        if not isinstance(stamp, dict) or "date" not in stamp or "time" not in stamp:
            self._intake.faults.add(where.file, where.line, "", "a reading without its time")
            return None
        universal = stamp.get("utc") == 1 or host.get("timezone") == "UTC"
        if not universal and self._zone is None:
            raise CapmonError(f"{where.file}:{where.line}: local times: --zone Europe/Berlin or the like says whose, or leave -t and -T out of sadf")  # fmt: skip
        try:
            return moments.read(f"{stamp['date']}T{stamp['time']}{'Z' if universal else ''}")
        except ValueError as fault:
            self._intake.faults.add(where.file, where.line, "", str(fault))
            return None

    def _take(self, where: Place, at: float, host: Host, reading: Mapping[str, Any]) -> None:
        for activity in reading.keys() & LEFT_OUT.keys():
            self._intake.leave(activity, LEFT_OUT[activity])
        try:
            found = values_of(reading, host, self._intake.leave)
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            text = f"not as sysstat writes it: {type(fault).__name__} {fault}"
            self._intake.faults.add(where.file, where.line, "", text)
            return
        for key, value in found.items():
            column = self._columns.get(key)
            if column is None:
                column = self._columns[key] = self._intake.known(meant(key, ""), "sysstat")
            self._intake.take(column, where, at, value)


class _Scanner:
    """Walks through the document; no more than one reading and one chunk are in memory."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._chunks = source.chunks()
        self._text = ""
        self._at = 0
        self._line = 1
        self._decoder = json.JSONDecoder()

    def readings(self) -> Iterator[tuple[Host, int, dict[str, Any]]]:
        """Host, line and object of each reading.

        Raises:
            CapmonError: It is no document of sysstat, or ends in the middle.
        """
        while (host := self._host()) is not None:
            while (found := self._reading()) is not None:
                yield host, self._line, found

    def _host(self) -> Host | None:
        """The next host's header; None at the end."""
        while (start := _STATISTICS.search(self._text, self._at)) is None:
            self._bounded("no reading of sysstat within 1 MiB")
            if not self._more():
                return None
        header = self._text[self._at : start.start()]
        self._go(start.end())
        return {name: json.loads(raw) for name, raw in _ATTRIBUTE.findall(header)}

    def _reading(self) -> dict[str, Any] | None:
        """The next reading of this host; None behind its last."""
        while True:
            between = _BETWEEN.match(self._text, self._at)
            self._go(between.end() if between else self._at)
            if self._text.startswith("]", self._at):
                return None
            try:
                found, end = self._decoder.raw_decode(self._text, self._at)
            except (ValueError, RecursionError):
                self._bounded("no JSON of sysstat")
                if not self._more():
                    raise self._fault("the file ends in the middle of a reading") from None
                continue
            if not isinstance(found, dict):
                raise self._fault("no reading of sysstat")
            self._go(end)
            return found

    def _more(self) -> bool:
        chunk = next(self._chunks, "")
        self._text, self._at = self._text[self._at :] + chunk, 0
        return bool(chunk)

    def _go(self, end: int) -> None:
        self._line += self._text.count("\n", self._at, end)
        self._at = end

    def _bounded(self, said: str) -> None:
        if len(self._text) - self._at > MOST_LINE:
            raise self._fault(said)

    def _fault(self, said: str) -> CapmonError:
        return CapmonError(f"{self._source.name}:{self._line}: {said}")
