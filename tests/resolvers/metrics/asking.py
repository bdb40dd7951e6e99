"""Asks GraphQL as a client would, without a network between."""

from typing import Any

import orjson

from models import Database, Project
from resolvers.principals import Principal, Role
from schema import schema
from schema.context import Services
from schema.documents import Refused
from schema.errors import wire_errors
from schema.execution import Engine
from schema.requests import GraphQLRequest

Json = dict[str, Any]

LATENCY = "latency { meanMs p50Ms p95Ms p99Ms maxMs }"
USAGE_TOTALS = f"""
  requests errors errorRate tokens {{ input output total cacheRead cacheWrite reasoning }}
  costUsd pricedShare estimatedShare activeSubjects {LATENCY} timeToFirstToken {{ p50Ms p95Ms p99Ms }}
"""
API_TOTALS = f"requests errors errorRate requestBytes responseBytes cacheHitRate activeSubjects {LATENCY}"
TOTALS = {"usage": USAGE_TOTALS, "api": API_TOTALS}


class Client:
    """A reader of one project."""

    def __init__(self, database: Database, project: Project) -> None:
        nothing: Any = None
        self._engine = Engine(schema, Services(database, hub=nothing, writer=nothing))
        self._principal = Principal(1, "tests", Role.READER, project.id, project.name)

    async def answer(self, document: str, operation: str | None = None, **variables: Any) -> Json:
        """The whole answer, `errors` included."""
        try:
            prepared = self._engine.prepare(GraphQLRequest(document, variables, operation))
            answer = await self._engine.execute(prepared, self._principal, "request")
        except Refused as refused:
            return {"errors": wire_errors(refused.errors, request_id="request")}
        body: Json = orjson.loads(answer.body)
        return body

    async def ask(self, document: str, operation: str | None = None, **variables: Any) -> Json:
        """The `data` of an answer without errors."""
        answer = await self.answer(document, operation, **variables)
        assert "errors" not in answer, answer["errors"]
        data: Json = answer["data"]
        return data

    async def refusal(self, document: str, **variables: Any) -> str:
        """The message of the only error, which blames the client."""
        (error,) = (await self.answer(document, **variables))["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT", error
        message: str = error["message"]
        return message

    async def metrics(self, fields: str, period: Json, filter: Json | None = None) -> Json:  # noqa: A002
        """Fields of `metrics`."""
        document = (
            "query ($period: PeriodInput!, $filter: MetricsFilter) "
            f"{{ metrics(period: $period, filter: $filter) {{ {fields} }} }}"
        )
        metrics: Json = (await self.ask(document, period=period, filter=filter))["metrics"]
        return metrics

    async def pages(self, block: str, by: str, order: str, first: int, period: Json, **filters: Any) -> list[Json]:
        """Every page of a breakdown."""
        rated = "rating" if block == "api" else ""
        document = f"""query ($period: PeriodInput!, $filter: MetricsFilter, $after: String) {{
          metrics(period: $period, filter: $filter) {{ {block} {{
            breakdown(by: {by}, orderBy: {order}, first: {first}, after: $after) {{
              edges {{ cursor node {{ key share {rated} totals {{ {TOTALS[block]} }} }} }}
              pageInfo {{ hasNextPage hasPreviousPage endCursor }}
              rest {{ keys totals {{ {TOTALS[block]} }} }}
            }}
          }} }}
        }}"""
        found: list[Json] = []
        after = None
        while not found or found[-1]["pageInfo"]["hasNextPage"]:
            data = await self.ask(document, period=period, after=after, **filters)
            found.append(data["metrics"][block]["breakdown"])
            after = found[-1]["pageInfo"]["endCursor"]
            assert len(found) < 1000
        return found
