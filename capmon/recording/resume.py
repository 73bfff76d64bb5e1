"""Lets a monitor begin with what was recorded before it started."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from capmon.clock import Clock
from capmon.config.schema import Settings
from capmon.recording.naming import history_file, record_name

if TYPE_CHECKING:
    from capmon.store.history_reader import HistoryReader
    from capmon.store.series import Store

Fill = Callable[["Store"], None]


def filler(settings: Settings, clock: Clock) -> Fill | None:
    """What fills a store with the readings of the last hour and the minutes of two days.

    None where nothing is to be resumed; the store stays empty where there is no such record.
    """
    path = history_file(settings)
    if path is None or not settings.history.resume:
        return None
    name = record_name(settings, socket.gethostname())
    return lambda store: _fill(store, path, name, clock.now())


def _fill(store: Store, path: Path, name: str, now: float) -> None:
    """Fill an empty store with what one record holds up to now.

    Raises:
        CapmonError: There is a file, and it cannot be read.
    """
    if not path.exists():
        return
    from capmon.store.history_reader import HistoryReader, NoRecord

    try:
        reader = HistoryReader.open(path, name)
    except NoRecord:
        return
    try:
        for metric_key in reader.keys():  # noqa: SIM118 - a method of the reader
            _resume(store, reader, metric_key, now)
            # Whoever draws the screen shall not wait for all of them.
            time.sleep(0)
    finally:
        reader.close()


def _resume(store: Store, reader: HistoryReader, metric_key: str, now: float) -> None:
    from capmon.store.series import MINUTE, MINUTES, RAW_SECONDS

    # The clock may have been set back since: what lies ahead of it is left out.
    raw = reader.raw(metric_key, now - RAW_SECONDS, now)
    minutes = reader.minutes(metric_key, now - MINUTES * MINUTE, now - MINUTE)
    interval = reader.interval(metric_key)
    if interval:
        store.begin(metric_key, interval, (raw.times, raw.values), (minutes.times, minutes.mean))
