"""Our figures of cost held against what providers billed."""
