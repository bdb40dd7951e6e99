"""`GET /export/bugs.csv`: a filtered list of bugs as a file."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ingest.keys import Authenticate, principal_of
from ingest.problems import Problem
from models import Database
from resolvers.bugs.export import export_bugs
from resolvers.bugs.filters import BugFilter
from resolvers.bugs.listing import NEWEST_FIRST, BugOrder
from resolvers.errors import Invalid
from resolvers.metrics.periods import EARLIEST, LATEST, Period, make_period
from resolvers.principals import Principal, Role

PATH: Final = "/export/bugs.csv"
READERS: Final = frozenset({Role.READER, Role.EDITOR, Role.ADMIN})
ANY_CASE: Final = frozenset({"statuses", "severities", "priorities", "orderBy", "direction", "assigned"})


class Asked(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """The parameters: those of the GraphQL filter and order, lists as repeated ones, periods as two."""

    search: str | None = None
    statuses: list[Literal["open", "in_progress", "resolved", "closed", "wont_fix", "duplicate"]] = []
    severities: list[Literal["low", "medium", "high", "critical"]] = []
    priorities: list[Literal["low", "medium", "high", "urgent"]] = []
    categories: list[str] = []
    devices: list[str] = []
    assignees: list[str] = []
    reporters: list[str] = []
    labels: list[str] = []
    fingerprints: list[str] = []
    assigned: bool | None = None
    created_from: dt.datetime | None = None
    created_to: dt.datetime | None = None
    updated_from: dt.datetime | None = None
    updated_to: dt.datetime | None = None
    resolved_from: dt.datetime | None = None
    resolved_to: dt.datetime | None = None
    order_by: Literal["created_at", "updated_at", "severity", "priority", "number"] = "created_at"
    direction: Literal["asc", "desc"] = "desc"

    def filter(self) -> BugFilter:
        """The filter meant. Raises Invalid for an inverted period, long lists, and a long search."""
        return BugFilter(
            search=self.search,
            statuses=self.statuses,
            severities=self.severities,
            priorities=self.priorities,
            categories=self.categories,
            devices=self.devices,
            assignees=self.assignees,
            reporters=self.reporters,
            labels=self.labels,
            fingerprints=self.fingerprints,
            assigned=self.assigned,
            created=_period(self.created_from, self.created_to),
            updated=_period(self.updated_from, self.updated_to),
            resolved=_period(self.resolved_from, self.resolved_to),
        ).checked()

    def order(self) -> BugOrder:
        """The order meant. Bugs are numbered in the order of filing."""
        field = NEWEST_FIRST if self.order_by == "created_at" else self.order_by
        return BugOrder(field, descending=self.direction == "desc")


class BugExport:
    """The endpoint."""

    def __init__(self, authenticate: Authenticate, database: Database) -> None:
        self._authenticate = authenticate
        self._database = database

    async def answer(self, request: Request) -> Response:
        """The file, or the problem with the request."""
        try:
            principal = await self._reader(request)
            kept, order = _asked(request)
        except Problem as problem:
            return problem.response()
        pieces = export_bugs(self._database, project_id=principal.project_id, kept=kept, order=order)
        return StreamingResponse(
            pieces, headers={"Content-Disposition": 'attachment; filename="bugs.csv"'}, media_type="text/csv"
        )

    async def _reader(self, request: Request) -> Principal:
        principal = await principal_of(request, self._authenticate)
        if principal.role not in READERS:
            raise Problem(403, f"A key with the role {principal.role} only sends: export with another.")
        return principal


def _asked(request: Request) -> tuple[BugFilter, BugOrder]:
    """What is to be exported. Raises Problem (400) that names the parameter."""
    sent: dict[str, Any] = {}
    for name in request.query_params:
        values = [value.lower() if name in ANY_CASE else value for value in request.query_params.getlist(name)]
        sent[name] = values if name in _LISTS else _single(name, values)
    try:
        asked = msgspec.convert(sent, Asked, strict=False)
        return asked.filter(), asked.order()
    except msgspec.ValidationError as error:
        raise Problem(400, f"The parameters are not understood: {error}.") from error
    except Invalid as refusal:
        raise Problem(400, refusal.message) from refusal


def _single(name: str, values: Sequence[str]) -> str:
    if len(values) > 1:
        raise Problem(400, f"`{name[:100]}` is given {len(values)} times: once is enough.")
    return values[0]


def _period(start: dt.datetime | None, end: dt.datetime | None) -> Period | None:
    if start is None and end is None:
        return None
    for time in (start, end):
        if time is not None and time.tzinfo is None:
            raise Invalid("A time needs an offset: append Z or +01:00.")
    return make_period(start=start or EARLIEST, end=end or LATEST, last=None, zone="UTC", now=EARLIEST)


_LISTS: Final = {
    field.encode_name for field in msgspec.structs.fields(Asked) if field.default_factory is not msgspec.NODEFAULT
}
