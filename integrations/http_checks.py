"""One look at an address by HTTP: guarded, bounded in time and size, and never an exception.

A redirect is followed as a new connection, which the guard checks as the first one; headers and body stay behind when
it leads to another origin, because they are meant for the first.
"""

import asyncio
import datetime as dt
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import httpx2

from integrations.guard import Forbidden, Guard, Unresolved

MOST_BODY: Final = 1 << 20
MOST_REDIRECTS: Final = 5
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
KEEPS_METHOD: Final = frozenset({307, 308})
ASKS: Final = {"User-Agent": "Vigie", "Accept": "*/*", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: all of it, redirects included, within `timeout` seconds."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    timeout: float = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: milliseconds until the head, the first MiB of the body. `failure` says why nothing did."""

    latency_ms: float
    status_code: int | None = None
    body: bytes = b""
    address: str | None = None
    certificate_expires_at: dt.datetime | None = None
    failure: str | None = None


async def ask(guard: Guard, question: Question) -> Answer:
    """Asks once."""
    started = time.perf_counter()
    try:
        async with asyncio.timeout(question.timeout), guard.client(timeout=question.timeout) as client:
            return await _follow(client, question, started)
    except TimeoutError:
        failure = f"No answer within {question.timeout:g} s."
    except (Forbidden, Unresolved) as error:
        failure = str(error)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        failure = _why(error)
    return Answer(_milliseconds(started), failure=failure)


async def _follow(client: httpx2.AsyncClient, question: Question, started: float) -> Answer:
    for _ in range(MOST_REDIRECTS + 1):
        content = None if question.body is None else question.body.encode()
        headers = httpx2.Headers(ASKS)
        headers.update(question.headers)
        request = client.build_request(question.method, question.url, headers=headers, content=content)
        response = await client.send(request, stream=True)
        try:
            location = response.headers.get("location") if response.status_code in REDIRECTS else None
            if location is None:
                return await _answer(response, _milliseconds(started))
            question = _redirected(question, response.status_code, location)
        finally:
            await response.aclose()
    return Answer(_milliseconds(started), failure=f"More than {MOST_REDIRECTS} redirects.")


async def _answer(response: httpx2.Response, latency_ms: float) -> Answer:
    stream = response.extensions["network_stream"]
    address, tls = stream.get_extra_info("server_addr"), stream.get_extra_info("ssl_object")
    certificate = tls.getpeercert() if tls is not None else None
    ends = ssl.cert_time_to_seconds(str(certificate["notAfter"])) if certificate else None
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) >= MOST_BODY:
            break
    return Answer(
        latency_ms,
        status_code=response.status_code,
        body=bytes(body[:MOST_BODY]),
        address=address[0] if address else None,
        certificate_expires_at=None if ends is None else dt.datetime.fromtimestamp(ends, dt.UTC),
    )


def _redirected(question: Question, status: int, location: str) -> Question:
    """The next question. Raises InvalidURL for what is no address of http or https."""
    here = httpx2.URL(question.url)
    try:
        there = here.join(location)
    except ValueError as error:
        raise httpx2.InvalidURL(str(error)) from error
    if there.scheme not in ("http", "https"):
        raise httpx2.InvalidURL("neither http nor https")
    next_question = replace(question, url=str(there))
    if status not in KEEPS_METHOD and question.method not in ("GET", "HEAD"):
        next_question = replace(next_question, method="GET", body=None)
    if _origin(here) != _origin(there):
        next_question = replace(next_question, headers={}, body=None)
    return next_question


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    default = {"http": 80, "https": 443}.get(url.scheme)
    return url.scheme, url.host, url.port or default


def _why(error: Exception) -> str:
    """A sentence for the operator, without what a library says about its insides."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"The certificate is not accepted: {cause.verify_message}."
        if isinstance(cause, ssl.SSLError):
            return "TLS could not be agreed on."
        if isinstance(cause, ConnectionRefusedError):
            return "The connection was refused."
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx2.TimeoutException):
        return "No answer in time."
    if isinstance(error, httpx2.ConnectError):
        return "No connection could be made."
    if isinstance(error, httpx2.InvalidURL):
        return "A redirect leads to no address of http or https."
    return "The connection broke before the answer was complete."


def _milliseconds(started: float) -> float:
    return (time.perf_counter() - started) * 1000
