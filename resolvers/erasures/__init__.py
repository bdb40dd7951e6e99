"""Subjects are taken out of what is stored: their names become pseudonyms, and the sums stay."""
