"""Files: facts, daily sums and bugs as CSV, facts also as the events they came from."""
