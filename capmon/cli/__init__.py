"""The commands. Whatever is heavy is imported by the command that needs it."""

from __future__ import annotations

from capmon.cli.configuration import config
from capmon.cli.examples import guide
from capmon.cli.live import demo, main
from capmon.cli.once import check, snapshot
from capmon.cli.scaling import scale

for command in (demo, snapshot, check, guide, scale, config):
    main.add_command(command)

__all__ = ["main"]
