"""What is known of subjects: labels, attributes, coordinates."""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func, select, tuple_

from models import ReadSession, SubjectProfile, WriteSession
from resolvers.audit_entries import record_audit_entry
from resolvers.errors import Invalid, LimitReached
from resolvers.locks import lock_project
from resolvers.texts import check_json, check_optional_text, check_text

MOST_NAME: Final = 256
MOST_LABEL: Final = 200
MOST_ATTRIBUTES_KIB: Final = 16
MOST_PROFILES: Final = 1_000_000

Key = tuple[int, str]
"""A project id and a subject's name."""


async def set_subject(
    session: WriteSession, *, project_id: int, name: str, values: Mapping[str, Any], actor: str
) -> SubjectProfile:
    """Says what is known of a subject, whether it has calls already or not.

    `values` has, of label, attributes and coordinates (latitude and longitude in degrees), what changes; None takes it
    away. Raises Invalid and LimitReached.
    """
    if not name or name != check_text(name, field="subject", most=MOST_NAME):
        raise Invalid("A subject has no blanks around it.", field="subject")
    await lock_project(session, project_id=project_id)
    of_project = SubjectProfile.project_id == project_id
    profile = await session.scalar(select(SubjectProfile).where(of_project, SubjectProfile.name == name))
    if profile is None:
        if (await session.scalar(select(func.count()).where(of_project)) or 0) >= MOST_PROFILES:
            raise LimitReached(f"A project has at most {MOST_PROFILES:,} subjects with a profile.")
        profile = SubjectProfile(project_id=project_id, name=name, label=None, attributes={})
        session.add(profile)
    if "label" in values:
        profile.label = check_optional_text(values["label"], field="label", most=MOST_LABEL)
    if "attributes" in values:
        profile.attributes = _attributes(values["attributes"])
    if "coordinates" in values:
        profile.latitude, profile.longitude = _place(values["coordinates"])
    profile.updated_at = dt.datetime.now(dt.UTC)
    record_audit_entry(
        session, project_id=project_id, actor=actor, action="subject.set", target=name, details={"set": sorted(values)}
    )
    return profile


async def profiles_by_name(session: ReadSession, keys: Sequence[Key]) -> dict[Key, SubjectProfile]:
    """The profiles of those subjects that have one."""
    known = tuple_(SubjectProfile.project_id, SubjectProfile.name).in_(list(keys))
    return {(row.project_id, row.name): row for row in await session.scalars(select(SubjectProfile).where(known))}


def _attributes(given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise Invalid("`attributes` is a JSON object.", field="attributes")
    attributes: dict[str, Any] = check_json(given, field="attributes", most_kib=MOST_ATTRIBUTES_KIB)
    return attributes


def _place(given: tuple[float, float] | None) -> tuple[float | None, float | None]:
    if given is None:
        return None, None
    latitude, longitude = given
    for degrees, most, name in ((latitude, 90, "latitude"), (longitude, 180, "longitude")):
        if not math.isfinite(degrees) or abs(degrees) > most:
            raise Invalid(f"`{name}` lies between -{most} and {most} degrees.", field=f"coordinates.{name}")
    return latitude, longitude
