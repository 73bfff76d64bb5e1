"""The demo service on loopback: `python -m capmon.demo.service --port 0 --scenario day`."""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import logging
import math
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from capmon.clock import Clock, SystemClock
from capmon.demo import exposition, lifeline
from capmon.demo.outside import WaitingRoom
from capmon.demo.scenarios import DAY_SECONDS, names, scenario
from capmon.demo.state import MOST_REPLICAS, DemoState
from capmon.errors import CapmonError

HOST = "127.0.0.1"
"""The only address it listens on."""

BODY_LIMIT = 4096
"""Bytes of a request body that are read."""

CATCH_UP = 60.0
"""Seconds of simulation that one reading makes up for; a longer sleep of the process is skipped."""

TICK = 1.0
"""Seconds between two looks at the clock while nobody asks."""

Endpoint = Callable[[HttpRequest], Coroutine[Any, Any, Response]]


class Service:
    """The endpoints over one state; the state is brought up to the clock before each answer."""

    def __init__(self, state: DemoState, clock: Clock, day_seconds: float = DAY_SECONDS) -> None:
        self.state = state
        self._clock = clock
        self._day_seconds = day_seconds
        self._origin = clock.monotonic()
        self._outside = WaitingRoom(self.catch_up)

    def now(self) -> float:
        """Seconds on the state's clock."""
        now = self._clock.monotonic() - self._origin
        skipped = now - self.state.clock - CATCH_UP
        if skipped > 0:
            self._origin += skipped
            now -= skipped
        return now

    def catch_up(self) -> float:
        """Let everything happen that happened until now, and return the time it is."""
        now = self.now()
        self.state.advance(now)
        return now

    def app(self) -> Starlette:
        """The application."""
        return Starlette(
            routes=[
                Route("/api/v1/metrics", self._document(self.state.metrics)),
                Route("/api/v1/cache/stats", self._document(self.state.cache_stats)),
                Route("/api/v1/health", self._document(self.state.health)),
                Route("/api/v1/process", self.process),
                Route("/metrics", self.metrics_page),
                Route("/scale", self.scale, methods=["GET", "PUT"]),
                Route("/scenario", self.scenario, methods=["GET", "POST"]),
            ],
            exception_handlers={HTTPException: _explain, CapmonError: _explain},
        )

    def _document(self, build: Callable[[], dict[str, Any]]) -> Endpoint:
        async def endpoint(_request: HttpRequest) -> Response:
            self.catch_up()
            return JSONResponse(build())

        return endpoint

    async def process(self, _request: HttpRequest) -> Response:
        """Stand in the queue with everybody else, and answer when served."""
        request = self.state.submit(self.now())
        if request is None:
            return JSONResponse({"error": "the queue is full"}, 503, {"Retry-After": "1"})
        await self._outside.until_left(request)
        if not request.served:
            return JSONResponse({"error": "waited too long"}, 503, {"Retry-After": "1"})
        answer = {
            "waited_ms": round((request.start - request.arrival) * 1e3, 3),
            "served_ms": round((request.end - request.start) * 1e3, 3),
            "cache": "hit" if request.hit else "miss",
        }
        if request.failed:
            return JSONResponse({"error": "the database is away"} | answer, 500)
        return JSONResponse(answer)

    async def metrics_page(self, request: HttpRequest) -> Response:
        """Metrics for a scraper, in the format and the encoding it asks for."""
        self.catch_up()
        openmetrics = exposition.wants_openmetrics(request.headers.get("accept", ""))
        body = exposition.render(self.state, openmetrics=openmetrics).encode()
        headers = {
            "content-type": exposition.OPENMETRICS if openmetrics else exposition.TEXT,
            "vary": "Accept, Accept-Encoding",
        }
        if exposition.quality(request.headers.get("accept-encoding", ""), "gzip") > 0:
            body = gzip.compress(body, 1)
            headers["content-encoding"] = "gzip"
        return Response(body, headers=headers)

    async def scale(self, request: HttpRequest) -> Response:
        """GET the replicas, PUT the number of them that there should be."""
        self.catch_up()
        if request.method == "PUT":
            replicas = (await _body(request)).get("replicas")
            if not isinstance(replicas, int) or isinstance(replicas, bool):
                expected = f'{{"replicas": N}} with a whole N from 1 to {MOST_REPLICAS}'
                raise CapmonError(f"expected {expected}")
            self.state.scale(replicas, self.now())
        return JSONResponse(self.state.replicas())

    async def scenario(self, request: HttpRequest) -> Response:
        """GET the scenario and what else there is, POST the name of the next."""
        if request.method == "POST":
            name = (await _body(request)).get("name")
            if not isinstance(name, str):
                raise CapmonError(f'expected {{"name": NAME}} with one of {", ".join(names())}')
            self.state.switch(scenario(name, self._day_seconds), self.now())
        return JSONResponse({"name": self.state.scenario.name, "names": list(names())})


async def _body(request: HttpRequest) -> dict[str, Any]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise HTTPException(413, f"a body may have {BODY_LIMIT} bytes")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise CapmonError("the body is not JSON") from None
    if not isinstance(document, dict):
        raise CapmonError("expected a JSON object")
    return document


async def _explain(_request: HttpRequest, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)
    return JSONResponse({"error": str(error)}, 400)


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say the address once requests are answered, so that a parent may wait for it."""
        await super().startup(sockets)
        for listener in sockets or ():
            port = listener.getsockname()[1]
            sys.stdout.write(f"capmon demo listens on http://{HOST}:{port}\n")
        sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop at once; that requests are cut off is no error worth a line on stderr."""
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)


async def _tick(service: Service) -> None:
    while True:
        await asyncio.sleep(TICK)
        service.catch_up()


async def serve(service: Service, listener: socket.socket, parent: int | None) -> None:
    """Answer until told to stop, or until the parent is gone."""
    server = _Server(
        uvicorn.Config(
            service.app(),
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=0,
        )
    )
    tasks = [asyncio.create_task(_tick(service))]
    if parent is not None:
        stop = partial(server.handle_exit, signal.SIGTERM, None)
        tasks.append(asyncio.create_task(lifeline.watch(parent, stop)))
    await server.serve(sockets=[listener])
    for task in tasks:
        task.cancel()


def main() -> None:
    """Run from the command line."""
    options = _options()
    if options.parent is not None:
        lifeline.die_with(options.parent)
    clock = SystemClock()
    state = DemoState(
        scenario(options.scenario, options.day),
        seed=options.seed,
        replicas=options.replicas,
        created=clock.now(),
    )
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, options.port))
    except OSError as error:
        raise SystemExit(f"capmon demo: port {options.port}: {error.strerror}") from None
    asyncio.run(serve(Service(state, clock, options.day), listener, options.parent))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m capmon.demo.service", description=__doc__)
    parser.add_argument("--port", type=int, default=8080, help="port; 0 picks a free one")
    parser.add_argument("--scenario", choices=names(), default="day", help="what happens")
    parser.add_argument("--day", type=_seconds, default=DAY_SECONDS, help="seconds a day takes")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same course")
    parser.add_argument("--replicas", type=_count, default=4, help="replicas at the start")
    parser.add_argument("--parent", type=int, help="process whose end, or whose pipe's, ends this")
    return parser.parse_args()


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 1 <= seconds < math.inf:
        raise argparse.ArgumentTypeError("a day takes a second at least")
    return seconds


def _count(text: str) -> int:
    count = int(text)
    if not 1 <= count <= MOST_REPLICAS:
        raise argparse.ArgumentTypeError(f"replicas must be from 1 to {MOST_REPLICAS}")
    return count


if __name__ == "__main__":
    main()
