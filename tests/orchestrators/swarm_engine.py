"""A real Docker engine in namespaces of its own, as a swarm of one node."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import cgroups

IMAGE = "127.0.0.1:1/tiny:1"
"""An image of one static binary; the pull that its name asks for fails at once on loopback."""

NEEDED = ("docker", "dockerd", "busybox", "ip", "unshare", "tar")
ISOLATED = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private")  # fmt: skip

PATIENCE = 60.0
"""Seconds after which waiting for the engine is given up."""

MOST = 8
"""Replicas that a test may ask for: each is a container with memory of its own."""


class EngineRefused(Exception):
    """The engine gave up at its start: this machine lacks something that it needs, such as cgroups."""


class Engine:
    """The engine is the first process of its own PID namespace: all it starts ends with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = f"unix://{folder}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self._group = f"capmon-swarm-{os.getpid()}"

    @staticmethod
    def absent() -> str:
        """Why there can be no engine here; empty when there can."""
        if os.geteuid() != 0:
            return "a Docker engine of its own needs root"
        missing = [p for p in NEEDED if shutil.which(p) is None]
        if missing:
            return f"not installed: {', '.join(missing)}"
        probe = subprocess.run([*ISOLATED, "true"], capture_output=True, check=False)
        return "" if probe.returncode == 0 else "no namespaces may be made here"

    def start(self) -> None:
        """Start the engine, make it a swarm, and give it the one image."""
        daemon = (
            f"ip link set lo up && exec dockerd --data-root={self.folder}/data "
            f"--exec-root={self.folder}/exec --pidfile={self.folder}/pid --host={self.address} "
            f"--userland-proxy=false --cgroup-parent=/{self._group}"
        )
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*ISOLATED, "sh", "-c", daemon],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait(lambda: self._begun(), "the engine does not answer")
        self.docker("swarm", "init", "--advertise-addr", "127.0.0.1")
        self._import_image()

    def kill(self) -> None:
        """Kill the engine, as a machine that dies would."""
        process, self._process = self._process, None
        if process is not None:
            # With the namespace's first process everything in it goes.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def end(self) -> None:
        """Take everything away."""
        self.kill()
        cgroups.remove(self._group)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _import_image(self) -> None:
        root = self.folder / "rootfs"
        (root / "bin").mkdir(parents=True)
        shutil.copy(str(shutil.which("busybox")), root / "bin" / "busybox")
        for name in ("sh", "sleep", "false"):
            (root / "bin" / name).symlink_to("busybox")
        archive = subprocess.run(["tar", "-C", root, "-c", "."], check=True, capture_output=True)
        self.docker("import", "-", IMAGE, stdin=archive.stdout)

    def _begun(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            last = (self.folder / "log").read_text(errors="replace").strip().splitlines()[-1:]
            raise EngineRefused("".join(last)[-300:])
        return subprocess.run(self._argv("info"), capture_output=True, check=False).returncode == 0

    def _argv(self, *arguments: str) -> list[str]:
        return ["docker", f"--host={self.address}", *arguments]

    def docker(self, *arguments: str, stdin: bytes | None = None) -> str:
        """Run docker on this engine; what it wrote."""
        done = subprocess.run(self._argv(*arguments), check=True, capture_output=True, input=stdin)
        return done.stdout.decode().strip()

    def create(self, name: str, *options: str, run: tuple[str, ...] = ("sleep", "1000000")) -> None:
        """Create a service."""
        usual = ("--detach", "--no-resolve-image", "--stop-grace-period=1s", f"--name={name}")
        image = () if "--image" in options else (IMAGE,)
        self.docker("service", "create", *usual, *options, *image, *run)

    def replicas(self, name: str) -> str:
        """What `docker service ls` says: `2/2`."""
        rows = self.docker("service", "ls", "--format", "{{json .}}").splitlines()
        return next(str(r["Replicas"]) for r in map(json.loads, rows) if r["Name"] == name)

    def settle(self, name: str, count: int) -> None:
        """Set the count from outside of capmon and wait until it is so."""
        assert count <= MOST
        self.docker("service", "scale", "--detach", f"{name}={count}")
        self.wait_for(name, count)

    def wait_for(self, name: str, count: int) -> None:
        """Wait until so many of so many run."""
        self.wait(lambda: self.replicas(name) == f"{count}/{count}", f"{name} is not {count}")

    def wait(self, condition: Any, complaint: str) -> None:
        """Wait until a condition holds."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, complaint
            time.sleep(0.1)
