"""Lists in the text of a setting."""


def listed(text: str) -> tuple[str, ...]:
    """The entries between commas, without blanks around them and without empty ones."""
    return tuple(entry.strip() for entry in text.split(",") if entry.strip())
