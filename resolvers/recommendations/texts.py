"""What findings say, in words of our own; `integrations/openai.py` may find better ones.

A text names its target by placeholders such as `{model}`, which are filled in last: no name of a customer goes further.
"""

import re
from typing import Any, Final

from integrations.wording import Brief, Words
from models.base import PICODOLLARS
from resolvers.recommendations.findings import Finding
from resolvers.recommendations.rules import (
    cheaper_model,
    concentrated_spend,
    error_prone,
    idle_subject,
    low_cache_hit,
    oversized_prompt,
    retry_storm,
    slow_route,
    unpriced_model,
)

MOST_TITLE: Final = 200
MOST_NAME: Final = 80
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
NAMES: Final = ("model", "operation", "subject", "route", "alternative_model")

_ROUTES: Final[dict[str, Words]] = {
    error_prone.KIND: Words(
        "Calls of {route} fail",
        "{error_rate:.1%} of {calls:,} calls of {route} failed with a status of 500 and above, elsewhere "
        "{error_rate_elsewhere:.1%}. Look at what its failing calls have in common.",
    ),
    low_cache_hit.KIND: Words(
        "Let {route} answer from its cache",
        "{hit_rate:.1%} of {calls:,} calls of {route} were answered from its cache, elsewhere "
        "{hit_rate_elsewhere:.1%}. See whether its keys are too fine, or its entries expire too soon.",
    ),
}
_TEXTS: Final[dict[str, Words]] = {
    cheaper_model.KIND: Words(
        "Use {alternative_model} for {where}",
        "{calls:,} calls are simple: {mean_input_tokens:,} tokens in and {mean_output_tokens:,} out, on average. They "
        "cost ${cost_usd:,.2f}; with {alternative_model} the same tokens cost ${alternative_cost_usd:,.2f}. Try it on "
        "a part of them and compare the answers.",
    ),
    low_cache_hit.KIND: Words(
        "Cache the prompts of {where}",
        "{cached_share:.1%} of the input of {calls:,} calls came from the provider's cache, elsewhere "
        "{cached_share_elsewhere:.1%}; a prompt has {mean_input_tokens:,} tokens. Put what does not change first, and "
        "ask for caching where the provider wants that.",
    ),
    oversized_prompt.KIND: Words(
        "Shorten the prompts of {where}",
        "A prompt has {mean_input_tokens:,} tokens in {calls:,} calls, elsewhere {mean_input_tokens_elsewhere:,}. Send "
        "only the passages that the answer needs, and sum up long histories.",
    ),
    retry_storm.KIND: Words(
        "Stop the retries of {where}",
        "{repeats:,} of {calls:,} calls repeat the one before within a minute, in runs of three and more. They cost "
        "${repeats_cost_usd:,.2f}. Retry less often, wait longer each time, and give up after a few.",
    ),
    error_prone.KIND: Words(
        "Mend the failing calls of {where}",
        "{error_rate:.1%} of {calls:,} calls failed, elsewhere {error_rate_elsewhere:.1%}. The failing ones cost "
        "${errors_cost_usd:,.2f}.",
    ),
    slow_route.KIND: Words(
        "Make {route} faster",
        "One in twenty of {calls:,} calls of {route} takes longer than {p95_ms:,} ms, elsewhere than "
        "{p95_ms_elsewhere:,} ms.",
    ),
    unpriced_model.KIND: Words(
        "Give {model} a price",
        "{calls_without_cost:,} calls of {model} have no cost: the price list does not know the model. Send `costUsd` "
        "with them, or a name and provider that the list knows; until then all figures of cost leave them out.",
    ),
    idle_subject.KIND: Words(
        "Stop working for {subject}, who is idle",
        "{subject} made no API call for {days_without_api_calls:,.0f} days, while {calls:,} model calls were made in "
        "that name. They cost ${cost_usd:,.2f}. See which job makes them, and whether anybody needs it.",
    ),
    concentrated_spend.KIND: Words(
        "See what {subject} spends",
        "{subject} costs ${cost_usd:,.2f}, {share_of_cost:.0%} of all; the next of {subjects:,} subjects costs "
        "${next_subject_cost_usd:,.2f}. See whether that is wanted, and give it a limit if not.",
    ),
}


def brief_of(finding: Finding) -> Brief:
    """A finding without names: its kind, what our own words say of it, and its figures."""
    words = _template(finding)
    return Brief(
        kind=finding.kind,
        names=tuple(names_of(finding)),
        title=words.title,
        body=words.body,
        figures={**finding.figures, "saving_usd_a_month": round(finding.saving / PICODOLLARS, 2)},
    )


def named(words: Words, finding: Finding) -> Words:
    """The words with the names of the target in them."""
    names = names_of(finding)

    def filled(text: str) -> str:
        return _PLACEHOLDER.sub(lambda found: names.get(found[1], found[0]), text)

    return Words(filled(words.title)[:MOST_TITLE], filled(words.body))


def words_of(finding: Finding) -> Words:
    """Our own words for a finding."""
    return named(_template(finding), finding)


def names_of(finding: Finding) -> dict[str, str]:
    """The names that a text about the finding may use, by placeholder."""
    target: dict[str, Any] = {name: getattr(finding.target, name) for name in NAMES}
    return {name: _short(value) for name, value in target.items() if value is not None}


def _template(finding: Finding) -> Words:
    texts = {**_TEXTS, **_ROUTES} if finding.target.route is not None else _TEXTS
    text = texts[finding.kind]
    kept = {name: f"{{{name}}}" for name in names_of(finding)}
    values = {**finding.figures, **kept, "where": _where(kept)}
    return Words(text.title.format(**values), text.body.format(**values))


def _where(names: dict[str, str]) -> str:
    """The calls meant: `gpt-4o calls of chat for acme`."""
    parts = [names.get("model", "model") + " calls"]
    if "operation" in names:
        parts.append(f"of {names['operation']}")
    if "subject" in names:
        parts.append(f"for {names['subject']}")
    return " ".join(parts)


def _short(name: str) -> str:
    name = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    return name if len(name) <= MOST_NAME else f"{name[: MOST_NAME - 1]}…"
