"""CSV: a time and one column a metric, or time, metric and value; delimiter and header are found out."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from datetime import tzinfo

from capmon.collectors.imports.faults import cut, shown
from capmon.collectors.imports.intake import Column, Intake, Place
from capmon.collectors.imports.mapping import spelled
from capmon.collectors.imports.moments import Moments
from capmon.collectors.imports.source import MOST_LINE, Source
from capmon.errors import CapmonError

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}

TIMES = frozenset({"time", "timestamp", "ts", "date", "datetime", "date_time", "at", "t", "when", "utc", "epoch", "unix", "unixtime", "unix_time", "time_ms", "timestamp_ms"})  # fmt: skip
METRICS = frozenset({"metric", "metric_name", "name", "key", "series", "__name__", "measurement"})
VALUES = frozenset({"value", "val", "v", "reading"})
UNITS = frozenset({"unit", "units"})

MOST_COLUMNS = 5000


class Table:
    """One CSV file."""

    def __init__(self, source: Source, intake: Intake, time: str, zone: tzinfo | None) -> None:
        self._source, self._intake = source, intake
        self._time, self._zone = time, zone
        self.note = ""
        """What was found out."""
        self._line = 0

    def read(self) -> None:
        """Read all rows.

        Raises:
            CapmonError: The file as a whole is not what it should be.
        """
        rows = self._rows()
        first = next(rows, None)
        if first is None:
            raise CapmonError(f"{self._source.name}: the file is empty")
        header = None if self._is_data(first) else first
        names = header or [str(i) for i in range(1, len(first) + 1)]
        if len(names) > MOST_COLUMNS:
            raise CapmonError(f"{self._source.name}: more than {MOST_COLUMNS} columns")
        plain = [spelled(n)[0] for n in names]
        at = self._time_column(names, plain, header is not None)
        long = self._long(names, plain, at)
        moments = Moments(self._zone, repeats=long is not None)
        if long is None:
            taken = self._columns(names, at)
            self._wide([] if header else [first], rows, len(names), at, taken, moments)
        else:
            self._rest(rows, len(names), at, long, moments)
        form = "time, metric and value" if long else "one column a metric"
        self.note = f"CSV by {DELIMITERS[self._delimiter]}, {'header' if header else 'no header: columns are 1, 2, …'}, {form}; times: {moments.note}"

    def _rows(self) -> Iterator[list[str]]:
        """Rows that say something; `_line` is the last line of each."""
        csv.field_size_limit(MOST_LINE)
        lines = self._source.lines()
        first = next((line for line in self._counted(lines) if not _blank(line)), None)
        if first is None:
            return
        if first.startswith("# hostname;interval;timestamp"):
            raise CapmonError(f"{self._source.name}: written by sadf -d, which mixes devices in its rows: write it with sadf -j")  # fmt: skip
        while first.lstrip().startswith("#"):
            first = next((line for line in self._counted(lines) if not _blank(line)), "")
        self._delimiter = max(DELIMITERS, key=first.count)

        def rest() -> Iterator[str]:
            if first:
                yield first
            yield from (
                "\n" if line.startswith("#") or _blank(line) else line
                for line in self._counted(lines)
            )

        reader = csv.reader(rest(), delimiter=self._delimiter, strict=True)
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as fault:
                raise CapmonError(f"{self._source.name}:{self._line}: {fault}") from None
            if row:
                yield row

    def _counted(self, lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            self._line += 1
            yield line

    def _is_data(self, row: Sequence[str]) -> bool:
        """Whether the first row holds a time, which no header does."""
        return any(_is_time(cell) for cell in row)

    def _time_column(self, names: Sequence[str], plain: Sequence[str], headed: bool) -> int:
        if self._time:
            if self._time in names:
                return list(names).index(self._time)
            raise CapmonError(f"{self._source.name}: no column {cut(self._time)} for --time: there are {_list(names)}")  # fmt: skip
        if not headed:
            return 0
        found = [i for i, name in enumerate(plain) if name in TIMES]
        if not found:
            raise CapmonError(f"{self._source.name}: which column is the time? --time COLUMN says it: there are {_list(names)}")  # fmt: skip
        return found[0]

    def _long(self, names: Sequence[str], plain: Sequence[str], at: int) -> tuple[int, int, int] | None:  # fmt: skip
        """Places of metric, value and unit (-1 without); None where every metric has a column."""
        metrics = [i for i, name in enumerate(plain) if name in METRICS and i != at]
        values = [i for i, name in enumerate(plain) if name in VALUES and i != at]
        if not metrics or not values:
            return None
        units = [i for i, name in enumerate(plain) if name in UNITS]
        others = set(range(len(names))) - {at, metrics[0], values[0], *units[:1]}
        if others:
            told = _list([names[i] for i in sorted(others)])
            raise CapmonError(f"{self._source.name}: beside time, metric and value stand {told}, and which readings belong together is not known: leave one of each, or put labels into the metric's key")  # fmt: skip
        return metrics[0], values[0], units[0] if units else -1

    def _columns(self, names: Sequence[str], at: int) -> list[tuple[int, Column]]:
        file, intake = self._source.name, self._intake
        if len(set(names)) < len(names):
            twice = next(n for n in names if list(names).count(n) > 1)
            raise CapmonError(f"{file}: two columns are called {cut(twice)}")
        alone = len(names) == 2
        if intake.asked.metric and not alone:
            raise CapmonError(f"{file}: --metric names one column, and there are {len(names) - 1}: --map COLUMN=KEY names each")  # fmt: skip
        taken: list[tuple[int, Column]] = []
        for i, name in enumerate(names):
            if i == at:
                continue
            try:
                column = intake.column(name, alone=alone)
            except CapmonError as fault:
                raise CapmonError(f"{file}:{self._line}: {fault}") from None
            if column is not None:
                taken.append((i, column))
        keys = [column.meaning.key for _, column in taken]
        if len(set(keys)) < len(keys):
            key = next(k for k in keys if keys.count(k) > 1)
            both = _list([c.name for _, c in taken if c.meaning.key == key])
            raise CapmonError(f"{file}: several columns are {key}: {both}; --map says which")
        return taken

    def _wide(
        self,
        before: list[list[str]],
        rows: Iterator[list[str]],
        width: int,
        at: int,
        taken: list[tuple[int, Column]],
        moments: Moments,
    ) -> None:
        take = self._intake.take
        for row in _chain(before, rows):
            where = Place(self._source.name, self._line)
            moment = self._moment(row, width, at, where, moments)
            if moment is not None:
                for i, column in taken:
                    take(column, where, moment, row[i])

    def _rest(
        self,
        rows: Iterator[list[str]],
        width: int,
        at: int,
        places: tuple[int, int, int],
        moments: Moments,
    ) -> None:
        metric, value, unit = places
        known: dict[tuple[str, str], Column | None] = {}
        for row in rows:
            where = Place(self._source.name, self._line)
            moment = self._moment(row, width, at, where, moments)
            if moment is None:
                continue
            pair = (row[metric].strip(), row[unit].strip() if unit >= 0 else "")
            if pair not in known:
                try:
                    known[pair] = self._intake.column(pair[0], unit=pair[1])
                except CapmonError as fault:
                    raise CapmonError(f"{where.file}:{where.line}: {fault}") from None
            column = known[pair]
            if column is not None:
                self._intake.take(column, where, moment, row[value])

    def _moment(
        self, row: list[str], width: int, at: int, where: Place, moments: Moments
    ) -> float | None:
        faults = self._intake.faults
        if len(row) != width:
            faults.add(where.file, where.line, "", f"{len(row)} columns, expected {width}")
            return None
        try:
            moment = moments.read(row[at])
        except ValueError as fault:
            faults.add(where.file, where.line, "", str(fault))
            return None
        return moment if self._intake.moment(where, moment) else None


def _chain(before: list[list[str]], rows: Iterator[list[str]]) -> Iterator[list[str]]:
    yield from before
    yield from rows


def _blank(line: str) -> bool:
    return not line.strip()


def _is_time(cell: str) -> bool:
    try:
        Moments(None).read(cell)
    except ValueError:
        return False
    return True


def _list(names: Sequence[str]) -> str:
    told = ", ".join(shown(n) for n in names[:12])
    return f"{told}, …" if len(names) > 12 else told
