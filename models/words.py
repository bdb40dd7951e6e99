"""Words by which a row is found: a text search index that both databases know, one project apart from another.

PostgreSQL keeps them as a `tsvector` whose lexemes start with the project (`7:login`), so that an index lookup meets no
other project's rows. SQLite keeps them as text, which triggers carry into an FTS5 table.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Dialect, Text, TypeDecorator
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.types import TypeEngine


@dataclass(frozen=True, slots=True)
class Words:
    """The distinct words of a row, each of letters, digits and underscores in one case."""

    project_id: int
    words: tuple[str, ...]


def lexeme(project_id: int, word: str) -> str:
    """A word as PostgreSQL's index has it, quoted for a `tsvector` or a `tsquery`."""
    return f"'{project_id}:{word}'"


class WordsType(TypeDecorator[Words]):
    """Written as `Words`, never read back."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        on_postgres = dialect.name == "postgresql"
        return dialect.type_descriptor(TSVECTOR() if on_postgres else Text())

    def process_bind_param(self, value: Words | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if dialect.name == "postgresql":
            return " ".join(lexeme(value.project_id, word) for word in value.words)
        return " ".join(value.words)
