"""A widget that holds the lines it shows and repaints only the cells that changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import get_character_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from capmon.ui.widgets.text import Line, fit

GAP = 3
"""Two changed spans closer than this are sent as one: moving the cursor costs about as much."""

QUIET = ("dim", "faint", "rule")
"""Tokens that a theme without colours shows by their weight."""

Cell = tuple[str, str]


class Grid(Widget):
    """Lines of styled text.

    The compositor sends every dirty region whole, so the difference is taken here, cell by
    cell, before anything is called dirty.
    """

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._lines: list[list[Cell]] = []
        self._given: list[Line] = []
        self._strips: dict[int, Strip] = {}
        self._styles_by_token: dict[str, Style] = {}
        self.cells_sent = 0
        """Cells that were called dirty since the start, for tests of the byte budget."""

    def show(self, lines: Sequence[Line]) -> None:
        """Show these lines; what does not fit is cut, equal cells are not sent again."""
        width, height = self.content_size
        given = list(lines[:height])
        given += [[] for _ in range(height - len(given))]
        same_size = len(self._lines) == height and all(len(c) == width for c in self._lines[:1])
        before, self._given = self._given, given
        if not same_size:
            self._lines = [_cells(fit(line, width), width) for line in given]
            self._strips.clear()
            self.cells_sent += width * height
            self.refresh()
            return
        regions: list[Region] = []
        for y, line in enumerate(given):
            if line == before[y]:
                continue
            old, new = self._lines[y], _cells(fit(line, width), width)
            self._lines[y] = new
            self._strips.pop(y, None)
            regions += [Region(a, y, b - a, 1) for a, b in changed_spans(old, new)]
        if regions:
            self.cells_sent += sum(region.width for region in regions)
            self.refresh(*regions)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines inside a region, each drawn once until it changes.

        A grid has no border and no padding of Textual's, so the general way, which takes them
        into account line by line, is left out.
        """
        if self.styles.gutter:
            return super().render_lines(crop)
        background = self.background_colors[1]
        x1, x2 = crop.x, crop.right
        out: list[Strip] = []
        for y in crop.line_range:
            strip = self._strips.get(y)
            if strip is None:
                strip = self.render_line(y)
                for line_filter in self.app.get_line_filters():
                    strip = strip.apply_filter(line_filter, background)
                self._strips[y] = strip
            out.append(strip.crop(x1, x2))
        return out

    def texts(self) -> list[str]:
        """What is shown, line by line, without styles and trailing blanks."""
        return ["".join(char for char, _ in line).rstrip() for line in self._lines]

    def render_line(self, y: int) -> Strip:
        """Draw one line in as few style runs as it has."""
        if y >= len(self._lines):
            return Strip.blank(self.content_size.width, self.visual_style.rich_style)
        segments = [Segment(text, self._style(token)) for text, token in _runs(self._lines[y])]
        return Strip(segments, len(self._lines[y]))

    def _style(self, token: str) -> Style:
        """The style of a token: a colour of the theme on the widget's own background.

        Component classes would say the same, but they cost a style of their own for every token
        of every widget, before the first paint.
        """
        style = self._styles_by_token.get(token)
        if style is None:
            name = token.rstrip("!")
            theme = self.app.theme_variables
            quiet = name in QUIET and theme.get("c-dim-style") == "dim"
            colour = theme.get(f"c-{name}")
            style = Style(
                color=Color.parse(colour).rich_color if colour else None,
                bgcolor=self.background_colors[1].rich_color,
                bold=True if token.endswith("!") else None,
                dim=True if quiet else None,
            )
            self._styles_by_token[token] = style
        return style

    def notify_style_update(self) -> None:
        """Forget resolved styles when the theme changes."""
        self._styles_by_token = {}
        self._strips.clear()
        super().notify_style_update()


def changed_spans(before: Sequence[Cell], after: Sequence[Cell]) -> list[tuple[int, int]]:
    """Half-open spans of cells that differ; spans closer than a cursor movement are joined."""
    spans: list[tuple[int, int]] = []
    for x, (a, b) in enumerate(zip(before, after, strict=True)):
        if a == b:
            continue
        if spans and x - spans[-1][1] < GAP:
            spans[-1] = (spans[-1][0], x + 1)
        else:
            spans.append((x, x + 1))
    return [_whole_characters(span, before, after) for span in spans]


def _whole_characters(
    span: tuple[int, int], before: Sequence[Cell], after: Sequence[Cell]
) -> tuple[int, int]:
    """Widen a span so that it does not cut a character of two cells."""
    start, end = span
    while start > 0 and (before[start][0] == "" or after[start][0] == ""):
        start -= 1
    while end < len(after) and (before[end][0] == "" or after[end][0] == ""):
        end += 1
    return start, end


def _cells(line: Line, width: int) -> list[Cell]:
    out: list[Cell] = []
    for text, token in line:
        for char in text:
            # Control characters have no width either: none ever reaches the terminal.
            size = 1 if " " <= char < "\x7f" else get_character_cell_size(char)
            if size == 0:
                continue
            out.append((_printable(char), token))
            if size == 2:
                out.append(("", token))
    out += [(" ", "ink")] * (width - len(out))
    if len(out) > width > 0 and out[width][0] == "":
        out[width - 1] = (" ", out[width - 1][1])
    return out[:width]


def _printable(char: str) -> str:
    """A lone surrogate, from a name that is not UTF-8, cannot be written to a terminal."""
    return "\ufffd" if "\ud800" <= char <= "\udfff" else char


def _runs(line: Sequence[Cell]) -> Iterator[tuple[str, str]]:
    """Neighbouring cells of one style as one text; blanks take the style before them."""
    text, style = "", ""
    for char, token in line:
        if token != style and not (char == " " and text):
            if text:
                yield text, style
            text, style = "", token
        text += char
    if text:
        yield text, style
