"""What streams and gauges have in common: the first two fields of a frame, and how a resolver follows the log.

@strawberry.subscription(extensions=[READS], description=...)
def thing_events(self, info: Info, after: Resume = None) -> AsyncGenerator[ThingFrame, None]:
    return follow(info, ThingFrame, after=after, wants=is_about_things, kinds={"thing"})
"""

from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing
from datetime import timedelta
from typing import Annotated, Any, Final, Self, TypeVar

import strawberry

from realtime.cursors import BadCursor, encode_cursor
from realtime.facts import Fact
from realtime.streams import Frame, finished, frames
from resolvers import activities
from resolvers.errors import Invalid
from schema.context import Info
from schema.scalars import BigInt

LONGEST_INTERVAL: Final = timedelta(minutes=1)

Resume = Annotated[str | None, strawberry.argument(description="Resume behind this cursor; null: now.")]
MinInterval = Annotated[
    timedelta | None,
    strawberry.argument(
        description="At least so long between frames, PT0S to PT1M: what happens meanwhile comes in one frame, or in "
        "several when it is more than 500 events. Nothing is left out. Null: at once."
    ),
]


@strawberry.type
class StreamFrame:
    """What a stream tells at a time. Streams of such frames are shared by all who ask the same: make them by `follow`.

    A frame is made of facts alone, never of who asks: in a shared stream that is nobody.
    """

    cursor: str = strawberry.field(description="Where the stream stands: resume behind it with `after`.")
    missed: BigInt = strawberry.field(
        description="How many facts since the frame before, of whatever kind, are gone by retention."
    )
    frame: strawberry.Private[Frame]

    @classmethod
    def of(cls, frame: Frame, *, project_id: int) -> Self:
        """The frame as clients see it."""
        return cls(
            cursor=encode_cursor(project_id, frame.cursor_seq),
            missed=frame.missed,
            frame=frame,
            **cls.content(frame.facts),
        )

    @classmethod
    def content(cls, facts: list[Fact]) -> dict[str, Any]:
        """The other fields of the frame."""
        raise NotImplementedError


class Gauge:
    """A value that the next one replaces. Subscriptions of such are shared by all who ask the same, latecomers too."""


F = TypeVar("F", bound=StreamFrame)


async def follow(
    info: Info,
    frame_type: type[F],
    *,
    after: str | None,
    wants: Callable[[Fact], bool],
    kinds: Collection[str] | None = None,
    min_interval: timedelta | None = None,
) -> AsyncGenerator[F, None]:
    """The stream of a subscription: see `realtime.streams.frames`. Raises Invalid for a wrong cursor or interval."""
    project_id, hub, part = info.context.principal.project_id, info.context.services.hub, info.context.stretch
    if min_interval is not None and min_interval > LONGEST_INTERVAL:
        raise Invalid("`minInterval` lies between PT0S and PT1M.", field="minInterval")
    if part is not None and part.until is not None:
        source = finished(hub, project_id, part, wants=wants, kinds=kinds)
    else:
        source = frames(
            hub,
            project_id,
            after=activities.place_of(after, project_id=project_id) if part is None else None,
            wants=wants,
            kinds=kinds,
            min_interval=min_interval.total_seconds() if min_interval else 0.0,
        )
    try:
        async with aclosing(source):
            async for frame in source:
                yield frame_type.of(frame, project_id=project_id)
    except BadCursor as bad:
        raise Invalid(str(bad), field="after") from bad
