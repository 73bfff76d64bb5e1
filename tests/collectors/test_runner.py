"""The schedule keeps its pace, backs off, survives every collector, and stops at once.

Time is virtual here: the loop's clock jumps to the next timer instead of waiting for it.
"""

from __future__ import annotations

import asyncio
import random
import selectors
import subprocess
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from capmon.clock import ManualClock
from capmon.collectors.json_api import JsonApiCollector
from capmon.collectors.openmetrics import OpenMetricsCollector
from capmon.collectors.runner import LONGEST_BACKOFF, Runner, app_collector, backoff
from capmon.config.schema import AppSettings, Settings
from capmon.errors import SourceError
from capmon.model.results import Health, SourceState
from capmon.model.sample import Batch


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to the next timer."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        super().__init__(_Jump(self))

    def time(self) -> float:
        """Virtual seconds since the start."""
        return self.elapsed


class _Jump(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._owner = loop

    def select(self, timeout: float | None = None) -> Any:
        """Wait in virtual time alone."""
        if timeout:
            self._owner.elapsed += timeout
        return super().select(0 if timeout is not None else None)


class LoopClock:
    """capmon's clocks on the loop's virtual time."""

    def now(self) -> float:
        """Unix time."""
        return 1_000_000.0 + self.monotonic()

    def monotonic(self) -> float:
        """Virtual seconds."""
        return asyncio.get_running_loop().time()


class Scripted:
    """A collector that does as it is told."""

    def __init__(
        self,
        act: Callable[[int], Awaitable[None]],
        *,
        name: str = "app",
        interval: float = 2.0,
        deadline: float = 1.0,
    ) -> None:
        self.name, self.interval, self.deadline = name, interval, deadline
        self.closed = False
        self.began: list[float] = []
        self._act = act

    async def collect(self) -> Batch:
        """Read once, in whatever way the script says."""
        now = asyncio.get_running_loop().time()
        self.began.append(now)
        await self._act(len(self.began))
        return Batch(at=now)

    async def close(self) -> None:
        """Close."""
        self.closed = True


def virtual(body: Callable[[], Coroutine[Any, Any, None]]) -> float:
    """Run a test in virtual time; how much of it passed."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(body())
        return runner.get_loop().time()


def taking(*seconds: float) -> Callable[[int], Awaitable[None]]:
    """A script whose readings take that long, the last one again and again."""

    async def act(reading: int) -> None:
        await asyncio.sleep(seconds[min(reading, len(seconds)) - 1])

    return act


def failing(error: BaseException, until: int = 10**9) -> Callable[[int], Awaitable[None]]:
    """A script that fails for so many readings."""

    async def act(reading: int) -> None:
        if reading <= until:
            raise error

    return act


class Steady(random.Random):
    """Chance that always takes the upper end."""

    def uniform(self, a: float, b: float) -> float:
        """The upper end."""
        return b


def runner(*collectors: Scripted, seen: list[str] | None = None) -> Runner:
    """A runner under test."""
    names = seen if seen is not None else []
    return Runner(collectors, LoopClock(), lambda name, _: names.append(name), Steady())


def test_pace_does_not_drift() -> None:
    """Readings that take time still begin on multiples of the interval."""
    one = Scripted(taking(0.3))

    async def body() -> None:
        r = runner(one)
        r.start()
        await asyncio.sleep(9)
        await r.stop()

    virtual(body)
    assert one.began == pytest.approx([0, 2, 4, 6, 8])


def test_missed_times_are_skipped() -> None:
    """After a reading that took three intervals there is one reading, not three at once."""
    one = Scripted(taking(0.1, 6.5, 0.1), deadline=20)

    async def body() -> None:
        r = runner(one)
        r.start()
        await asyncio.sleep(13)
        await r.stop()

    virtual(body)
    assert one.began == pytest.approx([0, 2, 10, 12])


def test_sources_do_not_wait_for_each_other() -> None:
    """A source that hangs costs the others nothing."""
    slow = Scripted(taking(99), name="slow")
    quick = Scripted(taking(0.0), name="quick", interval=1.0)
    seen: list[str] = []

    async def body() -> None:
        r = runner(slow, quick, seen=seen)
        r.start()
        await asyncio.sleep(5.5)
        assert [h.state for h in r.health()] == [SourceState.FAILING, SourceState.LIVE]
        await r.stop()

    virtual(body)
    assert quick.began == pytest.approx([0, 1, 2, 3, 4, 5])
    assert seen == ["quick"] * 6


def test_failures_back_off_to_half_a_minute_and_recover() -> None:
    """Up to 4, 8, 16 and 30 s between tries; the first success brings the pace back."""
    one = Scripted(failing(SourceError("HTTP 503 from /metrics"), until=6))

    async def body() -> None:
        r = runner(one)
        r.start()
        await asyncio.sleep(125)
        await r.stop()

    virtual(body)
    gaps = [b - a for a, b in zip(one.began, one.began[1:], strict=False)]
    assert gaps[:7] == pytest.approx([4, 8, 16, 30, 30, 30, 2])


def test_backoff_is_spread_between_the_interval_and_its_ceiling() -> None:
    """Chance spreads tries, never below the interval, never above half a minute or the interval."""
    rng = random.Random(7)
    for failures in (1, 3, 5, 50, 5000):
        waits = [backoff(2.0, failures, rng) for _ in range(300)]
        assert min(waits) == 2.0
        assert max(waits) <= min(LONGEST_BACKOFF, 2.0 * 2.0 ** min(failures, 30))
        assert len(set(waits)) > 50
    assert backoff(60.0, 3, rng) == 60.0


def test_health_tells_the_course() -> None:
    """Starting, live, failing with its reason and since when, live again, off."""
    one = Scripted(failing(SourceError("HTTP 503 from /metrics"), until=0))
    states: list[Health] = []

    async def body() -> None:
        r = runner(one)
        states.extend(r.health())
        r.start()
        await asyncio.sleep(0.5)
        states.extend(r.health())
        one._act = failing(SourceError("connection refused"))
        await asyncio.sleep(2)
        states.extend(r.health())
        await asyncio.sleep(4)
        states.extend(r.health())
        one._act = taking(0.25)
        await asyncio.sleep(9)
        states.extend(r.health())
        await r.stop()
        states.extend(r.health())

    virtual(body)
    start, live, failed, still, again, off = states
    assert start == Health("app", SourceState.STARTING, since=1e6, interval=2.0)
    assert (live.state, live.reason, live.since, live.last_success) == ("live", "", 1e6, 1e6)
    assert (failed.state, failed.reason, failed.failures) == ("failing", "connection refused", 1)
    assert (failed.since, failed.last_success) == (1e6 + 2, 1e6)
    assert (still.since, still.failures) == (1e6 + 2, 2)
    assert (again.state, again.failures, again.reason) == ("live", 0, "")
    assert again.took == pytest.approx(0.25)
    assert (off.state, off.reason) == ("off", "stopped")


def test_answer_older_than_three_intervals_is_late() -> None:
    """A reading that drags on makes its source late, from the moment on that it was."""
    one = Scripted(taking(0.0, 60.0), deadline=100)
    health: list[Health] = []

    async def body() -> None:
        r = runner(one)
        r.start()
        for seconds in (5.9, 1.1):
            await asyncio.sleep(seconds)
            health.extend(r.health())
        await r.stop()

    virtual(body)
    assert [h.state for h in health] == ["live", "late"]
    assert health[1].since == pytest.approx(1e6 + 6)
    assert health[1].reason == "last answer 7 s ago"


def test_deadline_ends_a_reading() -> None:
    """A reading without an end is given up at the collector's own deadline."""
    one = Scripted(taking(99), deadline=0.7)

    async def body() -> None:
        r = runner(one)
        r.start()
        await asyncio.sleep(1)
        (health,) = r.health()
        assert (health.state, health.reason) == ("failing", "no answer within 0.7 s")
        assert health.took == pytest.approx(0.7)
        await r.stop()

    virtual(body)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ZeroDivisionError("secret"), "unexpected ZeroDivisionError"),
        (asyncio.CancelledError(), "the reading was cancelled"),
        (TimeoutError(), "unexpected TimeoutError"),
        (SourceError(), "unexpected SourceError"),
    ],
)
def test_unexpected_errors_become_health(error: BaseException, reason: str) -> None:
    """A fault in a collector is shown by its type, and the next reading comes all the same."""
    one = Scripted(failing(error, until=1))

    async def body() -> None:
        r = runner(one)
        r.start()
        await asyncio.sleep(1)
        assert r.health()[0].reason == reason
        await asyncio.sleep(5)
        assert r.health()[0].state == "live"
        await r.stop()

    virtual(body)


def test_fault_of_the_taker_does_not_end_the_schedule() -> None:
    """What the batch's taker raises is shown like a failure."""
    one = Scripted(taking(0.0))

    def take(_: str, __: Batch) -> None:
        raise KeyError

    async def body() -> None:
        r = Runner([one], LoopClock(), take, Steady())
        r.start()
        await asyncio.sleep(5)
        assert r.health()[0].reason == "unexpected KeyError"
        await r.stop()

    virtual(body)
    assert len(one.began) == 2


async def _deaf(_: int) -> None:
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            if asyncio.get_running_loop().time() > 100:
                raise


def test_collector_deaf_to_cancellation_is_not_started_twice() -> None:
    """A reading that does not end is waited for, and said, instead of piling up."""
    one = Scripted(_deaf)

    async def body() -> None:
        r = runner(one)
        r.start()
        await asyncio.sleep(20)
        (health,) = r.health()
        assert health.reason == "still busy with an earlier reading"
        assert health.failures > 2
        await r.stop()
        await asyncio.sleep(100)

    virtual(body)
    assert len(one.began) == 1


def test_stop_takes_less_than_a_second() -> None:
    """Readings that hang and collectors that do not close hold nothing up."""
    hung = Scripted(_deaf, name="hung", deadline=50)
    stuck = Scripted(taking(0.0), name="stuck")
    stuck.close = lambda: asyncio.sleep(99)  # type: ignore[method-assign]
    fine = Scripted(taking(5.0), name="fine")

    async def body() -> None:
        r = runner(hung, stuck, fine)
        r.start()
        await asyncio.sleep(3)
        await r.stop()
        took.append(asyncio.get_running_loop().time() - 3)
        assert [h.state for h in r.health()] == ["off"] * 3
        await asyncio.sleep(200)

    took: list[float] = []
    virtual(body)
    assert took[0] < 1.0
    assert fine.closed


def test_stop_before_start_closes() -> None:
    """A runner that never ran still closes its collectors."""
    one = Scripted(taking(0.0))

    async def body() -> None:
        await runner(one).stop()

    virtual(body)
    assert (one.began, one.closed) == ([], True)


def test_wake_reads_at_once_and_keeps_the_pace() -> None:
    """A reading on demand comes between; the next one nearby is left out."""
    one, other = Scripted(taking(0.0)), Scripted(taking(0.0), name="other")

    async def body() -> None:
        r = runner(one, other)
        r.start()
        await asyncio.sleep(2.5)
        r.wake("app")
        r.wake("no such source")
        await asyncio.sleep(3)  # to 5.5
        r.wake("app")
        await asyncio.sleep(3)
        await r.stop()

    virtual(body)
    assert one.began == pytest.approx([0, 2, 2.5, 4, 5.5, 8])
    assert other.began == pytest.approx([0, 2, 4, 6, 8])


def test_wake_cuts_a_backoff_short() -> None:
    """A source that is down is tried at once when asked for."""
    one = Scripted(failing(SourceError("down"), until=5), interval=20)

    async def body() -> None:
        r = runner(one)
        r.start()
        await asyncio.sleep(1)
        r.wake("app")
        await asyncio.sleep(0.1)
        await r.stop()

    virtual(body)
    assert one.began == pytest.approx([0, 1])


def test_collect_now_waits_for_a_fresh_reading() -> None:
    """It returns once a reading that began after the call has ended, well or badly."""
    one = Scripted(taking(0.5))

    async def body() -> None:
        r = runner(one)
        r.start()
        await asyncio.sleep(0.1)
        await r.collect_now("app")  # the first reading is under way, so a second follows it
        assert asyncio.get_running_loop().time() == pytest.approx(1.0)
        one._act = failing(SourceError("down"))
        await r.collect_now("app")
        assert r.health()[0].reason == "down"
        await r.collect_now("no such source")
        waiting = asyncio.create_task(r.collect_now("app"))
        one._act = _deaf
        await asyncio.sleep(0.1)
        await r.stop()
        await waiting
        await asyncio.sleep(200)

    virtual(body)


def test_factory_follows_the_source() -> None:
    """Each kind of source has its collector; none has none."""
    clock = ManualClock()
    json_api = app_collector(Settings(), clock)
    assert isinstance(json_api, JsonApiCollector)
    assert (json_api.name, json_api.interval, json_api.deadline) == ("app", 2.0, 2.5)
    page = app_collector(Settings(app=AppSettings(source="openmetrics")), clock)
    assert isinstance(page, OpenMetricsCollector)
    assert app_collector(Settings(app=AppSettings(source="none")), clock) is None


def test_collectors_import_nothing_heavy() -> None:
    """The first paint does not wait for what the first reading needs."""
    heavy = {"httpx", "jmespath", "prometheus_client", "numpy", "psutil", "msgspec", "pandas"}
    code = (
        "import sys, capmon.collectors.runner, capmon.collectors.json_api, "
        "capmon.collectors.openmetrics\nprint(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert not heavy & set(loaded.stdout.split())
