"""Keys of `attributes` as dimensions: their declaration, and the filter that names them."""

from collections.abc import Sequence
from typing import Annotated

import strawberry

from resolvers import attribute_dimensions as dimensions
from resolvers.attribute_dimensions import AttributeFilter
from resolvers.errors import Invalid
from schema.context import Info
from schema.guards import ADMINISTERS, READS
from schema.payloads import REFUSALS, Payload

FIELD = "filter.attributes"


@strawberry.input(name="AttributeFilter", description="Keeps what has one of the values under a key of `attributes`.")
class AttributeFilterInput:
    key: str = strawberry.field(description="A declared key, see `declareAttributes`.")
    values: list[str] = strawberry.field(
        description="At most 1,000 values as text (`true`, `2.5`); an empty list keeps all."
    )


def attribute_filters(given: Sequence[AttributeFilterInput] | None) -> tuple[AttributeFilter, ...]:
    """The filters meant."""
    return tuple(AttributeFilter(one.key, tuple(one.values)) for one in given or ())


async def check_filters(info: Info, filters: Sequence[AttributeFilter]) -> None:
    """Raises Invalid for filters of keys that the project has not declared."""
    if filters:
        await check_keys(info, [one.key for one in filters], field=FIELD)


async def check_keys(info: Info, keys: Sequence[str], *, field: str) -> None:
    """Raises Invalid, pointing at `field`, for keys that the project has not declared."""
    async with info.context.reading() as session:
        await dimensions.check_declared(session, project_id=info.context.principal.project_id, keys=keys, field=field)


async def dimension_of(info: Info, by: str, attribute: str | None) -> str:
    """The dimension that a breakdown is by: itself, or with ATTRIBUTE the declared key. Raises Invalid."""
    if by != "attribute":
        if attribute is not None:
            raise Invalid("`attribute` goes with `by: ATTRIBUTE`.", field="attribute")
        return by
    if attribute is None:
        raise Invalid("`by: ATTRIBUTE` needs the key too: `attribute`.", field="attribute")
    await check_keys(info, [attribute], field="attribute")
    return dimensions.dimension_of(attribute)


AttributeArgument = Annotated[
    str | None, strawberry.argument(description="With `by: ATTRIBUTE`: the declared key of `attributes` to split by.")
]


@strawberry.input(description="The attributes to declare.")
class DeclareAttributesInput:
    keys: list[str] = strawberry.field(
        description="Keys of `attributes`, at most 5: they take the place of those declared before."
    )


@strawberry.type(description="The declared attributes.")
class DeclareAttributesPayload(Payload):
    keys: list[str] = strawberry.field(default_factory=list, description="The keys as they are now, at most 5.")


@strawberry.type
class AttributeQuery:
    @strawberry.field(
        description="The keys of `attributes`, at most 5, that are dimensions of figures and filters.",
        extensions=[READS],
    )
    async def declared_attributes(self, info: Info) -> list[str]:
        async with info.context.reading() as session:
            return list(await dimensions.list_dimensions(session, project_id=info.context.principal.project_id))


@strawberry.type
class AttributeMutation:
    @strawberry.mutation(
        description="Declares keys of `attributes` as dimensions. What was recorded before counts too.",
        extensions=[ADMINISTERS, REFUSALS],
    )
    async def declare_attributes(
        self,
        info: Info,
        input: Annotated[DeclareAttributesInput, strawberry.argument(description="The keys.")],  # noqa: A002
    ) -> DeclareAttributesPayload:
        principal = info.context.principal
        async with info.context.writing() as session:
            keys = await dimensions.declare_dimensions(
                session, project_id=principal.project_id, keys=input.keys, actor=principal.name
            )
        info.context.services.writer.terms.forget(principal.project_id)
        return DeclareAttributesPayload(keys=keys)
