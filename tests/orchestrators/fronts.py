"""capmon in front of an orchestrator: as an actuator, as a command, and as a screen."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from terminal import Terminal

from capmon.actions.actuator import Actuator
from capmon.actions.audit import Audit
from capmon.actions.replicas import ReplicaCollector
from capmon.actions.targets import make_target
from capmon.clock import SystemClock
from capmon.config.schema import (
    CooldownSettings,
    Duration,
    ScalingSettings,
    TargetSettings,
)
from capmon.errors import SourceError
from capmon.model.results import Outcome, ReplicaState, ScalePlan
from capmon.scaling.plan import propose

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-m", "capmon")


class Chain:
    """An actuator as the monitor makes it, fed by the collector of the same target.

    Args:
        folder: Where the audit log goes.
        target: Settings of the target.
    """

    def __init__(self, folder: Path, **target: Any) -> None:
        settings = ScalingSettings(
            mode="act",
            min=1,
            target=TargetSettings(interval=Duration(0.5), **target),
            cooldown=CooldownSettings(Duration(0.0), Duration(0.0)),
        )
        made = make_target(settings.target)
        assert made is not None
        clock = SystemClock()
        self.target = made
        self.audit = Audit(folder / "capmon" / "audit.jsonl", clock)
        self.actuator = Actuator(settings, made, self.audit, clock, planner=propose, settle=0.5)
        self.collector = ReplicaCollector(made, settings, clock)

    async def read(self) -> ReplicaState:
        """What the monitor would know after one reading; a failure leaves the counts unknown."""
        with contextlib.suppress(SourceError):
            await self.collector.collect()
        return self.collector.last

    async def plan(self, to: int) -> ScalePlan:
        """A plan on a fresh reading."""
        state = await self.read()
        return self.actuator.propose(to=to, state=state, data_age=0.0)

    async def scale(self, to: int) -> Outcome:
        """Propose, carry out, and follow until the replicas are ready and measured."""
        outcome = await self.actuator.execute(await self.plan(to))
        while outcome.state == "accepted" or (outcome.state == "done" and not outcome.settled):
            self.actuator.observe(await self.read(), {})
            outcome = self.actuator.outcomes()[0]
        return outcome

    def events(self) -> list[str]:
        """Events of the audit log, oldest first."""
        return [str(entry["event"]) for entry in self.audit.tail(100)]


class Front:
    """capmon as its user has it: a configuration, a folder, a terminal.

    Args:
        folder: Where the configuration stands and capmon runs.
        target: The scale target, YAML in one line.
        environment: The whole environment.
    """

    def __init__(self, folder: Path, target: str, environment: dict[str, str]) -> None:
        path = folder / "capmon.yaml"
        path.write_text(
            "app: {source: none}\n"
            "scaling:\n"
            "  mode: act\n"
            "  cooldown: {up: 0s, down: 0s}\n"
            f"  target: {target}\n"
        )
        path.chmod(0o600)
        self._folder = folder
        # What the tests are told by such names would be taken for settings.
        own = {k: v for k, v in environment.items() if not k.startswith("CAPMON_")}
        self._environment = own | {"PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
        self._terminals: list[Terminal] = []

    def scale(self, to: int, *options: str) -> subprocess.CompletedProcess[str]:
        """`capmon scale to N --yes`."""
        return subprocess.run(
            [*PROGRAM, "scale", "to", str(to), "--yes", *options],
            env=self._environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def screen(self) -> Terminal:
        """The live monitor in a terminal."""
        environment = self._environment | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        made = Terminal(PROGRAM, environment=environment, folder=self._folder)
        self._terminals.append(made)
        return made

    def audit(self) -> list[dict[str, Any]]:
        """Records of the audit log, oldest first."""
        path = Path(self._environment["XDG_STATE_HOME"]) / "capmon" / "audit.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()]

    def end(self) -> None:
        """End what still runs."""
        for one in self._terminals:
            one.end()
