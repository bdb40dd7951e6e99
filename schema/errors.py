"""How faults reach the client: the top-level `errors` of an answer, each with `extensions.code`.

    Failure              raised by guards, limits and the edges with its code and a message for the client
    Refusal              from the domain: BAD_USER_INPUT or UNAVAILABLE (in a mutation it becomes a userError instead)
    graphql-core's own   about the document, its variables or arguments: named by the stage that found them
    the database away    UNAVAILABLE: the same is worth sending again
    anything else        INTERNAL: its text goes to the log, the client gets the request id that finds it there

Suggestions ("Did you mean") are switched off where documents are validated and variables coerced.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import structlog
from graphql import GraphQLError, ValueNode
from strawberry.exceptions import StrawberryInputCoercionError

from models.outages import database_is_down
from resolvers.errors import Refusal, Unavailable
from resolvers.rates import RateLimited

log = structlog.get_logger(__name__)


class Code(StrEnum):
    """`extensions.code` of a top-level error."""

    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    RATE_LIMITED = "RATE_LIMITED"
    TOO_COMPLEX = "TOO_COMPLEX"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"


class Failure(GraphQLError):  # noqa: N818 — it is the answer, not an accident
    """A top-level error whose message is written for the client; `details` join the code in `extensions`."""

    def __init__(self, code: Code, message: str, **details: Any) -> None:
        super().__init__(message, extensions={"code": code.value, **details})


def failure(code: Code, message: str, **details: Any) -> dict[str, Any]:
    """The wire form of an error that no exception stands for."""
    return {"message": message, "extensions": {"code": code.value, **details}}


def wire_errors(errors: Iterable[GraphQLError], *, request_id: str) -> list[dict[str, Any]]:
    """The wire form of what graphql-core reports. Faults of ours are logged with their traceback and masked."""
    return [wire_error(error, request_id=request_id) for error in errors]


def wire_error(error: Exception, *, request_id: str) -> dict[str, Any]:
    """The wire form of any exception: `message`, `extensions.code`, and where graphql-core says it happened."""
    cause = error.original_error if isinstance(error, GraphQLError) and error.original_error else error
    wire: dict[str, Any] = dict(error.formatted) if isinstance(error, GraphQLError) else {}
    match cause:
        case GraphQLError(extensions={"code": _}):
            return wire
        case RateLimited():
            wire.update(failure(Code.RATE_LIMITED, cause.message, retryAfterSeconds=cause.retry_after))
        case Refusal():
            wire.update(_refusal(cause))
        case GraphQLError() if _is_about_input(error, cause):
            wire["extensions"] = {"code": Code.BAD_USER_INPUT.value}
        case _ if database_is_down(cause):
            log.warning("database is down", request_id=request_id, path=wire.get("path"), error=repr(cause))
            wire.update(_refusal(Unavailable("The database does not answer: try again.", retry_after=1)))
        case _:
            log.error("operation failed", request_id=request_id, path=wire.get("path"), exc_info=cause)
            message = f"Internal error; the log has it under request id {request_id}."
            wire.update(failure(Code.INTERNAL, message, requestId=request_id))
    return wire


def _refusal(refusal: Refusal) -> dict[str, Any]:
    details: dict[str, Any] = {} if refusal.field is None else {"field": refusal.field}
    if not isinstance(refusal, Unavailable):
        return failure(Code.BAD_USER_INPUT, refusal.message, **details)
    if refusal.retry_after is not None:
        details["retryAfterSeconds"] = refusal.retry_after
    return failure(Code.UNAVAILABLE, refusal.message, **details)


def _is_about_input(error: Exception, cause: GraphQLError) -> bool:
    """Whether graphql-core speaks of what the client sent rather than of what a resolver answered."""
    found_before_execution = isinstance(error, GraphQLError) and error.path is None
    in_an_argument = isinstance(next(iter(cause.nodes or ()), None), ValueNode)
    return found_before_execution or in_an_argument or isinstance(cause, StrawberryInputCoercionError)
