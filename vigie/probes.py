"""Whether the process lives, has started, and should get traffic now: what an orchestrator asks.

| phase                      | live | startup | ready, health |
| migrating, starting        | 200  | 503     | 503           |
| serving                    | 200  | 200     | 200           |
| serving, database lost     | 200  | 200     | 503           |
| draining after SIGTERM     | 200  | 200     | 503           |
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import orjson
from sqlalchemy import literal, select
from starlette.requests import Request
from starlette.responses import Response

from models import Database

CHECK_SECONDS: Final = 2.0
REMEMBERED_SECONDS: Final = 1.0

Check = Callable[[], Awaitable[str | None]]
"""Answers why the process is not ready, in one sentence, or None."""


class Readiness:
    """Ready between start and drain while every check agrees. Checks run at most once a second, whoever asks."""

    def __init__(self) -> None:
        self.started = False
        self.draining = False
        self._checks: dict[str, Check] = {}
        self._lock = asyncio.Lock()
        self._found: list[str] = []
        self._found_at = float("-inf")

    def add(self, what: str, check: Check) -> None:
        """Asks this check too; `what` begins the reason when it fails or takes too long."""
        self._checks[what] = check

    async def reasons(self) -> list[str]:
        """Why the process should get no traffic now; empty when it should."""
        if not self.started:
            return ["starting"]
        if self.draining:
            return ["shutting down"]
        async with self._lock:
            if time.monotonic() - self._found_at > REMEMBERED_SECONDS:
                results = await asyncio.gather(*(_checked(*named) for named in self._checks.items()))
                self._found = [reason for reason in results if reason]
                self._found_at = time.monotonic()
            return self._found

    async def ready(self, _: Request) -> Response:
        """`/health/ready`: 200, or 503 with the reasons."""
        reasons = await self.reasons()
        return _answer({"status": "unready" if reasons else "ready", "reasons": reasons}, fine=not reasons)

    async def health(self, _: Request) -> Response:
        """`/health`: the same, and the phase in a word."""
        reasons = await self.reasons()
        status = "starting" if not self.started else "draining" if self.draining else "unready" if reasons else "ready"
        return _answer({"status": status, "reasons": reasons}, fine=not reasons)

    async def startup(self, _: Request) -> Response:
        """`/health/startup`: 200 from the moment on in which all that is needed runs, whatever comes then."""
        return _answer({"status": "started" if self.started else "starting"}, fine=self.started)


async def live(_: Request) -> Response:
    """`/health/live`: the process answers."""
    return _answer({"status": "alive"}, fine=True)


def _answer(body: dict[str, object], *, fine: bool) -> Response:
    return Response(orjson.dumps(body), 200 if fine else 503, media_type="application/json")


def database_answers(database: Database) -> Check:
    """The check that a query comes back."""

    async def check() -> str | None:
        async with database.read() as session:
            await session.scalar(select(literal(1)))
        return None

    return check


async def _checked(what: str, check: Check) -> str | None:
    try:
        return await asyncio.wait_for(check(), CHECK_SECONDS)
    except TimeoutError:
        return f"{what}: no answer within {CHECK_SECONDS:g} s"
    except Exception as error:  # noqa: BLE001 — whatever it is, the process is not ready
        return f"{what}: {type(error).__name__}"
