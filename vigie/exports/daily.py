"""Sums by day: the parameters of `metrics`, and the dimension that splits each day."""

import datetime as dt
from typing import Any, Literal

from starlette.concurrency import iterate_in_threadpool
from starlette.requests import Request

from models import Database
from resolvers.attribute_dimensions import check_declared, dimension_of
from resolvers.errors import Invalid
from resolvers.exports.daily import daily_sums, pieces_of
from resolvers.metrics.blocks import Block
from resolvers.metrics.filters import MetricsFilter
from resolvers.metrics.scopes import Scope
from resolvers.metrics.snapshots import take_snapshot
from resolvers.principals import Principal
from vigie.exports.endpoint import Prepare, Prepared
from vigie.exports.parameters import AskedOfPeriod, asked


class AskedUsageDays(AskedOfPeriod):
    """The parameters of usage."""

    subjects: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    by: Literal["model", "provider", "operation", "status", "subject", "environment", "attribute"] = "model"
    attribute: str | None = None


class AskedApiDays(AskedOfPeriod):
    """The parameters of API calls."""

    subjects: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    by: Literal["route", "method", "status", "subject", "environment", "attribute"] = "route"
    attribute: str | None = None


def daily(block: Block, parameters: type[AskedUsageDays | AskedApiDays]) -> Prepare:
    """Prepares a file of sums by day."""

    async def prepare(database: Database, principal: Principal, request: Request) -> Prepared:
        wanted = asked(request, parameters)
        period = wanted.period()
        lists: dict[str, Any] = {name: getattr(wanted, name) for name in block.filters}
        restricted = MetricsFilter(**lists, attributes=wanted.attribute_filters())
        by, keys = _dimension(wanted), list(wanted.attributes)
        if wanted.attribute is not None:
            keys.append(wanted.attribute)
        async with database.read() as session:
            await check_declared(session, project_id=principal.project_id, keys=keys, field="attributes")
            snapshot = await take_snapshot(session, project_id=principal.project_id, now=dt.datetime.now(dt.UTC))
            file = await daily_sums(session, Scope(snapshot, block, period, restricted), by=by)
        return Prepared(iterate_in_threadpool(pieces_of(file)), snapshot.as_of)

    return prepare


def _dimension(wanted: AskedUsageDays | AskedApiDays) -> str:
    """What the days are split by. Raises Invalid."""
    if (wanted.by == "attribute") != (wanted.attribute is not None):
        raise Invalid("`by=attribute` and its key, `attribute`, go together.", field="attribute")
    return wanted.by if wanted.attribute is None else dimension_of(wanted.attribute)
