"""The commands. Whatever is heavy is imported by the command that needs it."""

from __future__ import annotations

from capmon.cli.autoscale import autoscale
from capmon.cli.completion import completion
from capmon.cli.configuration import config
from capmon.cli.diff import diff
from capmon.cli.doctor import doctor
from capmon.cli.examples import guide
from capmon.cli.export import export
from capmon.cli.importing import import_
from capmon.cli.live import demo, main
from capmon.cli.once import check, snapshot
from capmon.cli.open import open_
from capmon.cli.plan import plan
from capmon.cli.record import record
from capmon.cli.replay import replay
from capmon.cli.scaling import scale
from capmon.cli.simulate import simulate

for command in (demo, snapshot, check, guide, scale, autoscale, simulate, export, config, record):
    main.add_command(command)
for command in (plan, open_, diff, import_, completion, doctor, replay):
    main.add_command(command)

__all__ = ["main"]
