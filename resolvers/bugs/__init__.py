"""Bugs: filed, changed, discussed, met again, found and counted."""
