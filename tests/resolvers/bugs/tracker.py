"""A project's bugs as keys of it see them, by the documents of the contract, without a network between."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson
from sqlalchemy import event

from models import Database, Project
from realtime.hub import Hub
from resolvers.principals import Principal, Role
from schema import schema
from schema.context import Services
from schema.documents import Refused
from schema.errors import wire_errors
from schema.execution import Engine
from schema.requests import GraphQLRequest
from tests.architecture.sources import ROOT

DOCUMENT = (ROOT / "tests" / "contract" / "bugs.graphql").read_text()
Json = dict[str, Any]


class Tracker:
    """A key with the name `name`."""

    def __init__(
        self,
        database: Database,
        project: Project,
        *,
        name: str = "ann",
        role: Role = Role.EDITOR,
        hub: Hub | None = None,
    ) -> None:
        nothing: Any = None
        self.database, self.project = database, project
        self._engine = Engine(schema, Services(database, hub or nothing, nothing))
        self._principal = Principal(1, name, role, project.id, project.name)
        self.statements = 0
        event.listen(database._reader.sync_engine, "before_cursor_execute", self._count)

    def _count(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.statements += statement != "BEGIN"

    async def answer(self, operation: str | None, document: str = DOCUMENT, **variables: Any) -> Json:
        """The whole answer, `errors` included."""
        try:
            prepared = self._engine.prepare(GraphQLRequest(document, variables, operation))
            answer = await self._engine.execute(prepared, self._principal, "request")
        except Refused as refused:
            return {"errors": wire_errors(refused.errors, request_id="request")}
        body: Json = orjson.loads(answer.body)
        return body

    async def ask(self, operation: str | None, document: str = DOCUMENT, **variables: Any) -> Any:
        """The only field of an answer without errors."""
        answer = await self.answer(operation, document, **variables)
        assert "errors" not in answer, answer["errors"]
        (value,) = answer["data"].values()
        return value

    async def refusal(self, operation: str | None, document: str = DOCUMENT, **variables: Any) -> str:
        """The message of the only error, which blames the client."""
        (error,) = (await self.answer(operation, document, **variables))["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT", error
        message: str = error["message"]
        return message

    async def filed(self, title: str = "Something broke", **fields: Any) -> Json:
        """What `fileBug` answers."""
        payload: Json = await self.ask("FileBug", input={"title": title, **fields})
        return payload

    async def file(self, title: str = "Something broke", **fields: Any) -> Json:
        """A bug that is filed without complaint."""
        payload = await self.filed(title, **fields)
        assert payload["userErrors"] == []
        bug: Json = payload["bug"]
        return bug

    async def updated(self, bug: Json, **fields: Any) -> Json:
        """What `updateBug` answers to somebody who has seen the bug like this."""
        seen = {"number": bug["number"], "expectedVersion": bug["version"]}
        payload: Json = await self.ask("UpdateBug", input=seen | fields)
        return payload

    async def update(self, bug: Json, **fields: Any) -> Json:
        """A bug that is changed without complaint."""
        payload = await self.updated(bug, **fields)
        assert payload["userErrors"] == []
        changed: Json = payload["bug"]
        return changed

    async def comment(self, bug: Json, body: str) -> Json:
        """A comment that is taken without complaint."""
        payload = await self.ask("CommentOnBug", input={"number": bug["number"], "body": body})
        assert payload["userErrors"] == []
        comment: Json = payload["comment"]
        return comment

    async def detail(self, bug: Json) -> Json:
        detail: Json = await self.ask("BugDetail", number=bug["number"])
        return detail

    async def history(self, bug: Json) -> list[Json]:
        """Who changed which field from what to what, without the times."""
        return [
            {name: value for name, value in edge["node"].items() if name != "time"}
            for edge in (await self.detail(bug))["history"]["edges"]
        ]

    async def numbers(self, first: int = 200, **variables: Any) -> list[int]:
        """The numbers on a page."""
        page = await self.ask("Bugs", first=first, **variables)
        return [edge["node"]["number"] for edge in page["edges"]]

    async def pages(self, first: int, **variables: Any) -> list[int]:
        """The numbers on all pages, which are of the promised size."""
        found: list[int] = []
        after, more = None, True
        while more:
            page = await self.ask("Bugs", first=first, after=after, **variables)
            numbers = [edge["node"]["number"] for edge in page["edges"]]
            after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
            assert len(numbers) == first or not more
            found += numbers
        return found

    async def stream(self, document: str = DOCUMENT, **variables: Any) -> AsyncGenerator[Json, None]:
        """The frames of `bugEvents`."""
        operation = self._engine.prepare(GraphQLRequest(document, variables, "BugEvents"))
        async with aclosing(self._engine.stream(operation, self._principal, "request")) as bodies:
            async for body in bodies:
                answer = orjson.loads(body)
                assert "errors" not in answer, answer
                yield answer["data"]["bugEvents"]


def error(code: str, field: str | None, message: str) -> list[Json]:
    """The only userError of a payload."""
    return [{"code": code, "field": field, "message": message}]
