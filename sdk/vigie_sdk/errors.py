"""What is told of an exception: nothing of what the model was asked, which servers quote in their answers."""

import json
from collections.abc import Mapping
from typing import Any, Final

from vigie_sdk.usage import get, texts_of

ASKED: Final = ("messages", "input", "instructions", "prompt")
QUOTED: Final = "[quoted]"
LEAST: Final = 8
"""Characters from which on a text is known again: shorter ones are words that any message may have."""


def message_of(error: BaseException) -> str | None:
    """What `openai` says of it. Others may quote what the model said, such as those of a parser."""
    if type(error).__module__.partition(".")[0] != "openai":
        return None
    status = getattr(error, "status_code", 0)
    if status < 400:
        return str(error)
    said = get(getattr(error, "body", None), "message")  # what has none may be the request, with its faults
    return f"Error code: {status} - {said}" if isinstance(said, str) else f"Error code: {status}"


def without_quotes(message: str, body: Mapping[str, Any]) -> str:
    """The message without the texts of this request."""
    for name in ASKED:
        for text in texts_of(body.get(name)):
            if len(text) >= LEAST:
                for form in (text, json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1]):
                    message = message.replace(form, QUOTED)
    return message
