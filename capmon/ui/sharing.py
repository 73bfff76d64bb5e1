"""What leaves the screen to be shared: the snapshot as a file, a note, the incident summary."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from capmon.clock import rfc3339
from capmon.errors import CapmonError
from capmon.model.frame import Frame
from capmon.private import make_folder, open_private, state_folder

if TYPE_CHECKING:
    from capmon import snapshot
    from capmon.ui.app import CapmonApp


LONGEST_HOST = 64
"""Characters of a host's name that stand in the name of a file."""


def export(app: CapmonApp) -> None:
    """Write what is shown to a file, off the event loop."""
    frame = app.shown
    if frame is None:
        app.notify("there is nothing to export yet", severity="warning")
        return
    scene = _scene(app)
    threading.Thread(target=_export, args=(app, frame, scene), daemon=True).start()


def _scene(app: CapmonApp) -> snapshot.Scene:
    from capmon import snapshot

    screen = app.monitor_screen
    view = app.view_state
    return snapshot.Scene(
        screen=screen.name_of_view if screen else "",
        focus=screen.focused_pane if screen else "",
        filter=view.filter,
        window=view.window,
        maximised=view.maximised,
        paused=view.paused,
        size=(app.size.width, app.size.height),
    )


def _export(app: CapmonApp, frame: Frame, scene: snapshot.Scene) -> None:
    from capmon import snapshot

    host = frame.host.hostname if frame.host else "host"
    path = app.folder / snapshot.default_name(frame.at, host)
    try:
        snapshot.write(snapshot.document(frame, app.loaded, scene), path)
        said, options = str(path), {"title": "exported"}
    except (CapmonError, OSError) as fault:
        said, options = str(fault), {"title": "not exported", "severity": "error"}
    with contextlib.suppress(RuntimeError):  # the app has ended
        app.notify(said, **options)


# Notes


def note(app: CapmonApp) -> None:
    """Ask for one line and keep it in the record."""
    if app.screen is not app.monitor_screen:
        return
    from capmon.ui.screens.note import NoteScreen

    shown = app.shown
    # It is written now, and is of what is looked at.
    about = f" (about {rfc3339(shown.at, timespec='seconds')})" if shown and shown.past and shown.past.kind != "file" else ""  # fmt: skip

    def keep(text: str | None) -> None:
        if text:
            app.monitor.note("note", text + about)
            app.notify("it stands among the events", title="noted", timeout=2.0)

    app.push_screen(NoteScreen(), keep)


# The incident summary


def copy(app: CapmonApp) -> None:
    """Send the incident summary to the clipboard and write it to a file, off the event loop."""
    frame = app.shown
    if frame is None:
        app.notify("there is nothing to copy yet", severity="warning")
        return
    threading.Thread(target=_copy, args=(app, frame), daemon=True).start()


def _copy(app: CapmonApp, frame: Frame) -> None:
    from capmon.report.incident import incident

    text = incident(frame)
    try:
        file, failed = f"also in {_keep(app.folder, frame, text)}", False
    except (CapmonError, OSError) as fault:
        file, failed = f"no file was written: {fault}", True
    with contextlib.suppress(RuntimeError):  # the app has ended
        app.call_later(lambda: app.begin(_send(app, text, file, failed=failed)))


async def _send(app: CapmonApp, text: str, file: str, *, failed: bool) -> None:
    """Write a text to the terminal for its clipboard, and say where it is."""
    from capmon.ui.clipboard import MOST_BYTES, sequences, to_tmux

    buffered = await to_tmux(text)
    # A tmux that has it in its buffer already is only asked to pass it on.
    wanted = sequences(text)[1 if buffered else 0 :]
    driver = app._driver
    if driver is not None:
        for sequence in wanted:
            driver.write(sequence)
    if buffered:
        said = "in tmux's buffer, and sent on"
    elif wanted:
        said = "sent to the terminal (OSC 52)"
    else:
        said, failed = f"more than terminals take ({MOST_BYTES // 1000} kB), so not in the clipboard", True  # fmt: skip
    severity = "warning" if failed else "information"
    app.notify(f"{said}; {file}", title="incident summary", severity=severity)


def _keep(fallback: Path, frame: Frame, text: str) -> Path:
    """Write a summary where our state is kept, or else where exports go; the file.

    Raises:
        CapmonError: Neither can be written; the text is that of the second.
    """
    from capmon import snapshot

    host = frame.host.hostname[:LONGEST_HOST] if frame.host else "host"
    name = Path(snapshot.default_name(frame.at, host)).with_suffix(".md").name
    try:
        folder = state_folder() / "incidents"
        make_folder(folder.parent)
        make_folder(folder)
        return _written(folder / name, text)
    except (CapmonError, OSError):
        return _written(fallback / name, text)


def _written(path: Path, text: str) -> Path:
    with os.fdopen(open_private(path), "w", encoding="utf-8", errors="replace") as file:
        file.truncate()
        file.write(text)
    return path
