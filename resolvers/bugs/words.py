"""What the text search knows of a text: its words, without case and accents."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from models import Bug
from resolvers.errors import Invalid

MOST_CHARACTERS: Final = 500
MOST_TERMS: Final = 16
LONGEST_WORD: Final = 64
"""Characters by which a longer word is known."""

_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Term:
    """A word that is searched for, or with `prefix` the beginning of one."""

    word: str
    prefix: bool = False

    def meets(self, words: Iterable[str]) -> bool:
        """Whether it is among these words."""
        return any(word.startswith(self.word) if self.prefix else word == self.word for word in words)


def words_of(*texts: str | None) -> tuple[str, ...]:
    """The distinct words of texts, in order: letters, digits and underscores, in one case, without accents."""
    return tuple(dict.fromkeys(word[:LONGEST_WORD] for text in texts if text for word in _words(text)))


def words_of_bug(bug: Bug) -> tuple[str, ...]:
    """The words that a search finds a bug by."""
    return words_of(bug.title, bug.description, bug.category, bug.device, *bug.labels)


def terms_of(search: str | None) -> tuple[Term, ...] | None:
    """What a search asks for, all of it; None for no search. An answer without terms is found nowhere.

    Raises Invalid for a long search.
    """
    if search is None or not search.strip():
        return None
    if len(search) > MOST_CHARACTERS:
        raise Invalid(f"`search` has at most {MOST_CHARACTERS} characters.", field="filter.search")
    terms = tuple(dict.fromkeys(_terms(search)))
    if len(terms) > MOST_TERMS:
        raise Invalid(f"`search` has at most {MOST_TERMS} words.", field="filter.search")
    return terms


def _terms(search: str) -> Iterator[Term]:
    for chunk in search.split():
        *before, last = words_of(chunk) or (None,)
        yield from (Term(word) for word in before if word is not None)
        if last is not None:
            yield Term(last, prefix=chunk.endswith("*"))


def _words(text: str) -> list[str]:
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(character for character in decomposed if not unicodedata.combining(character))
    return _WORD.findall(text.casefold())
