"""Every row lies with its project: the layout by which a distributed PostgreSQL shards."""

import re
from pathlib import Path

import pytest
from sqlalchemy import Connection, ForeignKeyConstraint, inspect

from models import Base, Database

PROJECT = "project_id"
WITHOUT_PROJECT = {"projects", "alembic_version"}
"""The tenants themselves, and the version of the schema. Both are small and the same for everybody."""
STATEMENTS = Path(__file__).parents[2] / "deploy" / "citus" / "distribute.sql"


def keys(connection: Connection) -> dict[str, list[list[str | None]]]:
    """The columns of each primary key, unique constraint and unique index, by table (None for an expression)."""
    inspector = inspect(connection)
    found: dict[str, list[list[str | None]]] = {}
    for table in inspector.get_table_names():
        if "_fts" in table:  # SQLite's text search, which is no table of ours
            continue
        found[table] = [index["column_names"] for index in inspector.get_indexes(table) if index["unique"]]
        found[table].append([*inspector.get_pk_constraint(table)["constrained_columns"]])
        found[table] += [[*constraint["column_names"]] for constraint in inspector.get_unique_constraints(table)]
    return found


async def test_every_primary_key_and_unique_index_starts_with_the_project(database: Database) -> None:
    async with database.engine.connect() as connection:
        found = await connection.run_sync(keys)

    assert found.keys() - WITHOUT_PROJECT == Base.metadata.tables.keys() - WITHOUT_PROJECT
    astray = {
        table: columns
        for table, all_columns in found.items()
        for columns in all_columns
        if table not in WITHOUT_PROJECT and columns[0] != PROJECT
    }
    assert astray == {}


def test_rows_refer_to_rows_of_their_own_project() -> None:
    astray = [
        f"{table.name}: {constraint.column_keys}"
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, ForeignKeyConstraint) and PROJECT not in constraint.column_keys
    ]

    assert astray == []


@pytest.fixture(scope="module")
def distributed() -> list[str]:
    """The tables in the order of their statements."""
    return re.findall(r"^SELECT create_\w+_table\('(\w+)'", STATEMENTS.read_text(), re.MULTILINE)


def test_the_statements_for_citus_name_every_table_once(distributed: list[str]) -> None:
    assert sorted(distributed) == sorted(Base.metadata.tables)
    assert re.findall(r"create_reference_table\('(\w+)'", STATEMENTS.read_text()) == ["projects"]


def test_the_statements_for_citus_come_in_the_order_of_foreign_keys(distributed: list[str]) -> None:
    early = [
        f"{table.name} before {key.column.table.name}"
        for table in Base.metadata.tables.values()
        for key in table.foreign_keys
        if distributed.index(table.name) < distributed.index(key.column.table.name)
    ]

    assert early == []


def test_the_statements_for_citus_keep_a_project_together() -> None:
    statements = re.findall(r"^SELECT create_distributed_table\((.*)\);$", STATEMENTS.read_text(), re.MULTILINE)

    assert statements[0] == f"'counters', '{PROJECT}', colocate_with => 'none'"
    assert {statement.partition(", ")[2] for statement in statements[1:]} == {
        f"'{PROJECT}', colocate_with => 'counters'"
    }
