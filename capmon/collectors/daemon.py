"""Calls that may never return, made in daemon threads so that nothing waits for them.

A file system whose server is gone keeps the thread that asks in the kernel. The threads of an
executor would then keep the whole process from ending, and asking again every few seconds would
pile them up: here each call has one thread at a time, and the process ends without it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future
from typing import Any, TypeVar, TypeVarTuple

from capmon.errors import SourceError

T = TypeVar("T")
Args = TypeVarTuple("Args")

_running: dict[Hashable, Future[Any]] = {}
_lock = threading.Lock()


def begin(fn: Callable[[*Args], T], *args: *Args, key: Hashable | None = None) -> Future[T]:
    """Start a call, or join the one of the same key that is still under way.

    Args:
        fn: What to call.
        args: Its arguments.
        key: What makes two calls the same; the function and its arguments by default.

    Returns:
        A future that holds the result once there is one. It cannot be cancelled.

    Raises:
        SourceError: No thread could be started.
    """
    name: Hashable = (fn, args) if key is None else key
    with _lock:
        if (under_way := _running.get(name)) is not None:
            return under_way
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        _running[name] = future
    thread = threading.Thread(
        target=_run, args=(name, future, fn, args), name="capmon call", daemon=True
    )
    try:
        thread.start()
    except RuntimeError as error:
        _forget(name)
        raise SourceError("no thread could be started") from error
    return future


def _run(
    name: Hashable, future: Future[Any], fn: Callable[..., Any], args: tuple[Any, ...]
) -> None:
    try:
        result = fn(*args)
    except BaseException as error:  # whatever it is, it belongs to the caller
        _forget(name)
        future.set_exception(error)
    else:
        _forget(name)
        future.set_result(result)


def _forget(name: Hashable) -> None:
    with _lock:
        del _running[name]


async def call(
    fn: Callable[[*Args], T], *args: *Args, deadline: float, key: Hashable | None = None
) -> T:
    """Call `fn` in a daemon thread and wait for it, but no longer than `deadline` seconds.

    While an older call of the same key hangs no second thread is started: this one waits for
    that one. What `fn` raises is raised here.

    Raises:
        SourceError: It did not answer in time.
    """
    answer = asyncio.wrap_future(begin(fn, *args, key=key))
    try:
        done, _ = await asyncio.wait({answer}, timeout=deadline)
    finally:
        # Lets go of the waiting only: the thread's own future is running and stays.
        if not answer.done():
            answer.cancel()
    if not done:
        raise SourceError(silence(deadline))
    return answer.result()


async def settle(futures: Iterable[Future[Any]], patience: float) -> None:
    """Wait until all are done, but no longer than `patience` seconds; raises nothing of theirs."""
    waiting = [asyncio.wrap_future(future) for future in futures if not future.done()]
    if not waiting:
        return
    try:
        done, _ = await asyncio.wait(waiting, timeout=patience)
        for one in done:
            one.exception()  # the owner of the future looks at it; here it only counts as seen
    finally:
        for one in waiting:
            if not one.done():
                one.cancel()


def silence(deadline: float) -> str:
    """The reason that stands beside a metric when a call did not return."""
    return f"did not answer within {deadline:g} s"
