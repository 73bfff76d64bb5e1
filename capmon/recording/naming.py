"""Whose record it is, in which file, and where its recorder listens."""

from __future__ import annotations

import hashlib
from pathlib import Path

from capmon.config.schema import Settings
from capmon.model.text import one_line
from capmon.private import state_folder


def record_name(settings: Settings, hostname: str) -> str:
    """`web@db-01`: the application's and the host's name, unless the configuration gives another."""
    if settings.history.name != "auto":
        return settings.history.name
    app = "" if settings.app.source == "none" else settings.app.name
    return one_line(f"{app}@{hostname}")


def history_file(settings: Settings) -> Path | None:
    """The history's file; None where nothing is remembered."""
    match settings.history.path:
        case "none":
            return None
        case "auto":
            # As `store.history.history_path`, which costs the first paint an import of SQLite.
            return state_folder() / "history.db"
        case path:
            return Path(path).expanduser().absolute()


def socket_path(settings: Settings, hostname: str) -> Path:
    """Where the recorder of this record, in this file, listens."""
    told = f"{record_name(settings, hostname)}\0{history_file(settings)}"
    digest = hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return state_folder() / f"recorder-{digest}.sock"
