"""Updating: fields get other values, by somebody who has seen the bug as it is."""

from collections.abc import Mapping
from typing import Any

from models import Bug, WriteSession
from resolvers.bugs import fields
from resolvers.bugs.changing import change, time_of_change
from resolvers.bugs.reading import get_bug
from resolvers.bugs.states import check_move
from resolvers.bugs.telling import tell
from resolvers.errors import Conflict, Invalid, NotFound
from resolvers.locks import lock_project


async def update_bug(
    session: WriteSession, *, project_id: int, actor: str, number: int, expected_version: int, values: Mapping[str, Any]
) -> Bug:
    """Gives fields of a bug other values; what is the same already changes nothing, and nothing at all is fine.

    `values` has only fields that are meant: title, description, status, severity, priority, category, device, labels,
    links, assignee, duplicate_of. Raises NotFound; Conflict with the bug as it is when its version is another one;
    Invalid for what a bug cannot have, or a status that it cannot go to.
    """
    checked = _checked(values)
    await lock_project(session, project_id=project_id)
    bug = await get_bug(session, project_id=project_id, number=number)
    if bug is None:
        raise NotFound("There is no such bug in this project.", field="number")
    if bug.version != expected_version:
        raise Conflict(
            f"Bug {number} has version {bug.version}, not {expected_version}: look at it as it is now and try again.",
            field="expectedVersion",
            current=bug,
        )
    check_move(bug.status, checked.get("status", bug.status))
    checked["duplicate_of"] = await _original(session, bug, checked)
    now = time_of_change(bug)
    changes = await change(session, bug, checked, actor=actor, now=now)
    if changes:
        tell(session, bug, "updated", actor=actor, now=now, changes=changes)
    return bug


async def _original(session: WriteSession, bug: Bug, values: Mapping[str, Any]) -> int | None:
    """What the bug will be a duplicate of. Raises Invalid or NotFound when that cannot be."""
    if values.get("status", bug.status) != "duplicate":
        if values.get("duplicate_of") is not None:
            raise Invalid("`duplicateOf` goes with the status DUPLICATE.", field="duplicateOf")
        return None
    number = values.get("duplicate_of", bug.duplicate_of)
    if number is None:
        raise Invalid("A DUPLICATE needs `duplicateOf`: the number of the original.", field="duplicateOf")
    if number == bug.number:
        raise Invalid("A bug is no duplicate of itself.", field="duplicateOf")
    original = await get_bug(session, project_id=bug.project_id, number=number)
    if original is None:
        raise NotFound(f"There is no bug {number} in this project.", field="duplicateOf")
    if original.duplicate_of is not None and number != bug.duplicate_of:
        raise Invalid(
            f"Bug {number} is a duplicate itself, of bug {original.duplicate_of}: name that one.", field="duplicateOf"
        )
    return original.number


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    checked = dict(values)
    if "title" in checked:
        checked["title"] = fields.check_title(checked["title"])
    if "description" in checked:
        checked["description"] = fields.check_description(checked["description"])
    if "labels" in checked:
        checked["labels"] = fields.check_labels(checked["labels"])
    if "links" in checked:
        checked["links"] = fields.check_links(checked["links"])
    for name in ("category", "device", "assignee"):
        if name in checked:
            checked[name] = fields.check_name(checked[name], field=name)
    return checked
