"""A moment as people write it: `14:05`, `-2h`, `yesterday 14:05`, `2026-03-01 14:05:12`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from capmon.errors import QuantityError
from capmon.model.units import parse_duration

EXAMPLES = "14:05, -2h, yesterday 14:05 or 2026-03-01 14:05"
"""What may be written, for those who wrote something else."""

_CLOCK = re.compile(r"(?:(today|yesterday)\s+)?(\d{1,2}):(\d{2})(?::(\d{2}))?", re.IGNORECASE)
_LONGEST = 64


def parse_moment(text: str, now: float) -> float:
    """Unix time of a moment, in UTC, as all clocks on the screen are.

    A time of day alone is the last one at or before `now`.

    Args:
        text: What was written.
        now: Unix time that it is told from.

    Raises:
        QuantityError: It is no moment; the text says what would be one.
    """
    given = text.strip()
    if not given or len(given) > _LONGEST:
        raise QuantityError(f"expected a time such as {EXAMPLES}")
    if given.lower() == "now":
        return now
    if given[0] in "-−":
        return now - _ago(given[1:].strip(), given)
    match = _CLOCK.fullmatch(given)
    return _of_day(match, now) if match else _of_calendar(given)


def _ago(span: str, given: str) -> float:
    try:
        return parse_duration(span)
    except QuantityError:
        raise QuantityError(f"{given!r} is no span of time: write -90s, -2h or -1h30m") from None


def _of_day(match: re.Match[str], now: float) -> float:
    day, hour, minute, second = match[1], int(match[2]), int(match[3]), int(match[4] or 0)
    if hour > 23 or minute > 59 or second > 59:
        raise QuantityError(f"there is no {match[2]}:{match[3]} on a clock")
    today = datetime.fromtimestamp(now, UTC)
    found = today.replace(hour=hour, minute=minute, second=second, microsecond=0)
    if (day or "").lower() == "yesterday" or (not day and found > today):
        found -= timedelta(days=1)
    return found.timestamp()


def _of_calendar(given: str) -> float:
    try:
        found = datetime.fromisoformat(given)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise QuantityError(f"{given!r} is no time: write {EXAMPLES}") from None
