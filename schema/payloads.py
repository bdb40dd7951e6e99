"""What mutations answer: a payload with the object and `userErrors`.

A mutation declares `extensions=[EDITS, REFUSALS]` and answers a `Payload`; a Refusal that it raises becomes the payload
that `Payload.refused` makes. What the key may not do at all stays a top-level FORBIDDEN.
"""

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, Final, Self, cast

import strawberry
from strawberry.extensions import FieldExtension

from resolvers.errors import Conflict, Refusal
from schema.context import Info


@strawberry.enum(description="Why the domain refuses.")
class UserErrorCode(Enum):
    INVALID = strawberry.enum_value("INVALID", description="The input is wrong and stays wrong when sent again.")
    NOT_FOUND = strawberry.enum_value("NOT_FOUND", description="It names something that is not there.")
    CONFLICT = strawberry.enum_value("CONFLICT", description="The object has changed since it was read.")
    LIMIT_REACHED = strawberry.enum_value("LIMIT_REACHED", description="A quota or a cap stands in the way.")
    UNAVAILABLE = strawberry.enum_value("UNAVAILABLE", description="Not now: try again later.")


@strawberry.type(description="Why the domain refuses an input, or one item of it.")
class UserError:
    code: UserErrorCode = strawberry.field(description="The kind of refusal.")
    field: str | None = strawberry.field(
        description="Dotted path of the culprit inside `input`, such as `events.3.tokens`; null: the whole input."
    )
    message: str = strawberry.field(description="A sentence for the person who reads it.")

    @classmethod
    def of(cls, refusal: Refusal) -> Self:
        return cls(code=UserErrorCode[refusal.code], field=refusal.field, message=refusal.message)


@strawberry.type(description="What every mutation answers.")
class Payload:
    """Base of all payloads. Their other fields need defaults: they are what a refused input answers."""

    user_errors: list[UserError] = strawberry.field(
        default_factory=list,
        description="Why the input was refused, at most one for each item; empty when all went well.",
    )

    @classmethod
    def refused(cls, refusal: Refusal) -> Self:
        """The payload of a refused input; of a conflict, with the object as it is now."""
        current = refusal.current if isinstance(refusal, Conflict) else None
        shown = {} if current is None else cls.shown(current)
        return cls(user_errors=[UserError.of(refusal)], **shown)

    @classmethod
    def shown(cls, current: Any) -> dict[str, Any]:
        """The fields that show the row of a conflict. Payloads whose objects can conflict override it."""
        return {}


class Refusals(FieldExtension):
    """Turns a Refusal of a mutation into its payload."""

    async def resolve_async(self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **kwargs: Any) -> Any:
        try:
            return await next_(source, info, **kwargs)
        except Refusal as refusal:
            return cast("type[Payload]", info.return_type).refused(refusal)


REFUSALS: Final = Refusals()
