"""The fields of a bug as they may be: checked once, for filing and for updating."""

import re
from collections.abc import Sequence
from typing import Any, Final

from resolvers.errors import Invalid
from resolvers.texts import check_json, check_optional_text, check_text

TITLE, TEXT, NAME, LINK, KEY = 200, 32_768, 200, 2_048, 200
"""The most characters of a title, a description or comment, a name, a link, and a fingerprint or idempotency key."""
MOST_LABELS: Final = 20
MOST_LINKS: Final = 20
CONTEXT_KIB: Final = 32

_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_HARMLESS: Final = frozenset({"http", "https", "mailto"})


def check_title(title: str) -> str:
    """The title in one line."""
    return check_text(" ".join(title.split()), field="title", most=TITLE)


def check_name(text: str | None, *, field: str) -> str | None:
    """A category, device, reporter or assignee; a blank one is none."""
    return check_optional_text(text, field=field, most=NAME)


def check_description(text: str | None) -> str | None:
    """Markdown, kept as it is; a blank one is none."""
    return check_optional_text(text, field="description", most=TEXT)


def check_key(text: str | None, *, field: str) -> str | None:
    """A fingerprint or an idempotency key; a blank one is none."""
    return check_optional_text(text, field=field, most=KEY)


def check_labels(labels: Sequence[str] | None) -> list[str]:
    """The labels, each once, in order. Raises Invalid for too many."""
    if labels and len(labels) > MOST_LABELS:
        raise Invalid(f"A bug has at most {MOST_LABELS} labels.", field="labels")
    checked = (check_text(label, field=f"labels.{place}", most=NAME) for place, label in enumerate(labels or ()))
    return list(dict.fromkeys(checked))


def check_links(links: Sequence[str] | None) -> list[str]:
    """The links, each once, in order: web and mail addresses, or paths; nothing that a browser would run."""
    if links and len(links) > MOST_LINKS:
        raise Invalid(f"A bug has at most {MOST_LINKS} links.", field="links")
    return list(dict.fromkeys(check_link(link, field=f"links.{place}") for place, link in enumerate(links or ())))


def check_link(link: str, *, field: str) -> str:
    """A web or mail address, or a path; nothing that a browser would run."""
    checked = check_text(link, field=field, most=LINK)
    scheme = _SCHEME.match(checked)
    if not checked.isprintable() or (scheme and scheme[1].lower() not in _HARMLESS):
        raise Invalid("A link is an http, https or mailto address, or a path.", field=field)
    return checked


def check_context(context: Any) -> Any:
    """Any JSON of at most 32 KiB that a database takes."""
    return None if context is None else check_json(context, field="context", most_kib=CONTEXT_KIB)
