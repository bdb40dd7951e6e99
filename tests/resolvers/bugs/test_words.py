"""What a search knows of a text."""

import pytest

from resolvers.bugs.words import Term, terms_of, words_of
from resolvers.errors import Invalid


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Login fails, LOGIN fails!", ("login", "fails")),
        ("Élan naïf · Straße", ("elan", "naif", "strasse")),
        ("POST /v1/users_list?id=7", ("post", "v1", "users_list", "id", "7")),
        ("x" * 100, ("x" * 64,)),
        ("'quoted' \"words\" \\ & | ! : * ()", ("quoted", "words")),
        ("", ()),
    ],
)
def test_words_have_one_case_and_no_accents(text: str, words: tuple[str, ...]) -> None:
    assert words_of(text) == words


def test_words_of_many_texts_come_once() -> None:
    assert words_of("a b", None, "b c") == ("a", "b", "c")


@pytest.mark.parametrize(
    ("search", "terms"),
    [
        (None, None),
        (" \n", None),
        ("!?", ()),
        ("Login log* LOGIN", (Term("login"), Term("log", prefix=True))),
        ("user-log*", (Term("user"), Term("log", prefix=True))),
        ("* **", ()),
    ],
)
def test_a_search_asks_for_words_and_beginnings(search: str | None, terms: tuple[Term, ...] | None) -> None:
    assert terms_of(search) == terms


@pytest.mark.parametrize("search", ["x" * 501, " ".join(f"w{n}" for n in range(17))])
def test_a_search_has_an_end(search: str) -> None:
    with pytest.raises(Invalid, match="`search` has at most"):
        terms_of(search)
