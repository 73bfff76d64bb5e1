"""A real systemd of one user, in a cgroup and a mount namespace of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import cgroups

SYSTEMD = Path("/lib/systemd/systemd")
MOUNTED = (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))
"""Where the second version of cgroups may be mounted."""

UNITS = {
    "web@.service": "[Service]\nExecStart=/bin/sleep 1000000\n[Install]\nWantedBy=default.target\n",
    "bad@.service": "[Service]\nExecStart=/bin/false\n[Install]\nWantedBy=default.target\n",
    "plain@.service": "[Service]\nExecStart=/bin/sleep 1000000\n",
    "default.target": "[Unit]\nDescription=All there is\n",
    "basic.target": "[Unit]\nDescription=Nothing\n",
    "shutdown.target": "[Unit]\nDescription=The end\n",
}

PATIENCE = 20.0
"""Seconds after which waiting is given up."""


class UserSystemd:
    """Started without the machine's own systemd, whose place another program may have."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._units = folder / "systemd" / "user"
        self._group = Path()
        self._process: subprocess.Popen[bytes] | None = None
        # systemctl looks for signs of a systemd in the file system, which only the namespace has.
        wrapper = folder / "bin" / "systemctl"
        wrapper.parent.mkdir()
        wrapper.write_text(
            f"#!/bin/sh\nexec nsenter --mount=/proc/$(cat {folder}/pid)/ns/mnt "
            f'{shutil.which("systemctl")} "$@"\n'
        )
        wrapper.chmod(0o755)
        self.environment = {
            "PATH": f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}",
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "XDG_CONFIG_HOME": str(folder),
            "SYSTEMD_UNIT_PATH": str(self._units),
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={folder}/run/no-bus",
        }

    @staticmethod
    def absent() -> str:
        """Why it cannot be started here; empty when it can."""
        if os.geteuid() != 0:
            return "a systemd of its own needs root"
        if not SYSTEMD.exists() or shutil.which("systemctl") is None:
            return "systemd is not installed"
        if _cgroups() is None:
            return "the second version of cgroups is not mounted"
        mount = "mount -t cgroup2 none /sys/fs/cgroup && mount -t tmpfs none /run"
        probe = ["unshare", "--cgroup", "--mount", "--propagation", "private", "sh", "-c", mount]
        done = subprocess.run(probe, capture_output=True, check=False)
        return "" if done.returncode == 0 else "no mounts of its own may be made here"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._units.mkdir(parents=True)
        for name, text in UNITS.items():
            (self._units / name).write_text(text)
        (self._folder / "run").mkdir(mode=0o700)
        root = _cgroups()
        assert root is not None
        self._group = root / f"capmon-systemd-{os.getpid()}"
        self._group.mkdir()
        # The cgroup is entered first, so that the new namespace has it as its root.
        script = (
            f"echo $$ > {self._group}/cgroup.procs && exec unshare --cgroup --mount "
            "--propagation private sh -c 'mount -t cgroup2 none /sys/fs/cgroup && "
            "mkdir -p /run/systemd && mount -t tmpfs none /run/systemd && "
            f"mkdir /run/systemd/system && exec {SYSTEMD} --user --log-target=console'"
        )
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", script],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )
        # Each program has replaced the one before, so that the number is systemd's by now.
        (self._folder / "pid").write_text(str(self._process.pid))
        end = time.monotonic() + PATIENCE
        while self.systemctl("is-active", "default.target") != "active":
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < end, (self._folder / "log").read_text()
            time.sleep(0.1)

    def end(self) -> None:
        """Kill it with all that it started, and take its cgroups away."""
        if self._process is None:
            return
        (self._group / "cgroup.kill").write_text("1")
        self._process.wait()
        cgroups.remove(self._group.name)

    def systemctl(self, *arguments: str) -> str:
        """Run `systemctl --user`; what it wrote, whether it succeeded or not."""
        done = subprocess.run(
            ["systemctl", "--user", *arguments],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, **self.environment},
        )
        return done.stdout.strip()

    def running(self, template: str) -> list[str]:
        """Instances that run, in order."""
        rows = self.systemctl("list-units", "--plain", "--no-legend", "--state=running", f"{template}*")  # fmt: skip
        return sorted(line.split()[0] for line in rows.splitlines())

    def enabled(self, template: str) -> list[str]:
        """Instances that are started at the next boot, in order."""
        return sorted(p.name for p in (self._units / "default.target.wants").glob(f"{template}*"))


def _cgroups() -> Path | None:
    return next((p for p in MOUNTED if (p / "cgroup.controllers").exists()), None)
