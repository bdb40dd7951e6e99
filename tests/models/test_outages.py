"""What a server says while it goes down or comes up is no fault of ours; what it says of a statement is."""

import asyncpg
import pytest

from models.outages import database_is_down


@pytest.mark.parametrize("sqlstate", ["57P01", "57P02", "57P03", "57P05", "57014", "55000", "53300", "08006"])
def test_a_server_that_does_not_serve_now_is_down(sqlstate: str) -> None:
    assert database_is_down(asyncpg.PostgresError.new({"C": sqlstate, "M": "the database system is shutting down"}))


@pytest.mark.parametrize("sqlstate", ["42P01", "23505", "22003", "42601"])
def test_one_that_refuses_a_statement_is_not(sqlstate: str) -> None:
    assert not database_is_down(asyncpg.PostgresError.new({"C": sqlstate, "M": "no"}))
