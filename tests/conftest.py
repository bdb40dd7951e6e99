"""Fixtures for everybody: servers, databases, a project, and a running Vigie."""

import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from models import Database, Project
from resolvers.projects import create_project
from tests.databases import DIALECTS, Templates
from tests.running import Vigie, Vigies
from tests.servers import Server

NAMED = {"postgresql": "DATABASE_URL", "redis": "REDIS_URL"}
GIVEN = {name: os.environ[variable] for name, variable in NAMED.items() if os.environ.get(variable)}
SHARED = ("postgresql", "postgresql16")


class Servers:
    """The servers of a test run, each started when it is first needed."""

    def __init__(self, postgresql: str, given: dict[str, str]) -> None:
        self._kinds = {"postgresql": postgresql, "postgresql16": "postgresql16", "redis": "redis"}
        self._given = given
        self._started: dict[str, Server] = {}

    def url(self, name: str) -> str:
        """Where `postgresql`, `postgresql16` or `redis` answers."""
        if name in self._given:
            return self._given[name]
        kind = self._kinds[name]
        if kind not in self._started:
            self._started[kind] = Server(kind)
        return self._started[kind].url

    def stop(self) -> None:
        for server in self._started.values():
            server.stop()


SERVERS = pytest.StashKey[Servers]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgresql", choices=["16", "18"], default="18", help="the PostgreSQL that tests run on")


def pytest_configure(config: pytest.Config) -> None:
    handed: dict[str, Any] = getattr(config, "workerinput", {})
    servers = Servers(f"postgresql{config.getoption('--postgresql')}", handed.get("servers", GIVEN))
    config.stash[SERVERS] = servers
    config.add_cleanup(servers.stop)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hands PostgreSQL, where each test has its own database, to the workers of a parallel run. Redis is theirs."""
    servers = node.config.stash[SERVERS]
    node.workerinput["servers"] = {**GIVEN, **{name: servers.url(name) for name in SHARED}}


@pytest.fixture(scope="session", autouse=True)
def _no_network(servers: Servers) -> None:
    """Refuses every address but this machine's (and that of servers which were named)."""
    near = {"localhost", "127.0.0.1", "::1", "0.0.0.0", *(make_url(url).host for url in GIVEN.values())}

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            address = arguments[1]
            host = address[0] if isinstance(address, tuple) else None
        elif event == "socket.getaddrinfo":
            host = arguments[0]
        else:
            return
        host = host.decode() if isinstance(host, bytes) else host
        if host and host not in near:
            raise OSError(f"tests stay on this machine: {event} to {host}")

    sys.addaudithook(refuse)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Servers:
    return pytestconfig.stash[SERVERS]


@pytest.fixture(scope="session")
def templates(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Templates]:
    templates = Templates(tmp_path_factory.mktemp("templates"), servers.url)
    yield templates
    templates.drop()


@pytest.fixture(scope="session")
def redis_url(servers: Servers) -> str:
    """A real Redis, of this process alone but shared by its tests."""
    return servers.url("redis")


@pytest.fixture(params=DIALECTS)
def database_url(request: pytest.FixtureRequest, templates: Templates, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated, empty database of the test's own: SQLite, then PostgreSQL (see `tests.databases`)."""
    with templates.copy(request.param, tmp_path) as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The test's own database, open."""
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def project(database: Database) -> Project:
    """A project in the test's own database."""
    async with database.write() as session:
        return await create_project(session, name="acme", actor="tests")


@pytest.fixture
def vigies(tmp_path: Path) -> Iterator[Vigies]:
    """Starts Vigie processes, `vigies.start(VIGIE_DATABASE_URL=...)`, and ends them with the test."""
    with Vigies(tmp_path) as vigies:
        yield vigies


@pytest.fixture
def vigie(vigies: Vigies, database_url: str) -> Vigie:
    """A running Vigie on the test's own database."""
    return vigies.start(VIGIE_DATABASE_URL=database_url)
