"""What a recommendation is about: the calls that advice and its effect are read from."""

import hashlib
from dataclasses import dataclass, fields
from typing import Any, Self

import orjson


@dataclass(frozen=True, slots=True)
class Target:
    """The calls that have all of these values; None: any. Nothing at all means every model call of the project.

    With a `route` it means API calls, else model calls. `attributes` are pairs of a name and the text of its value,
    sorted by name. `alternative_model` is the model advised instead (of `alternative_provider`): calls of it count as
    the target's own when the effect is measured, and do not make another target.
    """

    provider: str | None = None
    model: str | None = None
    operation: str | None = None
    subject: str | None = None
    environment: str | None = None
    route: str | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    alternative_provider: str | None = None
    alternative_model: str | None = None

    def to_json(self) -> dict[str, Any]:
        """What is stored: the values that are set, `attributes` as an object."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["attributes"] = dict(self.attributes)
        return {name: value for name, value in values.items() if value}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """The target that `to_json` stored."""
        attributes = tuple(sorted(stored.get("attributes", {}).items()))
        return cls(**{**stored, "attributes": attributes})

    @property
    def key(self) -> str:
        """The same for targets that are the same calls, whatever the alternative."""
        calls = {name: value for name, value in self.to_json().items() if not name.startswith("alternative")}
        return digest(calls)


def digest(value: Any) -> str:
    """A short text that stands for a JSON value."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()
