"""What a project does to its events before they are stored: masks what they say, and keeps their content or not.

Every door's events pass here, after their checks.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from models import UsageContent
from realtime.facts import ApiCallFact, UsageFact, columns_of
from resolvers.contents.masking import Copy, Masking
from resolvers.contents.settings import Settings
from resolvers.events.inputs import ApiCallInput, UsageEventInput

COLUMNS: Final = tuple(column.key for column in UsageContent.__table__.columns)
PROJECT, TIME, ID = 0, 1, 2

_MESSAGE: Final = columns_of(UsageFact).index("error_message")
_ATTRIBUTES: Final = columns_of(UsageFact).index("attributes")
_RAW_USAGE: Final = columns_of(UsageFact).index("raw_usage")
_ATTRIBUTES_OF_CALL: Final = columns_of(ApiCallFact).index("attributes")
_encode: Final = msgspec.json.Encoder().encode

Row = list[Any]


@dataclass(frozen=True, slots=True)
class Keeping:
    """The rules that mask, and how content is kept: so many bytes of each side, for so long; `most_bytes` 0: not."""

    masking: Masking
    most_bytes: int
    kept: dt.timedelta

    def usage(self, row: Row, event: UsageEventInput, now: dt.datetime) -> Row | None:
        """Masks the row of an event; answers that of its content, with COLUMNS, where some is kept."""
        if row[_MESSAGE] is not None:
            row[_MESSAGE] = self.masking.text(row[_MESSAGE])
        if event.attributes:
            row[_ATTRIBUTES] = self._json(event.attributes)
        if event.raw_usage:
            row[_RAW_USAGE] = self._json(event.raw_usage)
        content = event.content
        if content is None or not self.most_bytes or row[TIME] < now - self.kept:
            return None
        if content.input is None and content.output is None:
            return None
        return [row[PROJECT], row[TIME], row[ID], *self._side(content.input), *self._side(content.output)]

    def call(self, row: Row, event: ApiCallInput) -> None:
        """Masks the row of an API call."""
        if event.attributes:
            row[_ATTRIBUTES_OF_CALL] = self._json(event.attributes)

    def _json(self, value: dict[str, Any]) -> str:
        return _encode(self.masking.json(value)).decode()

    def _side(self, value: Any) -> tuple[str | None, bool]:
        """JSON text, and whether it is the beginning of the text that was sent (or of its JSON)."""
        if value is None:
            return None, False
        if isinstance(value, str) and value[:1] in ("[", "{") and len(value) <= self.most_bytes:
            value = _parsed(value)
        copy = Copy(self.masking, room=self.most_bytes)
        masked = copy.of(value)
        whole = _encode(masked)
        text = masked.encode() if isinstance(masked, str) else whole
        if not copy.cut and len(text) <= self.most_bytes:
            return whole.decode(), False
        return _encode(text[: self.most_bytes].decode(errors="ignore")).decode(), True


def _parsed(text: str) -> Any:
    """What a text says that is JSON, as OpenTelemetry's messages are; else itself."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return text


def keeping_of(settings: Settings) -> Keeping | None:
    """What the settings ask for; None where that is nothing, and then events pass as they are."""
    if not settings.enabled and not settings.masking:
        return None
    kept = dt.timedelta(days=settings.days_kept)
    return Keeping(Masking(settings.masking), settings.most_bytes if settings.enabled else 0, kept)
