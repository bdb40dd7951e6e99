"""Components as rules see them: which were down at a moment, and whether the one that each depends on was too."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import or_, select, update

from models import ReadSession, WriteSession
from models.components import Component, ComponentSpell

DOWN: Final = "down"
CHECKED: Final = "http"
SOON: Final = dt.timedelta(minutes=2)
"""A check that is due within this time may be running: it is left alone."""
PATIENCE: Final = dt.timedelta(minutes=5)
"""How long a component that is down waits for a look at the one it depends on."""


@dataclass(frozen=True, slots=True)
class Outages:
    """The components of a project that were down at one moment, by name: since when.

    `parents` are those that others depend on, by the others' names; `unsure` are parents of which the next look will
    tell more: they have not been looked at since, or waver. `numbers` are the components' own.
    """

    down: Mapping[str, dt.datetime] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)
    unsure: Mapping[str, dt.datetime] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)

    def values(self) -> dict[str, float | None]:
        """How many are down, for each that is."""
        return dict.fromkeys(self.down, float(len(self.down)))

    def parent_down(self, name: str) -> str | None:
        """The component that it depends on, directly, when that is down."""
        parent = self.parents.get(name)
        return parent if parent in self.down else None

    def parent_unsure(self, name: str, time: dt.datetime) -> str | None:
        """The component that it depends on, when that may turn out to be down: for some minutes at most."""
        parent, since = self.parents.get(name), self.down.get(name)
        if parent is None or since is None or time - since > PATIENCE or parent not in self.unsure:
            return None
        return parent if self.unsure[parent] <= since else None


async def outages_at(session: ReadSession, *, project_id: int, instants: Sequence[dt.datetime]) -> list[Outages]:
    """The outages at each of some moments, in ascending order."""
    components = await session.scalars(select(Component).where(Component.project_id == project_id, Component.enabled))
    names = {row.id: row.name for row in components}
    parents = {row.name: names[row.parent_id] for row in components if row.parent_id in names}
    numbers = {name: number for number, name in names.items()}
    unsure = {row.name: _sure_from(row) for row in components if row.name in parents.values()}
    spells = await session.scalars(
        select(ComponentSpell).where(
            ComponentSpell.project_id == project_id,
            ComponentSpell.status == DOWN,
            ComponentSpell.began_at <= instants[-1],
            or_(ComponentSpell.ended_at.is_(None), ComponentSpell.ended_at > instants[0]),
        )
    )
    known = [spell for spell in spells if spell.component_id in names]
    return [
        Outages(
            {
                names[spell.component_id]: spell.began_at
                for spell in known
                if spell.began_at <= instant and (spell.ended_at is None or spell.ended_at > instant)
            },
            parents,
            unsure,
            numbers,
        )
        for instant in instants
    ]


async def look_soon(session: WriteSession, *, project_id: int, names: Collection[str], now: dt.datetime) -> None:
    """Has checks made soon that were to be made later: something waits for what they will tell."""
    await session.run(
        update(Component)
        .where(
            Component.project_id == project_id,
            Component.name.in_(sorted(names)),
            Component.kind == CHECKED,
            Component.due_at > now + SOON,
        )
        .values(due_at=now)
    )


def _sure_from(row: Component) -> dt.datetime:
    """When it was last known for sure how a component is: what went down before need not wait for it."""
    if row.checked_at is None or row.streak:
        return dt.datetime.min.replace(tzinfo=dt.UTC)
    return row.checked_at
