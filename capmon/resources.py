"""Files that ship beside the code: the themes and the default configuration."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def resource(name: str) -> Path:
    """Path of a shipped file or folder: inside the installed package, else in the source tree."""
    inside = _PACKAGE / name
    return inside if inside.exists() else _PACKAGE.parent / name
