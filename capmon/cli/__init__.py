"""The commands. Whatever is heavy is imported by the command that needs it."""

from __future__ import annotations

from capmon.cli.autoscale import autoscale
from capmon.cli.configuration import config
from capmon.cli.examples import guide
from capmon.cli.export import export
from capmon.cli.live import demo, main
from capmon.cli.once import check, snapshot
from capmon.cli.scaling import scale
from capmon.cli.simulate import simulate

for command in (demo, snapshot, check, guide, scale, autoscale, simulate, export, config):
    main.add_command(command)

__all__ = ["main"]
