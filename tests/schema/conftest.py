"""The server that the transport tests talk to."""

from collections.abc import AsyncIterator

import pytest

from tests.schema.serving import Serving


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    async with Serving.start() as serving:
        yield serving
