"""JSON Lines: an object a line, flat, nested, or of time, metric and value."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import tzinfo
from typing import Any

from capmon.collectors.imports.csv import METRICS, TIMES, UNITS, VALUES
from capmon.collectors.imports.faults import cut, shown
from capmon.collectors.imports.intake import Column, Intake, Place
from capmon.collectors.imports.mapping import spelled
from capmon.collectors.imports.moments import Moments
from capmon.collectors.imports.source import Source
from capmon.errors import CapmonError
from capmon.model.metric import key, metric, split

LABELS = frozenset({"labels", "tags", "attributes"})

DEEPEST = 8
"""Objects within objects."""

MOST_NAMES = 5000
"""Different names of one file."""


class JsonLines:
    """One file of objects."""

    def __init__(self, source: Source, intake: Intake, time: str, zone: tzinfo | None) -> None:
        self._source, self._intake, self._time = source, intake, time
        self._moments = Moments(zone, repeats=True)
        self._known: dict[tuple[str, str], Column | None] = {}
        self._spelled: dict[str, str] = {}
        self.note = ""
        """What was found out."""

    def read(self) -> None:
        """Read all lines.

        Raises:
            CapmonError: The file as a whole is not what it should be.
        """
        faults, name = self._intake.faults, self._source.name
        for number, line in enumerate(self._source.lines(), 1):
            if not line.strip():
                continue
            try:
                found = json.loads(line)
            except (ValueError, RecursionError) as fault:
                said = fault.msg.lower() if isinstance(fault, json.JSONDecodeError) else "too deep"
                faults.add(name, number, "", f"no JSON: {said}")
                continue
            if not isinstance(found, dict):
                faults.add(name, number, "", "no object")
                continue
            self._object(Place(name, number), found)
        self.note = f"JSON Lines; times: {self._moments.note}"

    def _object(self, where: Place, found: Mapping[str, Any]) -> None:
        roles = {name: self._role(name) for name in found}
        time = self._time or next((n for n, role in roles.items() if role == "time"), "")
        if time not in found:
            text = f"no {shown(self._time)}" if self._time else "no time: --time NAME says which it is"  # fmt: skip
            self._intake.faults.add(where.file, where.line, "", text)
            return
        try:
            at = self._moments.read(_moment(found[time]))
        except ValueError as fault:
            self._intake.faults.add(where.file, where.line, "", str(fault))
            return
        if not self._intake.moment(where, at):
            return
        metrics = [n for n, r in roles.items() if r == "metric" and isinstance(found[n], str)]
        values = [n for n, r in roles.items() if r == "value"]
        if metrics and values:
            self._single(where, at, found, roles, {time, metrics[0], values[0]}, metrics[0], values[0])  # fmt: skip
            return
        for name, value in _flat({n: v for n, v in found.items() if n != time}):
            self._put(where, at, name, "", value, alone=len(found) == 2)

    def _role(self, name: str) -> str:
        if name not in self._spelled:
            plain = "__name__" if name == "__name__" else spelled(name)[0]
            roles = (("time", TIMES), ("metric", METRICS), ("value", VALUES), ("unit", UNITS), ("labels", LABELS))  # fmt: skip
            role = next((role for role, names in roles if plain in names), "")
            if len(self._spelled) < MOST_NAMES:
                self._spelled[name] = role
            return role
        return self._spelled[name]

    def _single(
        self,
        where: Place,
        at: float,
        found: Mapping[str, Any],
        roles: Mapping[str, str],
        seen: set[str],
        metric_name: str,
        value_name: str,
    ) -> None:
        """One reading: time, metric, value, and perhaps unit and labels."""
        unit, name = "", found[metric_name]
        for other in found.keys() - seen:
            inside = found[other]
            if roles[other] == "unit" and isinstance(inside, str):
                unit = inside
            elif roles[other] == "labels" and isinstance(inside, dict):
                name = _labelled(name, inside)
            else:
                text = f"{shown(other)} stands beside time, metric and value, and which readings belong together is not known: labels go into `labels`"  # fmt: skip
                self._intake.faults.add(where.file, where.line, "", text)
                return
        self._put(where, at, name, unit, found[value_name])

    def _put(self, where: Place, at: float, name: str, unit: str, value: Any, *, alone: bool = False) -> None:  # fmt: skip
        pair = (name, unit)
        if pair not in self._known:
            if len(self._known) >= MOST_NAMES:
                raise CapmonError(f"{where.file}:{where.line}: more than {MOST_NAMES} names")
            try:
                self._known[pair] = self._intake.column(name, alone=alone, unit=unit)
            except CapmonError as fault:
                raise CapmonError(f"{where.file}:{where.line}: {fault}") from None
        column = self._known[pair]
        if column is not None:
            self._intake.take(column, where, at, value)


def _moment(raw: Any) -> str | float:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise ValueError(f"{cut(json.dumps(raw)[:80])} is no time")
    return raw if isinstance(raw, str) else float(raw)


def _flat(found: Mapping[str, Any], before: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Values by dotted name."""
    for name, value in found.items():
        dotted = f"{before}.{name}" if before else name
        if isinstance(value, dict) and depth < DEEPEST:
            yield from _flat(value, dotted, depth + 1)
        else:
            yield dotted, value


def _labelled(name: str, labels: Mapping[str, Any]) -> str:
    """The key of a metric of the catalogue with its labels; any other name as it is."""
    try:
        bare, own = split(name)
        return key(metric(bare).name, **{**own, **{k: str(v) for k, v in labels.items()}})
    except CapmonError:
        return name
