"""Bugs: the parameters of `bugs`, and the file of what it answers."""

from typing import ClassVar, Literal

from starlette.requests import Request

from models import Database
from resolvers.bugs.export import export_bugs
from resolvers.bugs.filters import BugFilter
from resolvers.bugs.listing import NEWEST_FIRST, BugOrder
from resolvers.metrics.periods import EARLIEST, LATEST, Period, make_period
from resolvers.principals import Principal
from vigie.exports.endpoint import Prepared
from vigie.exports.parameters import Asked, asked, time_of


class AskedBugs(Asked):
    """The parameters: those of the GraphQL filter and order, periods as two."""

    any_case: ClassVar[frozenset[str]] = frozenset(
        {"statuses", "severities", "priorities", "orderBy", "direction", "assigned"}
    )

    search: str | None = None
    statuses: tuple[Literal["open", "in_progress", "resolved", "closed", "wont_fix", "duplicate"], ...] = ()
    severities: tuple[Literal["low", "medium", "high", "critical"], ...] = ()
    priorities: tuple[Literal["low", "medium", "high", "urgent"], ...] = ()
    categories: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    reporters: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    assigned: bool | None = None
    created_from: str | None = None
    created_to: str | None = None
    updated_from: str | None = None
    updated_to: str | None = None
    resolved_from: str | None = None
    resolved_to: str | None = None
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


async def bugs(database: Database, principal: Principal, request: Request) -> Prepared:
    """Prepares the file of a filtered list of bugs."""
    wanted = asked(request, AskedBugs)
    return Prepared(export_bugs(database, project_id=principal.project_id, kept=wanted.filter(), order=wanted.order()))


def _period(start: str | None, end: str | None) -> Period | None:
    if start is None and end is None:
        return None
    return make_period(
        start=time_of(start) or EARLIEST, end=time_of(end) or LATEST, last=None, zone="UTC", now=EARLIEST
    )
