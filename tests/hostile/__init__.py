"""Clients that mean harm, or are broken: whatever they send, the answer is a 4xx, and others are served meanwhile."""
