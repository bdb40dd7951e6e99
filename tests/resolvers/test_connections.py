"""Open connections: counted by key, ended with their key, seen by their project alone."""

import datetime as dt

import pytest

from models import Database, Project
from resolvers.api_keys import create_api_key, revoke_api_key
from resolvers.connections import Connection, Connections, End
from resolvers.errors import LimitReached
from resolvers.principals import Principal, Role

NOW = dt.datetime(2026, 1, 15, tzinfo=dt.UTC)


def principal(key_id: int = 1, *, project_id: int = 1, expires_at: dt.datetime | None = None) -> Principal:
    return Principal(key_id, "key", Role.READER, project_id, "acme", expires_at)


def connection(ends: list[End] | None = None) -> Connection:
    return Connection(transport="websocket", address=None, end=(ends if ends is not None else []).append)


def test_a_key_has_only_so_many() -> None:
    connections = Connections("here", most_per_key=2)
    first, second, third = (connection() for _ in range(3))
    with connections.open(third), connections.open(second):
        with connections.open(first):
            connections.admit(first, principal())
            connections.admit(second, principal())
            with pytest.raises(LimitReached, match="2 open connections"):
                connections.admit(third, principal())
            connections.admit(third, principal(2))
        connections.admit(third, principal())


def test_nothing_is_left_of_what_has_closed() -> None:
    connections, held = Connections("here"), connection()
    with connections.open(held):
        connections.admit(held, principal())
        assert connections.get(1, held.number) is held
        assert connections.holders == {(1, 1)}
    assert connections.get(1, held.number) is None
    assert connections.of_project(1) == []
    assert connections.holders == set()


def test_a_project_sees_its_own_the_newest_first() -> None:
    connections, one, two, other, stranger = Connections("here"), *(connection() for _ in range(4))
    with connections.open(one), connections.open(two), connections.open(other), connections.open(stranger):
        connections.admit(one, principal(1))
        connections.admit(two, principal(2))
        connections.admit(other, principal(1, project_id=2))
        assert connections.of_project(1) == [two, one]
        assert connections.of_project(2) == [other]
        assert connections.get(1, other.number) is None
        assert connections.get(1, stranger.number) is None


def test_they_end_when_their_key_expires() -> None:
    connections, ends = Connections("here"), list[End]()
    ending, lasting = connection(ends), connection()
    with connections.open(ending), connections.open(lasting):
        connections.admit(ending, principal(1, expires_at=NOW))
        connections.admit(lasting, principal(2))
        connections.end_expired(NOW - dt.timedelta(seconds=1))
        assert ends == []
        connections.end_expired(NOW)
        assert ends == [End.KEY]


def test_all_end_with_the_process_also_those_without_a_key() -> None:
    connections, ends = Connections("here"), list[End]()
    with connections.open(connection(ends)):
        connections.drain()
    assert ends == [End.RESTART]


async def test_they_end_when_any_process_revokes_their_key(database: Database, project: Project) -> None:
    async with database.write() as session:
        made = [
            await create_api_key(session, project_id=project.id, name=name, role=Role.READER, actor="tests")
            for name in ("kept", "revoked")
        ]
    kept, revoked = (key.id for key, _ in made)
    connections, ends = Connections("here"), dict[int, list[End]]()
    held = {number: connection(ends.setdefault(number, [])) for number in (kept, revoked, 99)}
    with connections.open(held[kept]), connections.open(held[revoked]), connections.open(held[99]):
        for number, one in held.items():
            connections.admit(one, principal(number, project_id=project.id))
        async with database.write() as session:
            await revoke_api_key(session, project_id=project.id, key_id=revoked, actor="tests")
        async with database.read() as session:
            await connections.end_revoked(session)
    assert ends == {kept: [], revoked: [End.KEY], 99: [End.KEY]}


async def test_thousands_of_keys_are_asked_for_in_pieces(database: Database, project: Project) -> None:
    connections, ends = Connections("here"), list[End]()
    many = [connection(ends) for _ in range(2_500)]
    for number, one in enumerate(many, 1):
        connections.open(one).__enter__()
        connections.admit(one, principal(number, project_id=project.id))
    async with database.read() as session:
        await connections.end_revoked(session)
    assert len(ends) == 2_500
