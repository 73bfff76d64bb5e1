"""Every command in one table, which makes bindings, footer, help and palette."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from textual.binding import Binding


@dataclass(frozen=True, slots=True)
class Command:
    """One thing that the user can do."""

    id: str
    """Name in the configuration's `keys`."""

    keys: str
    """Default keys, separated by commas."""

    shown: str
    """The keys as the footer and the help show them."""

    label: str
    """One or two words for the footer."""

    help: str
    """One sentence for help and palette."""

    action: str
    """Textual action."""

    footer: int = 0
    """Order in the footer, the least first; 0 keeps it out."""

    acts: bool = False
    """Whether it may change the world: hidden when the screen is read-only."""


COMMANDS: tuple[Command, ...] = (
    Command("quit", "q,ctrl+c", "q", "quit", "Leave capmon.", "quit", 1),
    Command("help", "question_mark,f1", "?", "help", "Show keys, states, and why values are missing.", "help", 2),
    Command("pause", "space", "space", "pause", "Hold the screen still; sampling goes on.", "pause", 3),
    Command("filter", "slash", "/", "filter", "Show only lines that hold a text.", "filter", 4),
    Command("overview", "1", "1", "overview", "The overview.", "view('overview')"),
    Command("application", "2", "2", "application", "Everything the application says, large.", "view('application')"),
    Command("models", "3", "3", "models", "Curves of resources and latency over load, and why these.", "view('models')"),
    Command("forecast", "4", "4", "forecast", "What is expected, when limits are crossed, and how past forecasts did.", "view('forecast')"),
    Command("bottlenecks", "5", "5", "bottlenecks", "What limits the service, the evidence, and what would change it.", "view('bottlenecks')"),
    Command("scaling", "6", "6", "scaling", "What the policies say, what holds them up, and whether it worked.", "view('scaling')"),
    Command("plan", "7", "7", "plan", "The capacity plan of what was recorded, chapter by chapter.", "view('plan')"),
    Command("select_next", "down", "↓", "next", "Select the next metric, curve, bottleneck or policy.", "screen.select(1)"),
    Command("select_previous", "up,p", "↑ p", "previous", "Select the one before.", "screen.select(-1)"),
    Command("page_down", "pagedown", "pgdn", "further", "Scroll a chapter of the plan down.", "screen.page(1)"),
    Command("page_up", "pageup", "pgup", "back up", "Scroll a chapter of the plan up.", "screen.page(-1)"),
    Command("plan_again", "r", "r", "plan anew", "Make the capacity plan anew.", "screen.plan_again"),
    Command("plan_write", "o", "o", "write plan", "Write the capacity plan to plan.md.", "screen.plan_write"),
    Command("what_if", "w", "w", "what-if", "Suppose another load, other replicas or another objective.", "what_if", 8),
    Command("zoom", "z,enter", "z", "zoom", "Let the focused pane fill the screen, and back.", "zoom", 9),
    Command("back", "escape", "esc", "back", "Leave the filter, a zoomed pane or a view.", "back"),
    Command("export", "e", "e", "export", "Write what is shown to a JSON file.", "export", 10),
    Command("window_less", "left_square_bracket", "[", "window", "Show a shorter window.", "window(-1)"),
    Command("window_more", "right_square_bracket", "]", "window", "Show a longer window.", "window(1)"),
    Command("note", "n", "n", "note", "Write a note into the record.", "note"),
    Command("copy", "y", "y", "copy", "Copy a summary of what is shown, as Markdown.", "copy"),
    Command("theme", "t", "t", "theme", "Next theme.", "next_theme"),
    Command("scale", "S", "S", "scale", "Propose a number of replicas.", "scale(0)", 5, acts=True),
    Command("up", "plus", "+", "up", "Propose one replica more.", "scale(1)", 6, acts=True),
    Command("down", "minus", "-", "down", "Propose one replica less.", "scale(-1)", 7, acts=True),
    Command("rollback", "u", "u", "take back", "Take back the last action, where it made things worse.", "rollback", acts=True),
    Command("step_back", "left", "←", "back", "Go back in time by one cell of the trends; measuring goes on.", "step(-1)"),
    Command("step_forward", "right", "→", "forward", "Go forward in time by one cell of the trends.", "step(1)"),
    Command("minute_back", "shift+left", "shift+←", "minute back", "Go back in time by a minute.", "minute(-1)"),
    Command("minute_forward", "shift+right", "shift+→", "minute forward", "Go forward in time by a minute.", "minute(1)"),
    Command("event_before", "left_curly_bracket", "{", "event before", "Go to the last event before what is shown.", "event(-1)"),
    Command("event_next", "right_curly_bracket", "}", "next event", "Go to the next event after what is shown.", "event(1)"),
    Command("jump", "j", "j", "go to", "Go to a moment that was recorded: 14:05, -2h, yesterday 14:05.", "jump", 11),
    Command("now", "home,grave_accent", "home", "now", "Back to now; in a replay, to the end of the record.", "now"),
    Command("palette", "ctrl+p", "ctrl+p", "palette", "Find a command by name.", "command_palette"),
)  # fmt: skip

VIEWS = ("overview", "application", "models", "forecast", "bottlenecks", "scaling", "plan")


def bindings() -> list[Binding]:
    """Bindings of all commands; their ids let the configuration rebind them."""
    return [
        Binding(keys, c.action, c.help, show=False, id=c.id, priority=first, system=True)
        for c in COMMANDS
        for keys, first in _ranked(c)
    ]


def _ranked(command: Command) -> list[tuple[str, bool]]:
    """Keys, and whether they come before those of a dialog: ctrl+c leaves it, q closes it."""
    if command.id != "quit":
        return [(command.keys, False)]
    return [(key, key.startswith("ctrl+")) for key in command.keys.split(",")]


def unknown(ids: Iterable[str]) -> list[str]:
    """One line for each id that is no command."""
    known = [c.id for c in COMMANDS]
    out = []
    for name in ids:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            out.append(f"no command {name!r}" + (f"; did you mean {near[0]}?" if near else ""))
    return out


def offered(*, read_only: bool) -> list[Command]:
    """Commands that may be used."""
    return [c for c in COMMANDS if not (c.acts and read_only)]
