"""The monitor without a screen: a frame of this host, of the demo, and one scale action."""

from __future__ import annotations

import asyncio
import json
from dataclasses import fields, replace
from pathlib import Path

import jsonschema
import pytest

from capmon import headless
from capmon.config.load import Loaded, load
from capmon.config.schema import Settings
from capmon.demo.process import DemoProcess, demo_settings, free_port
from capmon.errors import CapmonError, ConfigError
from capmon.headless import gather, settled, without_waiting
from capmon.model.frame import Frame, Reading
from capmon.model.results import Health, SourceState
from capmon.snapshot import document, encode
from capmon.snapshot_schema import snapshot_schema
from capmon.summary import summary, verdict

RATE, P95 = "http.server.request.rate", "http.server.request.duration.p95"


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def settings_of(**overrides: str) -> Loaded:
    """The defaults with a quick pace and no application, and what is given."""
    quick = {"app.source": "none", "interval": "200ms"}
    given = {k.replace("__", "."): v for k, v in overrides.items()}
    return load(environ={}, cwd=Path("/"), overrides=quick | given)


# One frame


def test_a_frame_of_this_host() -> None:
    """CPU, memory and the host's facts are known, and the analysis has seen them."""
    frame = gather(settings_of(), samples=2)
    assert frame.engine_ready
    assert frame.sequence >= 2
    assert frame.host is not None
    assert frame.host.cores >= 1
    used = frame.value("system.memory.utilization")
    assert used is not None
    assert 0 < used < 1
    assert {h.state for h in frame.health} == {SourceState.LIVE}
    assert frame.app_source == "none"
    assert not any(k.startswith("http.") for k in frame.readings)
    assert frame.replicas is None


def test_thresholds_hold_at_once_when_told_to() -> None:
    """A share that is over its threshold now is a bottleneck now, not in half a minute."""
    low = {"thresholds__memory__warning": "0.0001%", "thresholds__memory__critical": "0.0002%"}
    waiting = gather(settings_of(**low), samples=2)
    assert waiting.bottlenecks == ()
    at_once = gather(settings_of(**low), samples=2, at_once=True)
    assert "memory" in {b.component for b in at_once.bottlenecks}
    assert verdict(at_once)[0] == 2


def test_nothing_waits_when_nothing_shall() -> None:
    """Every threshold's `for` is zero, and nothing else has changed."""
    settings = Settings()
    now = without_waiting(settings)
    for field in fields(settings.thresholds):
        before, after = (
            getattr(settings.thresholds, field.name),
            getattr(now.thresholds, field.name),
        )
        assert after.for_ == 0.0
        assert replace(after, for_=before.for_) == before
    assert replace(now, thresholds=settings.thresholds) == settings


def test_the_demo_end_to_end() -> None:
    """Rate, response time, replicas and database of a service under load, valid as a document."""
    port = free_port()
    demo = demo_settings(port) | {"app.interval": "300ms", "interval": "300ms"}
    loaded = load(environ={}, cwd=Path("/"), overrides=demo)
    service = DemoProcess("steady", 1, port)
    frame = gather(loaded, samples=4, service=service)
    assert service.pid is None
    rate, p95 = frame.value(RATE), frame.value(P95)
    assert rate is not None and p95 is not None
    assert 60 < rate < 180
    assert 0.02 < p95 < 1.0
    assert frame.replicas is not None
    assert (frame.replicas.ready, frame.replicas.desired) == (4, 4)
    assert frame.value("replicas.ready") == 4
    assert frame.texts["db.status"]
    assert {h.state for h in frame.health} == {SourceState.LIVE}
    text = summary(frame)
    assert "replicas    4 of 4 ready, 2–10, http" in text
    content = json.loads(encode(document(frame, loaded)))
    jsonschema.Draft202012Validator(snapshot_schema()).validate(content)


class Service:
    """A service that counts, and may fail to start."""

    def __init__(self, problem: str = "") -> None:
        self.problem = problem
        self.calls: list[str] = []

    async def start(self) -> int:
        """Start, or fail."""
        self.calls.append("start")
        if self.problem:
            raise CapmonError(self.problem)
        return 0

    async def stop(self) -> None:
        """Stop."""
        self.calls.append("stop")


def test_a_service_is_stopped_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a start that failed, and after a monitor that did."""
    failing = Service("port taken")
    with pytest.raises(CapmonError, match="port taken"):
        gather(settings_of(), service=failing)
    assert failing.calls == ["start", "stop"]

    async def fails(*_: object) -> Frame:
        raise CapmonError("this host could not be read")

    monkeypatch.setattr(headless, "frame_of", fails)
    running = Service()
    with pytest.raises(CapmonError, match="could not be read"):
        gather(settings_of(), service=running)
    assert running.calls == ["start", "stop"]


def test_a_target_that_cannot_be_used_starts_no_service() -> None:
    """The configuration is looked at before anything runs."""
    loaded = settings_of()
    scaling = loaded.settings.scaling
    wrong = replace(scaling, target=replace(scaling.target, kind="swarm"))
    loaded = replace(loaded, settings=replace(loaded.settings, scaling=wrong))
    service = Service()
    with pytest.raises(ConfigError, match="swarm needs it"):
        gather(loaded, service=service)
    assert service.calls == []


LIVE = Health("app", SourceState.LIVE)


@pytest.mark.parametrize(
    ("health", "reading", "expected"),
    [
        (Health("app", SourceState.STARTING), Reading(None, None, "not read yet"), False),
        (LIVE, Reading(None, None, "first reading"), False),
        (LIVE, Reading(118.0, 1.0), True),
        (LIVE, Reading(None, 1.0, "no such path"), True),
        (Health("app", SourceState.FAILING, "refused"), Reading(None, None, "refused"), True),
        (Health("host", SourceState.LIVE), Reading(None, None, "first reading"), True),
    ],
)
def test_what_it_waits_for(health: Health, reading: Reading, expected: bool) -> None:
    """For every source to answer or fail, and for a rate, which takes two readings."""
    frame = Frame(1, 1.0, 1.0, 300.0, readings={RATE: reading}, health=(health,))
    assert settled(frame) is expected


def test_the_rate_is_awaited_by_the_words_of_its_source() -> None:
    """The reason that `settled` waits on is the one that sources give for a first reading."""
    from capmon.collectors.fields import Missing
    from capmon.collectors.rates import Counter

    first = Counter().rate(1.0, 0.0)
    assert isinstance(first, Missing)
    assert first.reason == "first reading"


def test_gathering_can_be_done_again_in_one_process() -> None:
    """Nothing of a run is left behind that hinders the next: no loop, no task."""
    for _ in range(2):
        assert gather(settings_of(), samples=1).value("system.memory.utilization") is not None
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()


def test_a_threshold_holds_for_the_readings_at_most() -> None:
    """A `for` that is longer than there is time for is cut; a shorter one stays."""
    now = without_waiting(Settings(), 12.0)
    assert now.thresholds.cpu.for_ == 12.0
    assert now.thresholds.errors.for_ == Settings().thresholds.errors.for_ == 10.0
