"""Tokens: who may come in with one, as what, and what does not get anybody in."""

import datetime as dt
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
from prometheus_client import REGISTRY

from integrations import jwks
from integrations.jwks import KeySet
from models import Database, Project
from resolvers.connections import Connection, Connections, End
from resolvers.errors import Unavailable
from resolvers.members import remove_member, save_member
from resolvers.principals import Principal, Role
from resolvers.projects import create_project
from tests.integrations.http_server import Server, serving
from tests.vigie.issuing import OTHER_SECRET, SECRET, claims, handmade, public_pem, published, rs256, rsa_key, token
from vigie.auth import Authenticator
from vigie.tokens import Tokens, TokenTerms

pytestmark = pytest.mark.anyio

HOUR = 3600


def refused(reason: str) -> float:
    return REGISTRY.get_sample_value("vigie_auth_refused_total", {"reason": reason}) or 0


def door(database: Database, key_set: KeySet | None = None, **terms: Any) -> Authenticator:
    """A door that lets tokens in, by default those that SECRET has signed."""
    terms = {"secrets": ((None, SECRET),)} | terms
    return Authenticator(database, Tokens(TokenTerms(**terms), key_set))


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as running:
        running.tell("/jwks", body=published(first=0))
        yield running


async def test_a_token_names_who_comes_and_as_what(database: Database, project: Project) -> None:
    end = int(time.time()) + HOUR
    assert await door(database).authenticate(token(exp=end)) == Principal(
        key_id=None,
        name="ana",
        role=Role.EDITOR,
        project_id=project.id,
        project_name="acme",
        expires_at=dt.datetime.fromtimestamp(end, dt.UTC),
    )


@pytest.mark.parametrize(
    ("role", "meant"),
    [("READER", Role.READER), (["offline_access", "reader", "admin"], Role.ADMIN), (["ingest"], Role.INGEST)],
)
async def test_a_role_is_a_text_or_the_strongest_of_a_list(
    database: Database, project: Project, role: Any, meant: Role
) -> None:
    principal = await door(database).authenticate(token(role=role))
    assert principal is not None
    assert principal.role is meant


async def test_claims_have_the_names_that_are_set(database: Database, project: Project) -> None:
    terms: dict[str, Any] = {
        "project_claim": "https://vigie/project",
        "role_claim": "vigie_role",
        "member_claim": "email",
    }
    said: dict[str, Any] = {
        "https://vigie/project": "acme",
        "vigie_role": "reader",
        "email": "ana@example.com",
        "role": "admin",
    }
    authenticator = door(database, **terms)
    principal = await authenticator.authenticate(token(project=None, **said))
    assert principal is not None
    assert (principal.name, principal.role) == ("ana@example.com", Role.READER)
    assert await authenticator.authenticate(token(project=None, **said, email_verified=False)) is None


NOW = int(time.time())
ATTACKS = {
    "no signature": (handmade({"alg": "none"}, claims()), "algorithm"),
    "no signature, in capitals": (handmade({"alg": "NONE"}, claims()), "algorithm"),
    "no algorithm": (handmade({"typ": "JWT"}, claims(), SECRET.encode()), "algorithm"),
    "another algorithm": (token(algorithm="HS512", key=SECRET * 2), "algorithm"),
    "RS256 without any keys": (handmade({"alg": "RS256"}, claims()), "algorithm"),
    "another key": (token(OTHER_SECRET), "signature"),
    "its own key in the header": (
        token(OTHER_SECRET, headers={"jku": "http://127.0.0.1/", "x5u": "http://127.0.0.1/", "jwk": {"kty": "oct"}}),
        "signature",
    ),
    "a path as kid": (token(OTHER_SECRET, headers={"kid": "../../../../dev/null"}), "signature"),
    "an empty key by its kid": (handmade({"alg": "HS256", "kid": "/dev/null"}, claims(), b"\0"), "signature"),
    "a kid that is no text": (handmade({"alg": "HS256", "kid": {"a": 1}}, claims(), SECRET.encode()), "malformed"),
    "a long kid": (token(headers={"kid": "k" * 300}), "malformed"),
    "a header that has to be understood": (token(headers={"crit": ["exp"]}), "malformed"),
    "a detached payload": (
        handmade({"alg": "HS256", "b64": False, "crit": ["b64"]}, claims(), SECRET.encode()),
        "malformed",
    ),
    "a huge one": (token(padding="x" * 10_000), "malformed"),
    "a header without end": (handmade(b'{"a":' + b"[" * 4000, claims()), "malformed"),
    "a header that is no object": (handmade(b"[]", claims(), SECRET.encode()), "unknown"),
    "no JSON": ("eyJ.eyJ.eyJ", "malformed"),
    "no ASCII": ("eyé.x.y", "malformed"),
    "expired": (token(exp=NOW - HOUR), "expired"),
    "expired just now": (token(exp=NOW), "expired"),
    "no end": (token(exp=None), "claims"),
    "an end that is no time": (token(exp="soon"), "claims"),
    "an end beyond all time": (token(exp=10**30), "claims"),
    "an infinite end": (token(exp=float("inf")), "claims"),
    "not yet": (token(nbf=NOW + HOUR), "claims"),
    "issued in the future": (token(iat=NOW + HOUR), "claims"),
    "no name": (token(sub=None), "claims"),
    "a number for a name": (token(sub=5), "claims"),
    "a name of nothing": (token(sub=""), "claims"),
    "a name that no database takes": (token(sub="ana\0"), "claims"),
    "for somebody else": (token(aud="another"), "claims"),
    "no such project": (token(project="nowhere"), "project"),
    "a project that is no text": (token(project={"name": "acme"}), "project"),
    "a project that no database takes": (token(project="acme\0"), "project"),
    "half a character": (token(project="\ud800"), "project"),
    "no project, and no member": (token(project=None), "project"),
    "no such role": (token(role="owner"), "role"),
    "a role that is no text": (token(role={"admin": True}), "role"),
    "no role, and no member": (token(role=None), "role"),
    "a list without a role, and no member": (token(role=["offline_access", 5, None]), "role"),
}


@pytest.mark.parametrize(("text", "reason"), ATTACKS.values(), ids=ATTACKS.keys())
async def test_what_is_no_good_token_gets_nobody_in(
    database: Database, project: Project, text: str, reason: str
) -> None:
    authenticator, before = door(database), refused(reason)
    assert await authenticator.authenticate(text) is None
    assert refused(reason) == before + 1
    assert await authenticator.authenticate(text) is None
    assert sum(authenticator.take_refusals().values()) == 2


async def test_without_settings_a_token_is_an_unknown_key(database: Database, project: Project) -> None:
    before = refused("unknown")
    assert await Authenticator(database).authenticate(token()) is None
    assert refused("unknown") == before + 1


async def test_issuer_and_audience_have_to_be_those_that_are_set(database: Database, project: Project) -> None:
    authenticator = door(database, issuer="https://login.example.com", audiences=("vigie", "monitoring"))
    assert await authenticator.authenticate(token(iss="https://login.example.com", aud=["other", "vigie"])) is not None
    wrong: list[dict[str, Any]] = [
        {"iss": "https://login.example.com"},
        {"iss": "https://login.example.com", "aud": "other"},
        {"iss": "https://evil.example.com", "aud": "vigie"},
        {"aud": "vigie"},
    ]
    for changes in wrong:
        assert await authenticator.authenticate(token(**changes)) is None


async def test_a_clock_ahead_is_forgiven_at_the_beginning_and_never_at_the_end(
    database: Database, project: Project
) -> None:
    now = time.time()
    lenient, strict = door(database, leeway=60.0), door(database, leeway=0.0)
    ahead = token(nbf=now + 30, iat=now + 30)
    assert await lenient.authenticate(ahead) is not None
    assert await strict.authenticate(ahead) is None
    assert await lenient.authenticate(token(exp=now - 1)) is None


async def test_a_token_ends_while_it_is_remembered(database: Database, project: Project) -> None:
    authenticator, text = door(database), token(exp=time.time() + 1)
    assert await authenticator.authenticate(text) is not None
    deadline = time.monotonic() + 3
    while await authenticator.authenticate(text) is not None:
        assert time.monotonic() < deadline


async def test_secrets_are_replaced_without_a_gap(database: Database, project: Project) -> None:
    both = door(database, secrets=(("new", OTHER_SECRET), ("old", SECRET)))
    for text in (token(), token(headers={"kid": "old"}), token(OTHER_SECRET), token(headers={"kid": "strange"})):
        assert await both.authenticate(text) is not None
    assert await both.authenticate(token(SECRET, headers={"kid": "new"})) is None
    assert await door(database, secrets=(("new", OTHER_SECRET),)).authenticate(token()) is None


async def test_keys_of_the_issuer_are_replaced_without_a_gap(
    database: Database, project: Project, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_set = KeySet(f"{server.url}/jwks")
    authenticator = door(database, key_set, secrets=())
    assert await authenticator.authenticate(rs256()) is not None
    assert await authenticator.authenticate(rs256(kid=None, sub="bob")) is not None
    assert await authenticator.authenticate(rs256(1, kid="first")) is None
    server.tell("/jwks", body=published(first=0, second=1))
    assert await authenticator.authenticate(rs256(1, kid="second")) is None  # asked a moment ago
    assert len(server.asked) == 1
    monkeypatch.setattr(jwks, "PAUSE_SECONDS", 0.0)
    await key_set.refresh()
    server.tell("/jwks", body=published(second=1, third=2))
    assert await authenticator.authenticate(rs256(2, kid="third")) is not None
    assert await authenticator.authenticate(rs256(1, kid="second", sub="eve")) is not None
    assert await authenticator.authenticate(rs256(kid="first", sub="late")) is None


async def test_many_unknown_keys_ask_the_issuer_once(database: Database, project: Project, server: Server) -> None:
    authenticator = door(database, KeySet(f"{server.url}/jwks"), secrets=())
    for number in range(50):
        assert await authenticator.authenticate(rs256(kid=f"guess {number}")) is None
    assert len(server.asked) == 1


async def test_keys_stay_while_their_address_is_away(database: Database, project: Project, server: Server) -> None:
    key_set = KeySet(f"{server.url}/jwks")
    await key_set.refresh()
    for status, body in ((500, b""), (200, b"<html>"), (200, b"[]"), (200, b"[" * 100_000), (200, b" " * 2**21)):
        server.tell("/jwks", status, body)
        await key_set.refresh()
    server.tell("/jwks", 302, location=f"{server.url}/elsewhere")
    await key_set.refresh()
    assert [path for _, path, *_ in server.asked].count("/elsewhere") == 0
    assert await door(database, key_set, secrets=()).authenticate(rs256()) is not None


async def test_without_any_keys_a_token_may_come_again(database: Database, project: Project, server: Server) -> None:
    server.tell("/jwks", 503)
    authenticator = door(database, KeySet(f"{server.url}/jwks"), secrets=())
    with pytest.raises(Unavailable):
        await authenticator.authenticate(rs256())


async def test_a_public_key_is_no_secret(database: Database, project: Project, server: Server) -> None:
    both = door(database, KeySet(f"{server.url}/jwks"))
    for kid in ("first", None):
        forged = handmade({"alg": "HS256", "kid": kid}, claims(), public_pem())
        assert await both.authenticate(forged) is None
    only_keys = door(database, KeySet(f"{server.url}/jwks"), secrets=())
    assert await only_keys.authenticate(handmade({"alg": "HS256"}, claims(), public_pem())) is None
    assert server.asked == []


def test_keys_that_are_too_short_or_for_something_else_are_left_out() -> None:
    good = jwks.signing_keys(published(a=0))
    assert [known.kid for known in good] == ["a"]
    document = published(a=0)
    for old, new in ((b'"sig"', b'"enc"'), (b'"RS256"', b'"RS512"'), (b'"RSA"', b'"EC"'), (b'"AQAB"', b'"!"')):
        assert jwks.signing_keys(document.replace(old, new)) == []
    assert jwks.signing_keys(b'{"keys": [5, null, {"kty": "RSA"}, {"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}') == []
    assert rsa_key().key_size == jwks.SHORTEST_BITS


async def test_a_member_has_the_role_that_the_project_gave(database: Database, project: Project) -> None:
    authenticator = door(database)
    async with database.write() as session:
        await save_member(session, project_id=project.id, name="ana", role=Role.READER, actor="tests")
    for text in (token(role=None), token(role=["offline_access"]), token(project=None), token(project=None, role=None)):
        principal = await authenticator.authenticate(text)
        assert principal is not None
        assert (principal.project_name, principal.role, principal.member) == ("acme", Role.READER, True)
    claimed = await authenticator.authenticate(token(role="admin"))
    assert claimed is not None
    assert (claimed.role, claimed.member) == (Role.ADMIN, False)
    assert await authenticator.authenticate(token(role=None, sub="Ana")) is None


async def test_a_member_of_two_projects_has_to_say_which(database: Database, project: Project) -> None:
    authenticator = door(database)
    async with database.write() as session:
        other = await create_project(session, name="other", actor="tests")
        for place, role in ((project, Role.READER), (other, Role.ADMIN)):
            await save_member(session, project_id=place.id, name="ana", role=role, actor="tests")
    assert await authenticator.authenticate(token(project=None, role=None)) is None
    principal = await authenticator.authenticate(token(project="other", role=None))
    assert principal is not None
    assert (principal.project_id, principal.role) == (other.id, Role.ADMIN)


async def test_what_members_have_open_ends_when_they_leave_or_change(database: Database, project: Project) -> None:
    authenticator, connections = door(database), Connections("here")
    ended: set[str] = set()

    async def save(name: str, role: Role) -> None:
        async with database.write() as session:
            await save_member(session, project_id=project.id, name=name, role=role, actor="tests")

    def leave(name: str, _: End) -> None:
        ended.add(name)

    async def look() -> None:
        async with database.read() as session:
            await connections.end_revoked(session)

    await save("ana", Role.READER)
    await save("bob", Role.READER)
    texts = {"ana": token(role=None), "bob": token(role=None, sub="bob"), "claimed": token()}
    with ExitStack() as open_ones:
        for name, text in texts.items():
            principal = await authenticator.authenticate(text)
            assert principal is not None
            held = Connection(transport="sse", address=None, end=partial(leave, name))
            open_ones.enter_context(connections.open(held))
            connections.admit(held, principal)
        await look()
        assert ended == set()
        await save("ana", Role.EDITOR)
        async with database.write() as session:
            await remove_member(session, project_id=project.id, name="bob", actor="tests")
        await look()
        assert ended == {"ana", "bob"}
    authenticator.forget(project.id, "bob")
    assert await authenticator.authenticate(texts["bob"]) is None
