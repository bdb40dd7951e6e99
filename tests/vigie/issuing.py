"""An issuer of tokens for tests: keys, tokens signed with them, and the document that publishes them."""

import base64
import datetime as dt
import hashlib
import hmac
import json
from functools import cache
from typing import Any, Final

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

SECRET: Final = "a secret of the issuer that is long enough"
OTHER_SECRET: Final = "another secret of it that is long enough too"


@cache
def rsa_key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key pair of the issuer, made once."""
    return rsa.generate_private_key(65537, bits)


def claims(**changes: Any) -> dict[str, Any]:
    """What a good token says; None leaves a claim out."""
    end = dt.datetime.now(dt.UTC) + dt.timedelta(hours=2)
    said = {"sub": "ana", "project": "acme", "role": "editor", "exp": int(end.timestamp())} | changes
    return {name: value for name, value in said.items() if value is not None}


def token(key: Any = SECRET, algorithm: str = "HS256", headers: dict[str, Any] | None = None, **changes: Any) -> str:
    """A signed token."""
    return jwt.encode(claims(**changes), key, algorithm, headers)


def rs256(number: int = 0, kid: str | None = "first", **changes: Any) -> str:
    """A token signed with one of the issuer's key pairs."""
    return token(rsa_key(number), "RS256", {"kid": kid} if kid else None, **changes)


def published(**numbers: int) -> bytes:
    """The JWKS document with these keys, by kid."""
    entries = [
        {**json.loads(RSAAlgorithm.to_jwk(rsa_key(number).public_key())), "kid": kid, "use": "sig", "alg": "RS256"}
        for kid, number in numbers.items()
    ]
    return orjson.dumps({"keys": entries})


def handmade(header: dict[str, Any] | bytes, payload: dict[str, Any], secret: bytes = b"") -> str:
    """A token that no library would make, signed by HMAC with the secret, or with an empty signature."""
    head = header if isinstance(header, bytes) else orjson.dumps(header)
    signed = b".".join(map(_base64, (head, orjson.dumps(payload))))
    signature = hmac.digest(secret, signed, hashlib.sha256) if secret else b""
    return (signed + b"." + _base64(signature)).decode()


def public_pem(number: int = 0) -> bytes:
    """The public half of a key pair as text, which an attacker has too."""
    return rsa_key(number).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _base64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
