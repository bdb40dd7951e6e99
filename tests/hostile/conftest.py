"""One Vigie for all of it: what a client did to it would show in what the next one is answered."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.running import Vigie, Vigies


@pytest.fixture(scope="package")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vigie]:
    with Vigies(tmp_path_factory.mktemp("hostile")) as vigies:
        yield vigies.start()


@pytest.fixture(scope="package")
def client(target: Vigie) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=target.url, headers=target.headers, timeout=30) as client:
        yield client
