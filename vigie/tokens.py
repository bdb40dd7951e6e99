"""Who asks with a JSON Web Token: its signature, its claims, and the principal behind them.

    tokens = Tokens(terms, key_set)
    principal = await tokens.principal(database, text)      # or Refused, with the reason that is counted

Only two algorithms exist here, each with keys of its own kind: HS256 with the secrets of the settings, RS256 with keys
from the issuer's address. Of the header only `alg` and `kid` count, and `kid` only chooses among these keys.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from sqlalchemy.exc import SQLAlchemyError

from integrations.jwks import KeysAway, KeySet
from models import Database
from resolvers.errors import Unavailable
from resolvers.members import is_name, projects_of
from resolvers.principals import Principal, Role

MOST_CHARACTERS: Final = 8192
MOST_KID_CHARACTERS: Final = 256
REASONS: Final = ("malformed", "algorithm", "key", "signature", "expired", "claims", "project", "role")
STRONGEST_FIRST: Final = (Role.ADMIN, Role.EDITOR, Role.READER, Role.INGEST)

log = structlog.get_logger(__name__)


class Refused(Exception):  # noqa: N818 — an answer, not an error
    """A token that does not count. `reason` is one of REASONS."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTerms:
    """What tokens have to be like. Each secret has the `kid` that chooses it, or None."""

    secrets: tuple[tuple[str | None, str], ...] = ()
    issuer: str | None = None
    audiences: tuple[str, ...] = ()
    leeway: float = 10.0
    """Seconds by which a token may begin (`nbf`, `iat`) in the future. Its end is never put off."""
    project_claim: str = "project"
    role_claim: str = "role"
    member_claim: str = "sub"


class Tokens:
    """Verifies tokens. `key_set` has the keys for RS256, None when only secrets count."""

    def __init__(self, terms: TokenTerms, key_set: KeySet | None = None) -> None:
        self._terms = terms
        self._key_set = key_set

    @staticmethod
    def looks_like_one(text: str) -> bool:
        """Whether it has the form of a token; generated API keys never do."""
        return text.startswith("ey") and text.count(".") == 2

    async def principal(self, database: Database, text: str) -> Principal:
        """Who the bearer is. Raises Refused, and Unavailable while keys or the database are away."""
        claims = await self._verified(text)
        name, end = self._name(claims), _end(claims["exp"])
        project, role = claims.get(self._terms.project_claim), claims.get(self._terms.role_claim)
        if project is not None and not (isinstance(project, str) and is_name(project)):
            raise Refused("project", "its claim for the project is no name")
        try:
            async with database.read() as session:
                found = await projects_of(session, name=name, project=project)
        except (SQLAlchemyError, OSError) as error:
            raise Unavailable("The database does not answer: try again.", retry_after=1) from error
        if len(found) != 1:
            raise Refused("project", "it names no project that is there, nor is its bearer a member of exactly one")
        ((row, member),) = found
        given = _role(role) if project is not None else None  # else its membership decides both
        if given is None and member is None:
            raise Refused("role", "it names no role, and its bearer is no member of the project")
        return Principal(
            key_id=None,
            name=name,
            role=given or Role(member.role if member else ""),
            project_id=row.id,
            project_name=row.name,
            expires_at=end,
            member=given is None,
        )

    async def _verified(self, text: str) -> dict[str, Any]:
        algorithm, kid = _header(text)
        for key in await self._keys(algorithm, kid):
            try:
                claims: dict[str, Any] = jwt.decode(
                    text,
                    key,
                    algorithms=[algorithm],
                    issuer=self._terms.issuer,
                    audience=self._terms.audiences or None,
                    leeway=self._terms.leeway,
                    options={"require": ["exp", self._terms.member_claim]},
                )
            except jwt.InvalidSignatureError:
                continue
            except jwt.ExpiredSignatureError as error:
                raise Refused("expired", str(error)) from None
            except (jwt.PyJWTError, ValueError, OverflowError, RecursionError, TypeError) as error:
                raise Refused("claims", f"{type(error).__name__}: {error}") from None
            return claims
        raise Refused("signature", "no key that it may be signed with has signed it")

    async def _keys(self, algorithm: str, kid: str | None) -> Sequence[str | RSAPublicKey]:
        keys: Sequence[str | RSAPublicKey]
        if algorithm == "HS256" and self._terms.secrets:
            named = [secret for name, secret in self._terms.secrets if name is not None and name == kid]
            keys = named or [secret for _, secret in self._terms.secrets]
        elif algorithm == "RS256" and self._key_set is not None:
            try:
                keys = await self._key_set.find(kid)
            except KeysAway:
                raise Unavailable("The keys of tokens cannot be read now: try again.", retry_after=5) from None
        else:
            raise Refused("algorithm", "it is signed in a way that is not set up here")
        if not keys:
            raise Refused("key", "the issuer has no such key")
        return keys

    def _name(self, claims: dict[str, Any]) -> str:
        name = claims[self._terms.member_claim]
        if not isinstance(name, str) or not is_name(name):
            raise Refused("claims", "its bearer has no name that can be printed")
        if self._terms.member_claim == "email" and claims.get("email_verified", True) is not True:
            raise Refused("claims", "the issuer has not verified the address")
        return name


def _header(text: str) -> tuple[str, str | None]:
    if len(text) > MOST_CHARACTERS or not text.isascii():
        raise Refused("malformed", f"a token has at most {MOST_CHARACTERS:,} characters of ASCII")
    try:
        header = jwt.get_unverified_header(text)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise Refused("malformed", f"{type(error).__name__}: {error}") from None
    algorithm, kid = header.get("alg"), header.get("kid")
    if "crit" in header or (kid is not None and len(kid) > MOST_KID_CHARACTERS):
        raise Refused("malformed", "its header asks for more than is known here")
    return str(algorithm), kid


def _end(exp: Any) -> dt.datetime:
    """The end of a token, exactly. Raises Refused when it has passed, or is no time."""
    try:
        end = dt.datetime.fromtimestamp(float(exp), dt.UTC)
    except (ValueError, OverflowError, OSError, TypeError):
        raise Refused("claims", "`exp` is no time") from None
    if end <= dt.datetime.now(dt.UTC):
        raise Refused("expired", "it has expired")
    return end


def _role(claim: Any) -> Role | None:
    """The role that a claim names, a list's strongest; None without the claim, and for a list of other things.

    Raises Refused for a text that is no role.
    """
    texts = claim if isinstance(claim, list) else [claim]
    named = {text.lower() for text in texts if isinstance(text, str)}
    role = next((role for role in STRONGEST_FIRST if role.value in named), None)
    if role is None and claim is not None and not isinstance(claim, list):
        raise Refused("role", "it names no role that there is")
    return role
