"""From which figures on something counts as waste. `docs/recommendations.md` tells what each rule does with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self


def _threshold(default: float, meaning: str, *, least: float = 0, most: float = 1e9) -> Any:
    return field(default=default, metadata={"meaning": meaning, "least": least, "most": most})


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Each can be set by name; amounts are dollars, shares lie between 0 and 1."""

    saving_usd: float = _threshold(0.1, "dollars a month under which a saving is not worth advice")
    saving_share: float = _threshold(0.0025, "the same as a share of the project's cost", most=1)
    requests: float = _threshold(50, "calls that a rule wants to see before it judges them", least=1)
    cheaper_model_input: float = _threshold(1500, "mean input tokens up to which calls are simple")
    cheaper_model_output: float = _threshold(200, "mean output tokens up to which calls are simple")
    cache_input: float = _threshold(1500, "mean input tokens from which caching is looked at")
    cache_gap: float = _threshold(0.2, "share of cached input by which calls are behind the others", least=0.01, most=1)
    prompt_input: float = _threshold(4000, "mean input tokens from which prompts can be oversized", least=1)
    prompt_ratio: float = _threshold(4, "how many times the others' prompts an oversized one is long", least=1.5)
    retry_share: float = _threshold(0.1, "share of repeats among calls from which retries are a storm", most=1)
    error_rate: float = _threshold(0.05, "error rate from which calls are error-prone", least=0.001, most=1)
    route_p95_ms: float = _threshold(2000, "95th percentile in milliseconds from which a route is slow", least=1)
    idle_days: float = _threshold(14, "days without an API call after which a subject is idle", least=1, most=31)
    spend_share: float = _threshold(0.4, "share of the cost from which one subject concentrates it", least=0.01, most=1)

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Self:
        """The defaults with these changed. Raises ValueError, in a sentence, for an unknown name or a bad value."""
        known = {threshold.name: threshold for threshold in fields(cls)}
        chosen = {}
        for name, text in values.items():
            if name not in known:
                raise ValueError(f"`{name[:64]}` is no threshold; those are {', '.join(known)}")
            least, most = known[name].metadata["least"], known[name].metadata["most"]
            try:
                value = float(text)
            except ValueError:
                raise ValueError(f"`{name}` is a number, not `{text[:64]}`") from None
            if not least <= value <= most:
                raise ValueError(f"`{name}` lies between {least:g} and {most:g}, and is {text[:64]}")
            chosen[name] = value
        return cls(**chosen)
