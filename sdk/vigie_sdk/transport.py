"""One request: a body to `POST /v1/events`, and what became of it."""

import gzip
import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from typing import IO, Any, Final
from urllib.parse import urlsplit

from vigie_sdk.quiet import say_once

PATH: Final = "/v1/events"
LARGE: Final = 4096
"""Bytes from which on a body is compressed."""
MOST_OF_AN_ANSWER: Final = 4 * 2**20
MOST_SHOWN: Final = 500
PASSING: Final = frozenset({408, 425, 429})
"""Refusals (4xx) that are over some time later."""


class Unreachable(Exception):  # noqa: N818 — it may pass
    """Nobody knows whether the body arrived, or it will be taken later; `retry_after` is in seconds."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Refused(Exception):  # noqa: N818 — an answer, not a fault
    """The body will never be taken as it is."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What Vigie says to a batch: a sentence for each event that it did not take."""

    rejected: list[str]


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nobody: the key is for one address, and a POST would become a GET."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        return None


class Door:
    """Where a Vigie takes events."""

    def __init__(self, url: str, key: str, timeout: float) -> None:
        self._url = url.rstrip("/") + PATH
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "User-Agent": "vigie-sdk",
        }
        self._timeout = timeout
        self._opener = urllib.request.build_opener(_Stay)

    def send(self, body: bytes) -> Answer:
        """Sends a body. Raises Unreachable or Refused."""
        headers = dict(self._headers)
        if len(body) > LARGE:
            body = gzip.compress(body, 3)
            headers["Content-Encoding"] = "gzip"
        request = urllib.request.Request(self._url, body, headers, method="POST")  # noqa: S310 — http or https
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                return _understood(answer.read(MOST_OF_AN_ANSWER))
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error) from None
        except Exception as error:  # whatever answers there, this was not Vigie
            raise Unreachable(f"{type(error).__name__}: {getattr(error, 'reason', error)}") from error


def door_at(url: str | None, key: str | None, timeout: float) -> Door | None:
    """The door of these settings; None, said once in the log, when they name none."""
    if not url:
        say_once("nothing is recorded: VIGIE_URL is not set, and nobody called configure(url, key)")
    elif not key:
        say_once("nothing is recorded: VIGIE_API_KEY is not set, and nobody called configure(url, key)")
    elif not _is_address(url):
        say_once("nothing is recorded: VIGIE_URL is not an address such as https://vigie.example")
    elif not (key.isascii() and key.isprintable() and " " not in key):
        say_once("nothing is recorded: VIGIE_API_KEY holds characters that no key has")
    else:
        return Door(url, key, timeout)
    return None


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _understood(body: bytes) -> Answer:
    """Raises ValueError when the answer is not Vigie's."""
    said = json.loads(body)
    if not isinstance(said, dict) or "accepted" not in said:
        raise ValueError("what answers there is not Vigie")
    rejected = said.get("rejected") or []
    return Answer([f"{one.get('field')}: {one.get('message')}"[:MOST_SHOWN] for one in rejected])


def _refusal(error: urllib.error.HTTPError) -> Exception:
    detail = _detail(error)
    if error.code >= 500 or error.code in PASSING:
        return Unreachable(detail, _seconds(error.headers))
    return Refused(detail)


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        said = json.loads(error.read(MOST_SHOWN * 4))["detail"]
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
        said = error.reason
    return f"{error.code} {said}"[:MOST_SHOWN]


def _seconds(headers: Message) -> float:
    try:
        return max(float(headers.get("Retry-After", "0")), 0.0)
    except ValueError:
        return 0.0
