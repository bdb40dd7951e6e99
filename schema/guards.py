"""Who may: the role that each root field asks for.

Every root field carries exactly one guard: `@strawberry.field(extensions=[READS], description=...)`. The role is the
key's or token's; what the key cannot see (another project) is a matter of each query's `project_id`.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField

from resolvers.principals import FIRST_PROJECT, Role
from resolvers.suspects import FIELDS
from schema.context import Info
from schema.errors import Code, Failure


class Guard(FieldExtension):
    """Refuses a root field with FORBIDDEN to keys of other roles, and says so in the field's description."""

    def __init__(self, *roles: Role) -> None:
        self.roles = frozenset(roles)
        self.named = _listed([role.name for role in Role if role in self.roles])

    def apply(self, field: StrawberryField) -> None:
        note = f"Roles: {self.named}."
        if not (field.description or "").endswith(note):
            field.description = f"{field.description or ''} {note}".lstrip()

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        self.check(info)
        return next_(source, info, **kwargs)

    async def resolve_async(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        self.check(info)
        result = next_(source, info, **kwargs)
        return await result if isinstance(result, Awaitable) else result

    def check(self, info: Info) -> None:
        """Raises FORBIDDEN, naming the roles that may and the one that asks."""
        principal = info.context.principal
        if principal.role not in self.roles:
            info.context.services.suspects.note(FIELDS, project_id=principal.project_id)
            raise Failure(
                Code.FORBIDDEN,
                f"`{info.field_name}` needs a key with role {self.named}; this one is {principal.role.name}.",
            )


class InstallationGuard(Guard):
    """Refuses all but the administrators of the first project, who run the installation."""

    def __init__(self) -> None:
        super().__init__(Role.ADMIN)
        self.named = f"{self.named} of the project `{FIRST_PROJECT}`"

    def check(self, info: Info) -> None:
        """Raises FORBIDDEN as every guard does, and to administrators of other projects."""
        super().check(info)
        principal = info.context.principal
        if not principal.runs_installation:
            info.context.services.suspects.note(FIELDS, project_id=principal.project_id)
            raise Failure(
                Code.FORBIDDEN,
                f"`{info.field_name}` needs a key with role {self.named}; this one is of `{principal.project_name}`.",
            )


def guard_of(field: StrawberryField) -> Guard | None:
    """The guard of a root field, for the test that each has one."""
    return next((extension for extension in field.extensions if isinstance(extension, Guard)), None)


def _listed(names: list[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


SENDS: Final = Guard(Role.INGEST, Role.EDITOR, Role.ADMIN)
READS: Final = Guard(Role.READER, Role.EDITOR, Role.ADMIN)
EDITS: Final = Guard(Role.EDITOR, Role.ADMIN)
ADMINISTERS: Final = Guard(Role.ADMIN)
RUNS: Final = InstallationGuard()
ANYONE: Final = Guard(*Role)
