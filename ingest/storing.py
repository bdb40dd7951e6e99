"""What the doors for events share: storing what they decoded, and the answers when that is not possible."""

import math
from http import HTTPStatus
from typing import Final

from starlette.requests import Request

from ingest.problems import Problem
from resolvers.errors import LimitReached, NotFound, Unavailable
from resolvers.events.decoding import Decoded
from resolvers.events.recording import Recorded, record
from resolvers.events.writer import StorageFull, Writer
from resolvers.principals import Principal, presented_secret

RETRY_SECONDS: Final = 1.0
LARGE_BODY: Final = 2**14
"""Takes longer to decode and check than a statement of the writer."""


async def store(writer: Writer, principal: Principal, decoded: Decoded, *, door: str) -> Recorded:
    """What became of the events, after the commit. Raises Problem: 403, 429, 503 or 507."""
    try:
        return await record(
            writer, project_id=principal.project_id, decoded=decoded, door=door, key_id=principal.key_id
        )
    except StorageFull as refusal:
        raise Problem(507, refusal.message, Retry_After=_seconds(refusal)) from refusal
    except Unavailable as refusal:
        raise Problem(503, refusal.message, Retry_After=_seconds(refusal)) from refusal
    except LimitReached as refusal:
        raise Problem(429, refusal.message, Retry_After=_seconds(refusal)) from refusal
    except NotFound as refusal:
        raise Problem(403, refusal.message) from refusal


def tell_of(writer: Writer, request: Request, problem: Problem, *, door: str) -> None:
    """Makes a request that is refused as a whole visible; what the server cannot do for now is not the sender's."""
    if problem.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        secret = presented_secret(request.headers)
        writer.rejects.note_request(secret, door=door, status=problem.status, reason=problem.detail)


def _seconds(refusal: Unavailable | LimitReached) -> str:
    return str(math.ceil(getattr(refusal, "retry_after", None) or RETRY_SECONDS))
