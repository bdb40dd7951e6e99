"""Whether the process lives, and whether it should get traffic now."""

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
        body = {"status": "unready" if reasons else "ready", "reasons": reasons}
        return Response(orjson.dumps(body), 503 if reasons else 200, media_type="application/json")


async def live(_: Request) -> Response:
    """`/health/live`: the process answers."""
    return Response(orjson.dumps({"status": "alive"}), media_type="application/json")


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
