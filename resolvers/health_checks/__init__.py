"""HTTP checks: what is asked of an address, when, and what its answer must be like."""
