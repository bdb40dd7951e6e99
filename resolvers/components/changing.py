"""What all added components have in common: a name of their own, a place for them, a parent, an end."""

import datetime as dt
from typing import Final

from sqlalchemy import delete, func, select

from models import Component, ComponentHour, ComponentSpell, ReadSession, WriteSession
from resolvers.components.observing import change_status, first_spell
from resolvers.components.states import UNKNOWN
from resolvers.errors import Invalid, LimitReached, NotFound
from resolvers.texts import check_text

MOST_COMPONENTS: Final = 1000
MOST_NAME: Final = 100
SHORTEST: Final = dt.timedelta(seconds=1)
LONGEST: Final = dt.timedelta(days=366)


async def add_component(
    session: WriteSession, *, project_id: int, name: str, kind: str, every: dt.timedelta, due_at: dt.datetime
) -> Component:
    """A new component, unknown so far. Raises Invalid for its name, LimitReached when there are too many."""
    name = await check_name(session, project_id=project_id, name=name)
    last, count = await session.one(
        select(func.max(Component.id), func.count()).where(Component.project_id == project_id)
    )
    if count >= MOST_COMPONENTS:
        raise LimitReached(f"The project has {MOST_COMPONENTS:,} components: delete one first.")
    now = dt.datetime.now(dt.UTC)
    row = Component(
        project_id=project_id,
        id=(last or 0) + 1,
        name=name,
        kind=kind,
        critical=False,
        enabled=True,
        parent_id=None,
        every_seconds=every.total_seconds(),
        failures_before_down=1,
        successes_before_healthy=1,
        status=UNKNOWN,
        since=now,
        streak=0,
        message=None,
        latency_ms=None,
        checked_at=None,
        due_at=due_at,
        created_at=now,
    )
    session.add(row)
    session.add(first_spell(row))
    await session.flush()
    return row


async def check_name(session: ReadSession, *, project_id: int, name: str, number: int | None = None) -> str:
    """The name without blanks around it, for the component `number`. Raises Invalid when another one has it."""
    name = check_text(name, field="name", most=MOST_NAME)
    if not name.isprintable():
        raise Invalid("A name has printable characters only.", field="name")
    taken = await session.scalar(select(Component.id).where(Component.project_id == project_id, Component.name == name))
    if taken is not None and taken != number:
        raise Invalid(f"There is a component `{name}` already.", field="name")
    return name


def check_duration(value: dt.timedelta, *, field: str, least: dt.timedelta, most: dt.timedelta) -> dt.timedelta:
    """The length of time. Raises Invalid outside its bounds."""
    if not least <= value <= most:
        raise Invalid(
            f"`{field}` lies between {_seconds(least)} and {_seconds(most)}, not {_seconds(value)}.", field=field
        )
    return value


def check_count(value: int, *, field: str, most: int) -> int:
    """The number of times. Raises Invalid outside 1 to `most`."""
    if not 1 <= value <= most:
        raise Invalid(f"`{field}` lies between 1 and {most}, not {value}.", field=field)
    return value


async def find_parent(session: ReadSession, row: Component, name: str | None) -> int | None:
    """The number of the component of that name, for `row` to depend on.

    Raises NotFound when there is none, Invalid when it depends on `row` itself, however indirectly.
    """
    if name is None:
        return None
    components = await session.rows(
        select(Component.id, Component.name, Component.parent_id).where(Component.project_id == row.project_id)
    )
    parents = {found.id: found.parent_id for found in components}
    number: int | None = next((found.id for found in components if found.name == name.strip()), None)
    if number is None:
        raise NotFound(f"There is no component `{name[:MOST_NAME]}` in this project.", field="dependsOn")
    above: int | None = number
    while above is not None:
        if above == row.id:
            raise Invalid(f"`{name[:MOST_NAME]}` depends on this one, so this one cannot on it.", field="dependsOn")
        above = parents[above]
    return number


async def switch(session: WriteSession, row: Component, *, enabled: bool) -> None:
    """Begins or ends the watch over a locked component; an ended one is unknown from now on."""
    row.enabled = enabled
    if not enabled:
        row.due_at, row.message, row.latency_ms = None, "Nobody looks: it is switched off.", None
        if row.status != UNKNOWN:
            await change_status(session, row, UNKNOWN, dt.datetime.now(dt.UTC))


async def delete_component(session: WriteSession, row: Component) -> None:
    """Deletes a component and its past. Raises Invalid while others depend on it."""
    children = await session.scalars(
        select(Component.name).where(Component.project_id == row.project_id, Component.parent_id == row.id).limit(4)
    )
    if children:
        named = ", ".join(f"`{name}`" for name in children[:3]) + (", …" if len(children) > 3 else "")
        raise Invalid(f"Others depend on it ({named}): change these first.", field="id")
    for table in (ComponentSpell, ComponentHour):
        await session.run(delete(table).where(table.project_id == row.project_id, table.component_id == row.id))
    await session.run(delete(Component).where(Component.project_id == row.project_id, Component.id == row.id))


def _seconds(value: dt.timedelta) -> str:
    return f"{value.total_seconds():g} s"
