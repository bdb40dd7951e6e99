"""Prices: those that a project sets itself, the book that joins them with the list, and what a call costs by it."""
