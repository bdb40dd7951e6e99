"""The cap on routes: the first 2,000 of a project's UTC day have rows of their own, the rest share `(other)`."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable

from sqlalchemy import select

from models import ApiByRoute, ReadSession
from models.rollups import DAY
from resolvers.rollups.cubes import API
from resolvers.rollups.slices import Slice, day_of

OTHER_ROUTES = "(other)"
ROUTES_A_DAY = 2_000

Admitted = dict[dt.datetime, set[str]]
"""The routes that have rows of their own, by UTC day."""

_ROUTE = API.dimensions.index("route")


async def admitted_routes(session: ReadSession, *, project_id: int, days: Collection[dt.datetime]) -> Admitted:
    """The routes that the day rows of these days hold already."""
    admitted: Admitted = defaultdict(set)
    rows = await session.rows(
        select(ApiByRoute.bucket, ApiByRoute.route)
        .where(ApiByRoute.project_id == project_id, ApiByRoute.grain == DAY, ApiByRoute.bucket.in_(sorted(days)))
        .distinct()
    )
    for day, route in rows:
        if route != OTHER_ROUTES:
            admitted[day].add(route)
    return admitted


def cap_routes(slices: Iterable[Slice], admitted: Admitted) -> None:
    """Admits new routes to their days while there is room, those of the earliest facts first; renames all others."""
    for each in sorted(slices, key=lambda each: each.first_seq):
        route = each.dimensions[_ROUTE]
        routes = admitted[day_of(each.bucket)]
        if route in routes or route == OTHER_ROUTES:
            continue
        if len(routes) < ROUTES_A_DAY:
            routes.add(route)
        else:
            each.dimensions = (*each.dimensions[:_ROUTE], OTHER_ROUTES, *each.dimensions[_ROUTE + 1 :])
