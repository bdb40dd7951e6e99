"""The ledger of recommendations: what was advised, seen and done, and what it saved."""
