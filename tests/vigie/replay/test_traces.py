"""Traces as files: ids that repeat, lines that are wrong, sizes that do not matter."""

import hashlib
import io
import tracemalloc

from vigie.replay.traces import Trace, open_trace

AZURE = (
    b"TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
    b"2023-11-16 18:15:46.6805900,374,44\r\n\r\nnonsense\r\n2023-11-16 18:15:50,1,2"
)


def trace(content: bytes) -> Trace:
    return open_trace(io.BytesIO(content), format_name=None, model="gpt-4", provider="azure")


def test_ids_are_the_digest_and_the_number_of_the_line() -> None:
    lines = list(trace(AZURE).lines())
    digest = hashlib.sha256(AZURE).hexdigest()[:32]
    assert [(line.number, line.event and line.event["id"]) for line in lines] == [
        (2, f"{digest}-2"),
        (4, None),
        (5, f"{digest}-5"),
    ]
    assert lines[1].fault == "1 columns where 3 are named"
    assert lines[-1].end == len(AZURE)


def test_reading_again_gives_the_same_and_another_file_other_ids() -> None:
    ids = [line.event["id"] for line in trace(AZURE).lines() if line.event]
    assert [line.event["id"] for line in trace(AZURE).lines() if line.event] == ids
    assert not {line.event["id"] for line in trace(AZURE + b"\n").lines() if line.event} & set(ids)


def test_an_event_of_ours_keeps_its_id() -> None:
    first, second = trace(b'{"type": "usage", "id": "mine"}\n{"type": "usage", "id": null}\n').lines()
    assert first.event is not None
    assert first.event["id"] == "mine"
    assert second.event is not None
    assert second.event["id"].endswith("-2")


def test_foreign_bytes_are_kept_apart() -> None:
    line = b'::1 - - [17/May/2015:10:05:03 +0000] "GET /caf%b HTTP/1.1" 200 1\n'
    first, second = trace(line % b"\xe9" + line % b"\xe8").lines()
    assert first.event is not None
    assert second.event is not None
    assert first.event["route"] != second.event["route"]


def test_a_large_file_is_streamed() -> None:
    content = (
        b"TIMESTAMP,ContextTokens,GeneratedTokens\n" + b"2023-11-16 18:15:46,374,44\n" * 100_000 + b"x" * 5_000_000
    )
    file = io.BytesIO(content)
    tracemalloc.start()
    opened = open_trace(file, format_name=None, model="gpt-4", provider="azure")
    assert sum(line.event is not None for line in opened.lines()) == 100_000
    assert tracemalloc.get_traced_memory()[1] < 8_000_000
    tracemalloc.stop()
