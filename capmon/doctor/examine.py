"""Look at everything, each part within its deadline, so that nothing hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from capmon.clock import Clock
from capmon.config.loaded import Loaded
from capmon.doctor import sources
from capmon.doctor.cost import cost
from capmon.doctor.own import clock as own_clock
from capmon.doctor.own import locale, paths, versions
from capmon.doctor.report import Line, Notes, Section, State
from capmon.doctor.state import state
from capmon.doctor.terminal import terminal

Look = Callable[[Notes], None]


def examine(
    loaded: Loaded, clock: Clock, *, config_faults: Sequence[str] = (), measure: bool = True
) -> list[Section]:
    """Every section, in the order of a page.

    Args:
        loaded: The configuration, or the defaults where it cannot be used.
        clock: Time.
        config_faults: Why the configuration cannot be used.
        measure: Whether to start a monitor for some seconds, to measure what it costs.
    """
    settings = loaded.settings
    wall, steady = clock.now(), clock.monotonic()
    looks: list[tuple[str, float, Look]] = [
        ("host", 8.0, lambda n: sources.host(n, settings, clock)),
        ("application", settings.app.timeout * 2 + 5.0, lambda n: sources.application(n, loaded, clock)),
        ("target", settings.scaling.target.timeout + 5.0, lambda n: sources.target(n, loaded, clock)),
        ("state", 8.0, lambda n: state(n, settings, clock)),
        ("terminal", 3.0, lambda n: terminal(n, clock)),
        ("paths", 3.0, lambda n: paths(n, loaded, config_faults)),
        ("versions", 3.0, versions),
    ]  # fmt: skip
    if measure:
        looks.append(("cost", 30.0, lambda n: cost(n, loaded, clock)))
    looks.append(("clock", 3.0, lambda n: own_clock(n, clock, wall, steady)))
    looks.append(("locale", 3.0, lambda n: locale(n, settings)))
    return [Section(name, within(name, seconds, look)) for name, seconds, look in looks]


def within(name: str, seconds: float, look: Look) -> tuple[Line, ...]:
    """What a look finds within its time; one that does not end is left behind.

    Args:
        name: Of the section.
        seconds: How long it may take.
        look: Notes what it finds.
    """
    notes, ended = Notes(), threading.Event()

    def run() -> None:
        try:
            look(notes)
        except Exception as fault:  # a fault in one part is a finding, not the end of the page
            notes.broken(name, f"{type(fault).__name__}: {fault}", "report this: it should not happen")  # fmt: skip
        ended.set()

    threading.Thread(target=run, name=f"doctor {name}", daemon=True).start()
    if ended.wait(seconds):
        return tuple(notes.lines)
    hung = Line(State.BROKEN, name, f"no answer within {seconds:g} s", "something it reads hangs, such as a dead mount")  # fmt: skip
    return (*tuple(notes.lines), hung)
