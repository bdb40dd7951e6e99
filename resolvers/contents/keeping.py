"""From the content of an event to the row that is stored with it: masked first, then cut."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from models import UsageContent
from resolvers.contents.masking import Copy, Masking

COLUMNS: Final = tuple(column.key for column in UsageContent.__table__.columns)

_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class ContentTerms:
    """How a project keeps content: at most so many bytes of each side, for so long."""

    most_bytes: int
    kept: dt.timedelta

    def row(
        self,
        masking: Masking,
        *,
        project_id: int,
        time: dt.datetime,
        id: str,  # noqa: A002
        input: Any,  # noqa: A002
        output: Any,
    ) -> list[Any] | None:
        """The columns of COLUMNS, for an event with that key; None where nothing was said."""
        if input is None and output is None:
            return None
        return [project_id, time, id, *self._side(masking, input), *self._side(masking, output)]

    def _side(self, masking: Masking, value: Any) -> tuple[str | None, bool]:
        """JSON text, and whether it is the beginning of the text that was sent (or of its JSON)."""
        if value is None:
            return None, False
        copy = Copy(masking, room=self.most_bytes)
        masked = copy.of(value)
        whole = _encode(masked)
        text = masked.encode() if isinstance(masked, str) else whole
        if not copy.cut and len(text) <= self.most_bytes:
            return whole.decode(), False
        return _encode(text[: self.most_bytes].decode(errors="ignore")).decode(), True
