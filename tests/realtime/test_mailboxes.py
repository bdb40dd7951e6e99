"""What waits for one subscriber."""

import asyncio

from realtime.facts import Span
from realtime.mailboxes import Mailbox
from tests.realtime.log import NOW, usage

PLENTY = 2**20


def span(after: int, last_seq: int) -> Span:
    return Span(after, last_seq, [usage(1, str(seq), seq=seq) for seq in range(after + 1, last_seq + 1)], NOW)


async def test_spans_are_taken_together_up_to_a_number_of_facts() -> None:
    mailbox = Mailbox(limit=100)
    mailbox.open(0)
    for after in range(0, 50, 10):
        mailbox.put(span(after, after + 10))
    assert [taken.last_seq for taken in await mailbox.take(25, PLENTY, wait=None)] == [10, 20]
    assert [taken.last_seq for taken in await mailbox.take(10, PLENTY, wait=None)] == [30]
    assert mailbox.size == 20


async def test_what_does_not_fit_empties_and_detaches() -> None:
    mailbox = Mailbox(limit=10)
    mailbox.open(0)
    mailbox.put(span(0, 10))
    assert mailbox.size == 10
    mailbox.put(span(10, 11))
    assert (mailbox.since, mailbox.size) == (None, 0)
    assert await mailbox.take(100, PLENTY, wait=None) == []


async def test_what_waits_is_bounded_in_bytes_too() -> None:
    size = span(0, 10).size
    mailbox = Mailbox(limit_bytes=3 * size + 100)
    mailbox.open(0)
    for after in range(0, 30, 10):
        mailbox.put(span(after, after + 10))
    assert [taken.last_seq for taken in await mailbox.take(100, size + 100, wait=None)] == [10, 20]
    assert await mailbox.take(100, 0, wait=None) == []
    for after in range(30, 60, 10):
        mailbox.put(span(after, after + 10))
    assert [mailbox.since, mailbox.size, mailbox.bytes] == [None, 0, 0]


async def test_waiting_ends_with_the_first_span_the_end_or_the_time() -> None:
    mailbox = Mailbox()
    mailbox.open(0)
    assert await mailbox.take(100, PLENTY, wait=0.001) == []
    assert await mailbox.take(100, PLENTY, wait=-1) == []
    waiting = asyncio.create_task(mailbox.take(100, PLENTY, wait=None))
    await asyncio.sleep(0)
    mailbox.put(span(0, 1))
    assert len(await waiting) == 1
    waiting = asyncio.create_task(mailbox.take(100, PLENTY, wait=None))
    await asyncio.sleep(0)
    mailbox.close()
    assert await waiting == []
