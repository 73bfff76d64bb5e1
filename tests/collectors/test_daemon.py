"""Calls that may hang: one thread a call, a deadline, and an exit that waits for nobody."""

import asyncio
import subprocess
import sys
import textwrap
import threading

import pytest

from capmon.collectors import daemon
from capmon.errors import SourceError


async def test_answer():
    """A call gives back what the function returns."""
    assert await daemon.call(divmod, 7, 2, deadline=5) == (3, 1)


async def test_error_is_passed_on():
    """What the function raises is raised to the caller, a TimeoutError of its own included."""

    def fail(text: str) -> None:
        raise TimeoutError(text)

    with pytest.raises(TimeoutError, match="mine"):
        await daemon.call(fail, "mine", deadline=5)


async def test_one_thread_while_it_hangs():
    """While a call hangs no second thread is started for it; afterwards one is again."""
    release, entered = threading.Event(), []

    def hang() -> int:
        entered.append(threading.current_thread())
        release.wait(10)
        return len(entered)

    try:
        for _ in range(3):
            with pytest.raises(SourceError, match=r"^did not answer within 0\.01 s$"):
                await daemon.call(hang, deadline=0.01)
        assert len(entered) == 1
        assert entered[0].daemon
    finally:
        release.set()
    assert await daemon.call(hang, deadline=5) in (1, 2)
    assert await daemon.call(hang, deadline=5) == len(entered)


async def test_keys_are_separate():
    """A call that hangs does not hold up a call of the same function with other arguments."""
    release = threading.Event()

    def hang(path: str) -> str:
        if path == "/dead":
            release.wait(10)
        return path

    try:
        with pytest.raises(SourceError):
            await daemon.call(hang, "/dead", deadline=0.01)
        assert await daemon.call(hang, "/alive", deadline=5) == "/alive"
    finally:
        release.set()


async def test_waiting_can_be_cancelled():
    """Cancelling the caller leaves the call to its thread, and nothing is reported when it ends."""
    release = threading.Event()
    waiting = asyncio.ensure_future(daemon.call(release.wait, 10, deadline=10))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    under_way = daemon.begin(release.wait, 10)
    release.set()
    assert under_way.result(timeout=5) is True


async def test_settle_stops_waiting():
    """Waiting for several returns when patience ends, and raises nothing of theirs."""
    release = threading.Event()

    def fail() -> None:
        raise ValueError("not for settle")

    dead, bad = daemon.begin(release.wait, 11), daemon.begin(fail)
    try:
        await daemon.settle([dead, bad], 0.05)
        assert not dead.done()
        assert isinstance(bad.exception(timeout=5), ValueError)
    finally:
        release.set()


def test_process_ends_while_a_call_hangs():
    """A process with a call that never returns ends at once when it is done."""
    program = textwrap.dedent(
        """
        import asyncio, time
        from capmon.collectors import daemon
        from capmon.errors import SourceError

        async def main():
            try:
                await daemon.call(time.sleep, 3600, deadline=0.05)
            except SourceError as error:
                print(error)

        asyncio.run(main())
        """
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True)  # fmt: skip
    assert done.stdout == "did not answer within 0.05 s\n"
    assert done.stderr == ""
