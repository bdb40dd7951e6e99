"""The usage of a call: as the provider reported it, or estimated from texts."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

CHARACTERS_PER_TOKEN: Final = 4
SAMPLE: Final = 8_192
"""Characters that are looked at closely: counting more of them would take longer than a program should wait."""
NO_TEXT: Final = frozenset(
    {
        "audio",
        "b64_json",
        "data",
        "encrypted_content",
        "file",
        "file_data",
        "id",
        "image",
        "image_url",
        "input_audio",
        "type",
        "url",
    }
)
"""Members of a request that hold no text, or sounds and pictures as text."""


COUNTS: Final = ("prompt_tokens", "input_tokens")
"""What tells a usage object: of chat completions and embeddings, of responses."""


def get(thing: Any, name: str) -> Any:
    """A member of a dictionary or of a model, or None. Asking pydantic for what a model lacks takes ten times this."""
    if isinstance(thing, dict):
        return thing.get(name)
    members = getattr(thing, "__dict__", None)
    if members is None or name in members:
        return members and members[name]
    extra = getattr(thing, "__pydantic_extra__", None)
    return extra.get(name) if extra else None


def reported(usage: Any) -> dict[str, Any] | None:
    """A provider's usage as it came, which Vigie counts from; None when it says nothing."""
    if usage is not None and not isinstance(usage, Mapping) and hasattr(usage, "to_dict"):
        usage = usage.to_dict()
    if not isinstance(usage, Mapping) or not any(isinstance(usage.get(name), int) for name in COUNTS):
        return None
    return dict(usage)


def texts_of(request: Any) -> Iterator[str]:
    """The texts of a request or an answer, wherever they stand in it."""
    if isinstance(request, str):
        yield request
    elif isinstance(request, Mapping):
        for name, value in request.items():
            if name not in NO_TEXT:
                yield from texts_of(value)
    elif isinstance(request, list | tuple):
        for item in request:
            yield from texts_of(item)


def estimated_input(body: Mapping[str, Any], model: str) -> int:
    """About how many tokens a request has."""
    given = body.get("input")
    if isinstance(given, list) and given and all(isinstance(item, int) for item in given):
        return len(given)  # an embedding of tokens
    if (
        isinstance(given, list)
        and given
        and all(isinstance(item, list) and item and isinstance(item[0], int) for item in given)
    ):
        return sum(map(len, given))
    counter = Counter(model)
    for name in ("messages", "input", "instructions", "prompt", "tools"):
        for text in texts_of(body.get(name)):
            counter.add(text)
    return counter.tokens


class Counter:
    """Estimates the tokens of text that is added: by tiktoken where the program uses it, else four characters each.

    tiktoken fetches its tables from the internet, so only those count that the program has loaded already.
    """

    def __init__(self, model: str) -> None:
        self.characters = 0
        self._model = model
        self._sample: list[str] = []

    def add(self, text: str) -> None:
        """Adds a piece of text."""
        if self.characters < SAMPLE:
            self._sample.append(text[: SAMPLE - self.characters])
        self.characters += len(text)

    @property
    def tokens(self) -> int:
        """About how many tokens it all has."""
        encoding = _loaded_encoding(self._model)
        if encoding is None:
            return -(-self.characters // CHARACTERS_PER_TOKEN)
        sample = "".join(self._sample)
        tokens = len(encoding.encode_ordinary(sample))
        return -(-tokens * self.characters // len(sample)) if sample else 0


def _loaded_encoding(model: str) -> Any:
    names, registry = sys.modules.get("tiktoken.model"), sys.modules.get("tiktoken.registry")
    if names is None or registry is None:
        return None
    try:
        return registry.ENCODINGS.get(names.encoding_name_for_model(model))
    except KeyError:
        return None
