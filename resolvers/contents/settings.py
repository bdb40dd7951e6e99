"""Whether a project keeps content, and what is masked before anything of it is stored."""

import dataclasses
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select

from models import ContentSettings, ReadSession, WriteSession
from resolvers.audit_entries import changes, record_audit_entry
from resolvers.contents.defaults import DEFAULTS
from resolvers.contents.masking import MaskingRule, check_rules
from resolvers.errors import Invalid
from resolvers.locks import lock_project

BYTES: Final = 32 * 1024
LEAST_BYTES: Final = 256
MOST_BYTES: Final = 256 * 1024
DAYS: Final = 30
MOST_DAYS: Final = 3660


@dataclass(frozen=True, slots=True)
class Settings:
    """What a project decided; `updated_at` is None where it has decided nothing yet."""

    enabled: bool = False
    masking: tuple[MaskingRule, ...] = ()
    most_bytes: int = BYTES
    days_kept: int = DAYS
    updated_at: dt.datetime | None = None


async def get_settings(session: ReadSession, *, project_id: int) -> Settings:
    """The settings of a project."""
    row = await _row(session, project_id)
    return Settings() if row is None else _of(row)


async def save_settings(
    session: WriteSession,
    *,
    project_id: int,
    enabled: bool | None = None,
    masking: Sequence[MaskingRule] | None = None,
    most_bytes: int | None = None,
    days_kept: int | None = None,
    actor: str,
) -> Settings:
    """Changes what is not None. Who turns content on without rules gets those that come with Vigie. Raises Invalid."""
    rules = None if masking is None else check_rules(masking)
    _check_number(most_bytes, "maxBytes", LEAST_BYTES, MOST_BYTES)
    _check_number(days_kept, "daysKept", 1, MOST_DAYS)
    await lock_project(session, project_id=project_id)
    row = await _row(session, project_id)
    before = Settings() if row is None else _of(row)
    if rules is None:
        turned_on = enabled and not before.enabled
        rules = DEFAULTS if turned_on and not before.masking else before.masking
    if row is None:
        row = ContentSettings(project_id=project_id)
        session.add(row)
    row.enabled = before.enabled if enabled is None else enabled
    row.masking = [dataclasses.asdict(rule) for rule in rules]
    row.most_bytes = before.most_bytes if most_bytes is None else most_bytes
    row.days_kept = before.days_kept if days_kept is None else days_kept
    row.updated_at = dt.datetime.now(dt.UTC)
    details = changes(_audited(before), _audited(_of(row)))
    record_audit_entry(session, project_id=project_id, actor=actor, action="content_settings.saved", details=details)
    return _of(row)


def _audited(settings: Settings) -> dict[str, Any]:
    return {
        "enabled": settings.enabled,
        "masking": [dataclasses.asdict(rule) for rule in settings.masking],
        "maxBytes": settings.most_bytes,
        "daysKept": settings.days_kept,
    }


async def _row(session: ReadSession, project_id: int) -> ContentSettings | None:
    return await session.scalar(select(ContentSettings).where(ContentSettings.project_id == project_id))


def _of(row: ContentSettings) -> Settings:
    rules = tuple(MaskingRule(**rule) for rule in row.masking)
    return Settings(row.enabled, rules, row.most_bytes, row.days_kept, row.updated_at)


def _check_number(number: int | None, field: str, least: int, most: int) -> None:
    if number is not None and not least <= number <= most:
        raise Invalid(f"`{field}` lies between {least:,} and {most:,}.", field=field)
