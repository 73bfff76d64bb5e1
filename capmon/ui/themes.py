"""Themes from YAML files: load what can be loaded, say what cannot."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from pathlib import Path

import yaml
from textual.theme import Theme

from capmon.errors import ThemeError
from capmon.resources import resource

COLOURS = ("background", "bar", "ink", "dim", "faint", "rule", "accent", "future", "ok", "warning", "critical")  # fmt: skip
_SAFE = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader in C where there is one: ten times faster."""

FLAGS = ("dark", "ansi", "mono")
FALLBACK = "night"

_HEX = re.compile(r"^#[0-9a-fA-F]{6}$")
_ANSI = re.compile(r"^ansi_(default|(bright_)?(black|red|green|yellow|blue|magenta|cyan|white))$")


def folders() -> list[Path]:
    """Where themes are looked for: the shipped ones, then the user's."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return [resource("themes"), Path(home) / "capmon" / "themes"]


def load_all(where: Iterable[Path]) -> tuple[dict[str, Theme], list[str]]:
    """Themes by name, and one line for each file that could not be read.

    A later folder replaces a theme of the same name.
    """
    themes: dict[str, Theme] = {}
    failed: list[str] = []
    for folder in where:
        for path in sorted(folder.glob("*.y*ml")) if folder.is_dir() else ():
            try:
                theme = load(path)
            except ThemeError as fault:
                failed.append(str(fault))
            else:
                themes[theme.name] = theme
    return themes, failed


def choose(wanted: str, found: Iterable[str], *, no_color: bool) -> tuple[str, list[str]]:
    """The theme to start with, and a notice where it is not the one that was wanted.

    Args:
        wanted: Name from the configuration.
        found: Names that there are.
        no_color: Whether NO_COLOR is set, which asks for the theme without colours.
    """
    names = set(found)
    if no_color and "mono" in names:
        return "mono", []
    if wanted in names:
        return wanted, []
    return FALLBACK, [f"theme {wanted!r} is not there: using {FALLBACK}"]


def load(path: Path) -> Theme:
    """One theme from a file.

    Raises:
        ThemeError: Not readable, or a colour is missing, unknown or no colour.
    """
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), _SAFE)  # noqa: S506 - a safe loader
    except (OSError, ValueError, yaml.YAMLError) as fault:  # ValueError: no UTF-8, or no such date
        raise ThemeError(f"theme {path.name}: {str(fault).splitlines()[0]}") from fault
    if not isinstance(found, dict):
        raise ThemeError(f"theme {path.name}: expected colours by name")
    _check(path, found)
    return _theme(str(found["name"]), found)


def _check(path: Path, found: dict[object, object]) -> None:
    known = (*COLOURS, *FLAGS, "name")
    for name in found:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            raise ThemeError(f"theme {path.name}: unknown key {name!r}" + (f"; did you mean {near[0]}?" if near else ""))  # fmt: skip
    for name in ("name", *COLOURS):
        if name not in found:
            raise ThemeError(f"theme {path.name}: {name} is missing")
    if not isinstance(found["name"], str) or not re.fullmatch(r"[\w-]{1,32}", found["name"]):
        raise ThemeError(f"theme {path.name}: name must be letters, digits, - or _")
    for name in COLOURS:
        if not isinstance(found[name], str) or not (
            _HEX.match(str(found[name])) or _ANSI.match(str(found[name]))
        ):
            raise ThemeError(f"theme {path.name}: {name}: expected #rrggbb or ansi_blue, got {found[name]!r}")  # fmt: skip
    for name in FLAGS:
        if not isinstance(found.get(name, False), bool):
            raise ThemeError(f"theme {path.name}: {name}: expected true or false")


def _theme(name: str, found: dict[object, object]) -> Theme:
    colour = {token: str(found[token]) for token in COLOURS}
    variables = {f"c-{token}": value for token, value in colour.items()}
    # Without colour, weight alone sets labels and rules apart from values.
    variables["c-dim-style"] = "dim" if found.get("mono", False) else "none"
    variables |= {
        "block-cursor-background": colour["accent"],
        "block-cursor-foreground": colour["background"],
        "input-cursor-background": colour["ink"],
        "input-cursor-foreground": colour["background"],
        "scrollbar": colour["faint"],
        "scrollbar-background": colour["background"],
    }
    if found.get("ansi", False):
        # Textual's own style sheets name these two and define them for its other themes alone.
        variables |= {"ansi-background": colour["background"], "ansi-foreground": colour["ink"]}
    return Theme(
        name=name,
        primary=colour["accent"],
        secondary=colour["future"],
        accent=colour["accent"],
        warning=colour["warning"],
        error=colour["critical"],
        success=colour["ok"],
        foreground=colour["ink"],
        background=colour["background"],
        surface=colour["background"],
        panel=colour["bar"],
        dark=bool(found.get("dark", True)),
        ansi=bool(found.get("ansi", False)),
        variables=variables,
    )
