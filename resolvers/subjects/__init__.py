"""Whom calls were made for: what is known of them besides, and what became of them."""
