"""Another process that commits and publishes.

`python -m tests.realtime.committing DATABASE_URL REDIS_URL PROJECT_ID NAME COUNT` prints how many facts that were.
"""

import asyncio
import random
import sys

from models import Database
from realtime.backends import open_broadcast
from realtime.hub import Hub
from tests.realtime.log import commit, usages


async def commit_batches(database: Database, hub: Hub, project_id: int, name: str, count: int) -> int:
    """Commits `count` batches of 1 to 150 facts; answers how many facts that were."""
    sizes = [random.Random(f"{name} {n}").choice([1, 1, 5, 20, 150]) for n in range(count)]
    for n, size in enumerate(sizes):
        hub.publish(await commit(database, usages(project_id, size, f"{name} {n}")))
    return sum(sizes)


async def main(database_url: str, redis_url: str, project_id: str, name: str, count: str) -> None:
    database = Database(database_url)
    try:
        async with Hub(database, open_broadcast(redis_url)) as hub:
            print(await commit_batches(database, hub, int(project_id), name, int(count)))
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
