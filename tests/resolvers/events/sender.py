"""A process that sends to the log through a writer of its own, and says what was acknowledged.

    python -m tests.resolvers.events.sender DATABASE_URL PROJECT_ID NAME BATCHES

prints the ids of each batch on a line when the batch is acknowledged. All senders send the events `shared-0` ...
besides their own.
"""

import asyncio
import sys

from integrations.prices import ListPrices
from models import Database
from resolvers.events.writer import Writer
from tests.resolvers.events.events import send, usage

SIZE = 20


async def main(url: str, project_id: int, name: str, batches: int) -> None:
    database = Database(url)
    writer = Writer(database, ListPrices())
    await writer.start()

    async def one(number: int) -> None:
        ids = [f"{name}-{number}-{place}" for place in range(SIZE)] + [f"shared-{number}"]
        recorded = await send(writer, project_id, [usage(id_, time="2026-11-01T00:00:00Z") for id_ in ids])
        assert recorded.accepted + recorded.duplicates == len(ids)
        print(*ids, flush=True)

    for start in range(0, batches, 4):
        await asyncio.gather(*(one(number) for number in range(start, min(start + 4, batches))))
    await writer.stop()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
