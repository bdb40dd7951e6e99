"""Bugs that say much the same: those that share the rarest words of a bug's title and description."""

import heapq
import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Integer, Select, literal, select, union_all

from models import Bug, ReadSession
from resolvers.bugs.filters import has_words
from resolvers.bugs.reading import bugs_by_number
from resolvers.bugs.words import Term, words_of
from resolvers.errors import Invalid

Key = tuple[int, int]

ASKED_WORDS: Final = 12
"""How many words of a bug are looked up."""
MET_AT_MOST: Final = 30
"""How many bugs, the newest, are looked at for one word: a word that many have says little."""
COMPARED: Final = 20
"""How many of the most promising bugs are compared word by word."""
MOST_BUGS: Final = 10
LEAST_SCORE: Final = 0.1
SHORTEST_WORD: Final = 3


@dataclass(frozen=True, slots=True)
class Similar:
    """Another bug; `score` is the share of their words that the two have in common, rare words counting more."""

    bug: Bug
    score: float


async def similar_by_bug(session: ReadSession, keys: Sequence[Key]) -> dict[Key, list[Similar]]:
    """The bugs similar to some of one project, the most similar first, at most 20 each, by three statements.

    Its cost does not depend on how many bugs there are. Raises Invalid for more than 10 at a time.
    """
    if len(keys) > MOST_BUGS:
        raise Invalid(f"`similar` is answered for at most {MOST_BUGS} bugs at a time: ask for fewer.", field="similar")
    bugs = await bugs_by_number(session, keys)
    asked = {key: _asked(bug) for key, bug in bugs.items()}
    project_id = keys[0][0]
    met = await _met(session, project_id, {word for words in asked.values() for word in words})
    weights = {word: 1 / (1 + math.log(1 + len(numbers))) for word, numbers in met.items()}
    promising = {key: _promising(key, words, met, weights) for key, words in asked.items()}
    others = await bugs_by_number(session, {(project_id, number) for some in promising.values() for number in some})
    return {key: _ranked(bugs[key], [others[project_id, number] for number in promising[key]], weights) for key in bugs}


def _asked(bug: Bug) -> tuple[str, ...]:
    """The words that may tell a bug from others: of the title first, then the longest of the description."""
    title = [word for word in words_of(bug.title) if len(word) >= SHORTEST_WORD]
    rest = [word for word in words_of(bug.description) if len(word) >= SHORTEST_WORD and word not in title]
    return tuple([*title, *sorted(rest, key=len, reverse=True)][:ASKED_WORDS])


async def _met(session: ReadSession, project_id: int, words: Collection[str]) -> dict[str, list[int]]:
    """The newest bugs that have each word."""
    ordered = sorted(words)
    if not ordered:
        return {}
    newest = [_newest(session, project_id, place, word) for place, word in enumerate(ordered)]
    found: dict[str, list[int]] = defaultdict(list)
    for place, number in await session.rows(select(union_all(*newest).subquery())):
        found[ordered[place]].append(number)
    return found


def _newest(session: ReadSession, project_id: int, place: int, word: str) -> Select[tuple[int, int]]:
    condition = has_words([Term(word)], project_id=project_id, dialect=session.dialect)
    rows = (
        select(Bug.number)
        .where(Bug.project_id == project_id, condition)
        .order_by(Bug.number.desc())
        .limit(MET_AT_MOST)
        .subquery()
    )
    return select(literal(place, Integer).label("place"), rows.c.number)


def _promising(
    key: Key, words: Sequence[str], met: Mapping[str, Sequence[int]], weights: Mapping[str, float]
) -> list[int]:
    """The numbers of the bugs that share most."""
    shared: dict[int, float] = defaultdict(float)
    for word in words:
        for number in met.get(word, ()):
            shared[number] += weights[word]
    shared.pop(key[1], None)
    return heapq.nlargest(COMPARED, shared, key=lambda number: (shared[number], number))


def _ranked(bug: Bug, others: Sequence[Bug], weights: Mapping[str, float]) -> list[Similar]:
    """The others by the weight of the words in common, as a share of the weight of all words of both."""
    heaviest = max(weights.values(), default=1.0)
    own = set(words_of(bug.title, bug.description))

    def weight(words: set[str]) -> float:
        return sum(weights.get(word, heaviest / 2) for word in words if len(word) >= SHORTEST_WORD)

    scored = []
    for other in others:
        words = set(words_of(other.title, other.description))
        score = weight(own & words) / (weight(own | words) or 1.0)
        if score >= LEAST_SCORE:
            scored.append(Similar(other, score))
    return sorted(scored, key=lambda found: (-found.score, -found.bug.number))
