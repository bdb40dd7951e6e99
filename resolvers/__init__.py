"""Behaviour: plain async functions, session first, the rest by keyword; rows or frozen dataclasses out."""
