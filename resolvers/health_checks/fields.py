"""What a check can have: addresses, methods, headers, conditions, each checked before it is stored."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx2

from integrations.guard import Forbidden, Guard, Unresolved
from resolvers.errors import Invalid
from resolvers.health_checks.conditions import parse_condition
from resolvers.texts import check_text

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
DEFAULT_CONDITIONS: Final = ("[STATUS] < 400",)
MASK: Final = "***"
MOST_URL: Final = 2000
MOST_BODY: Final = 65_536
MOST_HEADERS: Final = 50
MOST_HEADER: Final = 4096
MOST_CONDITIONS: Final = 20
RESOLVE_SECONDS: Final = 5.0
FRAMING: Final = frozenset({"connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer"})

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_VALUE = re.compile(r"[\t\x20-\x7e]*")


async def check_target(guard: Guard, url: str) -> None:
    """Raises Invalid for an address that no check may go to. Resolves its host: never inside a write session.

    A host that has no address now may have one later: each run looks again.
    """
    target = parse_url(url)
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            await guard.resolve(target.host, target.port or {"http": 80, "https": 443}[target.scheme])
    except Forbidden as refusal:
        raise Invalid(str(refusal), field="url") from refusal
    except (Unresolved, TimeoutError):
        return


def parse_url(text: str) -> httpx2.URL:
    """The address, of http or https. Raises Invalid; for one with a user or a password too."""
    text = check_text(text, field="url", most=MOST_URL)
    try:
        url = httpx2.URL(text)
    except httpx2.InvalidURL as error:
        raise Invalid("This is no address such as https://example.com/health.", field="url") from error
    if url.scheme not in ("http", "https") or not url.host or not text.isprintable():
        raise Invalid("This is no address such as https://example.com/health.", field="url")
    if url.userinfo:
        raise Invalid("Readers see the address: put user and password into an Authorization header.", field="url")
    return url


def check_method(text: str) -> str:
    """The method in capitals. Raises Invalid."""
    method = text.strip().upper()
    if method not in METHODS:
        raise Invalid(f"`method` is one of {', '.join(METHODS)}.", field="method")
    return method


def check_headers(given: Any, kept: Mapping[str, str]) -> dict[str, str]:
    """The headers, a masked value standing for the one that is kept. Raises Invalid."""
    if given is None:
        return {}
    if not isinstance(given, dict) or len(given) > MOST_HEADERS:
        raise Invalid(f"`headers` is an object of names and values, at most {MOST_HEADERS}.", field="headers")
    known = {name.lower(): value for name, value in kept.items()}
    headers, seen = {}, set[str]()
    for name, value in given.items():
        if not _HEADER.fullmatch(name) or name.lower() in FRAMING or name.lower() in seen:
            raise Invalid(f"`{name[:100]}` is no header that a check can send, or comes twice.", field="headers")
        seen.add(name.lower())
        if not isinstance(value, str) or len(value) > MOST_HEADER or not _VALUE.fullmatch(value):
            raise Invalid(f"`{name}` takes a line of at most {MOST_HEADER:,} ASCII characters.", field="headers")
        if value == MASK and name.lower() not in known:
            raise Invalid(f"`{name}` has no value so far that `{MASK}` could stand for.", field="headers")
        headers[name] = known[name.lower()] if value == MASK else value.strip()
    return headers


def check_body(text: str | None) -> str | None:
    """The body. Raises Invalid for a long one."""
    if text is None:
        return None
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise Invalid("`body` holds half a surrogate pair: send whole characters.", field="body") from error
    if size > MOST_BODY:
        raise Invalid(f"`body` has at most {MOST_BODY:,} bytes.", field="body")
    return text


def check_conditions(texts: Sequence[str] | None) -> list[str]:
    """The conditions, as they are written best; the usual one for none. Raises Invalid."""
    if not texts:
        return list(DEFAULT_CONDITIONS)
    if len(texts) > MOST_CONDITIONS:
        raise Invalid(f"A check has at most {MOST_CONDITIONS} conditions.", field="conditions")
    for number, text in enumerate(texts):
        check_text(text, field=f"conditions.{number}", most=MOST_BODY)
        parse_condition(text, field=f"conditions.{number}")
    return [text.strip() for text in texts]
