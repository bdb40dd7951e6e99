"""uvicorn, with the ends that Vigie needs: traffic is turned away before it is cut, and an end always comes."""

import asyncio
import os
import resource
import signal
import socket
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import Final

import uvicorn
from starlette.applications import Starlette

from resolvers.connections import Connections
from vigie.probes import Readiness
from vigie.protocols import Requests, WebSockets
from vigie.settings import Settings

GRACEFUL_SECONDS: Final = 12
KEEP_ALIVE_SECONDS: Final = 75
"""Longer than proxies keep theirs (60 is usual): the one who closes first must be the one who sends."""
END_SECONDS: Final = 28.0
"""After which the process ends whatever still runs: orchestrators kill at 30."""
LAST_SECONDS: Final = 0.5
"""How long who connected at the last moment has to say what for. A proxy says it at once."""
MOST_CONNECTIONS: Final = 10_000
FILES: Final = MOST_CONNECTIONS + 1_000
MESSAGE_BYTES: Final = 1 << 20


def allow_many_files() -> None:
    """Raises this process's limit of open files as far as it may: each connection is one, and 1,024 is usual."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES if hard == resource.RLIM_INFINITY else min(hard, FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class Server(uvicorn.Server):
    """Serves until SIGINT or SIGTERM. On SIGTERM it first drains: not ready, but answering, for `drain_seconds`."""

    def __init__(self, app: Starlette, settings: Settings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",  # the caller runs it, around the server
                loop="uvloop",
                http=Requests,
                ws=WebSockets,
                ws_per_message_deflate=False,
                ws_max_size=MESSAGE_BYTES,
                limit_concurrency=MOST_CONNECTIONS,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=GRACEFUL_SECONDS,
                server_header=False,
                forwarded_allow_ips=list(settings.trusted_proxies),
                access_log=False,
                log_config=None,
            )
        )
        self._readiness: Readiness = app.state.readiness
        self._connections: Connections = app.state.connections
        self._drain_seconds = settings.drain_seconds
        self._hurry = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal ends it in order, a second one at once. Nothing is raised again: the exit code is 0."""
        if self.should_exit:
            self.force_exit = self._hurry = True
            return
        self.should_exit = True
        self._hurry = sig == signal.SIGINT
        watchdog = threading.Timer(END_SECONDS, os._exit, [1])
        watchdog.daemon = True
        watchdog.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._readiness.draining = True
        until = time.monotonic() + self._drain_seconds
        while not (self._hurry or self.force_exit) and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # a signal handler cannot set an asyncio.Event
        await self._stop_listening(sockets or [])
        if not self._hurry:
            await asyncio.sleep(min(LAST_SECONDS, self._drain_seconds))
        self._connections.drain()
        await super().shutdown(sockets)

    async def _stop_listening(self, listeners: list[socket.socket]) -> None:
        """Takes in who has connected and waits to be accepted, then closes the door: closed before, it resets them."""
        waiting = []
        for listener in listeners:
            with suppress(OSError):  # nobody waits any more
                while True:
                    waiting.append(listener.accept()[0])
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        for accepted in waiting:
            accepted.setblocking(False)
            await loop.connect_accepted_socket(self._protocol, accepted)

    def _protocol(self) -> asyncio.Protocol:
        return Requests(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
