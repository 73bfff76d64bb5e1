"""A real kube-apiserver with its controllers, and two pretended nodes that make pods ready."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

SHARED = Path(os.environ.get("CAPMON_SHARED", Path(__file__).parents[2].parent / "shared"))
START = SHARED / "tools" / "kube" / "up.sh"
"""Starts the cluster of a folder with `bin/` and prints its `KUBECONFIG=`."""

PORTS = (16443, 12379)
"""Where that script has the API server and etcd listen."""

PATIENCE = 60.0
"""Seconds after which waiting for the cluster is given up."""


class Cluster:
    """One control plane; its folder holds what kubectl remembers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kubeconfig = Path()
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def absent() -> str:
        """Why there can be no cluster here; empty when there can."""
        binaries = os.environ.get("CAPMON_KUBE")
        if not binaries:
            return "set CAPMON_KUBE to a folder whose bin/ holds kube-apiserver, kube-controller-manager and kube-scheduler"
        if not (Path(binaries) / "bin" / "kube-apiserver").exists():
            return f"no bin/kube-apiserver in {binaries}"
        if not START.exists():
            return "set CAPMON_SHARED to the folder that holds tools/kube/up.sh"
        missing = [p for p in ("kubectl", "etcd", "openssl", "curl") if shutil.which(p) is None]
        if missing:
            return f"not installed: {', '.join(missing)}"
        taken = [port for port in PORTS if listens(port)]
        return f"something listens on port {taken[0]} already" if taken else ""

    def start(self) -> None:
        """Start it and wait until its nodes are ready."""
        log = self.folder / "log"
        # The pretended nodes are a Python program that needs what this one has installed.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [str(START), os.environ["CAPMON_KUBE"]],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "PATH": path},
                start_new_session=True,
            )
        self.wait(lambda: "KUBECONFIG=" in log.read_text(), "the cluster does not start")
        line = next(x for x in log.read_text().splitlines() if x.startswith("KUBECONFIG="))
        self.kubeconfig = Path(line.partition("=")[2])
        self.wait(lambda: self._nodes() == 2, "the nodes do not come")
        self.wait(lambda: self._has("serviceaccounts/default"), "the namespace is not set up")

    def end(self) -> None:
        """End all of it, however it fares."""
        if self._process is None:
            return
        family = [psutil.Process(self._process.pid)]
        family += family[0].children(recursive=True)
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.resume()
        self._process.terminate()
        _, left = psutil.wait_procs(family, timeout=15)
        for one in left:
            one.kill()
        self._process.wait()

    def _nodes(self) -> int:
        return len(self.get("nodes")["items"])

    def _has(self, what: str) -> bool:
        return self.try_kubectl("get", what).returncode == 0

    def try_kubectl(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run kubectl as the administrator."""
        argv = ["kubectl", f"--kubeconfig={self.kubeconfig}", *arguments]
        return subprocess.run(argv, check=False, capture_output=True, text=True, input=stdin)

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Run kubectl as the administrator and expect success; what it wrote."""
        done = self.try_kubectl(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def get(self, what: str, *options: str) -> Any:
        """A document."""
        return json.loads(self.kubectl("get", what, *options, "--output=json"))

    def apply(self, document: dict[str, Any]) -> None:
        """Create or change an object."""
        self.kubectl("apply", "--validate=false", "--filename=-", stdin=json.dumps(document))

    def counts(self, workload: str, namespace: str) -> tuple[int, int]:
        """Ready and asked for."""
        found = self.get(workload, f"--namespace={namespace}")
        return found["status"].get("readyReplicas", 0), found["spec"]["replicas"]

    def wait_for(self, workload: str, namespace: str, count: int) -> None:
        """Wait until so many of so many are ready."""
        self.wait(
            lambda: self.counts(workload, namespace) == (count, count), f"{workload} is not {count}"
        )

    def wait(self, condition: Callable[[], bool], complaint: str) -> None:
        """Wait until a condition holds."""
        end = time.monotonic() + PATIENCE
        while not condition():
            alive = self._process is not None and self._process.poll() is None
            assert alive and time.monotonic() < end, complaint
            time.sleep(0.1)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Hold the API server: it accepts connections and answers none."""
        assert self._process is not None
        children = psutil.Process(self._process.pid).children()
        server = next(p for p in children if p.name() == "kube-apiserver")
        server.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            server.send_signal(signal.SIGCONT)
            self.wait(lambda: self._has("nodes"), "the server does not come back")


def listens(port: int) -> bool:
    """Whether something accepts connections on a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def deployment(name: str, replicas: int = 2, **container: Any) -> dict[str, Any]:
    """A Deployment of pods that the pretended nodes make ready."""
    return _workload("Deployment", name, {"replicas": replicas}, container)


def stateful_set(name: str, replicas: int = 2) -> dict[str, Any]:
    """A StatefulSet of such pods, made all at once."""
    spec = {"replicas": replicas, "serviceName": name, "podManagementPolicy": "Parallel"}
    return _workload("StatefulSet", name, spec, {})


def _workload(
    kind: str, name: str, spec: dict[str, Any], container: dict[str, Any]
) -> dict[str, Any]:
    pod = {
        "metadata": {"labels": {"app": name}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "c", "image": "x", **container}],
        },
    }
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {**spec, "selector": {"matchLabels": {"app": name}}, "template": pod},
    }


def crd(group: str, kind: str, plural: str, version: str) -> dict[str, Any]:
    """A definition of a resource whose objects may hold anything."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    served = {"name": version, "served": True, "storage": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
        },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
            },
            "versions": [{**served, "schema": {"openAPIV3Schema": anything}}],
        },
    }
