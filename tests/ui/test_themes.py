"""Themes: all load, none breaks the screen, every text can be read, and colour never leaks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import frames
import pytest
from rich.color import Color, ColorSystem, ColorType
from rich.segment import Segment
from stage import Stage, staged
from textual.theme import Theme

from capmon.config.schema import Settings
from capmon.errors import ThemeError
from capmon.resources import resource
from capmon.ui import themes
from capmon.ui.widgets.text import SEVERITY

SHIPPED = ("ansi", "contrast", "day", "mono", "night", "safe")
READ = ("ink", "dim", "accent", "warning", "critical")
COLOUR_CODE = re.compile(r"(?:^|;)(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;|$)")


@pytest.fixture(scope="module")
def shipped() -> dict[str, Theme]:
    """Themes that come with capmon."""
    found, failed = themes.load_all([resource("themes")])
    assert failed == []
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of themes."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    made = tmp_path / "capmon" / "themes"
    made.mkdir(parents=True)
    return made


def source(name: str = "night", **changes: str) -> str:
    """A theme file like the shipped one, with some values changed."""
    text = (resource("themes") / "night.yaml").read_text().replace("name: night", f"name: {name}")
    for key, value in changes.items():
        text = re.sub(rf"^{key}:.*$", f"{key}: {value}" if value else "", text, flags=re.M)
    return text


def test_shipped_themes_load(shipped: dict[str, Theme]) -> None:
    """Every shipped theme loads under its file's name and has every token."""
    assert sorted(shipped) == sorted(p.stem for p in resource("themes").glob("*.yaml"))
    assert set(SHIPPED) <= set(shipped)
    for theme in shipped.values():
        assert {f"c-{token}" for token in themes.COLOURS} <= set(theme.variables)


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a: str, b: str) -> float:
    """Contrast ratio of two colours, WCAG 2.2."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_computed_right() -> None:
    """Black on white is 21 to 1, and #767676 is the lightest grey that passes on white."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize(
    ("name", "least"), [("night", 4.5), ("day", 4.5), ("safe", 4.5), ("contrast", 7.0)]
)
def test_text_can_be_read(shipped: dict[str, Theme], name: str, least: float) -> None:
    """Every text has the contrast of WCAG's AA, in the theme for it of AAA, on both backgrounds."""
    colour = shipped[name].variables
    for ground in ("background", "bar"):
        for token in READ:
            assert contrast(colour[f"c-{token}"], colour[f"c-{ground}"]) >= least, (token, ground)


@pytest.mark.parametrize("name", ["night", "day", "safe", "contrast"])
def test_tokens_differ_at_256_colours(shipped: dict[str, Theme], name: str) -> None:
    """Where a terminal has 256 colours, as over SSH, the tokens still differ from each other."""
    colour = shipped[name].variables
    near = {
        token: Color.parse(colour[f"c-{token}"]).downgrade(ColorSystem.EIGHT_BIT).number
        for token in (*READ, "background")
    }
    for a, b in combinations(near, 2):
        assert near[a] != near[b], (a, b)


# Broken files


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "theme bad.yaml"),
        ("", "expected colours by name"),
        ("- a", "expected colours by name"),
        ("name: 2001-99-99", "theme bad.yaml"),
        (source("a b"), "name must be"),
        (source(ink="red"), "ink: expected #rrggbb"),
        (source(ink="'#12345'"), "ink: expected #rrggbb"),
        (source(dark="maybe"), "dark: expected true or false"),
        (source(ink=""), "ink is missing"),
        (source() + "acent: '#000000'", "did you mean accent?"),
        ("\x00", "theme bad.yaml"),
    ],
)
def test_broken_theme_says_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    """A broken file names itself and the key."""
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ThemeError, match=re.escape(said)):
        themes.load(path)


def test_theme_that_is_no_text(tmp_path: Path) -> None:
    """Bytes that are no UTF-8, and a folder that is named like a file, are told the same way."""
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe")
    (tmp_path / "folder.yaml").mkdir()
    found, failed = themes.load_all([tmp_path, tmp_path / "absent"])
    assert found == {}
    assert len(failed) == 2


async def test_broken_file_is_one_notice(folder: Path) -> None:
    """One broken file is one notice; the other themes of the user, and capmon's own, are there."""
    (folder / "bad.yaml").write_text("name: bad\n")
    (folder / "mine.yaml").write_text(source("mine", accent="'#ff00ff'"))
    async with staged(frames.busy(), settings=Settings(theme="mine")) as stage:
        assert len(stage.notices) == 1
        assert "bad.yaml" in stage.notices[0]
        assert stage.app.theme == "mine"
        assert set(SHIPPED) <= set(stage.app._theme_names)


async def test_users_theme_replaces_a_shipped_one(folder: Path) -> None:
    """A theme of the user with a shipped name takes its place."""
    (folder / "night.yaml").write_text(source(accent="'#ff00ff'"))
    async with staged(frames.busy()) as stage:
        assert stage.app.current_theme.variables["c-accent"] == "#ff00ff"
        assert stage.notices == []


async def test_absent_theme_falls_back(folder: Path) -> None:
    """A theme that is not there gives night and one notice that names it."""
    async with staged(frames.busy(), settings=Settings(theme="nigth")) as stage:
        assert stage.app.theme == "night"
        assert len(stage.notices) == 1
        assert "nigth" in stage.notices[0]


# On the screen


def segments(stage: Stage) -> Iterator[Segment]:
    """Everything that is drawn."""
    for strip in stage.app.screen._compositor.render_strips():
        yield from strip


def written(stage: Stage) -> str:
    """What the driver would write for a full repaint."""
    update = stage.app.screen._compositor.render_update(
        full=True, screen_stack=stage.app._background_screens
    )
    assert update is not None
    return update.render_segments(stage.app.console)  # type: ignore[union-attr]


def colour_codes(output: str) -> set[str]:
    """Codes in some output that set a colour other than the terminal's own."""
    return {c for c in re.findall(r"\x1b\[([\d;]*)m", output) if COLOUR_CODE.search(c)}


async def everywhere(stage: Stage) -> Iterator[str]:  # type: ignore[misc]
    """Visit the views, the dialogs, the filter, the palette and a notice."""
    for name, keys in (
        ("overview", ("tab",)),
        ("help", ("question_mark",)),
        ("scale", ("escape", "plus")),
        ("application", ("escape", "2")),
        ("filter", ("slash", "a")),
        ("palette", ("escape", "ctrl+p")),
        ("notice", ("escape", "1", "t")),
    ):
        if name == "notice":
            stage.app.notify("a notice", severity="error")
            await stage.press("escape", "1")
        else:
            await stage.press(*keys)
        yield name


async def test_every_theme_shows_the_same_text() -> None:
    """T goes through all themes and back to the first; none changes the text or fails."""
    async with staged(frames.busy()) as stage:
        await stage.press("tab")
        text, first = stage.text, stage.app.theme
        seen = []
        for _ in stage.app._theme_names:
            await stage.press("t")
            stage.forget_notices()
            await stage.settle()
            seen.append(stage.app.theme)
            assert stage.text == text, stage.app.theme
        assert set(SHIPPED) <= set(seen)
        assert seen[-1] == first


async def test_tokens_reach_the_screen() -> None:
    """Each severity is drawn in its token, bold and on the theme's background."""
    async with staged(frames.busy()) as stage:
        colour = {
            t: Color.parse(stage.app.current_theme.variables[f"c-{t}"]) for t in themes.COLOURS
        }
        for severity, (glyph, token) in SEVERITY.items():
            said = [s.style for s in segments(stage) if f"{glyph} {severity.value}" in s.text]
            assert said
            for style in said:
                assert style is not None
                assert style.bold
                assert style.color == colour[token]
                assert style.bgcolor == colour["background"]


@pytest.mark.parametrize("no_color", [True, False])
async def test_mono_has_no_colour(monkeypatch: pytest.MonkeyPatch, no_color: bool) -> None:
    """Without colour nothing that is drawn carries any, with NO_COLOR and without."""
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    async with staged(frames.busy(), settings=Settings(theme="mono")) as stage:
        async for name in everywhere(stage):
            for segment in segments(stage):
                style = segment.style
                # Textual turns the cursor of an input round in black and white.
                if style is not None and not (style.reverse and not no_color):
                    for found in (style.color, style.bgcolor):
                        assert found is None or found.type is ColorType.DEFAULT, (name, segment)
            if no_color:
                assert colour_codes(written(stage)) == set(), name


async def test_night_has_colour_and_that_is_seen() -> None:
    """The check above would see a colour: the night theme writes some."""
    async with staged(frames.busy()) as stage:
        assert len(colour_codes(written(stage))) > 3


async def test_ansi_uses_the_terminals_colours() -> None:
    """The theme of 16 colours uses those and the terminal's own, nowhere any other."""
    async with staged(frames.busy(), settings=Settings(theme="ansi")) as stage:
        async for name in everywhere(stage):
            for segment in segments(stage):
                style = segment.style
                if style is not None:
                    for found in (style.color, style.bgcolor):
                        plain = (None, ColorType.DEFAULT, ColorType.STANDARD)
                        assert (found and found.type) in plain, (name, segment)
