"""The lease without a cluster: a kubectl that keeps one object in a file, with versions."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from conftest import Program

from capmon.actions.targets.kubectl import Kubectl
from capmon.actions.targets.lease import DURATION, KubernetesLease, lease_name
from capmon.clock import ManualClock

STORE = """
path = {path!r}
stored = json.load(open(path)) if os.path.exists(path) else None
def end(reason, text): sys.exit(f"Error from server ({{reason}}): {{text}}")
if os.path.exists(path + ".down"): sys.exit("Unable to connect to the server: EOF")
if argv[0] == "get":
    if stored is None: end("NotFound", "no such lease")
else:
    new = json.load(sys.stdin)
    if argv[0] == "create":
        if stored: end("AlreadyExists", "there is one")
        new["metadata"]["resourceVersion"] = "1"
    else:
        if stored is None: end("NotFound", "no such lease")
        if stored["metadata"] != new["metadata"]: end("Conflict", "the object has been modified")
        new["metadata"]["resourceVersion"] = str(int(stored["metadata"]["resourceVersion"]) + 1)
    json.dump(new, open(path, "w"))
    stored = new
print(json.dumps(stored))
"""


@pytest.fixture
def path(program: Program, tmp_path: Path) -> Path:
    """Where the one lease stands."""
    found = tmp_path / "lease.json"
    program("kubectl", STORE.format(path=str(found)))
    return found


def actor() -> tuple[KubernetesLease, ManualClock]:
    """A lease with a clock of its own."""
    clock = ManualClock()
    return KubernetesLease(Kubectl("", "", 5.0), "web/one", clock), clock


def spec(path: Path) -> Any:
    """The spec of the stored lease."""
    return json.loads(path.read_text())["spec"]


def hand_over(path: Path, duration: object) -> None:
    """Let another program hold the stored lease for so long."""
    stored = json.loads(path.read_text())
    stored["spec"] |= {"holderIdentity": "other", "leaseDurationSeconds": duration}
    path.write_text(json.dumps(stored))


def lose(path: Path) -> None:
    """Delete the stored lease."""
    path.unlink()


async def test_holder_keeps_others_out_until_it_is_silent(path: Path) -> None:
    """A record that changes counts anew; one that stays for its duration is taken over."""
    first, _ = actor()
    second, clock = actor()
    assert await first.acquire() == ""
    for _ in range(3):
        clock.advance(DURATION - 1)
        assert "holds lease capmon-web-one" in await second.acquire()
        assert await first.renew() == ""
    assert "holds" in await second.acquire()
    clock.advance(DURATION)
    assert await second.acquire() == ""
    assert spec(path)["leaseTransitions"] == 1
    assert "holds" in await first.renew()


async def test_duration_is_the_holders_own(path: Path) -> None:
    """Another program's longer lease is respected; nonsense counts as the usual one."""
    first, _ = actor()
    await first.acquire()
    for said, seconds in ((300, 300.0), (0, DURATION), ("x", DURATION), (10**9, 3600.0)):
        hand_over(path, said)
        second, clock = actor()
        assert await second.acquire() == "other holds lease capmon-web-one"
        clock.advance(seconds - 1)
        assert await second.acquire() == "other holds lease capmon-web-one"
        clock.advance(1)
        assert await second.acquire() == ""


async def test_release_and_deletion(path: Path) -> None:
    """A released lease is free at once; one that is gone is made anew by its holder."""
    first, _ = actor()
    second, _ = actor()
    await first.acquire()
    lose(path)
    assert await first.renew() == ""
    await first.release()
    assert "holderIdentity" not in spec(path)
    assert await second.acquire() == ""
    await first.release()
    assert spec(path)["holderIdentity"] == second.identity


async def test_renewal_that_fails_is_tried_for_two_thirds(path: Path) -> None:
    """Until then the holder goes on; after it stops, before others may start."""
    first, clock = actor()
    await first.acquire()
    down = path.with_name(path.name + ".down")
    down.touch()
    clock.advance(39)
    assert await first.renew() == ""
    clock.advance(1)
    said = await first.renew()
    assert said.startswith("lease capmon-web-one could not be renewed: kubectl: Unable to connect")
    assert "is not known" in await first.acquire()
    down.unlink()
    assert await first.acquire() == ""


async def test_only_what_the_server_confirmed_counts(path: Path) -> None:
    """A renewal that failed moves no end, and a machine that slept has lost its time."""
    first, clock = actor()
    assert first.valid_until == -math.inf
    await first.acquire()
    end = first.valid_until
    assert end == clock.boottime() + DURATION * 2 / 3
    down = path.with_name(path.name + ".down")
    down.touch()
    clock.advance(20)
    assert await first.renew() == ""
    assert first.valid_until == end
    down.unlink()
    assert await first.renew() == ""
    assert first.valid_until == end + 20
    clock.sleep(300)
    assert clock.boottime() > first.valid_until


async def test_without_rights_there_is_a_notice(program: Program) -> None:
    """Whoever may not see or make leases acts without, and is told."""
    program("kubectl", "sys.exit('Error from server (Forbidden): leases is forbidden')")
    lease, _ = actor()
    assert lease.notice == ""
    assert await lease.acquire() == ""
    assert lease.valid_until == math.inf
    assert lease.notice == (
        "no lease, so nothing keeps another autoscaler from acting too: kubectl: leases is forbidden"
    )


def test_names() -> None:
    """One workload has one name, within what the API takes."""
    written = ("deploy/web", "deployments/web", "Deployment/web", "deployments.apps/web")
    assert {lease_name(w) for w in written} == {"capmon-deployment-web"}
    long = [lease_name("statefulset/" + "x" * 250 + end) for end in "ab"]
    assert max(map(len, long)) == 253
    assert long[0] != long[1]
