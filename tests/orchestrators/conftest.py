"""Real orchestrators, started for the tests and taken away after them, and capmon in front of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path.append(str(TESTS / "terminal"))

from fronts import Front  # noqa: E402 - it uses the terminal of the tests beside
from kube_cluster import Cluster  # noqa: E402
from swarm_engine import Engine, EngineRefused  # noqa: E402
from user_systemd import UserSystemd  # noqa: E402


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A Docker engine that is a swarm of one node; `DOCKER_HOST` leads to it."""
    if reason := Engine.absent():
        pytest.skip(reason)
    made = Engine(tmp_path_factory.mktemp("swarm"))
    patch = pytest.MonkeyPatch()
    patch.setenv("DOCKER_HOST", made.address)
    try:
        try:
            made.start()
        except EngineRefused as reason:
            pytest.skip(f"dockerd does not start here: {reason}")
        yield made
    finally:
        patch.undo()
        made.end()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Kubernetes control plane with two pretended nodes; `KUBECONFIG` leads to it."""
    if reason := Cluster.absent():
        pytest.skip(reason)
    made = Cluster(tmp_path_factory.mktemp("kube"))
    patch = pytest.MonkeyPatch()
    # What kubectl learned of another server on this port must not count here.
    patch.setenv("KUBECACHEDIR", str(made.folder / "cache"))
    try:
        made.start()
        patch.setenv("KUBECONFIG", str(made.kubeconfig))
        yield made
    finally:
        patch.undo()
        made.end()


@pytest.fixture(scope="module")
def user_systemd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UserSystemd]:
    """A user's systemd of its own, with template units; `systemctl --user` leads to it."""
    if reason := UserSystemd.absent():
        pytest.skip(reason)
    made = UserSystemd(tmp_path_factory.mktemp("systemd"))
    patch = pytest.MonkeyPatch()
    for name, value in made.environment.items():
        patch.setenv(name, value)
    try:
        made.start()
        yield made
    finally:
        patch.undo()
        made.end()


@pytest.fixture
def front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Front]]:
    """Make `front(target)`: capmon configured for a target, given as YAML in one line."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    made: list[Front] = []

    def make(target: str) -> Front:
        made.append(Front(tmp_path, target, dict(os.environ)))
        return made[-1]

    yield make
    for one in made:
        one.end()
