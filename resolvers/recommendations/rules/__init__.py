"""The rules that find waste: one small pure function a kind, from aggregates to findings."""
