"""What the mutations that record events share: inputs as they travel by the JSON door, and the answer for each item."""

import dataclasses
from collections.abc import Sequence
from enum import Enum
from typing import Any

import strawberry
from strawberry.utils.str_converters import to_camel_case

from resolvers.errors import LimitReached
from resolvers.events.decoding import Kind, TooManyEvents, from_objects
from resolvers.events.recording import record
from schema.context import Info
from schema.payloads import Payload
from schema.scalars import BigInt


@strawberry.type(description="An item that was not recorded, and why.")
class RejectedItem:
    index: int = strawberry.field(description="Its place in the list, from 0.")
    code: str = strawberry.field(description="`INVALID` or `TIME_OUT_OF_RANGE`.")
    field: str | None = strawberry.field(description="Dotted path inside the item; null: all of it.")
    message: str = strawberry.field(description="The limit and the remedy.")


@strawberry.type(description="What became of each item. Answered after the commit: what is accepted is stored.")
class RecordPayload(Payload):
    accepted: BigInt = strawberry.field(default=0, description="Items stored.")
    duplicates: BigInt = strawberry.field(default=0, description="Items that were there already.")
    rejected: list[RejectedItem] = strawberry.field(
        default_factory=list, description="Items refused, in the order of the list, at most one for each."
    )


async def record_items(info: Info, kind: type[Kind], items: Sequence[object], *, field: str) -> RecordPayload:
    """Records inputs by the pipeline of every door. `field` is the name of their list in the mutation's input."""
    rejects, project_id = info.context.services.writer.rejects, info.context.principal.project_id
    try:
        decoded = from_objects(kind, [_wire(item) for item in items])
    except TooManyEvents as refusal:
        rejects.note_whole(project_id, door="graphql", code=refusal.code, reason=refusal.message)
        raise LimitReached(refusal.message, field=field) from refusal
    try:
        recorded = await record(
            info.context.services.writer,
            project_id=info.context.principal.project_id,
            decoded=decoded,
            door="graphql",
            key_id=info.context.principal.key_id,
        )
    except LimitReached as refusal:
        raise LimitReached(refusal.message, field=field) from refusal
    return RecordPayload(
        accepted=recorded.accepted,
        duplicates=recorded.duplicates,
        rejected=[
            RejectedItem(index=item.index, code=item.code, field=item.field, message=item.message)
            for item in recorded.rejected
        ],
    )


def _wire(value: Any) -> Any:
    """An input as the JSON door has it: camelCase names, enum values in lower case, nothing for null."""
    if dataclasses.is_dataclass(value):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {to_camel_case(name): _wire(item) for name, item in fields.items() if item is not None}
    return value.value if isinstance(value, Enum) else value
