"""Operations have names in figures, and no client can make ever more of them."""

from prometheus_client import REGISTRY

from models import Database, Project
from schema.naming import ANONYMOUS, MOST_NAMES, OTHER, Names
from tests.schema.test_projects_and_members import Client


def test_the_first_names_are_shown() -> None:
    names = Names()
    shown = [names.shown(f"Query{number}") for number in range(MOST_NAMES + 5)]

    assert shown[:MOST_NAMES] == [f"Query{number}" for number in range(MOST_NAMES)]
    assert set(shown[MOST_NAMES:]) == {OTHER}
    assert names.shown("Query3") == "Query3"
    assert names.shown(None) == ANONYMOUS
    assert Names().shown("x" * 81) == OTHER


async def test_an_operation_is_counted_by_its_name(database: Database, project: Project) -> None:
    def counted() -> list[float]:
        ended = {"operation": "WhoAmI", "outcome": "ok"}
        total = REGISTRY.get_sample_value("vigie_graphql_named_operations_total", ended)
        timed = REGISTRY.get_sample_value("vigie_graphql_named_operation_seconds_count", {"operation": "WhoAmI"})
        return [total or 0, timed or 0]

    before = counted()
    await Client(database, project).ask("query WhoAmI { viewer { name } }")

    assert counted() == [number + 1 for number in before]
