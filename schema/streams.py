"""Subscriptions: what they answer, and how those that ask the same share one execution.

    async for body in streams.subscribe(operation, principal, request_id):    # the JSON of each answer

A stream (a field whose type is a StreamFrame) begins with an execution of its own, catches up by itself, and then joins
the live stream of everybody with the same document, variables other than `after`, and rights. What is joined is
executed by a principal without identity: it has what all of them have, so it cannot tell one what another may know. A
subscription that falls behind goes on by itself from its cursor. A gauge is shared from its first value on.
"""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import aclosing
from functools import partial
from typing import Any, Final, TypeAlias

import orjson
from graphql import SKIP, FieldNode, GraphQLSchema, VariableNode, Visitor, VisitorAction, get_named_type, visit

from realtime.replay import PAGE
from realtime.shared import DELIVERIES, Part, Progress, SharedStreams
from realtime.streams import QUIET_SECONDS, Stretch
from resolvers.principals import Principal
from schema.documents import Document
from schema.frames import Gauge, StreamFrame
from schema.requests import GraphQLRequest

Execute: TypeAlias = Callable[[Principal, str, Stretch | None], AsyncGenerator[tuple[Any, bytes], None]]
"""Executes a subscription (for whom, under which request id, which part of it): each event, and its answer encoded."""

FROM_NOW: Final = Stretch()


class Streams:
    """The subscriptions of a process."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._shared: SharedStreams[Hashable] = SharedStreams()

    async def subscribe(
        self,
        document: Document,
        request: GraphQLRequest,
        execute: Execute,
        principal: Principal,
        request_id: str,
        progress: Progress,
    ) -> AsyncGenerator[bytes, None]:
        """The answers of a subscription, encoded. A stream moves `progress` along as its answers are taken."""
        root = document.root_of(request.operation_name)
        kind = _type_of(self._schema, root)
        if root is not None and issubclass(kind, StreamFrame):
            key = _key(document, request, principal, without=_cursor_variable(document, root))
            bodies = self._stream(key, execute, principal, request_id, progress)
        elif root is not None and issubclass(kind, Gauge):
            bodies = self._gauge(_key(document, request, principal, without=None), execute, principal, progress)
        else:
            bodies = _alone(execute(principal, request_id, None))
        async with aclosing(bodies):
            async for body in bodies:
                yield body
                DELIVERIES.inc()

    async def _stream(
        self, key: Hashable, execute: Execute, principal: Principal, request_id: str, progress: Progress
    ) -> AsyncGenerator[bytes, None]:
        """Its own first frame, what it has to catch up with, and then what is shared."""
        async with aclosing(execute(principal, request_id, None)) as opening:
            first = await anext(opening, None)
        if first is None:
            return
        event, body = first
        yield body
        progress.seq = told = event.frame.cursor_seq
        parts = partial(_parts, execute, principal.anonymous())
        with self._shared.listening(key, parts, progress) as listener:
            source = listener.source
            await source.start()
            while not source.ended:
                until = source.seq
                if until - progress.seq <= PAGE:
                    listener.attach()  # before it reads: what comes meanwhile waits for it
                silent = False
                while True:
                    if progress.seq < until or silent:  # it is behind, or began in the midst of a part
                        async with aclosing(execute(principal, request_id, Stretch(progress.seq, until))) as past:
                            async for event, body in past:
                                yield body
                                progress.seq = told = event.frame.cursor_seq
                        progress.seq = until
                    until = progress.seq
                    try:
                        # What was read may have ended with nothing for the client, who then knows an older place.
                        async with asyncio.timeout(QUIET_SECONDS if told < until else None):
                            part = await listener.take()
                    except TimeoutError:
                        silent, told, until = progress.seq == until, progress.seq, progress.seq
                        continue
                    silent = False
                    if part is None:
                        break
                    if progress.seq <= part.after:
                        yield part.body
                        listener.sent(part)
                        progress.seq = told = part.seq
                    until = part.seq
            source.check()

    async def _gauge(
        self, key: Hashable, execute: Execute, principal: Principal, progress: Progress
    ) -> AsyncGenerator[bytes, None]:
        values = partial(_values, execute, principal.anonymous())
        with self._shared.listening(key, values, progress, gauge=True) as listener:
            listener.attach()
            while (part := await listener.take()) is not None:
                yield part.body
                listener.sent(part)
            listener.source.check()


async def _alone(events: AsyncGenerator[tuple[Any, bytes], None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(events):
        async for _, body in events:
            yield body


async def _parts(execute: Execute, nobody: Principal) -> AsyncGenerator[Part, None]:
    """The live stream from now on. The first part says where that is."""
    async with aclosing(execute(nobody, uuid.uuid4().hex, FROM_NOW)) as events:
        cursor = None
        async for event, body in events:
            frame = event.frame
            # Who stands anywhere in front of the first fact is told the same by this frame.
            first = frame.facts[0].seq if frame.facts else frame.cursor_seq
            after = cursor if frame.missed and cursor is not None else first - 1
            yield Part(after, frame.cursor_seq, body, frame.committed_at)
            cursor = frame.cursor_seq


async def _values(execute: Execute, nobody: Principal) -> AsyncGenerator[Part, None]:
    async with aclosing(execute(nobody, uuid.uuid4().hex, None)) as events:
        async for _, body in events:
            yield Part(0, 0, body)


def _type_of(schema: GraphQLSchema, root: FieldNode | None) -> type:
    """The class of what a root field answers."""
    fields = schema.subscription_type.fields if schema.subscription_type else {}
    if root is None or root.name.value not in fields:
        return object
    definition = get_named_type(fields[root.name.value].type).extensions.get("strawberry-definition")
    return getattr(definition, "origin", object)


def _key(document: Document, request: GraphQLRequest, principal: Principal, *, without: str | None) -> Hashable:
    """What subscriptions have in common that share one execution."""
    variables = {name: value for name, value in (request.variables or {}).items() if name != without}
    try:
        digest: Hashable = hashlib.sha256(orjson.dumps(variables, option=orjson.OPT_SORT_KEYS)).digest()
    except orjson.JSONEncodeError:  # nested too deeply to be written, though not to be read
        digest = object()
    return document.text, request.operation_name, digest, principal.anonymous()


def _cursor_variable(document: Document, root: FieldNode) -> str | None:
    """The variable that is the root field's `after`, and is used for nothing else."""
    for argument in root.arguments or ():
        if argument.name.value == "after" and isinstance(argument.value, VariableNode):
            uses = _Uses()
            visit(document.syntax, uses)
            name = argument.value.name.value
            return name if uses.names.count(name) == 1 else None
    return None


class _Uses(Visitor):
    """The names of the variables in a document, once for each use."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def enter_variable_definition(self, *_: object) -> VisitorAction:
        return SKIP

    def enter_variable(self, node: VariableNode, *_: object) -> None:
        self.names.append(node.name.value)
