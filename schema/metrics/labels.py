"""What people call the subjects of a breakdown, read only where a client asks for it."""

from collections.abc import Sequence

from resolvers.subjects.profiles import profiles_by_name
from schema.context import Info
from schema.selections import below, selected


async def labels_of(info: Info, dimension: str, keys: Sequence[str | None]) -> dict[str | None, str | None]:
    """The labels of a page's subjects, by their names; nothing for another dimension."""
    names = [key for key in keys if key is not None]
    nodes = below(below(selected(info), "edges"), "node")
    if dimension != "subject" or not names or not any(field.name == "label" for field in nodes):
        return {}
    project_id = info.context.principal.project_id
    async with info.context.reading() as session:
        found = await profiles_by_name(session, [(project_id, name) for name in names])
    return {name: profile.label for (_, name), profile in found.items()}
