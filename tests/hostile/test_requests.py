"""Malformed heads and bodies, byte by byte: each is a 4xx within two seconds, and others are served meanwhile."""

import gzip
import os
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import httpx2
import pytest

from tests.hostile.leaks import assert_nothing_leaks
from tests.hostile.talking import SOON, connect, request, say, status
from tests.running import Vigie

QUERY: Final = b'{"query": "{ viewer { name } }"}'
DEEP: Final = 100_000

BODIES: Final = {
    "nothing": b"",
    "null": b"null",
    "a number": b"1",
    "a text": b'"{ viewer { name } }"',
    "a batch": b"[" + QUERY + b"," + QUERY + b"]",
    "an empty batch": b"[]",
    "cut": QUERY[:-5],
    "more behind it": QUERY + b"}",
    "two objects": QUERY + QUERY,
    "invalid UTF-8": b'{"query": "{ viewer { name\xff\xfe } }"}',
    "UTF-16": QUERY.decode().encode("utf-16"),
    "half a surrogate": b'{"query": "{ viewer(x: \\"\\ud800\\") }"}',
    "null bytes": b"\0" * 1_000,
    "a null byte in the query": b'{"query": "{ viewer \\u0000 { name } }"}',
    "a bare null byte": b'{"query": "{ viewer \0 { name } }"}',
    "deep arrays": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep variables": b'{"query": "{ viewer { name } }", "variables": {"a": ' + b"[" * DEEP + b"]" * DEEP + b"}}",
    "not open": b"]" * 1_000,
    "NaN": b'{"query": "{ viewer { name } }", "variables": {"n": NaN}}',
    "a huge integer": b'{"query": "query ($n: Int!) { bug(number: $n) { id } }", "variables": {"n": '
    + b"9" * 5_000
    + b"}}",
    "a huge float": b'{"query": "query ($n: Int!) { bug(number: $n) { id } }", "variables": {"n": 1e999999}}',
    "a huge integer in the document": b'{"query": "{ bug(number: ' + b"9" * 5_000 + b') { id } }"}',
    "queries of another type": b'{"query": ["{ viewer { name } }"]}',
    "no query": b'{"variables": {}}',
    "variables of another type": b'{"query": "{ viewer { name } }", "variables": "x"}',
    "a name of another type": b'{"query": "{ viewer { name } }", "operationName": 7}',
    "extensions of another type": b'{"query": "{ viewer { name } }", "extensions": []}',
    "duplicate keys": b'{"query": "{ viewer { name } }", "query": 1}',
    "a form": b"query={viewer{name}}",
    "multipart": b'--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n' + QUERY + b"\r\n--x--\r\n",
    "gzip": gzip.compress(QUERY),
    "many values": b'{"query": "{ viewer { name } }", "variables": {"a": [' + b"0," * 400_000 + b"0]}}",
    "many tokens": b'{"query": "{ ' + b"viewer " * 12_000 + b'}"}',
}
HEADS: Final = {
    "no request": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "garbage": os.urandom(4_000).replace(b"\n", b"x") + b"\r\n\r\n",
    "no version": b"POST /graphql\r\n\r\n",
    "another version": b"POST /graphql HTTP/9.9\r\nHost: vigie\r\n\r\n",
    "a bad header": b"POST /graphql HTTP/1.1\r\nHost: vigie\r\nbad header: 1\r\n\r\n",
    "a null byte": b"POST /graphql HTTP/1.1\r\nHost: vigie\r\nX: a\0b\r\n\r\n",
    "a negative length": b"POST /graphql HTTP/1.1\r\nHost: vigie\r\nContent-Length: -1\r\n\r\n",
    "a length that is none": b"POST /graphql HTTP/1.1\r\nHost: vigie\r\nContent-Length: ten\r\n\r\n",
    "a length of twenty digits": b"POST /graphql HTTP/1.1\r\nHost: vigie\r\nContent-Length: " + b"9" * 20 + b"\r\n\r\n",
    "two lengths": b"POST /graphql HTTP/1.1\r\nHost: vigie\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "a length and chunks": b"POST /graphql HTTP/1.1\r\nHost: vigie\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "huge headers": b"GET /graphql HTTP/1.1\r\nHost: vigie\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
    "many headers": b"GET /graphql HTTP/1.1\r\nHost: vigie\r\n" + b"X: 1\r\n" * 50_000 + b"\r\n",
    "a long path": b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: vigie\r\n\r\n",
    "a key that is no text": b"GET /graphql?query={x} HTTP/1.1\r\nHost: vigie\r\nX-API-Key: \xff\xfe\r\n\r\n",
}
CHUNKS: Final = {
    "no size": b"hello\r\n\r\n",
    "a negative size": b"-5\r\nhello\r\n",
    "a size of many digits": b"f" * 30 + b"\r\nhello\r\n",
    "no end of a chunk": b"5\r\nhelloworld\r\n0\r\n\r\n",
}


@contextmanager
def others_are_served(client: httpx2.Client) -> Iterator[None]:
    """Asks before the block ends, and expects an answer as quick as always."""
    yield
    started = time.monotonic()
    assert client.post("/graphql", json={"query": "{ viewer { name } }"}).status_code == 200
    assert time.monotonic() - started < SOON


def check(answer: bytes, sent: bytes) -> None:
    """It is a refusal."""
    assert 400 <= status(answer) < 500, answer[:500]
    assert_nothing_leaks(answer.decode(errors="replace"), sent=sent[:10_000].decode(errors="replace"))


def is_an_error(answer: bytes) -> bool:
    return b'"errors":[{' in answer


@pytest.mark.parametrize("name", BODIES)
def test_a_malformed_body_of_graphql(target: Vigie, client: httpx2.Client, name: str) -> None:
    declared = {
        "a form": b"Content-Type: application/x-www-form-urlencoded",
        "multipart": b"Content-Type: multipart/form-data; boundary=x",
        "gzip": b"Content-Encoding: gzip",
    }
    headers = [b"Accept: application/graphql-response+json", *filter(None, [declared.get(name)])]
    with others_are_served(client):
        answer = say(target, request(target, BODIES[name], *headers))
    check(answer, BODIES[name])
    assert is_an_error(answer)


@pytest.mark.parametrize("path", [b"/v1/events", b"/v1/traces"])
@pytest.mark.parametrize("name", [name for name in BODIES if name not in ("nothing", "a batch", "an empty batch")])
def test_a_malformed_body_of_another_door(target: Vigie, name: str, path: bytes) -> None:
    answer = say(target, request(target, BODIES[name], path=path))
    if status(answer) != 200:  # an unknown member is none of our business
        check(answer, BODIES[name])


@pytest.mark.parametrize("name", HEADS)
def test_a_malformed_head(target: Vigie, client: httpx2.Client, name: str) -> None:
    with others_are_served(client):
        answer = say(target, HEADS[name])
    check(answer, HEADS[name])


@pytest.mark.parametrize("path", [b"/graphql", b"/v1/events", b"/v1/traces"])
@pytest.mark.parametrize("name", CHUNKS)
def test_a_malformed_chunk(target: Vigie, client: httpx2.Client, name: str, path: bytes) -> None:
    with others_are_served(client):
        answer = say(target, request(target, CHUNKS[name], b"Transfer-Encoding: chunked", path=path))
    assert status(answer) < 500, answer


@pytest.mark.parametrize(
    "sent", [b"GET /graphql HTTP/1.1\r\nHost: vigie\r\nX-", b"POST /graphql HTTP/1.1\r\nContent-Length: 100\r\n\r\n{"]
)
def test_others_do_not_wait_for_the_slow(target: Vigie, client: httpx2.Client, sent: bytes) -> None:
    with ExitStack() as slow, others_are_served(client):
        for _ in range(100):
            slow.enter_context(connect(target)).sendall(sent)


def test_memory_does_not_grow_with_what_is_sent(target: Vigie, client: httpx2.Client) -> None:
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    head = request(target, b"", b"Transfer-Encoding: chunked")
    before = memory(target)
    for _ in range(4):
        with others_are_served(client):
            answer = say(target, head, *([chunk] * 640), b"0\r\n\r\n")
        assert status(answer) == 413
    for name in ("many values", "deep variables", "many tokens"):
        for _ in range(3):
            say(target, request(target, BODIES[name]))
    assert memory(target) - before < 120 * 2**20


def memory(vigie: Vigie) -> int:
    """What the process holds, in bytes."""
    found = re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{vigie.pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


@pytest.mark.parametrize("origin", [b"http://[::1", b"null", b"", b"\xff", b"http://vigie.example"])
def test_a_socket_from_an_origin_that_is_none(target: Vigie, client: httpx2.Client, origin: bytes) -> None:
    upgrade = (
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: " + b"A" * 22 + b"==",
    )
    sent = request(target, b"", *upgrade, b"Origin: " + origin, method=b"GET")
    with others_are_served(client):
        answer = say(target, sent)
    assert status(answer) == 403, answer
