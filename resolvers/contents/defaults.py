"""The masking rules that a project begins with."""

from typing import Final

from resolvers.contents.masking import MaskingRule

DEFAULTS: Final = (
    MaskingRule(
        "private keys",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\z)",
        "[private key]",
    ),
    MaskingRule(
        "tokens",
        r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"  # JSON web tokens
        r"|\b(?:sk|pk|rk|ak)[-_][\w-]{16,}"  # OpenAI, Anthropic, Stripe
        r"|\bgh[oprsu]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}"
        r"|\bxox[abeoprs]-[\w-]{10,}|\bxapp-[\w-]{10,}"
        r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[\w-]{30,}|\bya29\.[\w-]{20,}"
        r"|\bhf_\w{20,}|\bgsk_\w{20,}|\bnpm_\w{30,}|\bpypi-[\w-]{30,}|\bSG\.[\w-]{16,}\.[\w-]{16,}"
        r"|\bvigie_[\w-]{20,}|\bvwh_[\w-]{20,}",
        "[token]",
    ),
    MaskingRule("bearer tokens", r"(?i)\b(?:bearer|basic)\s+[\w.~+/-]{16,}=*", "[token]"),
    MaskingRule(
        "named secrets",
        r"""(?i)\b(?:api[_-]?key|apikey|secret(?:[_-]?key)?|access[_-]?token|auth[_-]?token|password|passwd|pwd)"""
        r"""["']?\s*[:=]\s*["']?[^\s"',;&}]{4,}""",
        "[secret]",
    ),
    MaskingRule("e-mail", r"[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,}", "[e-mail]"),
    MaskingRule("IBAN", r"(?i)\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b", "[IBAN]"),
    MaskingRule(
        "phone numbers",
        r"\+\d{1,3}(?:[ .()/-]{0,3}\d{1,4}){2,6}\d"
        r"|\(\d{2,4}\)[ .-]?\d{3,4}[ .-]?\d{3,4}\b"
        r"|\b\d{3}[ .-]\d{3}[ .-]\d{4}\b|\b0\d(?:[ .-]\d{2}){4}\b|\b0[1-9]\d{8}\b",
        "[phone]",
    ),
    MaskingRule(
        "card numbers",
        r"\b(?:4\d{3}|5[1-5]\d{2}|2[2-7]\d{2}|35\d{2}|6(?:011|22\d|4[4-9]\d|5\d{2}))(?:[ .-]?\d{4}){3}(?:\d{3})?\b"
        r"|\b3(?:[47]\d{2}|[0689]\d{2})[ .-]?\d{6}[ .-]?\d{4,5}\b|\b4\d{12}\b",
        "[card]",
    ),
)
"""RE2's `\\w` and `\\b` know ASCII only; letters and digits of every script are `\\p{L}` and `\\p{N}`."""
