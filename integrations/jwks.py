"""The public keys of an issuer of tokens, from its JWKS address: kept, renewed, and asked anew for an unknown one.

    keys = KeySet("https://login.example.com/.well-known/jwks.json")
    found = await keys.find(kid)                # RSA keys that may have signed; or KeysAway when there never were any

The address is the administrator's own setting, so it may be private; redirects are not followed. While it does not
answer, the keys that were read last go on. Whatever tokens arrive, it is asked once in ten seconds at most.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

import httpx2
import orjson
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from jwt.utils import base64url_decode
from prometheus_client import Counter, Gauge

TIMEOUT_SECONDS: Final = 5.0
PAUSE_SECONDS: Final = 10.0
MOST_BYTES: Final = 1 << 20
MOST_KEYS: Final = 100
SHORTEST_BITS: Final = 2048
LONGEST_BITS: Final = 16_384

FETCHES: Final = Counter("vigie_jwks_fetches_total", "Readings of the keys of tokens, by how they ended.", ["outcome"])
KEYS: Final = Gauge("vigie_jwks_keys", "Keys of the issuer of tokens that are known.")
for _outcome in ("fetched", "failed"):
    FETCHES.labels(_outcome)

log = structlog.get_logger(__name__)


class KeysAway(Exception):  # noqa: N818 — not now
    """No keys were ever read, and the address does not answer."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key and the name that the issuer gave it."""

    kid: str | None
    key: RSAPublicKey


class KeySet:
    """The keys behind an address."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: list[SigningKey] | None = None
        self._earliest = 0.0
        self._turn = asyncio.Lock()

    async def find(self, kid: str | None) -> list[RSAPublicKey]:
        """The keys that may be meant: those of that name or without any; all of them for None. Raises KeysAway."""
        if not (found := self._called(kid)):
            await self._refresh_unless_recent()
            found = self._called(kid)
        if self._keys is None:
            raise KeysAway
        return found

    async def refresh(self) -> None:
        """Reads the keys anew. Failures are logged and counted; the keys stay as they are then."""
        self._earliest = time.monotonic() + PAUSE_SECONDS
        try:
            keys = signing_keys(await self._fetch())
        except (httpx2.HTTPError, OSError, TimeoutError, ValueError) as error:
            FETCHES.labels("failed").inc()
            log.warning("keys of tokens cannot be read", url=self._url, error=f"{type(error).__name__}: {error}")
            return
        FETCHES.labels("fetched").inc()
        KEYS.set(len(keys))
        self._keys = keys

    def _called(self, kid: str | None) -> list[RSAPublicKey]:
        return [known.key for known in self._keys or () if kid is None or known.kid in (kid, None)]

    async def _refresh_unless_recent(self) -> None:
        async with self._turn:  # whoever waited for another's reading finds it recent
            if time.monotonic() >= self._earliest:
                await self.refresh()

    async def _fetch(self) -> bytes:
        body = bytearray()
        async with (
            asyncio.timeout(TIMEOUT_SECONDS),
            httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as client,
            client.stream("GET", self._url, headers={"Accept": "application/json"}) as answer,
        ):
            if answer.status_code != httpx2.codes.OK:
                raise ValueError(f"status {answer.status_code}")
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise ValueError(f"more than {MOST_BYTES:,} bytes")
        return bytes(body)


def signing_keys(document: bytes) -> list[SigningKey]:
    """The RSA keys for RS256 in a JWKS document; others are left out. Raises ValueError when it is no such document."""
    match orjson.loads(document):
        case {"keys": [*entries]}:
            return [key for entry in entries[:MOST_KEYS] if (key := _signing_key(entry))]
        case _:
            raise ValueError("it has no list `keys`")


def _signing_key(entry: object) -> SigningKey | None:
    match entry:
        case {"kty": "RSA", "n": str(modulus), "e": str(exponent), **rest}:
            kid, use, algorithm = rest.get("kid"), rest.get("use", "sig"), rest.get("alg", "RS256")
        case _:
            return None
    if (use, algorithm) != ("sig", "RS256"):
        return None
    try:
        e, n = (int.from_bytes(base64url_decode(text)) for text in (exponent, modulus))
        if not SHORTEST_BITS <= n.bit_length() <= LONGEST_BITS:
            return None
        return SigningKey(kid if isinstance(kid, str) else None, RSAPublicNumbers(e, n).public_key())
    except ValueError:
        return None
