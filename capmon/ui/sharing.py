"""What leaves the screen to be shared: the snapshot as a file."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from capmon.errors import CapmonError
from capmon.model.frame import Frame

if TYPE_CHECKING:
    from capmon import snapshot
    from capmon.ui.app import CapmonApp


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
