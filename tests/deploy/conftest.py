"""What a served Vigie shows to Prometheus."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.deploy.queries import exposed
from tests.running import Vigie, Vigies


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vigie]:
    """A running Vigie on an embedded database of its own, shared by the tests of this folder."""
    with Vigies(tmp_path_factory.mktemp("served")) as vigies:
        yield vigies.start()


@pytest.fixture(scope="package")
def series(served: Vigie) -> dict[str, set[str]]:
    """The names of its series, each with its labels."""
    return exposed(httpx2.get(f"{served.url}/metrics").text)
