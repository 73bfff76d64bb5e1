"""Settings together with where each of them came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from capmon.config.schema import Settings


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a start of capmon runs with."""

    settings: Settings
    """The settings."""

    origins: Mapping[str, str]
    """Where each value came from, by dotted key: `default`, `capmon.yaml:12`, `CAPMON_INTERVAL`, `--set interval`."""

    path: Path | None
    """The file that was read; None when there was none."""

    untrusted: str
    """Why commands in the file must not run, such as `capmon.yaml can be written by every user`; empty when they may."""

    shown: Mapping[str, str] = field(default_factory=dict)
    """What to show, by dotted key, in place of values that came from variables in the file."""
