"""Repricings: what stored calls cost by the prices as they stand now, day by day, in the background."""
