"""Sends recorded traffic to a running Vigie, as often as one likes: each event keeps its id and its time."""
