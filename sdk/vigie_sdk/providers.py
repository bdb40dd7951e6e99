"""Who answers behind the address of an `openai` client, by OpenTelemetry's names."""

from typing import Any, Final

KNOWN: Final = {
    "anthropic.com": "anthropic",
    "azure.com": "azure.ai.openai",
    "deepseek.com": "deepseek",
    "googleapis.com": "gcp.gemini",
    "groq.com": "groq",
    "mistral.ai": "mistral_ai",
    "openrouter.ai": "openrouter",
    "perplexity.ai": "perplexity",
    "together.xyz": "together",
    "x.ai": "x_ai",
}
DEFAULT: Final = "openai"


def provider_of(client: Any) -> str:
    """The provider by the host; `openai` for those that nobody knows: they speak its API."""
    host = getattr(getattr(client, "base_url", None), "host", "")
    return next((name for end, name in KNOWN.items() if host == end or host.endswith(f".{end}")), DEFAULT)
