"""Components, read: one, those of a page, and the uptime of many at once."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, tuple_

from models import Component, ReadSession
from resolvers.components.changing import MOST_COMPONENTS
from resolvers.components.uptime import uptimes
from resolvers.metrics.periods import make_period

Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Spell:
    """A component, by its project and number, in a period that is named as a client does: by ends, or by length."""

    project_id: int
    number: int
    start: dt.datetime | None
    end: dt.datetime | None
    last: dt.timedelta | None

    @property
    def asked(self) -> tuple[int, dt.datetime | None, dt.datetime | None, dt.timedelta | None]:
        """What components may have in common."""
        return self.project_id, self.start, self.end, self.last


async def list_components(session: ReadSession, *, project_id: int) -> Sequence[Component]:
    """Every component of a project that is watched, Vigie's own first, then in the order in which they were added."""
    return await session.scalars(
        select(Component)
        .where(Component.project_id == project_id, Component.enabled)
        .order_by(Component.id)
        .limit(MOST_COMPONENTS + 10)
    )


async def get_component(session: ReadSession, *, project_id: int, number: int) -> Component | None:
    """The component with a number, also one that is switched off."""
    return await session.scalar(select(Component).where(Component.project_id == project_id, Component.id == number))


async def find_component(session: ReadSession, *, project_id: int, name: str) -> Component | None:
    """The component with a name, also one that is switched off."""
    if "\0" in name:
        return None
    return await session.scalar(select(Component).where(Component.project_id == project_id, Component.name == name))


async def components_by_number(session: ReadSession, keys: list[Key]) -> dict[Key, Component]:
    """Components by project and number."""
    rows = await session.scalars(select(Component).where(tuple_(Component.project_id, Component.id).in_(keys)))
    return {(row.project_id, row.id): row for row in rows}


async def uptime_by_spell(session: ReadSession, keys: list[Spell]) -> dict[Spell, float | None]:
    """The uptime of components, each in a period: a statement for each period. Raises Invalid for none."""
    now, found = dt.datetime.now(dt.UTC), dict[Spell, float | None]()
    for asked in {key.asked: None for key in keys}:
        project_id, start, end, last = asked
        period = make_period(start=start, end=end, last=last, zone="UTC", now=now)
        those = [key for key in keys if key.asked == asked]
        shares = await uptimes(
            session, project_id=project_id, numbers=[key.number for key in those], period=period, now=now
        )
        found |= {key: shares[key.number] for key in those}
    return found
