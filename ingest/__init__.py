"""The other doors in: they decode; checks and the writer live below, shared with the mutations."""
