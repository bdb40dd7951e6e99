"""Keys of `attributes` that a project declares as dimensions of its figures."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, select

from models import AttributeDimension, ReadSession, WriteSession
from resolvers.audit_entries import changes, record_audit_entry
from resolvers.errors import Invalid
from resolvers.events.inputs import ATTRIBUTE_KEY
from resolvers.locks import lock_project
from resolvers.texts import check_text

PREFIX: Final = "attributes."
"""Of the dimensions that are keys of `attributes`, among the names of columns."""
MOST_KEYS: Final = 5
MOST_VALUES: Final = 1000


@dataclass(frozen=True, slots=True)
class AttributeFilter:
    """Keeps what has one of the values under the key, as text; no values keep all."""

    key: str
    values: tuple[str, ...]


def dimension_of(key: str) -> str:
    """The name of a declared key among the dimensions of figures."""
    return f"{PREFIX}{key}"


def check_filters(filters: Sequence[AttributeFilter]) -> tuple[AttributeFilter, ...]:
    """The filters, each key once. Raises Invalid for a key that comes twice, and past 1,000 values."""
    if len(filters) > MOST_KEYS or len({one.key for one in filters}) < len(filters):
        raise Invalid(f"A filter names at most {MOST_KEYS} attributes, each once.", field="filter.attributes")
    if any(len(one.values) > MOST_VALUES for one in filters):
        raise Invalid(f"A filter takes at most {MOST_VALUES} values a list.", field="filter.attributes")
    return tuple(filters)


async def list_dimensions(session: ReadSession, *, project_id: int) -> Sequence[str]:
    """The declared keys, in the order of their declaration."""
    return await session.scalars(
        select(AttributeDimension.key)
        .where(AttributeDimension.project_id == project_id)
        .order_by(AttributeDimension.position)
    )


async def declare_dimensions(session: WriteSession, *, project_id: int, keys: Sequence[str], actor: str) -> list[str]:
    """Makes these the project's dimensions, in the place of those before. Raises Invalid."""
    if len(keys) > MOST_KEYS:
        raise Invalid(f"A project declares at most {MOST_KEYS} attributes.", field="keys")
    checked = [check_text(key, field=f"keys.{place}", most=ATTRIBUTE_KEY) for place, key in enumerate(keys)]
    checked = list(dict.fromkeys(checked))
    await lock_project(session, project_id=project_id)
    before = list(await list_dimensions(session, project_id=project_id))
    await session.run(delete(AttributeDimension).where(AttributeDimension.project_id == project_id))
    for position, key in enumerate(checked):
        session.add(AttributeDimension(project_id=project_id, key=key, position=position))
    record_audit_entry(
        session,
        project_id=project_id,
        actor=actor,
        action="attribute_dimensions.declared",
        details=changes({"keys": before}, {"keys": checked}),
    )
    return checked


async def check_declared(session: ReadSession, *, project_id: int, keys: Collection[str], field: str) -> None:
    """Raises Invalid, naming what is declared, for keys that are not."""
    if not keys:
        return
    declared = await list_dimensions(session, project_id=project_id)
    for key in keys:
        if key not in declared:
            known = f"declared are {', '.join(f'`{name}`' for name in declared)}" if declared else "none is declared"
            raise Invalid(
                f"`{key[:ATTRIBUTE_KEY]}` is no dimension of this project: {known}. An ADMIN declares at most "
                f"{MOST_KEYS} with `declareAttributes`.",
                field=field,
            )
