"""A Redis that a test may kill and start again."""

import asyncio

from tests.servers import Server, free_port


class OwnRedis:
    """Keeps its port. It is not running until it is started."""

    def __init__(self) -> None:
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._server: Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.to_thread(Server, "redis", self._port)
        assert await asyncio.to_thread(lambda: self._server and self._server.url) == self.url

    async def stop(self) -> None:
        if self._server is not None:
            await asyncio.to_thread(self._server.stop)
            self._server = None
