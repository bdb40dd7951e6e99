"""`GET /export/...`: what the lists and figures answer, as files."""

from typing import Final

from starlette.routing import Route

from ingest.keys import Authenticate
from models import Database
from realtime.facts import ApiCallFact, UsageFact
from resolvers.metrics.blocks import API, USAGE
from vigie.exports.bugs import bugs
from vigie.exports.daily import AskedApiDays, AskedUsageDays, daily
from vigie.exports.endpoint import Endpoint, Prepare, Slots
from vigie.exports.facts import AskedApiCalls, AskedUsage, single_calls

PREPARE: Final[dict[str, Prepare]] = {
    "bugs.csv": bugs,
    "usage.csv": single_calls(UsageFact, AskedUsage),
    "usage.jsonl": single_calls(UsageFact, AskedUsage, as_events=True),
    "api-calls.csv": single_calls(ApiCallFact, AskedApiCalls),
    "api-calls.jsonl": single_calls(ApiCallFact, AskedApiCalls, as_events=True),
    "usage-daily.csv": daily(USAGE, AskedUsageDays),
    "api-calls-daily.csv": daily(API, AskedApiDays),
}
"""What makes each file, by its name."""


def routes(authenticate: Authenticate, database: Database) -> list[Route]:
    """A route for each file."""
    slots = Slots()
    return [
        Route(f"/export/{name}", Endpoint(name, prepare, authenticate, database, slots).answer)
        for name, prepare in PREPARE.items()
    ]
