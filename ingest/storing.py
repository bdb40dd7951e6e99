"""What the doors for events share: storing what they decoded, and the answers when that is not possible."""

import math
from http import HTTPStatus
from typing import Final

from starlette.requests import Request

from ingest.problems import Problem
from resolvers.errors import LimitReached, NotFound, Unavailable
from resolvers.events.decoding import Decoded
from resolvers.events.recording import Recorded, record
from resolvers.events.terms import IngestTerms
from resolvers.events.writer import StorageFull, Writer
from resolvers.principals import Principal, presented_secret

RETRY_SECONDS: Final = 1.0
LARGE_BODY: Final = 2**14
"""Takes longer to decode and check than a statement of the writer."""
REFUSALS: Final = (Unavailable, LimitReached, NotFound)


async def store(writer: Writer, principal: Principal, decoded: Decoded, *, door: str) -> Recorded:
    """What became of the events, after the commit. Raises Problem: 403, 429, 503 or 507."""
    if wait := writer.quota.spend((principal.project_id, principal.holder), len(decoded.events)):
        detail = f"This key has sent {writer.quota.limit:,} events in this minute, which is the limit: try again in"
        headers = writer.quota.headers((principal.project_id, principal.holder))
        raise Problem(429, f"{detail} {wait} seconds.", **{"Retry-After": str(wait), **headers})
    try:
        return await record(
            writer, project_id=principal.project_id, decoded=decoded, door=door, key_id=principal.key_id
        )
    except REFUSALS as refusal:
        raise _problem(refusal) from refusal


async def terms_for(writer: Writer, principal: Principal) -> IngestTerms:
    """What the sender's project asks of its events. Raises Problem: 403 or 503."""
    try:
        return await writer.terms.get(principal.project_id)
    except REFUSALS as refusal:
        raise _problem(refusal) from refusal


def tell_of(writer: Writer, request: Request, problem: Problem, *, door: str) -> None:
    """Makes a request that is refused as a whole visible; what the server cannot do for now is not the sender's."""
    if problem.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        secret = presented_secret(request.headers)
        writer.rejects.note_request(secret, door=door, status=problem.status, reason=problem.detail)


def _problem(refusal: Unavailable | LimitReached | NotFound) -> Problem:
    if isinstance(refusal, NotFound):
        return Problem(403, refusal.message)
    seconds = str(math.ceil(getattr(refusal, "retry_after", None) or RETRY_SECONDS))
    status = 507 if isinstance(refusal, StorageFull) else 503 if isinstance(refusal, Unavailable) else 429
    return Problem(status, refusal.message, Retry_After=seconds)
