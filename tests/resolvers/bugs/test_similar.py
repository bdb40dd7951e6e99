"""Similar bugs: those that share what few have."""

from tests.resolvers.bugs.tracker import Tracker


async def test_those_that_share_rare_words_come_first(tracker: Tracker) -> None:
    for n in range(60):
        await tracker.file(f"Payment page fails for customer{n}")
    old = await tracker.file("Checkout crashes with Zloty amounts", description="Rounding of PLN")
    for n in range(60, 120):
        await tracker.file(f"Payment page fails for customer{n}")
    bug = await tracker.file("Payment crashes: zloty checkout")

    similar = (await tracker.detail(bug))["similar"]

    assert similar[0]["number"] == old["number"]
    assert [set(one) for one in similar] == [{"number", "title", "score"}] * len(similar)
    scores = [one["score"] for one in similar]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)
    assert bug["number"] not in [one["number"] for one in similar]


async def test_the_same_text_is_as_similar_as_can_be(tracker: Tracker) -> None:
    first, second = await tracker.file("Login fails on Safari"), await tracker.file("login FAILS on safari!")
    await tracker.file("Something else entirely")

    (similar,) = (await tracker.detail(first))["similar"]
    assert (similar["number"], similar["score"]) == (second["number"], 1)


async def test_a_bug_without_words_is_similar_to_none(tracker: Tracker) -> None:
    await tracker.file("!!")
    assert (await tracker.detail(await tracker.file("??")))["similar"] == []


async def test_similar_bugs_are_for_few_bugs_at_a_time(tracker: Tracker) -> None:
    fields = "edges { node { similar(first: $most) { number } } }"
    document = f"query ($first: Int!, $most: Int!) {{ bugs(first: $first) {{ {fields} }} }}"
    for _ in range(11):
        await tracker.file("Login fails")
    page = await tracker.ask(None, document, first=10, most=3)
    assert [len(edge["node"]["similar"]) for edge in page["edges"]] == [3] * 10
    answer = await tracker.answer(None, document, first=11, most=3)
    assert "for at most 10 bugs at a time" in answer["errors"][0]["message"]
    answer = await tracker.answer(None, document, first=1, most=21)
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
