"""Connections and statements are counted."""

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import literal, select, text
from sqlalchemy.exc import DBAPIError

from models import Database


def figure(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_connections_and_statements_are_counted(database: Database) -> None:
    in_use, waits = figure("vigie_database_pool_connections_in_use"), figure("vigie_database_pool_wait_seconds_count")
    selects = figure("vigie_database_statement_seconds_count", kind="select")
    async with database.read() as session:
        await session.scalar(select(literal(1)))
        assert figure("vigie_database_pool_connections_in_use") == in_use + 1
    assert figure("vigie_database_pool_connections_in_use") == in_use
    assert figure("vigie_database_pool_connections_max") >= 1
    assert figure("vigie_database_pool_wait_seconds_count") == waits + 1
    assert figure("vigie_database_statement_seconds_count", kind="select") == selects + 1


async def test_failed_statements_are_counted(database: Database) -> None:
    failed = figure("vigie_database_statement_errors_total", kind="select")
    with pytest.raises(DBAPIError):
        async with database.read() as session:
            await session.scalar(select(text("no_such_column")))
    assert figure("vigie_database_statement_errors_total", kind="select") == failed + 1
