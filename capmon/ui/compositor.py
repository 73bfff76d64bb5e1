"""Send only the cells that changed, in as few bytes as they take.

Textual redraws a changed region from the left edge of its widget and begins every style run
anew. Over SSH, and on a screen that changes a little everywhere each second, that is most of
what is sent. Here a region begins where it begins, runs of one style are sent together, and a
change of style sends only what differs.

This leans on private names of Textual, `Compositor.render_partial_update` and `ChopsUpdate`;
tests/ui/test_compositor.py fails when they change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from textual._compositor import ChopsUpdate, Compositor

_ATTRIBUTES = (
    ("bold", "1", "22"),
    ("dim", "2", "22"),
    ("italic", "3", "23"),
    ("underline", "4", "24"),
    ("blink", "5", "25"),
    ("reverse", "7", "27"),
    ("strike", "9", "29"),
)
_OFF = {on: off for _, on, off in _ATTRIBUTES}
_SHOWN_ON_BLANKS = {"4", "7", "9"}


class Codes(NamedTuple):
    """What a style asks of the terminal, in parts that can be sent apart."""

    background: str
    """Parameters of the background; 49 is the terminal's own."""

    foreground: str
    """Parameters of the foreground; 39 is the terminal's own."""

    attributes: tuple[str, ...]
    """Parameters of bold, underline and the like."""

    marks_blanks: bool
    """Whether a blank shows more than its background: underline, reverse or strike."""


PLAIN = Codes("49", "39", (), False)


@lru_cache(maxsize=2048)
def codes_of(style: Style | None, system: ColorSystem) -> Codes:
    """The codes of a style in a colour system."""
    if style is None:
        return PLAIN
    attributes = tuple(on for name, on, _ in _ATTRIBUTES if getattr(style, name))
    colours = []
    for colour, foreground in ((style.bgcolor, False), (style.color, True)):
        found = () if colour is None else colour.downgrade(system).get_ansi_codes(foreground)
        colours.append(";".join(found) or ("39" if foreground else "49"))
    marks = not _SHOWN_ON_BLANKS.isdisjoint(attributes)
    return Codes(colours[0], colours[1], attributes, marks)


def change(before: Codes, after: Codes) -> str:
    """The escape sequence that turns one style into another; empty when they are equal."""
    parts: list[str] = []
    gone = [a for a in before.attributes if a not in after.attributes]
    parts += dict.fromkeys(_OFF[a] for a in gone)
    # One code ends bold and dim together, so what stays of the two is sent again.
    again = set() if "22" not in parts else {"1", "2"}
    parts += [a for a in after.attributes if a not in before.attributes or a in again]
    if before.foreground != after.foreground:
        parts.append(after.foreground)
    if before.background != after.background:
        parts.append(after.background)
    return f"\x1b[{';'.join(parts)}m" if parts else ""


@dataclass(slots=True)
class Run:
    """Neighbouring cells of one style."""

    codes: Codes
    y: int
    x: int
    text: str
    end: int
    blank: bool
    """Whether it shows its background alone, so that any foreground will do."""

    raw: str = ""
    """Sent as it is instead of the text: a hyperlink."""


class CellUpdate(ChopsUpdate):
    """An update of the terminal that sends spans alone, sorted by style."""

    def render_segments(self, console: Console) -> str:
        """The escape sequences and texts of all spans."""
        system = console._color_system or ColorSystem.TRUECOLOR
        return encode(list(self._runs(system)))

    def _runs(self, system: ColorSystem) -> Iterator[Run]:
        for y, x1, x2 in self.spans:
            last: Run | None = None
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                if strip is None or x >= x2 or end <= x1:
                    continue
                left, right = max(x, x1), min(end, x2)
                at = left
                part = strip if (left, right) == (x, end) else strip.crop(left - x, right - x)
                for text, style, _ in part:
                    run = _run(text, style, system, y, at)
                    at = run.end
                    if last is not None and joined(last, run):
                        continue
                    if last is not None:
                        yield last
                    last = run
            if last is not None:
                yield last


def _run(text: str, style: Style | None, system: ColorSystem, y: int, x: int) -> Run:
    codes = codes_of(style, system)
    blank = not codes.marks_blanks and not text.strip(" ")
    raw = ""
    if style is not None and style.link:
        raw = style.render(text, color_system=system)
    return Run(codes, y, x, text, x + cell_len(text), blank, raw)


def joined(last: Run, run: Run) -> bool:
    """Whether a run could be taken into the one before it, and then it was."""
    if run.x != last.end or run.raw or last.raw:
        return False
    if run.codes is not last.codes and run.codes != last.codes:
        if run.codes.background != last.codes.background or not (run.blank or last.blank):
            return False
        if run.codes.marks_blanks or last.codes.marks_blanks:
            return False
        if last.blank:
            last.codes = run.codes
    last.text += run.text
    last.end = run.end
    last.blank = last.blank and run.blank
    return True


def encode(runs: list[Run]) -> str:
    """The escape sequences and texts of some runs, in the order that changes styles least."""
    runs.sort(key=lambda run: (run.codes, run.y, run.x))
    out: list[str] = []
    state = PLAIN
    at_y, at_x = -1, -1
    for run in runs:
        if run.y != at_y:
            out.append(f"\x1b[{run.y + 1};{run.x + 1}H")
        elif run.x != at_x:
            out.append(f"\x1b[{run.x + 1}G")
        at_y, at_x = run.y, run.end
        if run.raw:
            out += [change(state, PLAIN), run.raw]
            state = PLAIN
            continue
        out += [change(state, run.codes), run.text]
        state = run.codes
    if state != PLAIN:
        out.append("\x1b[0m")
    return "".join(out)


class CellCompositor(Compositor):
    """Textual's compositor with the smaller updates."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """As the base does, but in the smaller form."""
        update = super().render_partial_update()
        if update is None:
            return None
        return CellUpdate(update.chops, update.spans, update.chop_ends)
