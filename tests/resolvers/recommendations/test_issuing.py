"""Advice enters the ledger once: what repeats it updates it."""

import asyncio
import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import update

from models import Database, Project, Recommendation
from resolvers.errors import Invalid
from resolvers.projects import create_project
from resolvers.recommendations.issuing import GENERATED, Advice
from resolvers.recommendations.life import dismiss, implement, mark_viewed
from resolvers.recommendations.recording import Item, advice_of
from resolvers.recommendations.targets import Target
from resolvers.recommendations.terms import Terms
from tests.resolvers.recommendations.ledger import TERMS, found, issued, told

ADVICE = Advice(
    kind="CHEAPER_MODEL",
    title="Use the small model",
    target=Target(model="gpt-5", operation="summary", alternative_model="gpt-5-mini"),
    evidence={"requests": 10},
    expected_monthly_saving_picousd=10**13,
    confidence=0.5,
    source=GENERATED,
)


async def test_advice_is_issued_with_all_that_it_says(database: Database, project: Project) -> None:
    (row,) = await issued(database, project, replace(ADVICE, body="Because.", subject="node-1"))

    row = await found(database, row)
    assert (row.id, row.kind, row.title, row.body) == (1, "CHEAPER_MODEL", "Use the small model", "Because.")
    assert (row.subject, row.source, row.status, row.times_issued) == ("node-1", "generated", "issued", 1)
    assert (row.evidence, row.expected_monthly_saving_picousd, row.confidence) == ({"requests": 10}, 10**13, 0.5)
    assert Target.from_json(row.target) == ADVICE.target
    assert row.expires_at == row.due_at == row.created_at + TERMS.open_for


async def test_open_advice_that_is_repeated_is_updated(database: Database, project: Project) -> None:
    (row,) = await issued(database, project, ADVICE)
    async with database.write() as session:
        await mark_viewed(session, project_id=project.id, number=row.id, actor="tests")
    again = replace(
        ADVICE,
        title="Use the smallest model",
        expected_monthly_saving_picousd=2 * 10**30,
        target=replace(ADVICE.target or Target(), alternative_model="gpt-5-nano"),
    )

    assert [repeated.id for repeated in await issued(database, project, again, again)] == [row.id, row.id]

    now = await found(database, row)
    assert (now.status, now.times_issued, now.title) == ("viewed", 3, "Use the smallest model")
    assert now.expected_monthly_saving_picousd == 2 * 10**30
    assert now.target["alternative_model"] == "gpt-5-nano"
    assert now.expires_at > row.expires_at
    assert await told(database, row) == ["issued", "viewed", "updated"]


async def test_the_feed_does_not_tell_of_slightly_other_figures(database: Database, project: Project) -> None:
    (row,) = await issued(database, project, ADVICE)
    for percent in (95, 110, 120):
        figures = replace(ADVICE, body=f"{percent} %", confidence=percent / 200)
        await issued(database, project, replace(figures, expected_monthly_saving_picousd=percent * 10**11))

    now = await found(database, row)
    assert (now.body, now.times_issued, now.expected_monthly_saving_picousd) == ("120 %", 4, 120 * 10**11)
    assert await told(database, row) == ["issued"]

    await issued(database, project, replace(ADVICE, expected_monthly_saving_picousd=80 * 10**11))
    assert await told(database, row) == ["issued", "updated"]


@pytest.mark.parametrize(
    "other",
    [
        replace(ADVICE, kind="LOW_CACHE_HIT"),
        replace(ADVICE, target=Target(model="gpt-5", operation="chat")),
        replace(ADVICE, target=Target(model="gpt-5", operation="summary", subject="node-1")),
        replace(ADVICE, target=None),
    ],
)
async def test_advice_of_another_kind_or_target_is_another(database: Database, project: Project, other: Advice) -> None:
    rows = await issued(database, project, ADVICE, other)
    assert [row.id for row in rows] == [1, 2]


async def test_without_a_target_the_title_and_the_subject_tell(database: Database, project: Project) -> None:
    plain = Advice(kind="FEES", title="Lower  the fees", subject="node-1")
    same = replace(plain, title="lower the FEES")
    others = [replace(plain, title="Raise the fees"), replace(plain, subject="node-2"), replace(plain, subject=None)]

    assert [row.id for row in await issued(database, project, plain, same, *others)] == [1, 1, 2, 3, 4]


async def test_dismissed_advice_is_silent_for_a_while(database: Database, project: Project) -> None:
    (row,) = await issued(database, project, ADVICE)
    async with database.write() as session:
        await dismiss(session, project_id=project.id, number=row.id, reason="No.", actor="tests")

    (repeated,) = await issued(database, project, replace(ADVICE, title="Please"))
    assert (repeated.id, repeated.status, repeated.title, repeated.due_at) == (row.id, "dismissed", "Please", None)
    assert await told(database, row) == ["issued", "dismissed"]

    (anew,) = await issued(database, project, ADVICE, terms=Terms(silent_for=dt.timedelta(0)))
    assert (anew.id, anew.status) == (2, "issued")


async def test_implemented_advice_is_given_anew_when_it_did_not_help(database: Database, project: Project) -> None:
    (row,) = await issued(database, project, ADVICE)
    async with database.write() as session:
        done = await implement(
            session, project_id=project.id, number=row.id, implemented_at=None, actor="tests", terms=TERMS
        )
    due_at = done.due_at

    (repeated,) = await issued(database, project, replace(ADVICE, title="Please"))
    assert (repeated.id, repeated.title, repeated.due_at) == (row.id, ADVICE.title, due_at)

    async with database.write() as session:
        await session.run(update(Recommendation).values(effect_state="measured"))
    day = dt.timedelta(days=1)
    (known,) = await issued(database, project, replace(ADVICE, since=done.created_at - day))
    assert (known.id, known.status) == (row.id, "implemented")
    (anew,) = await issued(database, project, replace(ADVICE, since=done.created_at + day))
    assert (anew.id, anew.status) == (2, "issued")


async def test_an_idempotency_key_changes_nothing_the_second_time(database: Database, project: Project) -> None:
    first = Advice(kind="FEES", title="Lower the fees", idempotency_key="k")
    second = Advice(kind="OTHER", title="Something else", idempotency_key="k")
    (row,) = await issued(database, project, first)

    (same,) = await issued(database, project, second)

    assert (same.id, same.kind, same.times_issued) == (row.id, "FEES", 1)
    assert await told(database, row) == ["issued"]

    repeating = replace(first, idempotency_key="k2", body="Now.")
    for _ in range(2):
        row, _ = await issued(database, project, repeating, repeating)
    assert (row.id, row.body, row.times_issued) == (1, "Now.", 2)


async def test_projects_know_nothing_of_each_other(database: Database, project: Project) -> None:
    async with database.write() as session:
        other = await create_project(session, name="other", actor="tests")
    keyed = replace(ADVICE, idempotency_key="k")
    rows = [*await issued(database, project, keyed), *await issued(database, other, keyed)]
    assert [(row.project_id, row.id, row.times_issued) for row in rows] == [(project.id, 1, 1), (other.id, 1, 1)]


async def test_the_same_advice_at_once_is_one_recommendation(database: Database, project: Project) -> None:
    rows = await asyncio.gather(*(issued(database, project, ADVICE) for _ in range(10)))

    assert {row.id for (row,) in rows} == {1}
    assert (await found(database, rows[0][0])).times_issued == 10


@pytest.mark.parametrize(
    ("item", "field"),
    [
        (Item(kind="", title="t"), "kind"),
        (Item(kind="k" * 65, title="t"), "kind"),
        (Item(kind="k", title="  "), "title"),
        (Item(kind="k", title="t\0"), "title"),
        (Item(kind="k", title="t", body="\ud800"), "body"),
        (Item(kind="k", title="t", subject="s" * 1025), "subject"),
        (Item(kind="k", title="t", confidence=1.01), "confidence"),
        (Item(kind="k", title="t", expected_monthly_saving_usd=Decimal(-1)), "expectedMonthlySavingUsd"),
        (Item(kind="k", title="t", idempotency_key="k" * 201), "idempotencyKey"),
        (Item(kind="k", title="t", evidence=[1]), "evidence"),
        (Item(kind="k", title="t", evidence={"a": "\0"}), "evidence"),
        (Item(kind="k", title="t", evidence={"a": "\ud800"}), "evidence"),
        (Item(kind="k", title="t", evidence={"a": "x" * 40_000}), "evidence"),
        (Item(kind="k", title="t", target=Target(model="\0")), "target.model"),
        (Item(kind="k", title="t", target=Target(model="m", route="/r")), "target.route"),
        (Item(kind="k", title="t", target=Target(), attributes={"a": 1}), "target.attributes"),
        (Item(kind="k", title="t", target=Target(), attributes={str(n): "" for n in range(9)}), "target.attributes"),
        (Item(kind="k", title="t", expires_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)), "expiresAt"),
    ],
)
def test_what_does_not_fit_the_ledger_is_refused(item: Item, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        advice_of(item, now=dt.datetime.now(dt.UTC))
    assert refusal.value.field == field
