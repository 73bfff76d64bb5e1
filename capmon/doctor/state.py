"""What is remembered: the state folder, the history, the recorder, the audit log."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

from capmon.clock import Clock
from capmon.collectors.facts import hostname
from capmon.config.schema import Settings
from capmon.doctor.report import Notes
from capmon.errors import CapmonError
from capmon.model.metric import Unit
from capmon.model.units import show, span
from capmon.private import state_folder
from capmon.recording.naming import history_file, record_name, socket_path

AHEAD = 5.0
"""Seconds in the future from which a reading means that the clock was set back."""


def state(notes: Notes, settings: Settings, clock: Clock) -> None:
    """Look at all of it without changing any."""
    folder = state_folder()
    _private(notes, "state folder", folder, 0o077)
    path = history_file(settings)
    if path is None:
        notes.note("history", "history.path is none: nothing is remembered")
    else:
        _history(notes, path, settings, clock)
        _recorder(notes, socket_path(settings, hostname("/proc")))
    _private(notes, "audit log", folder / "audit.jsonl", 0o077)


def _private(notes: Notes, name: str, path: Path, forbidden: int) -> bool:
    """Whether something is there, this user's own, and closed to others."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        notes.ok(name, f"{path}: not there yet")
        return False
    except OSError as fault:
        notes.broken(name, f"{path}: {fault.strerror}", "see the permissions of the folders above it")  # fmt: skip
        return False
    mode = stat.S_IMODE(found.st_mode)
    if stat.S_ISLNK(found.st_mode):
        notes.broken(name, f"{path} is a symbolic link, which is not followed", "put the real one there")  # fmt: skip
    elif found.st_uid != os.geteuid():
        notes.broken(name, f"{path} belongs to another user ({found.st_uid})", "run capmon as that user, or set XDG_STATE_HOME")  # fmt: skip
    elif mode & forbidden & 0o022:
        notes.broken(name, f"{path} can be written by others ({mode:o})", f"chmod go-w {path}")
    elif mode & forbidden:
        notes.note(name, f"{path} can be read by others ({mode:o})", f"chmod go-rwx {path}")
    else:
        notes.ok(name, f"{path} ({mode:o})")
        return True
    return False


def _history(notes: Notes, path: Path, settings: Settings, clock: Clock) -> None:
    if not _private(notes, "history", path, 0o077):
        return
    from capmon.store.history import VERSION
    from capmon.store.history_reader import HistoryReader

    beside = (path, path.with_name(path.name + "-wal"))
    size = sum(p.stat().st_size for p in beside if p.exists())
    most = float(settings.history.max_size)
    told = f"{show(size, Unit.BYTES)} of {show(most, Unit.BYTES)}, format {VERSION}"
    if size > most:
        notes.note("history size", told, "the oldest readings go with the next recording")
    else:
        notes.ok("history size", told)
    try:
        reader = HistoryReader.open(path)
    except CapmonError as fault:
        if "no readings" in str(fault):
            notes.ok("records", "none yet: `capmon record` or `capmon import` begins one")
        else:
            notes.broken("records", str(fault), "move the file away to begin a new one")
        return
    try:
        now, own = clock.now(), record_name(settings, hostname("/proc"))
        for record in reader.records():
            ahead = record.until - now
            mark = " (this host's)" if record.name == own else ""
            text = f"{record.series} metrics over {span(record.until - record.since)}, last {span(max(0.0, -ahead))} ago{mark}"  # fmt: skip
            if ahead > AHEAD:
                notes.broken(record.name, f"its last reading is {span(ahead)} in the future", "the clock was set back: see that it is right")  # fmt: skip
            else:
                notes.ok(record.name, text)
        for notice in reader.notices:
            notes.note("history", notice)
    finally:
        reader.close()


def _recorder(notes: Notes, path: Path) -> None:
    if not path.exists():
        notes.ok("recorder", "none runs for this record: a live monitor collects itself")
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
        asked.settimeout(1.0)
        try:
            asked.connect(str(path))
        except OSError as fault:
            notes.note("recorder", f"{path}: {fault.strerror or fault}", "left by a recorder that ended: the next one replaces it")  # fmt: skip
            return
    notes.ok("recorder", f"answers at {path}")
