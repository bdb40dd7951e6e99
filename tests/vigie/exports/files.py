"""Asks for files as a browser would, without a network between, and takes them back as `vigie replay` does."""

import csv
import gzip
import io
from typing import Any

import httpx2
from starlette.applications import Starlette

from models import Database, Project
from resolvers.principals import Principal, Role
from vigie.exports import routes
from vigie.replay.traces import open_trace

Event = dict[str, Any]
EVER = {"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}


class Files:
    """The exports of one project; the role of the key is its text."""

    def __init__(self, database: Database, project: Project) -> None:
        async def authenticate(secret: str) -> Principal | None:
            return Principal(1, "tests", Role(secret), project.id, project.name) if secret in list(Role) else None

        transport = httpx2.ASGITransport(app=Starlette(routes=routes(authenticate, database)))
        self._client = httpx2.AsyncClient(transport=transport, base_url="http://vigie")

    async def answer(self, name: str, key: str = "reader", **parameters: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {key}"}
        return await self._client.get(f"/export/{name}", params=parameters, headers=headers)

    async def get(self, name: str, **parameters: Any) -> bytes:
        """The file of all time, unless the parameters say another."""
        answer = await self.answer(name, **(parameters if "last" in parameters else EVER | parameters))
        assert answer.status_code == 200, answer.text
        return answer.content

    async def rows(self, name: str, **parameters: Any) -> list[dict[str, str]]:
        text = (await self.get(name, **parameters)).decode()
        return list(csv.DictReader(io.StringIO(text, newline="")))


def replayed(file: bytes) -> list[Event]:
    """The events that `vigie replay` makes of a file."""
    lines = list(open_trace(io.BytesIO(file), format_name=None, model="", provider="").lines())
    assert [line.fault for line in lines if line.fault] == []
    return [line.event for line in lines if line.event is not None]


def unzipped(body: bytes) -> bytes:
    return gzip.decompress(body)
