"""What a repricing adds up: events, those that changed, and costs before and after, in all and by model."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from models import Repricing

MOST_MODELS: Final = 1000
OTHER_MODELS: Final = "(other)"

Model = tuple[str | None, str]
"""Provider and name."""


@dataclass(slots=True)
class Difference:
    """Sums over events; costs in picodollars, over those that have one (`priced_before`, `priced_after`)."""

    events: int = 0
    changed: int = 0
    priced_before: int = 0
    priced_after: int = 0
    before_picousd: int = 0
    after_picousd: int = 0

    def count(self, before: int | None, after: int | None, *, changed: bool) -> None:
        """Takes one event in, by its cost before and after."""
        self.events += 1
        self.changed += changed
        if before is not None:
            self.priced_before += 1
            self.before_picousd += before
        if after is not None:
            self.priced_after += 1
            self.after_picousd += after

    def add(self, other: "Difference") -> None:
        """Takes the sums of others in."""
        for name in NAMES:
            setattr(self, name, getattr(self, name) + getattr(other, name))


NAMES: Final = tuple(each.name for each in fields(Difference))


@dataclass(slots=True)
class Sums:
    """Differences by model: those beyond MOST_MODELS share OTHER_MODELS."""

    by_model: dict[Model, Difference] = field(default_factory=dict)

    def of(self, model: Model) -> Difference:
        """The difference to which events of a model count."""
        if model not in self.by_model and len(self.by_model) >= MOST_MODELS:
            model = (None, OTHER_MODELS)
        return self.by_model.setdefault(model, Difference())

    def total(self) -> Difference:
        """The sum over all models."""
        total = Difference()
        for difference in self.by_model.values():
            total.add(difference)
        return total

    def add_to(self, row: Repricing) -> None:
        """Adds the sums to those of a repricing."""
        stored = Sums.read(row.by_model)
        for model, difference in self.by_model.items():
            stored.of(model).add(difference)
        row.by_model = stored.stored()
        total = self.total()
        for name in NAMES:
            setattr(row, name, getattr(row, name) + getattr(total, name))

    def stored(self) -> dict[str, Any]:
        """As JSON, the integers as text: sums of picodollars outgrow what JSON readers hold."""
        return {
            "models": [
                {"provider": provider, "model": model, **{name: str(getattr(difference, name)) for name in NAMES}}
                for (provider, model), difference in self.by_model.items()
            ]
        }

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> "Sums":
        """The sums of what `stored` made."""
        return cls(
            {
                (each["provider"], each["model"]): Difference(*(int(each[name]) for name in NAMES))
                for each in stored.get("models", ())
            }
        )
